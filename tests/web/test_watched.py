"""Lists of what is watched and of environments: whose each row is, and never what must not be."""

from datetime import timedelta

from sqlalchemy import insert

from tenantry.clock import utcnow
from tenantry.models import EnvVersion, HostnameWatch, LetterOutbox, Outage, Tenant, TenantDomain
from tests.web.conftest import World

TEXT = "Dear client, the word is swordfish"


def plant(world: World) -> None:
    now, acme = utcnow(), world.row(Tenant, subdomain="acme")
    name = world.rows(TenantDomain, tenant_id=acme.id)[0]
    service = {"tenant_id": acme.id, "service_name": "web", "started_at": now, "opened_at": now}
    with world.engine.begin() as conn:
        for number, ended in enumerate((now + timedelta(seconds=125), None)):
            conn.execute(
                insert(Outage).values(
                    **service, tenant_service_id=number + 1, ended_at=ended, problem="HTTP 502"
                )
            )
        conn.execute(
            insert(HostnameWatch).values(
                tenant_domain_id=name.id,
                tenant_id=acme.id,
                next_due_at=now,
                dns_state="wrong",
                certificate_state="expired",
                addresses=["10.0.0.1"],
                expected=[],
            )
        )
        conn.execute(
            insert(LetterOutbox).values(
                tenant_id=acme.id,
                message_id="<1@x>",
                thread="t",
                recipients=["someone@example.com"],
                subject="web of Acme is down",
                text=TEXT,
                html=TEXT,
                due_at=now,
            )
        )


def test_outages_and_hostnames_say_whose_and_what(world: World) -> None:
    plant(world)
    viewer = world.client("viewer")
    page = viewer.page("/outages/")
    assert "Acme" in page
    assert "2 m 5 s" in page
    assert "Down" in page
    page = viewer.page("/watched-hostnames/")
    for words in ("acme.tools.example.com", "Wrong address", "Run out"):
        assert words in page, words


def test_letters_are_listed_without_their_text(world: World) -> None:
    plant(world)
    person = world.client("operator")
    for url in ("/letters/", "/letters/export/csv/", "/letters/export/json/"):
        text = person.page(url)
        assert "web of Acme is down" in text
        assert "swordfish" not in text
    assert "web of Acme" not in person.page("/letters/?flt0_sent_equals=1")
    assert "web of Acme" in person.page("/letters/?flt0_sent_equals=0")
    assert world.client("viewer").get("/letters/").status_code != 200


def test_keys_and_versions_never_show_a_value(world: World) -> None:
    person = world.client("operator")
    for noun in ("environment-keys", "environment-versions"):
        for rest in ("", "export/csv/", "export/json/"):
            text = person.page(f"/{noun}/{rest}")
            assert "SMTP_PASSWORD" in text
            assert "Acme" in text
            assert "hunter2" not in text
            for row in world.rows(EnvVersion):
                assert row.encrypted_value.hex() not in text
