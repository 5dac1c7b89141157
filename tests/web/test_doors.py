"""Every address of the panel, for everybody: who gets in, and nothing ever breaks."""

from collections.abc import Callable

import pytest
from werkzeug.routing import Rule

from tenantry.models import (
    Deployment,
    DeploymentStep,
    IntegrationSecret,
    ProjectTemplate,
    TargetRow,
    Tenant,
    User,
)
from tests.web.conftest import ROLES, World

OPEN_TO_ALL = {"static", "security.login", "health.livez", "health.readyz", "health.metrics"}
ADMINS_ONLY = ("secrets.", "staff.", "roles.", "products.new", "products.edit", "targets.drain")
# They ask for a cause, which no address of this test names.
WITHOUT_A_CAUSE = ("failures.one", "failures.resume")
OPERATORS = (
    "failures.resume",
    "letters.",
    "environment-keys.",
    "environment-versions.",
    "tenants.new",
    "tenants.check",
    "tenants.from_table",
    "tenants.table_sample",
    "audit.",
    "flower.",
    "deeds.",
    "tenants.action_view",
    "tenants.audit",
    "tenants.in_dokploy",
    "tenants.do",
    "tenants.backup_policy",
    "tenants.drop_policy",
)


def needed(endpoint: str) -> str:
    """The least role that an address asks for."""
    if endpoint.endswith(".export"):
        base = "admin" if endpoint.startswith("audit.") else "operator"
        return "nobody" if endpoint.startswith(("secrets.", "staff.", "roles.")) else base
    if endpoint.startswith(ADMINS_ONLY):
        return "admin"
    return "operator" if endpoint.startswith(OPERATORS) else "viewer"


def address(world: World, rule: Rule) -> str:
    """The rule with ids of rows that are there."""
    tables = {
        "tenants": Tenant,
        "products": ProjectTemplate,
        "targets": TargetRow,
        "secrets": IntegrationSecret,
        "staff": User,
        "steps": DeploymentStep,
    }
    failed = world.row(Deployment, status="failed")
    values = {}
    for name in rule.arguments:
        if name == "public_id":
            noun = rule.rule.split("/")[1]
            table = tables.get(noun)
            values[name] = world.rows(table)[0].public_id if table else failed.public_id
        elif name == "step_id":
            values[name] = world.rows(DeploymentStep, deployment_id=failed.id)[0].public_id
        else:
            values[name] = {
                "export_type": "csv",
                "name": "deploy",
                "number": 1,
                "path": "workers",
                "filename": "base.css",
                "what": "deploy",
                "deed": "cancel" if "deployments" in rule.rule else "retry",
            }[name]
    with world.app.test_request_context():
        return str(world.app.url_map.bind("localhost").build(rule.endpoint, values))


def rules(world: World, method: str) -> list[Rule]:
    """All addresses that answer to a method."""
    return [r for r in world.app.url_map.iter_rules() if method in (r.methods or set())]


def test_anonymous_people_are_sent_to_the_login_page(world: World) -> None:
    visitor = world.client()
    for rule in rules(world, "GET"):
        if rule.endpoint in OPEN_TO_ALL:
            continue
        answer = visitor.get(address(world, rule))
        assert answer.status_code == 302, rule
        assert answer.location.startswith("/login"), rule


def test_programs_without_a_session_get_401_as_json(world: World) -> None:
    visitor = world.client()
    for rule in rules(world, "GET"):
        if rule.endpoint not in OPEN_TO_ALL:
            answer = visitor.get(address(world, rule), headers={"Accept": "application/json"})
            assert answer.status_code == 401, rule
            assert answer.json["request_id"] == answer.headers["X-Request-ID"]


def test_every_page_opens_for_whoever_may_and_for_nobody_else(world: World, role: str) -> None:
    person = world.client(role)
    for rule in rules(world, "GET"):
        if rule.endpoint in OPEN_TO_ALL or rule.endpoint == "security.verify":
            continue
        url = address(world, rule)
        answer = person.get(url)
        wanted = needed(rule.endpoint)
        may = wanted in ROLES and ROLES.index(role) >= ROLES.index(wanted)
        if not may:
            assert answer.status_code in {403, 404}, (rule, answer.status_code)
        elif rule.endpoint.endswith("details_view") or rule.endpoint in WITHOUT_A_CAUSE:
            assert answer.status_code == 404, rule
        elif rule.endpoint == "flower.look":
            assert answer.status_code == 503, rule
        elif rule.endpoint == "tenants.in_dokploy":
            assert answer.location.startswith(world.settings.targets[0].url), rule
        else:
            assert answer.status_code == 200, (rule, answer.status_code, answer.text[:300])


def test_every_change_is_refused_to_whoever_may_not(world: World, role: str) -> None:
    person = world.client(role)
    for rule in rules(world, "POST"):
        wanted = needed(rule.endpoint)
        if rule.endpoint.startswith("security."):
            continue
        if ROLES.index(role) < ROLES.index(wanted):
            answer = person.post(address(world, rule))
            assert answer.status_code == 403, (rule, answer.status_code)


def test_every_change_needs_the_token_of_a_page(world: World) -> None:
    admin = world.client("admin")
    before = [world.rows(t) for t in (Deployment, Tenant, User, IntegrationSecret)]
    for rule in rules(world, "POST"):
        if rule.endpoint == "flower.look_by_post":
            continue
        answer = admin.bare_post(address(world, rule), data={"url": "/", "action": "deploy"})
        assert answer.status_code == 400, (rule, answer.status_code)
    after = [world.rows(t) for t in (Deployment, Tenant, User, IntegrationSecret)]
    assert [[str(r.updated_at) for r in t] for t in before] == [
        [str(r.updated_at) for r in t] for t in after
    ]


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
def test_a_change_from_another_site_is_refused_even_with_a_token(
    world: World, headers: dict[str, str]
) -> None:
    admin = world.client("admin")
    tenant = world.row(Tenant, subdomain="fresh")
    answer = admin.post(f"/tenants/{tenant.public_id}/deploy", headers=headers)
    assert answer.status_code == 403
    assert len(world.rows(Deployment, tenant_id=tenant.id)) == 0


def test_what_flask_admin_would_write_by_itself_does_not_exist(world: World) -> None:
    admin = world.client("admin")
    for noun in ("deployments", "steps", "secrets", "audit", "products"):
        for deed in ("new/", "edit/", "delete/", "ajax/update/", "ajax/lookup/"):
            answer = admin.post(f"/{noun}/{deed}", {"id": "1"})
            assert answer.status_code in {404, 405}, (noun, deed)
    assert admin.get("/tenants/action/").status_code == 405
    assert admin.post("/deployments/action/").status_code == 404


@pytest.mark.parametrize("bad", ["0", "-1", str(2**63), str(2**64), "1 OR 1=1", "../1", "%00"])
def test_addresses_with_ids_that_are_none_are_404(world: World, bad: str) -> None:
    admin = world.client("admin")
    for url in (f"/tenants/details/?id={bad}", f"/jobs/details/?id={bad}", f"/tenants/{bad}"):
        assert admin.get(url).status_code == 404, url


@pytest.mark.parametrize(
    "query",
    [
        "page=-1",
        f"page={10**30}",
        "page=x",
        "sort=99&desc=7",
        "page_size=1000000",
        "search=%00%25_'\"",
        "flt0_status_equals=nonsense",
        "flt0_product_equals=99",
        "flt0_nothing=1",
        f"search={'a' * 5000}",
    ],
)
def test_lists_bear_any_query(world: World, query: str) -> None:
    viewer = world.client("viewer")
    for noun in ("tenants", "deployments", "steps"):
        assert viewer.get(f"/{noun}/?{query}").status_code == 200, noun


def test_who_has_left_is_in_no_list_and_takes_no_deployment(world: World) -> None:
    gone = world.row(Tenant, subdomain="fresh")
    with world.engine.begin() as conn:
        conn.execute(
            Tenant.__table__.update().where(Tenant.id == gone.id).values(deleted_at=gone.created_at)
        )
    admin = world.client("admin")
    assert "Fresh" not in admin.page("/tenants/")
    assert "Fresh" not in admin.page("/tenants/export/csv/")
    # Its history and its certificate stay.
    assert "/do/" not in admin.page(f"/tenants/{gone.public_id}")
    assert admin.post(f"/tenants/{gone.public_id}/deploy").status_code == 404


def test_somebody_without_a_role_sees_nothing(world: World) -> None:
    with world.engine.begin() as conn:
        conn.exec_driver_sql("DELETE FROM staff_roles")
    answer = world.client("admin").get("/tenants/")
    assert answer.status_code == 403
    assert "no role" in answer.text


def test_somebody_deactivated_is_out_at_once(world: World) -> None:
    person = world.client("operator")
    assert person.get("/").status_code == 200
    with world.engine.begin() as conn:
        conn.execute(
            User.__table__.update().where(User.email == "operator@example.com").values(active=False)
        )
    assert person.get("/").status_code == 302


def test_a_session_ends_after_twelve_hours(world: World) -> None:
    person = world.client("viewer")
    with person.session_transaction() as cookie:
        cookie["since"] -= 12 * 3600 + 1
    assert person.get("/").location == "/login"


def test_postgresql_serves_the_same_pages(make_postgres_world: Callable[[], World]) -> None:
    world = make_postgres_world()
    admin = world.client("admin")
    for rule in rules(world, "GET"):
        if rule.endpoint == "tenants.in_dokploy":
            continue
        if rule.endpoint not in OPEN_TO_ALL and needed(rule.endpoint) != "nobody":
            status = admin.get(address(world, rule)).status_code
            assert status in {200, 404, 503}, rule
            assert (
                status == 200
                or rule.endpoint in {"flower.look", "security.verify"}
                or (rule.endpoint.endswith("details_view"))
                or rule.endpoint in WITHOUT_A_CAUSE
            ), rule


@pytest.mark.parametrize(
    ("path", "role"), [("audit", "operator"), ("staff", "admin"), ("secrets", "admin")]
)
def test_a_closed_list_names_the_role_it_takes(world: World, path: str, role: str) -> None:
    answer = world.client("viewer").get(f"/{path}/")
    assert answer.status_code == 403
    assert f"This needs the role {role}." in answer.text
    assert 'id="sidebar"' in answer.text, "the way back to everything else"
    assert 'id="sidebar"' not in world.client().get("/livez/nothing").text
