"""Environment values and hostnames of a tenant: forms, badges, and never a secret on a page."""

import pytest

from tenantry.models import AuditEntry, EnvVar, EnvVersion, Tenant, TenantDomain
from tests.web.conftest import SCRIPT, Person, World
from tests.web.test_queries import counted

SENTINEL = "hunter2-sentinel"
HOST = "www.client.org"


def page(world: World, subdomain: str = "acme") -> str:
    return f"/tenants/{world.row(Tenant, subdomain=subdomain).public_id}"


def put(world: World, person: Person, key: str, value: str, **more: str) -> None:
    answer = person.post(f"{page(world)}/environment/set", {"key": key, "value": value, **more})
    assert answer.status_code == 303


def test_set_see_revert_and_unset_a_value(world: World) -> None:
    person = world.client("operator")
    put(world, person, "REGION", "eu")
    assert "REGION is set" in person.flashes()
    put(world, person, "REGION", "us", service="web")
    text = person.page(f"{page(world)}/environment")
    assert ">us</span>" in text
    assert "covers tenant" in text
    assert ">New</span>" in text.replace("\n", "") or "New" in text
    put(world, person, "REGION", "asia")
    put(world, person, "REGION", "asia")
    assert "has this value already" in person.flashes()
    form = {"key": "REGION", "version": "1"}
    person.post(f"{page(world)}/environment/revert", form)
    assert "as in version 1" in person.flashes()
    history = person.page(f"{page(world)}/environment?key=REGION")
    assert history.count("Revert to it") == 2
    assert "operator@example.com" in history
    for service in ("web", ""):
        person.post(f"{page(world)}/environment/unset", {"key": "REGION", "service": service})
    assert ">REGION</a>" not in person.page(f"{page(world)}/environment")
    assert len(world.rows(EnvVersion)) >= 4


def test_line_ends_of_browsers_are_plain_ones(world: World) -> None:
    person = world.client("operator")
    put(world, person, "KEY_TEXT", "one\r\ntwo")
    assert "is set" in person.flashes()


def test_no_page_flash_or_audit_row_holds_a_secret(world: World) -> None:
    person = world.client("admin")
    put(world, person, "LICENCE", SENTINEL, secret="1")
    put(world, person, "API_TOKEN", SENTINEL, service="web")
    put(world, person, "PLAIN", SENTINEL)
    person.post(f"{page(world)}/environment/mark-secret", {"key": "PLAIN"})
    texts = [person.flashes(), person.page(page(world))]
    queries = ("", "?key=LICENCE", "?key=API_TOKEN&service=web", "?key=PLAIN", "?key=NOPE")
    texts += [person.page(f"{page(world)}/environment{query}") for query in queries]
    texts += [person.page("/audit/"), person.page("/audit/export/csv/"), person.page("/tenants/")]
    texts += [str([(row.before, row.after, row.reason) for row in world.rows(AuditEntry)])]
    assert SENTINEL not in " ".join(texts)
    assert texts[2].count("••••••••") == 4


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"key": "lower", "value": SENTINEL}, "keys must hold"),
        ({"key": "A_TOKEN", "value": SENTINEL + "${NOPE}"}, "placeholder that does not exist"),
        ({"key": "A_TOKEN", "value": SENTINEL + "\r"}, "carriage return"),
        ({"key": "A_TOKEN", "value": "${{" + SENTINEL}, "own reference"),
        ({"key": "A", "value": "x", "service": "db" * 3}, None),
    ],
)
def test_what_is_refused_is_said_without_the_value(
    world: World, form: dict[str, str], words: str | None
) -> None:
    person, before = world.client("operator"), len(world.rows(EnvVar))
    answer = person.post(f"{page(world)}/environment/set", form)
    assert answer.status_code == (404 if words is None else 303)
    told = person.flashes() + answer.text
    assert SENTINEL not in told
    assert words is None or words in told
    assert len(world.rows(EnvVar)) == before


@pytest.mark.parametrize("version", ["", "x", "-1", "²", "9" * 40, "1; --"])
def test_a_version_that_is_none_changes_nothing(world: World, version: str) -> None:
    person = world.client("operator")
    form = {"key": "SMTP_PASSWORD", "version": version}
    answer = person.post(f"{page(world)}/environment/revert", form)
    assert answer.status_code in {303, 404}
    assert len(world.rows(EnvVersion)) == 1


def test_viewers_see_no_forms(world: World) -> None:
    viewer = world.client("viewer")
    for url in (page(world), f"{page(world)}/environment?key=SMTP_PASSWORD"):
        text = viewer.page(url)
        assert "/environment/set" not in text
        assert "/hostnames/add" not in text
        assert "Revert to it" not in text


def test_a_hostname_is_added_proven_redirected_and_removed(world: World) -> None:
    person = world.client("operator")
    form = {"hostname": HOST, "service": "web"}
    person.post(f"{page(world)}/hostnames/add", form)
    row = world.row(TenantDomain, hostname=HOST)
    text = person.page(page(world))
    assert row.proof in text
    assert f"_tenantry.{HOST}" in text
    assert f'href="https://{HOST}"' not in text, "what is not proven is no link"
    person.post(f"{page(world)}/hostnames/verify", form)
    assert "has no TXT record" in person.flashes()
    world.stage.twins.resolver.records[f"_tenantry.{HOST}"] = (row.proof,)
    person.post(f"{page(world)}/hostnames/verify", form)
    assert "is proven" in person.flashes()
    assert "Not routed yet" in person.page(page(world))
    person.post(f"{page(world)}/hostnames/redirect", form | {"redirect": "1"})
    assert world.row(TenantDomain, hostname=HOST).redirect_to_primary is True
    person.post(f"{page(world)}/hostnames/remove", form)
    assert "is free" in person.flashes()
    assert HOST not in person.page(page(world))


@pytest.mark.parametrize("host", ["", "https://x.org", SCRIPT, "acme.tools.example.com", "*.x.org"])
def test_a_bad_hostname_is_refused_as_text(world: World, host: str) -> None:
    person = world.client("operator")
    person.post(f"{page(world)}/hostnames/add", {"hostname": host, "service": "web"})
    told = person.flashes()
    assert "hostname" in told
    assert SCRIPT not in told


def test_the_page_asks_the_same_few_questions_of_many_values(world: World) -> None:
    person = world.client("operator")
    with counted(world) as before:
        person.page(page(world))
    for number in range(8):
        put(world, person, f"KEY_{number}", "x")
    person.post(f"{page(world)}/hostnames/add", {"hostname": HOST, "service": "web"})
    person.page(page(world))
    with counted(world) as after:
        person.page(page(world))
    assert len(after) <= len(before), "\n".join(after)
