"""`template load`, `template list`, `tenant add`, `tenant list`."""

import json
import re
from pathlib import Path

import pytest
import yaml
from sqlalchemy import update

from tenantry.models import Tenant
from tenantry.models.dbtime import db_now
from tests.cli.counter import Counter
from tests.operations.ledger import count
from tests.stage import IMAGE_ONLY, PRODUCT

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A good product in YAML."""
    path = tmp_path / "dms.yaml"
    path.write_text(yaml.safe_dump(PRODUCT), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.glob("*.yaml")))
def test_every_example_loads_and_takes_a_tenant(counter: Counter, name: str):
    assert "is saved" in counter.does("template", "load", str(EXAMPLES / name))
    slug = yaml.safe_load((EXAMPLES / name).read_text(encoding="utf-8"))["slug"]
    assert "acme is added" in counter.does("tenant", "add", slug, "acme")


def test_loading_twice_is_the_same_product(counter: Counter, file: Path):
    assert counter.does("template", "load", str(file)) == "Acme DMS (dms) is saved\n"
    before = count(counter.shop.stage)
    counter.does("template", "load", str(file))
    after = count(counter.shop.stage)
    assert {k for k in after if after[k] != before[k]} == {"audit_entry"}


def test_json_is_yaml_too(counter: Counter, tmp_path: Path):
    path = tmp_path / "dms.json"
    path.write_text(json.dumps(PRODUCT), encoding="utf-8")
    counter.does("template", "load", str(path))


BAD = {
    "an alias": "a: &a [1]\nb: *a\n",
    "a billion laughs": "a: &a [x]\n"
    + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(9)
    ),
    "an alias to itself": "a: &a [*a]\n",
    "a key twice": "name: x\nname: y\n",
    "a key twice inside": "services:\n  - name: x\n    name: y\n",
    "10,001 nodes": "a: [" + "1," * 10_001 + "]\n",
    "too deep": "[" * 40 + "]" * 40,
    "far too deep": "[" * 20_000,
    "deep mappings": "{a: " * 100,
    "2 MB": "a: " + "x" * 2_000_000,
    "not UTF-8": b"name: \xff\xfe\n",
    "UTF-16": "name: x\n".encode("utf-16"),
    "a tag of Python": "a: !!python/object/apply:os.system [id]\n",
    "a tag of ours": "a: !secret x\n",
    "no YAML": "a: [1, 2\n",
    "a tab": "a:\n\t- 1\n",
    "two documents": "a: 1\n---\nb: 2\n",
    "nothing": "",
    "a comment": "# nothing\n",
    "a text": "just words\n",
    "a list": "- a\n- b\n",
    "a NUL": b"a: x\x00y\n",
    "keys that are no text": "? [a, b]\n: 1\n",
    "a key that YAML takes for true": "on: 1\n",
    "a merge key": "<<: {name: x}\n",
    "a date that is none": "a: 2024-13-45\n",
    "a number of 5,000 digits": "a: " + "9" * 5000 + "\n",
    "a tag that does not fit": "a: !!int x\n",
    "a time that is none": "a: !!timestamp x\n",
    "a flag that is none": "a: !!bool x\n",
    "an empty number": "a: !!int ''\n",
    "a map that is a list": "a: !!map [1]\n",
    "an unknown field": "surprise: 1\n",
    "a wrong type": "name: [x]\nbase_domain: x.example.com\nservices: []\n",
    "an encrypted value": "encrypted_value: x\nid: 7\n",
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_file_is_one_clear_error_and_nothing_is_stored(
    counter: Counter, tmp_path: Path, what: str
):
    path = tmp_path / "bad.yaml"
    content = BAD[what]
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    before = count(counter.shop.stage)
    words = counter.refuses(2, "template", "load", str(path))
    assert len(words.strip().splitlines()) == 1
    assert ": " in words
    assert len(words) < 400
    assert count(counter.shop.stage) == before


def test_an_error_of_yaml_names_its_line(counter: Counter, tmp_path: Path):
    path = tmp_path / "bad.yaml"
    path.write_text("name: x\nservices: [\n", encoding="utf-8")
    assert "in line 3" in counter.refuses(2, "template", "load", str(path))


def test_a_file_that_cannot_be_read_is_named(counter: Counter, tmp_path: Path):
    assert "file: cannot be read" in counter.refuses(2, "template", "load", str(tmp_path / "none"))
    assert "file: cannot be read" in counter.refuses(2, "template", "load", str(tmp_path))


def test_a_bad_value_in_a_file_names_its_field(counter: Counter, tmp_path: Path):
    path = tmp_path / "bad.yaml"
    bad = {**IMAGE_ONLY, "services": [{"name": "w", "service_type": "worker", "image": "a; id"}]}
    path.write_text(yaml.safe_dump(bad), encoding="utf-8")
    assert "services[0].image: " in counter.refuses(2, "template", "load", str(path))


def test_products_are_listed_with_their_live_tenants(counter: Counter, file: Path):
    assert "No product yet" in counter.does("template", "list")
    counter.does("template", "load", str(file))
    counter.does("tenant", "add", "dms", "acme")
    counter.does("tenant", "add", "dms", "other")
    assert "2 tenants" in counter.does("template", "list")
    with counter.shop.engine.begin() as conn:
        conn.execute(update(Tenant).where(Tenant.subdomain == "other").values(deleted_at=db_now()))
    assert "1 tenant\n" in counter.does("template", "list")
    assert "other" not in counter.does("tenant", "list")


def test_a_tenant_is_added_with_everything_that_was_said(counter: Counter, file: Path):
    assert "No tenant yet" in counter.does("tenant", "list")
    counter.does("template", "load", str(file))
    words = counter.does(
        *("tenant", "add", "dms", "ACME", "--name", "Acme Ltd", "--client-ref", "4711"),
        *("--notify", "a@example.com", "--notify", "b@example.com"),
        *("--env", "A=1", "--env", "B=x=y", "--target", "main"),
    )
    assert words == "acme is added. Deploy it: tenantry deploy acme --watch\n"
    row = counter.shop.stage.tenant_row()
    assert (row.name, row.client_ref) == ("Acme Ltd", "4711")
    shown = counter.does("env", "show", row.subdomain)
    assert re.search(r"A +1 ", shown)
    assert re.search(r"B +x=y ", shown)
    assert row.notify_emails == ["a@example.com", "b@example.com"]
    assert "acme" in counter.does("tenant", "list")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("nothing", "acme"), 4, "no product nothing"),
        (("dms", "Www"), 2, "subdomain: is a reserved name"),
        (("dms", "a.b"), 2, "subdomain: must hold only"),
        (("dms", "acme\n"), 2, "subdomain: "),
        (("dms", "other", "--target", "mars"), 2, "target: must be a configured target"),
        (("dms", "other", "--env", "NOPE"), 2, "env: must be KEY=VALUE"),
        (("dms", "other", "--env", "a=1"), 2, "env: keys must hold"),
        (("dms", "other", "--env", "A=${NOPE}"), 2, "env.A: uses a placeholder"),
        (("dms", "other", "--notify", "x"), 2, "notify_emails: must be one plain"),
        (("dms", "ACME"), 3, "belongs to another tenant"),
        (("dms",), 2, "Missing argument"),
    ],
)
def test_a_tenant_that_cannot_be_added_says_why(counter: Counter, file: Path, words, code, said):
    counter.does("template", "load", str(file))
    counter.does("tenant", "add", "dms", "acme")
    before = count(counter.shop.stage)
    assert said in counter.refuses(code, "tenant", "add", *words)
    assert count(counter.shop.stage) == before
