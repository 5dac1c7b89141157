"""Which findings have a way back, and what is said of those that have none."""

import pytest

from tenantry.planning.adoption import PROJECT
from tenantry.planning.differences import PARTS, deeds_of
from tenantry.planning.mending import Found, Way, way_back


@pytest.mark.parametrize(
    ("found", "way"),
    [
        (Found("web", "replicas", "target", "web"), Way(parts=("running",))),
        (Found("web", "image", "target", "web"), Way(parts=("source",))),
        (Found("web", "dockerfile", "target", "web"), Way(parts=("build",))),
        (Found("web", "environment", "target", "web"), Way(parts=("env",))),
        (Found("web", "state", "target", "web"), Way(parts=("running",))),
        (Found("web", "missing", "target", "web"), Way(parts=tuple(PARTS))),
        (Found("web", "marker", "target", "web"), Way(mark="web")),
        (Found("web", "automatic deploys", "target", "web"), Way(mark="web")),
        (Found("web", "build cache", "target", "web"), Way(deeds=("cached_build",))),
        (Found("web domain a.b", "port", "target", "web"), Way(parts=("domains",))),
        (
            Found("web domain a.b", "router", "target", "web"),
            Way(parts=("domains",), deeds=("switch_on",)),
        ),
        (Found("web redirect a.b", "missing", "target", "web"), Way(parts=("domains",))),
        (Found("web mount /d", "missing", "target", "web"), Way(parts=("volumes",))),
        (Found("the project", "marker", "target", None), Way(mark=PROJECT)),
        (Found("db", "memory", "target", "db", is_database=True), Way(deeds=("settings",))),
        (Found("db", "state", "target", "db", is_database=True), Way(deeds=("start",))),
        (Found("db", "marker", "target", "db", is_database=True), Way(mark="db")),
        (
            Found("db backup x", "missing", "target", "db", is_database=True),
            Way(deeds=("schedule",)),
        ),
    ],
)
def test_a_way_back(found: Found, way: Way) -> None:
    assert way_back(found) == way


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (Found("web", "product: source", "product", "web"), "deploy the tenant"),
        (Found("web", "tenant: environment", "tenant", "web"), "deploy the tenant"),
        (Found("application x (1)", "extra", "target", None), "did not make"),
        (Found("web domain x", "extra", "target", "web"), "did not make"),
        (Found("web mount /d", "source", "target", "web"), "on the target"),
        (Found("web", "rollback", "target", "web"), "no step"),
        (Found("web schedule s", "schedule", "target", "web"), "on the target"),
        (Found("the project", "missing", "target", None), "restore"),
        (Found("db", "missing", "target", "db", is_database=True), "restore"),
        (Found("db", "external port", "target", "db", is_database=True), "close it"),
        (Found("db mount /d", "missing", "target", "db", is_database=True), "restore"),
    ],
)
def test_no_way_back(found: Found, words: str) -> None:
    way = way_back(found)
    assert words in way.problem
    assert (way.parts, way.deeds, way.mark) == ((), (), "")


def test_a_stack_changes_with_its_deploy_only() -> None:
    assert deeds_of(("running",), stack=True) == ("deploy",)
    assert deeds_of(("running",), stack=False) == ("reload", "settings")
