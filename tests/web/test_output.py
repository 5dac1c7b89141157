"""What leaves the house: escaped, redacted, with the right headers."""

import csv
import io
import re

import pytest

from tenantry.journal import Redactor, logged
from tenantry.models import Deployment, DeploymentStep, IntegrationSecret, Tenant
from tenantry.ports import Sealed
from tenantry.steps.outcomes import LogText
from tests.web.conftest import SCRIPT, World

LISTS = (
    "tenants deployments jobs failures failed-steps drift products service-templates releases "
    "targets secrets audit staff roles services hostnames steps attempts log-lines status-changes "
    "health-checks outages watched-services watched-hostnames letters environment-keys "
    "environment-versions backups backup-policies limits containers"
).split()
YEARS = tuple(
    "health log?q=e audit history backups backups/policy do/deploy do/leave do/teardown".split()
)
UNSAFE = re.compile(r"\son\w+=|javascript:|\sstyle=|<script(?![^>]*(?:nonce|src)=)", re.IGNORECASE)


def pages(world: World) -> list[str]:
    """Every kind of page with something hostile on it."""
    failed = world.row(Deployment, status="failed")
    steps = world.rows(DeploymentStep, deployment_id=failed.id)
    broken = world.row(Tenant, subdomain="broken")
    page = f"/deployments/{failed.public_id}"
    found = ["/", page, f"{page}/live", f"/tenants/{broken.public_id}", "/tenants/new"]
    found += [f"/tenants/{broken.public_id}/environment?key={SCRIPT}"]
    found += [f"/tenants/{broken.public_id}/{rest}" for rest in YEARS]
    found += [f"{page}/steps/{s.public_id}" for s in steps]
    found += [f"{page}/log", f"{page}/log?q={SCRIPT}", f"{page}/compare"]
    return found + [f"/{noun}/" for noun in LISTS]


def test_hostile_words_are_text_everywhere(world: World) -> None:
    failed = world.row(Deployment, status="failed")
    step = world.row(DeploymentStep, status="failed", step_key="domains.create")
    lines = [SCRIPT, "</pre><img src=x onerror=alert(1)>"]
    with world.engine.begin() as conn:
        logged(conn, Redactor(), failed.id, step.id, 1, [LogText(lines, stream="stdout")])
        conn.execute(
            DeploymentStep.__table__.update()
            .where(DeploymentStep.id == step.id)
            .values(meta={SCRIPT: f'"</script>{SCRIPT}'}, message=f"\"><b x='{SCRIPT}")
        )
        conn.execute(Tenant.__table__.update().values(attention=f"'\"{SCRIPT}", detail=SCRIPT))
    admin, met = world.client("admin"), 0
    for url in pages(world):
        text = admin.page(url)
        assert SCRIPT not in text, url
        assert "<img src=x" not in text, url
        assert "<b x=" not in text, url
        met += text.count("&lt;script&gt;alert(1)")
    assert met > 20


def test_pages_hold_nothing_that_the_policy_forbids(world: World) -> None:
    admin = world.client("admin")
    for url in [*pages(world), "/products/new", "/secrets/new", "/staff/new", "/password"]:
        text = admin.page(url)
        assert not UNSAFE.search(text), (url, UNSAFE.search(text))
        assert not re.search(r'(?:src|href)="(?:https?:)?//(?!\w+\.(?:tools|delivery))', text), url


def test_every_row_has_a_page_with_a_name(world: World) -> None:
    admin = world.client("admin")
    for noun in LISTS:
        found = re.findall(rf"/{noun}/details/\?id=[\w-]+", admin.page(f"/{noun}/"))
        for url in found[:2]:
            heading = re.search(r"<h1>(.*?)</h1>", admin.page(url), re.DOTALL)
            assert heading, url
            assert heading[1].strip(), url
            assert "object at 0x" not in heading[1], url


def test_every_answer_carries_the_headers(world: World) -> None:
    admin = world.client("admin")
    for url in ("/", "/tenants/", "/nothing", "/livez", "/login", "/tenants/export/csv/"):
        headers = admin.get(url).headers
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; ")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cache-Control"] == "no-store"
        assert "Strict-Transport-Security" not in headers
        assert headers["X-Request-ID"]


def test_each_page_has_a_nonce_of_its_own(world: World) -> None:
    visitor = world.client()
    found = set()
    for _ in range(3):
        answer = visitor.get("/login")
        nonce = re.search(r"'nonce-([^']+)'", answer.headers["Content-Security-Policy"])
        assert nonce
        assert f'nonce="{nonce[1]}"' in answer.text
        found.add(nonce[1])
    assert len(found) == 3


def test_our_own_files_may_be_kept_for_ever(world: World) -> None:
    visitor = world.client()
    page = visitor.page("/login")
    for url in re.findall(r'"(/static/[^"]+)"', page):
        answer = visitor.get(url.replace("&amp;", "&"))
        assert answer.status_code == 200, url
        assert "immutable" in answer.headers["Cache-Control"], url


def test_a_csv_never_holds_a_formula(world: World) -> None:
    rows = list(csv.reader(io.StringIO(world.client("operator").page("/tenants/export/csv/"))))
    assert len(rows) == 5
    cells = [cell for row in rows for cell in row]
    assert "'=HYPERLINK(1)" in cells
    assert not [c for c in cells if c.startswith(("=", "+", "-", "@", "\t", "\r"))]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_each_formula_sign_gets_a_quote(world: World, start: str) -> None:
    with world.engine.begin() as conn:
        conn.execute(
            Deployment.__table__.update()
            .where(Deployment.status == "failed")
            .values(summary=f"{start}cmd|' /C calc'!A0")
        )
    text = world.client("operator").page("/deployments/export/csv/")
    cells = [c for row in csv.reader(io.StringIO(text, newline="")) for c in row]
    assert [c for c in cells if "calc" in c] == [f"'{start}cmd|' /C calc'!A0"]


def test_exports_keep_the_filter(world: World) -> None:
    text = world.client("operator").page("/tenants/export/csv/?flt0_status_equals=failed")
    assert "broken" in text
    assert "acme" not in text


def test_no_page_holds_a_secret(world: World) -> None:
    admin = world.client("admin")
    values = ["hunter2hunter2", world.settings.secret_key, world.settings.targets[0].key]
    for row in world.rows(IntegrationSecret):
        sealed = Sealed(row.encrypted_value, row.key_id, row.bound_to)
        values.append(world.stage.desk.secrets.open(sealed))
        values.append(row.encrypted_value.hex())
    assert len(values) > 5
    acme = world.row(Tenant, subdomain="acme")
    secret = world.rows(IntegrationSecret)[0].public_id
    urls = [*pages(world), f"/tenants/{acme.public_id}", f"/secrets/details/?id={secret}"]
    urls += [f"/secrets/{secret}/set", "/metrics", "/readyz", "/tenants/export/csv/"]
    for noun in ("products", "releases", "service-templates", "jobs", "services"):
        ids = re.findall(rf"/{noun}/details/\?id=([\w-]+)", admin.page(f"/{noun}/"))
        urls += [f"/{noun}/details/?id={i}" for i in ids[:3]]
    for url in urls:
        text = admin.page(url)
        assert not [v for v in values if v in text], url


def test_secrets_are_not_exported_to_anybody(world: World) -> None:
    assert world.client("admin").get("/secrets/export/csv/").status_code == 403


def test_an_error_shows_an_id_and_nothing_else(world: World) -> None:
    def explode() -> str:
        raise RuntimeError("postgresql://u:s3cret@host")

    world.app.view_functions["overview.index"] = explode
    admin = world.client("admin")
    answer = admin.get("/")
    assert answer.status_code == 500
    assert answer.headers["X-Request-ID"] in answer.text
    assert "s3cret" not in answer.text
    assert "Traceback" not in answer.text
    as_json = admin.get("/", headers={"Accept": "application/json"})
    assert set(as_json.json) == {"error", "request_id"}


def test_a_database_that_is_away_is_said_so(world: World) -> None:
    admin = world.client("admin")
    with world.engine.begin() as conn:
        conn.exec_driver_sql("ALTER TABLE tenant RENAME TO gone")
    answer = admin.get("/tenants/")
    assert answer.status_code == 503
    assert "SELECT" not in answer.text
    assert "gone" not in answer.text


@pytest.mark.parametrize(("url", "code"), [("/nothing", 404), ("/tenants/many/deploy", 405)])
def test_error_pages_come_as_page_or_json(world: World, url: str, code: int) -> None:
    admin = world.client("admin")
    assert "<h1>" in admin.get(url).text
    answer = admin.get(url, headers={"Accept": "application/json"})
    assert answer.status_code == code
    assert answer.json["request_id"]


def test_a_given_request_id_is_kept_unless_it_is_strange(world: World) -> None:
    visitor = world.client()
    kept = visitor.get("/livez", headers={"X-Request-ID": "abc-123_DEF"})
    assert kept.headers["X-Request-ID"] == "abc-123_DEF"
    for bad in ("x", "a b c d e f g h", "<script>alert(1)</script>", "a" * 100):
        answer = visitor.get("/livez", headers={"X-Request-ID": bad})
        assert answer.headers["X-Request-ID"] != bad
