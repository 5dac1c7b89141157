"""Forms that write: what is wrong stands beside its field, and nothing is stored then."""

from typing import Any

import pytest
import yaml

from tenantry.models import (
    AuditEntry,
    DeploymentStep,
    IntegrationSecret,
    ProjectTemplate,
    TargetRow,
    TemplateRelease,
    Tenant,
    User,
)
from tests.stage import PRODUCT
from tests.web.conftest import PASSWORD, SCRIPT, Person, World

CLIENT = {
    "product": "tools",
    "name": "New Client",
    "subdomain": "newclient",
    "client_ref": "C-7",
    "env": "# a comment\nREGION=eu\nEQUALS=a=b \n",
    "notify_emails": "a@example.com, b@example.com\nc@example.com",
}


def test_add_a_tenant(world: World) -> None:
    person = world.client("operator")
    answer = person.post("/tenants/new", CLIENT)
    made = world.row(Tenant, subdomain="newclient")
    assert answer.location == f"/tenants/{made.public_id}"
    page = person.page(f"/tenants/{made.public_id}/environment")
    assert "REGION" in page
    assert ">a=b </span>" in page
    assert made.notify_emails == ["a@example.com", "b@example.com", "c@example.com"]
    assert made.status == "pending"
    assert world.row(AuditEntry, action="tenant.add", object_name="New Client").actor == (
        "operator@example.com"
    )


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("subdomain", "-bad-", "ubdomain"),
        ("subdomain", "admin", "eserved"),
        ("subdomain", "acme", "belongs to another tenant"),
        ("client_ref", "=HYPERLINK(1)", "belongs to another tenant"),
        ("env", "NO SIGN", "line 1 must be KEY=VALUE"),
        ("env", "A=1\nA=2", "stands there already"),
        ("env", "lower=1", "keys must hold"),
        ("notify_emails", "a@b@c", "one plain e-mail address"),
        ("name", "", "Fill this in"),
    ],
)
def test_what_is_wrong_with_a_tenant_stands_beside_its_field(
    world: World, field: str, value: str, words: str
) -> None:
    before = len(world.rows(Tenant))
    answer = world.client("operator").post("/tenants/new", CLIENT | {field: value})
    assert answer.status_code == 400
    assert len(world.rows(Tenant)) == before
    part = answer.text.split(f'name="{field}"')[1].split('class="field')[0]
    assert words.lower() in part.lower()
    assert 'value="New Client"' in answer.text or field == "name", "what was typed is kept"


def test_extra_fields_change_nothing(world: World) -> None:
    person = world.client("operator")
    person.post(
        "/tenants/new",
        CLIENT | {"status": "running", "external_ref": "x", "created_by_id": "99", "epoch": "7"},
    )
    made = world.row(Tenant, subdomain="newclient")
    assert made.status == "pending"
    assert made.external_ref != "x"
    assert made.created_by_id == world.row(User, email="operator@example.com").id


def test_a_product_from_a_document(world: World) -> None:
    admin = world.client("admin")
    text = yaml.safe_dump({**PRODUCT, "name": "Second", "slug": "second", "base_domain": "s.org"})
    answer = _save(admin, "/products/new/text", {"document": text})
    assert answer.status_code == 303
    assert world.row(ProjectTemplate, slug="second").base_domain == "s.org"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: [", "is not YAML in line"),
        ("a: &x [1]\nb: *x", "must not use aliases"),
        ("name: A\nname: B", "stands twice"),
        ("- 1", "must be an object"),
        ("name: X\nbase_domain: x.org\nservices: []\nnonsense: 1", "nonsense"),
        ("name: X\nslug: dms\nbase_domain: x.org\ndb_required: true\nservices: []", "belongs to"),
        (
            (
                "name: X\nbase_domain: x.org\nservices:\n- name: web\n  service_type: frontend\n"
                "  image: 'x; id'"
            ),
            "services[0].image",
        ),
        ("!!python/object/apply:os.system ['id']", "is not YAML"),
        ("x: " + "[" * 100, "32 levels"),
    ],
)
def test_what_is_wrong_with_a_document_is_named(world: World, text: str, words: str) -> None:
    before = len(world.rows(ProjectTemplate))
    answer = world.client("admin").post("/products/new/text", {"document": text})
    assert answer.status_code == 400
    assert words.lower() in answer.text.lower()
    assert len(world.rows(ProjectTemplate)) == before


def _save(person: Person, url: str, form: dict[str, str]) -> Any:
    """Both presses: what it would change, then that it is saved."""
    shown = person.post(url, form)
    if 'value="save"' not in shown.text:
        return shown
    sealed = shown.text.split('name="sealed" value="')[1].split('"', maxsplit=1)[0]
    return person.post(url, {"sealed": sealed, "do": "save"})


def _editor(world: World, slug: str) -> tuple[str, str, str]:
    url = f"/products/{world.row(ProjectTemplate, slug=slug).public_id}/text"
    page = world.client("admin").page(url)
    text = page.split("<textarea")[1].split(">", 1)[1].split("</textarea>")[0].lstrip("\r\n")
    seen = page.split('name="seen" value="')[1].split('"')[0]
    return url, text, seen


def test_saving_the_editors_own_text_changes_nothing(world: World) -> None:
    for slug in ("dms", "tools", "idle"):
        releases = len(world.rows(TemplateRelease))
        url, text, seen = _editor(world, slug)
        answer = world.client("admin").post(url, {"document": text, "seen": seen})
        assert "Nothing changes" in answer.text, answer.text
        assert _editor(world, slug)[1:] == (text, seen)
        assert len(world.rows(TemplateRelease)) == releases


def test_an_edit_freezes_a_release(world: World) -> None:
    url, text, seen = _editor(world, "tools")
    before = len(world.rows(TemplateRelease))
    edited = text.replace("acme/tools:1.0", "acme/tools:2.0")
    _save(world.client("admin"), url, {"document": edited, "seen": seen})
    assert len(world.rows(TemplateRelease)) == before + 1


def test_two_editors_do_not_overwrite_each_other(world: World) -> None:
    url, text, seen = _editor(world, "tools")
    admin = world.client("admin")
    _save(admin, url, {"document": text.replace("tools:1.0", "tools:2.0"), "seen": seen})
    late = admin.post(url, {"document": text.replace("tools:1.0", "tools:3.0"), "seen": seen})
    assert late.status_code == 409
    assert "Somebody saved this product" in late.text
    assert "tools:3.0" in late.text, "what was typed is kept"
    assert "tools:2.0" in _editor(world, "tools")[1]


def test_the_slug_of_a_product_stays(world: World) -> None:
    url, text, seen = _editor(world, "tools")
    changed = text.replace("slug: tools", "slug: others")
    answer = world.client("admin").post(url, {"document": changed, "seen": seen})
    assert answer.status_code == 400
    assert "Stays tools" in answer.text


def test_a_secret_is_set_and_never_shown(world: World) -> None:
    admin, value = world.client("admin"), "a-value-nobody-may-see"
    form = {"product": "tools", "name": "api_key", "secret_type": "env", "value": value}
    assert admin.post("/secrets/new", form).status_code == 303
    row = world.row(IntegrationSecret, name="api_key")
    refused = admin.post("/secrets/new", form)
    assert refused.status_code == 400
    assert "Exists already" in refused.text
    assert value not in refused.text
    assert admin.post(f"/secrets/{row.public_id}/set", {"value": value + "2"}).status_code == 303
    assert world.row(IntegrationSecret, name="api_key").last_rotated_at is not None
    entry = world.row(AuditEntry, action="secret.rotate")
    assert entry.actor == "admin@example.com"
    assert value not in str(entry.after)


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"name": "Bad Name"}, "Names hold a-z"),
        ({"value": ""}, "Fill this in"),
        ({"product": "nothing"}, "Not a valid choice"),
        ({"secret_type": "nothing"}, "Not a valid choice"),
    ],
)
def test_a_bad_secret_is_refused(world: World, form: dict[str, str], words: str) -> None:
    good = {"product": "tools", "name": "key", "secret_type": "env", "value": "x" * 20}
    answer = world.client("admin").post("/secrets/new", good | form)
    assert answer.status_code == 400
    assert words in answer.text
    assert "x" * 20 not in answer.text


def test_drain_a_target_and_take_it_up_again(world: World) -> None:
    admin = world.client("admin")
    row = world.row(TargetRow)
    admin.post(f"/targets/{row.public_id}/drain", {"draining": "1"})
    assert world.row(TargetRow).draining is True
    assert "Draining" in admin.page("/targets/")
    assert "is draining" in admin.page("/")
    admin.post(f"/targets/{row.public_id}/drain", {"draining": "0"})
    assert world.row(TargetRow).draining is False


def test_add_somebody_who_can_then_log_in(world: World) -> None:
    answer = world.client("admin").post(
        "/staff/new", {"email": "New@Example.com", "role": "viewer"}
    )
    assert answer.status_code == 200
    password = answer.text.split("data-copyable>")[1].split("<")[0]
    visitor = world.client()
    page = visitor.page("/login")
    token = page.split('name="csrf_token" type="hidden" value="')[1].split('"')[0]
    form = {"csrf_token": token, "email": "new@example.com", "password": password}
    assert visitor.bare_post("/login", data=form).location == "/"
    assert password not in str([e.after for e in world.rows(AuditEntry)])


@pytest.mark.parametrize("email", ["", "nobody", "a@b\nBcc: x@y.org", SCRIPT, "admin@example.com"])
def test_somebody_with_a_bad_address_is_not_added(world: World, email: str) -> None:
    answer = world.client("admin").post("/staff/new", {"email": email, "role": "viewer"})
    assert answer.status_code == 400
    assert len(world.rows(User)) == 3
    assert SCRIPT not in answer.text


def test_every_field_of_a_new_member_is_needed(world: World) -> None:
    admin = world.client("admin")
    assert "optional" not in admin.page("/staff/new")
    assert admin.post("/staff/new", {"email": "new@example.com"}).status_code == 400


def test_roles_change_and_end_sessions(world: World) -> None:
    admin, other = world.client("admin"), world.client("operator")
    row = world.row(User, email="operator@example.com")
    admin.post(f"/staff/{row.public_id}/role", {"role": "viewer"})
    assert other.get("/").status_code == 302
    assert [r.name for r in world.row(User, id=row.id).roles] == ["viewer"]
    admin.post(f"/staff/{row.public_id}/role", {"role": "emperor"})
    assert "must be one of" in admin.flashes()


def test_deactivating_and_letting_in_again(world: World) -> None:
    admin = world.client("admin")
    row = world.row(User, email="operator@example.com")
    admin.post(f"/staff/{row.public_id}/active", {"active": "0"})
    assert world.row(User, id=row.id).active is False
    admin.post(f"/staff/{row.public_id}/active", {"active": "1"})
    assert world.row(User, id=row.id).active is True


def test_nobody_locks_everybody_out(world: World) -> None:
    admin = world.client("admin")
    row = world.row(User, email="admin@example.com")
    admin.post(f"/staff/{row.public_id}/active", {"active": "0"})
    assert "cannot deactivate yourself" in admin.flashes()
    admin.post(f"/staff/{row.public_id}/role", {"role": "viewer"})
    assert "nobody who is an admin" in admin.flashes()
    assert world.client("admin").get("/staff/").status_code == 200


def test_a_new_password_is_shown_once(world: World) -> None:
    admin, other = world.client("admin"), world.client("viewer")
    row = world.row(User, email="viewer@example.com")
    answer = admin.post(f"/staff/{row.public_id}/password")
    assert "stored nowhere" in answer.text
    assert other.get("/").status_code == 302
    assert world.row(User, id=row.id).password != row.password
    assert PASSWORD not in answer.text


def test_steps_cannot_be_edited_by_hand(world: World) -> None:
    step = world.row(DeploymentStep, status="waiting")
    world.client("admin").post(f"/steps/edit/?id={step.public_id}", {"status": "success"})
    assert world.row(DeploymentStep, id=step.id).status == "waiting"
