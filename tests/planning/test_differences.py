"""Only what differs is planned, and everything that differs is."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry.planning.blueprint import Alias, Blueprint, EnvLayer, ServiceSpec, from_json, to_json
from tenantry.planning.differences import (
    database_fingerprint,
    fingerprints,
    only_what_differs,
)
from tenantry.planning.limits import Limits
from tenantry.planning.planner import changes, plan
from tenantry.planning.sources import Build, ComposeSource, GitSource, ImageSource, Volume
from tests.planning.blueprints import DATABASE, IMAGE, blueprint, blueprints, service


def applied(made: Blueprint) -> dict[str, dict[str, str]]:
    """As if everything had just been rolled out."""
    found = {spec.name: fingerprints(made, spec) for spec in made.services}
    if made.database:
        found[made.database.service] = {"running": database_fingerprint(made.database)}
    return found


def keys(made: Blueprint) -> list[str]:
    return [step.key for step in plan(made) if step.gates]


@given(blueprints())
def test_what_was_rolled_out_is_not_planned_again(made: Blueprint):
    cut, found = only_what_differs(made, applied(made))
    assert found == {}
    assert not changes(cut)
    assert keys(cut) == ["project.create"]


@given(blueprints())
def test_what_was_never_rolled_out_is_planned_whole(made: Blueprint):
    cut, _ = only_what_differs(made, {})
    assert keys(cut) == keys(made)


def changed(spec: ServiceSpec, **how: object) -> list[str]:
    before = blueprint(spec)
    after = blueprint(replace(spec, **how))  # type: ignore[arg-type]
    cut, found = only_what_differs(after, applied(before))
    assert found
    return keys(cut)[1:]


WEB = service("web")
IMAGED = service("web", git=None, image=IMAGE)
BUILT = ["service.web.deploy", "service.web.wait_deploy"]


@pytest.mark.parametrize(
    ("spec", "how", "wanted"),
    [
        (
            WEB,
            {"git": GitSource("https://github.com/acme/app", "v2")},
            ["service.web.create", "service.web.git_attach", *BUILT, "health.check"],
        ),
        (
            IMAGED,
            {"image": ImageSource("acme/app:2")},
            ["service.web.create", *BUILT, "health.check"],
        ),
        (WEB, {"build": Build("dockerfile")}, ["service.web.build_config", *BUILT, "health.check"]),
        (
            WEB,
            {"env": (EnvLayer("tenant", {"A": "2"}),)},
            ["service.web.env_set", *BUILT, "health.check"],
        ),
        (
            WEB,
            {"replicas": 3},
            [f"service.web.{d}" for d in ("settings", "reload", "observe")] + ["health.check"],
        ),
        (
            WEB,
            {"limits": Limits(memory_mb=512)},
            [f"service.web.{d}" for d in ("settings", "reload", "observe")] + ["health.check"],
        ),
        (
            WEB,
            {"volumes": (Volume("files", "/files"),)},
            ["service.web.mount", "service.web.settings", *BUILT, "health.check"],
        ),
        (
            WEB,
            {"aliases": (Alias("www.acme.example", redirect=True),)},
            ["domains.create", "domains.alias", "domains.wait_propagation", "health.check"],
        ),
        (
            service("web", git=None, compose=ComposeSource("services: {}", "web")),
            {"hostname": "other.example.com"},
            [
                "domains.create",
                "domains.alias",
                *BUILT,
                "domains.wait_propagation",
                "health.check",
            ],
        ),
    ],
)
def test_a_change_plans_its_own_steps_and_no_others(spec, how, wanted):
    assert changed(spec, **how) == wanted


def test_a_secret_that_was_rotated_is_a_changed_environment():
    spec = service("web", env=(EnvLayer("product", {"KEY": "${SECRET_TOKEN}"}),))
    before = blueprint(spec, secrets={"token": "v1", "other": "v1"})
    cut, found = only_what_differs(
        replace(before, secrets={"token": "v2", "other": "v1"}), applied(before)
    )
    assert found == {"web": ("env",)}
    cut, found = only_what_differs(
        replace(before, secrets={"token": "v1", "other": "v2"}), applied(before)
    )
    assert found == {}
    assert not changes(cut)


def test_a_sealed_value_counts_by_its_version():
    spec = service("web", env=(EnvLayer("tenant", {}, {"KEY": "id-1"}),))
    made = blueprint(spec)
    later = blueprint(replace(spec, env=(EnvLayer("tenant", {}, {"KEY": "id-2"}),)))
    assert only_what_differs(later, applied(made))[1] == {"web": ("env",)}


def test_new_limits_of_a_database_restart_it_and_nothing_else():
    made = blueprint(WEB, database=DATABASE)
    later = replace(made, database=replace(DATABASE, limits=Limits(memory_mb=1024)))
    cut, found = only_what_differs(later, applied(made))
    assert found == {"db": ("running",)}
    assert keys(cut) == ["project.create", "db.settings", "db.restart"]


@given(blueprints(), st.randoms(use_true_random=False))
def test_a_plan_of_differences_is_a_part_of_the_whole_plan_in_its_order(made, chance):
    there = applied(made)
    for name in list(there):
        if chance.random() < 0.5:
            del there[name]
    cut, _ = only_what_differs(made, there)
    whole = [(s.key, s.service) for s in plan(made)]
    part = [(s.key, s.service) for s in plan(cut)]
    positions = [whole.index(step) for step in part]
    assert positions == sorted(positions)


@given(blueprints())
def test_a_cut_blueprint_survives_its_json(made):
    cut, _ = only_what_differs(made, applied(made))
    assert from_json(to_json(cut)) == cut
