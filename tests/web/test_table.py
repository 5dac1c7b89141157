"""A table of clients: what is read, what is told of each row, and that all are added or none."""

import io
from typing import Any

import pytest

from tenantry.errors import Invalid
from tenantry.models import AuditEntry, Deployment, EnvVar, Tenant
from tenantry.models.base import uuid7
from tenantry.web.onboarding import table
from tests.web.conftest import SCRIPT, Person, World
from tests.web.test_queries import counted

URL = "/tenants/new/table"
GOOD = """\
product,name,subdomain,client_ref,notify_emails,env.REGION
dms,Nadir Foods,nadir,C-1,a@example.com; b@example.com,eu
tools,"Blue, Courier",blue,C-2,,
tools,Lumen,lumen,,,"eu west"
"""


def send(person: Person, text: str, go: str = "check", **more: Any) -> Any:
    """As the page would: what is added is what was shown."""
    product = more.get("product", "")
    seen = "" if go == "check" else _mark(product, text)
    return person.post(URL, {"table": text, "go": go, "seen": seen, **more})


def _mark(product: str, text: str) -> str:
    from tenantry.web.onboarding.table_pages import mark  # noqa: PLC0415

    return mark(product, text)


def test_each_row_is_shown_and_nothing_is_written(world: World) -> None:
    before = len(world.rows(Tenant)), len(world.rows(AuditEntry))
    answer = send(world.client("operator"), GOOD)
    assert answer.status_code == 200
    assert answer.text.count("Ready</span>") == 3
    assert "Create and deploy 3 tenants" in answer.text
    assert "Blue, Courier" in answer.text
    assert (len(world.rows(Tenant)), len(world.rows(AuditEntry))) == before


def test_all_are_added(world: World) -> None:
    operator = world.client("operator")
    answer = send(operator, GOOD, "create")
    assert answer.location == "/tenants/"
    assert "3 tenants added" in operator.flashes()
    nadir = world.row(Tenant, subdomain="nadir")
    assert nadir.notify_emails == ["a@example.com", "b@example.com"]
    assert world.row(EnvVar, tenant_id=nadir.id).key == "REGION"
    assert world.row(Tenant, subdomain="blue").client_ref == "C-2"
    lumen = world.row(Tenant, subdomain="lumen")
    assert world.row(EnvVar, tenant_id=lumen.id).key == "REGION"
    assert world.rows(Deployment, tenant_id=nadir.id) == []


def test_all_are_deployed_once_however_often_it_is_pressed(world: World) -> None:
    operator, key = world.client("operator"), str(uuid7())
    for _ in range(2):
        assert send(operator, GOOD, "deploy", key=key).location == "/deployments/"
    for subdomain in ("nadir", "blue", "lumen"):
        row = world.row(Tenant, subdomain=subdomain)
        assert len(world.rows(Deployment, tenant_id=row.id)) == 1


ROWS = [
    ("dms,X,acme", "belongs to Acme"),
    ("dms,X,waiting-backend", "waiting-backend.delivery.example.com belongs to Waiting"),
    ("dms,X,bad_", "must hold only a-z"),
    ("dms,X,admin", "is a reserved name"),
    ("dms,,fine", "name: fill this in"),
    ("nothing,X,fine", "there is no active product nothing"),
    ("dms,=1+1,fine", "begins like a formula"),
    ("dms,X,fine,@SUM(A1)", "begins like a formula"),
    ("dms,X,fine,,no-address", "one plain e-mail address"),
    ("dms,X,fine,,,${NOTHING}", "placeholder that does not exist"),
    ("dms,X,fine,,,,one,two", "8 cells under 6 columns"),
    (f"dms,{'x' * 121},fine", "between 1 and 120"),
    (f"dms,{SCRIPT},x_", "must hold only a-z"),
]


@pytest.mark.parametrize(("line", "words"), ROWS)
def test_one_wrong_row_keeps_all_out_and_is_told_beside_it(
    world: World, line: str, words: str
) -> None:
    operator, before = world.client("operator"), len(world.rows(Tenant))
    for go in ("check", "create", "deploy"):
        answer = send(operator, f"{GOOD}{line}\n", go)
        assert answer.status_code == (200 if go == "check" else 400)
        wrong = answer.text.split('class="row-wrong"')
        assert len(wrong) == 2, "one row"
        assert words.lower() in wrong[1].split("</tr>")[0].lower()
        assert answer.text.count("Ready</span>") == 3, "the whole table is shown"
        assert SCRIPT not in answer.text
        assert "Create and deploy" not in answer.text
    assert len(world.rows(Tenant)) == before


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("dms,Again,nadir", "stands in line 2 already"),
        ("dms,Again,NADIR", "stands in line 2 already"),
        ("dms,Crossed,nadir-backend", "would also be that of line 2"),
        ("tools,Ref,ref,C-2", "stands in line 3 already"),
        ("tools,Ref,ref,=HYPERLINK(1)", "begins like a formula"),
    ],
)
def test_rows_are_judged_among_themselves(world: World, line: str, words: str) -> None:
    answer = send(world.client("operator"), f"{GOOD}{line}\n")
    assert words in answer.text.split('class="row-wrong"')[1]


def test_a_row_that_is_taken_meanwhile_keeps_all_out(world: World, monkeypatch: Any) -> None:
    monkeypatch.setattr("tenantry.web.onboarding.table_pages.judge", lambda _s, _r: None)
    before = len(world.rows(Tenant))
    answer = send(world.client("operator"), f"{GOOD}dms,Late,acme\n", "deploy")
    assert answer.status_code == 409
    assert "belongs to another tenant" in answer.text.split('class="row-wrong"')[1]
    assert len(world.rows(Tenant)) == before
    assert world.rows(Deployment, subdomain="nadir") == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("name,subdomain\n", "has a header and no clients"),
        ("name\nX\n", "has no column subdomain"),
        ("name,subdomain,colour\nX,x,red\n", "unknown column"),
        ("name,subdomain,name\nX,x,y\n", "has the column name twice"),
        ("name,subdomain,env.lower\nX,x,y\n", "keys must hold"),
        ("name,subdomain,env.SMTP_PASSWORD\nX,x,hunter2\n", "speaks of a secret"),
        ('name,subdomain\n"X,x\n', "cannot be read in line"),
        ("name,subdomain\n" + "X,x\n" * 101, "at most 100"),
        ("name,subdomain\n" + "X" * 300_001, "at most 300,000 characters"),
        ("name,subdomain\nX\0,x\n", "NUL"),
    ],
)
def test_what_is_no_table_is_told(world: World, text: str, words: str) -> None:
    answer = send(world.client("operator"), text)
    assert answer.status_code == 400
    assert words in answer.text


@pytest.mark.parametrize("sign", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_files_of_spreadsheets_are_read(world: World, sign: str, encoding: str) -> None:
    text = f"product{sign}Name{sign}Subdomain\r\ntools{sign}Zoë{sign}zoe\r\n"
    file = io.BytesIO(text.encode(encoding)), "clients.csv"
    answer = world.client("operator").post(URL, {"file": file, "go": "check"})
    assert answer.status_code == 200
    assert "Zoë" in answer.text
    assert "Ready</span>" in answer.text


def test_other_encodings_are_told(world: World) -> None:
    file = io.BytesIO("name,subdomain\nZoë,zoe\n".encode("latin-1")), "clients.csv"
    answer = world.client("operator").post(URL, {"file": file})
    assert "not UTF-8" in answer.text


def test_what_cannot_all_be_deployed_can_still_be_created(world: World) -> None:
    """A week's certificates of a domain are counted before anything is asked of the authority."""
    operator, key = world.client("operator"), str(uuid7())
    lines = "".join(f"dms,Client {n},client-{n}\n" for n in range(30))
    text = f"product,name,subdomain\n{lines}"
    refused = send(operator, text, "deploy", key=key)
    assert refused.status_code == 409
    assert "certificates that Let&#39;s Encrypt gives" in refused.text
    assert "Create 30 tenants only" in refused.text
    assert world.rows(Tenant, subdomain="client-0") == []
    assert send(operator, text, "create", key=key).location == "/tenants/"
    assert len(world.rows(Tenant)) == 34


def test_what_was_not_shown_is_shown_before_it_is_added(world: World) -> None:
    operator = world.client("operator")
    answer = operator.post(URL, {"table": GOOD, "go": "create", "seen": "0"})
    assert "This is what the table says now" in answer.text
    assert world.rows(Tenant, subdomain="nadir") == []


def test_the_sample_can_be_added_as_it_is(world: World) -> None:
    operator = world.client("operator")
    sample = operator.page(f"{URL}/sample.csv?product=tools").replace("acme,", "acme-foods,")
    assert send(operator, sample, "create").location == "/tenants/"


def test_a_product_for_rows_that_name_none(world: World) -> None:
    operator = world.client("operator")
    text = "name,subdomain\nNadir,nadir\n"
    assert "product: fill this in" in send(operator, text).text.lower()
    assert send(operator, text, "create", product="tools").location == "/tenants/"


def test_many_rows_are_judged_in_few_questions(world: World) -> None:
    operator = world.client("operator")
    token = operator.token()
    lines = "".join(f"tools,Client {n},client-{n},R-{n},,eu\n" for n in range(90))
    found = []
    for text in (GOOD, GOOD + lines):
        with counted(world) as seen:
            operator.bare_post(URL, data={"table": text, "csrf_token": token})
        found.append(len(seen))
    assert found[0] == found[1] <= 12, "\n".join(seen)


def test_a_text_without_a_header_is_refused_without_a_page() -> None:
    with pytest.raises(Invalid):
        table.read("just words")


def test_on_postgresql_too(make_postgres_world: Any) -> None:
    world = make_postgres_world()
    operator, key = world.client("operator"), str(uuid7())
    assert "belongs to Acme" in send(operator, f"{GOOD}dms,X,acme\n").text
    for _ in range(2):
        assert send(operator, GOOD, "deploy", key=key).location == "/deployments/"
    assert len(world.rows(Deployment, subdomain="nadir")) == 1
