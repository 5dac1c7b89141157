"""From a blueprint to ordered steps."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry.planning.blueprint import Blueprint, from_json, to_json
from tenantry.planning.catalogue import ALIASES, KINDS, QUEUES, kind_name, kind_of, service_key
from tenantry.planning.planner import SPACING, plan
from tenantry.steps import HANDLERS
from tests.planning.blueprints import DATABASE, IMAGE, blueprint, blueprints, service

MAIL = ["email.notify_success", "email.notify_failure"]


def keys(made: Blueprint) -> list[str]:
    return [step.key for step in plan(made)]


def place(made: Blueprint, key: str, of: str | None) -> int:
    return next(s.order for s in plan(made) if s.key == key and s.service == of)


def test_the_golden_order_of_backend_frontend_and_database():
    backend = service("backend", 1, provision_endpoint="auth/create-superuser-view/")
    frontend = service("frontend", 2, service_type="frontend", hostname="acme.example.com")
    made = blueprint(backend, frontend, database=DATABASE)
    assert keys(made) == [
        "project.create",
        "db.create",
        "db.deploy",
        *[f"service.backend.{d}" for d in ("create", "git_attach", "build_config", "env_set")],
        *[f"service.frontend.{d}" for d in ("create", "git_attach", "build_config", "env_set")],
        "service.backend.deploy",
        "service.backend.wait_deploy",
        "service.frontend.deploy",
        "service.frontend.wait_deploy",
        "domains.create",
        "domains.create",
        "domains.wait_propagation",
        "domains.wait_propagation",
        "health.check",
        "health.check",
        "internal.provision",
        *MAIL,
    ]
    assert [s.service for s in plan(made)][-5:] == ["backend", "frontend", "backend", None, None]


def test_services_of_equal_order_are_all_triggered_before_any_is_awaited():
    made = blueprint(service("api"), service("web"), service("later", 2))
    rolled = [key for key in keys(made) if key.endswith("deploy")]
    assert rolled == [
        "service.api.deploy",
        "service.web.deploy",
        "service.api.wait_deploy",
        "service.web.wait_deploy",
        "service.later.deploy",
        "service.later.wait_deploy",
    ]


def test_ties_of_order_are_broken_by_rank_not_by_name():
    made = blueprint(service("zebra"), service("ant"))
    assert [s.name for s in made.ordered()] == ["zebra", "ant"]


def test_a_product_without_services_is_a_valid_plan():
    assert keys(blueprint()) == ["project.create", *MAIL]
    assert keys(blueprint(database=DATABASE)) == ["project.create", "db.create", "db.deploy", *MAIL]


def test_an_image_is_neither_cloned_nor_built_from_source():
    made = blueprint(service("web", git=None, image=IMAGE))
    assert [key for key in keys(made) if key.startswith("service.")] == [
        "service.web.create",
        "service.web.env_set",
        "service.web.deploy",
        "service.web.wait_deploy",
    ]


@pytest.mark.parametrize("kind", ["worker", "cron"])
def test_a_service_without_a_hostname_has_no_domain_and_no_provisioning(kind: str):
    made = blueprint(service("jobs", service_type=kind, hostname=None, provision_endpoint="x/"))
    assert not [key for key in keys(made) if key.startswith(("domains.", "internal."))]
    assert "health.check" in keys(made)
    assert not made.services[0].probed_by_http


@pytest.mark.parametrize("kind", ["worker", "cron"])
def test_worker_and_cron_are_judged_by_containers_even_with_a_hostname(kind: str):
    assert not service("jobs", service_type=kind).probed_by_http
    assert service("web", service_type="other").probed_by_http


@given(blueprints())
def test_a_plan_is_deterministic_and_its_orders_are_unique_hundreds(made: Blueprint):
    steps = plan(made)
    assert steps == plan(made)
    assert [s.order for s in steps] == [SPACING * n for n in range(1, len(steps) + 1)]
    assert len({(s.key, s.service) for s in steps}) == len(steps)


@given(blueprints())
def test_every_planned_key_is_known_to_the_catalogue_and_has_a_handler(made: Blueprint):
    for step in plan(made):
        kind = kind_of(step.key)
        assert kind is not None
        assert kind.name in HANDLERS
        assert step.gates is kind.gates is not step.key.startswith("email.")


@given(blueprints())
def test_no_step_stands_before_what_it_needs(made: Blueprint):
    first = {(s.key, s.service): s.order for s in plan(made)}
    assert first["project.create", None] == SPACING
    for spec in made.services:
        chain = [service_key(spec.name, "create")]
        if spec.git:
            chain += [service_key(spec.name, deed) for deed in ("git_attach", "build_config")]
        chain += [service_key(spec.name, deed) for deed in ("env_set", "deploy", "wait_deploy")]
        if spec.hostname:
            chain += ["domains.create", "domains.wait_propagation"]
        chain.append("health.check")
        if spec.hostname and spec.provision_endpoint:
            chain.append("internal.provision")
        orders = [first[key, spec.name] for key in chain]
        assert orders == sorted(orders)
        if made.database:
            assert first["db.deploy", "db"] < first[chain[0], spec.name]


@given(blueprints())
def test_nothing_of_a_later_order_is_triggered_before_an_earlier_one_is_up(made: Blueprint):
    for early in made.services:
        for late in made.services:
            if early.order < late.order:
                waited = place(made, service_key(early.name, "wait_deploy"), early.name)
                assert waited < place(made, service_key(late.name, "deploy"), late.name)


@given(blueprints())
def test_a_blueprint_comes_back_from_json_as_it_was(made: Blueprint):
    assert from_json(json.loads(json.dumps(to_json(made)))) == made


def test_fields_of_a_newer_version_are_left_aside_at_every_depth():
    made = blueprint(service("web"), service("box", git=None, image=IMAGE), database=DATABASE)
    data = json.loads(json.dumps(to_json(made)))
    for part in (data, data["database"], *data["services"], data["services"][0]["git"]):
        part["of_a_newer_version"] = 1
    data["services"][0]["build"]["of_a_newer_version"] = 1
    data["services"][1]["image"]["of_a_newer_version"] = 1
    data["services"][0]["env"] = [{"source": "x", "values": {}, "of_a_newer_version": 1}]
    assert from_json(data).services[1] == made.services[1]


def test_the_primary_service_owns_the_bare_hostname_whatever_the_domain_was_then():
    api = service("api", hostname="acme-api.example.com")
    web = service("web", hostname="acme.old.example.org")
    assert blueprint(api, web).primary() == blueprint(api, web).service("web")
    assert blueprint(api).primary() is None
    assert blueprint(service("jobs", hostname=None)).primary() is None
    assert blueprint(api).service("none") is None


def test_the_catalogue_matches_keys_kinds_and_aliases():
    assert kind_name("service.backend.wait_deploy") == "service.wait_deploy"
    assert kind_name("domain.create") == "domains.create"
    assert kind_name("domain.propagation_wait") == "domains.wait_propagation"
    assert set(ALIASES.values()) <= set(KINDS)
    assert kind_of("service.a.b.c") is None
    assert kind_of("service.backend.explode") is None
    for kind in KINDS.values():
        assert kind.title
        assert kind.help.endswith(".")
        assert kind.queue in QUEUES
        assert kind.attempts > 0
        assert kind.retry_key is None or kind.retry_key in KINDS


@given(st.text(max_size=40))
def test_any_text_as_a_key_is_known_or_not_but_never_an_error(text: str):
    assert kind_of(text) is None or kind_name(text) in KINDS
