"""Secrets: who uses them, how old they are, and rotating them; a value is on no page."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from tenantry.clock import utcnow
from tenantry.models import AuditEntry, IntegrationSecret, ServiceTemplate
from tenantry.operations import secret_uses
from tests.web.conftest import World
from tests.web.test_queries import counted

VALUE = "swordfish-swordfish"


def token(world: World) -> IntegrationSecret:
    return world.row(IntegrationSecret, name="setup_token")  # type: ignore[no-any-return]


def use(world: World) -> None:
    """Names the token in the environments of two services."""
    with world.engine.begin() as conn:
        conn.execute(
            update(ServiceTemplate)
            .where(ServiceTemplate.name == "backend")
            .values(default_env={"A_KEY": "x${SECRET_SETUP_TOKEN}", "OTHER": "${DATABASE_URL}"})
        )
        conn.execute(
            update(ServiceTemplate)
            .where(ServiceTemplate.name == "frontend")
            .values(default_env={"B_KEY": "${SECRET_SETUP_TOKEN}"})
        )


def test_each_use_is_named(world: World) -> None:
    use(world)
    with world.stage.desk.reading() as session:
        rows = session.query(IntegrationSecret).all()
        found = {row.name: secret_uses.uses(session, rows)[row.id] for row in rows}
    assert found["setup_token"].places == (
        "the provisioning call of Acme DMS · backend",
        "A_KEY, in Acme DMS · backend",
        "B_KEY, in Acme DMS · frontend",
    )
    assert found["setup_token"].tenants == 1
    assert found["db_password"].places == ("db of Waiting",)


def test_the_list_masks_values_and_tells_use_and_age(world: World) -> None:
    use(world)
    with world.engine.begin() as conn:
        conn.execute(update(IntegrationSecret).values(created_at=utcnow() - timedelta(days=400)))
    admin = world.client("admin")
    with counted(world) as seen:
        page = admin.page("/secrets/")
    assert "••••••••" in page
    assert "3 places · 1 tenant" in page
    assert "over a year" in page
    assert len(seen) <= 12, "\n".join(seen)
    details = admin.page(f"/secrets/details/?id={token(world).public_id}")
    assert "the provisioning call of Acme DMS" in details


def test_rotating_says_what_follows_and_leaves_no_value_anywhere(world: World) -> None:
    use(world)
    admin, url = world.client("admin"), f"/secrets/{token(world).public_id}/set"
    page = admin.page(url)
    assert "1 tenant keeps the old value until the next deployment" in page
    before = token(world).encrypted_value
    answer = admin.post(url, {"value": VALUE})
    assert answer.status_code == 303
    row = token(world)
    assert row.encrypted_value != before
    assert row.last_rotated_at is not None
    entry = world.row(AuditEntry, action="secret.rotate")
    assert entry.actor == "admin@example.com"
    texts = [admin.flashes(), admin.page("/secrets/"), admin.page(url), admin.page("/audit/")]
    texts += [admin.page(f"/audit/details/?id={entry.public_id}"), str((entry.before, entry.after))]
    assert VALUE not in " ".join(texts)


def test_a_refused_value_is_not_sent_back(world: World) -> None:
    answer = world.client("admin").post(
        f"/secrets/{token(world).public_id}/set", {"value": f"{VALUE} with blanks\n"}
    )
    assert answer.status_code == 400
    assert VALUE not in answer.text


def test_the_database_is_told_to_keep_its_password(world: World) -> None:
    row = world.row(IntegrationSecret, name="db_password")
    assert "change it there too" in world.client("admin").page(f"/secrets/{row.public_id}/set")


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_secrets_are_for_admins(world: World, role: str) -> None:
    person = world.client(role)
    for url in ("/secrets/", f"/secrets/{token(world).public_id}/set"):
        assert person.get(url).status_code in {302, 403, 404}
    assert person.post(f"/secrets/{token(world).public_id}/set", {"value": VALUE}).status_code in {
        302,
        403,
        404,
    }
    assert token(world).last_rotated_at is None
