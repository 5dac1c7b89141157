"""Products with stacks, and with databases of every kind: what is taken, what is refused."""

from pathlib import Path
from typing import Any

import pytest

from tenantry.errors import Invalid
from tenantry.operations import documents, templates
from tenantry.operations.checks import checked
from tenantry.planning.databases import FACTS
from tests.products import FILE, OUTSIDE, STACK, STACKED, of_kind
from tests.stage import Stage

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.yaml"))


def stack(**more: Any) -> dict[str, Any]:
    return STACKED | {"services": [STACK | more]}


@pytest.mark.parametrize("kind", sorted(FACTS))
def test_each_kind_has_a_pinned_default(kind: str):
    assert checked(of_kind(kind))["db_image"] == FACTS[kind].image
    with pytest.raises(Invalid, match=r"must name a version|always runs"):
        checked(of_kind(kind) | {"db_image": "acme/db"})


@pytest.mark.parametrize("kind", ["keydb", "dragonfly"])
def test_kinds_without_a_name_have_no_placeholder_for_one(kind: str):
    document = of_kind(kind)
    service = document["services"][0] | {"env": {"A": "${DATABASE_NAME}"}}
    with pytest.raises(Invalid, match="does not exist"):
        checked(document | {"services": [service]})


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"db_type": "postgres"}, "db_type"),
        ({"db_required": True}, "db_required"),
        ({"db_url_secret": None}, "db_url_secret"),
        ({"secrets": []}, "db_url_secret"),
        ({"db_url_secret": "another"}, "db_url_secret"),
    ],
)
def test_a_database_outside_is_a_listed_secret_and_nothing_else(more: dict[str, Any], field: str):
    with pytest.raises(Invalid) as trouble:
        checked(OUTSIDE | more)
    assert trouble.value.field == field


def test_its_url_is_never_made_up(stage: Stage):
    stage.product(OUTSIDE)
    with stage.desk.reading() as session:
        assert templates.secret_names(session, templates.find(session, "stacked")) == []


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"compose_service": "nobody"}, "compose_file"),
        ({"compose_service": None}, "compose_service"),
        ({"compose_file": "services: {web: {build: .}}"}, "compose_file.services.web.build"),
        ({"compose_file": FILE + "x: &a 1\ny: *a\n"}, "compose_file"),
        ({"compose_file": FILE + "# " + "x" * 100_000}, "compose_file"),
        ({"env": {}}, "compose_file"),
        ({"image": "a/b:1"}, "repo_url"),
        ({"replicas": 2}, "replicas"),
        ({"limits": {"memory_mb": 512}}, "limits"),
        ({"volumes": [{"name": "d", "path": "/d"}]}, "volumes"),
        ({"repo_branch": "main"}, "repo_branch"),
    ],
    ids=lambda v: repr(v)[:40],
)
def test_a_bad_stack_is_refused_by_field(more: dict[str, Any], field: str):
    with pytest.raises(Invalid) as trouble:
        checked(stack(**more))
    assert trouble.value.field == f"services[0].{field}"
    assert len(str(trouble.value)) < 400


def test_a_reference_may_be_set_by_the_product_or_have_a_default():
    checked(stack(env={}) | {"default_env": {"DATABASE_URL": "${DATABASE_URL}"}})
    checked(stack(env={}, compose_file=FILE.replace("${DATABASE_URL}", "${DATABASE_URL:-none}")))


def test_a_long_file_is_taken():
    checked(stack(compose_file=FILE + "# " + "x" * 50_000))


@pytest.mark.parametrize("document", [STACKED, OUTSIDE, of_kind("clickhouse")])
def test_a_product_comes_back_from_its_own_document(stage: Stage, document: dict[str, Any]):
    slug = stage.product(document)
    with stage.desk.reading() as session:
        text = documents.write(templates.find(session, slug), {})
    again = checked(documents.parse(text))
    whole = checked(document)
    assert {k: v for k, v in again.items() if k != "secrets"} == {
        k: v for k, v in whole.items() if k != "secrets"
    }


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.name)
def test_every_example_is_a_good_product(path: Path):
    checked(documents.read(path))
