"""Bad products: one Invalid that names the field, and nothing is stored."""

from copy import deepcopy
from typing import Any

import pytest

from tenantry.errors import Invalid
from tenantry.operations.templates import checked
from tests.operations.ledger import refused
from tests.stage import PRODUCT, Stage

NONE = "<nothing>"
S = "services[0]"
BAD: list[tuple[str, Any, str]] = [
    # what is set, to what, and the field that the error names
    ("surprise", 1, "surprise"),
    ("version", 2, "version"),
    ("version", "1", "version"),
    ("version", True, "version"),
    ("name", NONE, "name"),
    ("name", "", "name"),
    ("name", "   ", "name"),
    ("name", "x" * 121, "name"),
    ("name", 7, "name"),
    ("name", None, "name"),
    ("name", b"bytes", "name"),
    ("name", "a\nb", "name"),
    ("name", "a\0b", "name"),
    ("name", "\ud800", "name"),
    ("slug", "Not A Slug", "slug"),
    ("slug", "dms\n", "slug"),
    ("description", "x" * 5001, "description"),
    ("description", "a\0", "description"),
    ("description", "x" * 2_000_000, "description"),
    ("base_domain", NONE, "base_domain"),
    ("base_domain", "https://x.com", "base_domain"),
    ("base_domain", "nodots", "base_domain"),
    ("base_domain", "10.0.0.1", "base_domain"),
    ("db_required", "yes", "db_required"),
    ("db_required", 1, "db_required"),
    ("db_required", [], "db_required"),
    ("db_type", "oracle", "db_type"),
    ("db_type", "others", "db_required"),
    ("db_url_secret", "setup_token", "db_type"),
    ("db_url_secret", 7, "db_url_secret"),
    ("db_image", "postgres", "db_image"),
    ("db_image", "localhost:5000/postgres", "db_image"),
    ("db_image", "postgres:17; id", "db_image"),
    ("default_env", [], "default_env"),
    ("default_env", {"lower": "x"}, "default_env"),
    ("default_env", {"A": 1}, "default_env.A"),
    ("default_env", {"A": "${NOPE}"}, "default_env.A"),
    ("default_env", {"A": "${{project.X}}"}, "default_env.A"),
    ("default_env", {"A": "a\0"}, "default_env.A"),
    ("default_env", {"A": "a\rb"}, "default_env.A"),
    ("notify_emails", "a@b.co", "notify_emails"),
    ("notify_emails", ["not an address"], "notify_emails"),
    ("notify_emails", ["a@b.co\nBcc: x@y.co"], "notify_emails[0]"),
    ("notify_emails", [f"a{n}@b.co" for n in range(21)], "notify_emails"),
    ("notify_emails", [7], "notify_emails[0]"),
    ("https", "no", "https"),
    ("https", None, "https"),
    ("certificate", "self", "certificate"),
    ("target", 7, "target"),
    ("server_id", "x; id", "server_id"),
    ("server_id", "x" * 61, "server_id"),
    ("secrets", ["Not A Name"], "secrets"),
    ("secrets", "setup_token", "secrets"),
    ("secrets", [], f"{S}.internal_provision_token_secret"),
    ("services", NONE, "services"),
    ("services", None, "services"),
    ("services", "backend", "services"),
    ("services", {}, "services"),
    ("services", [7], S),
    ("services", [{}], f"{S}.name"),
    ("services", [{"name": "a", "service_type": "web"}], f"{S}.service_type"),
    ("services", [{"name": "a", "service_type": "db"}], f"{S}.service_type"),
    (f"{S}.surprise", 1, f"{S}.surprise"),
    (f"{S}.name", "Not A Slug", f"{S}.name"),
    (f"{S}.name", "frontend", "services"),
    (f"{S}.name", "db", f"{S}.name"),
    (f"{S}.name", "database", f"{S}.name"),
    (f"{S}.name", "primary", f"{S}.name"),
    (f"{S}.name", "a/../b", f"{S}.name"),
    (f"{S}.order", "1", f"{S}.order"),
    (f"{S}.order", -1, f"{S}.order"),
    (f"{S}.order", 1.5, f"{S}.order"),
    (f"{S}.repo_url", "git@github.com:../x", f"{S}.repo_url"),
    (f"{S}.repo_url", "https://github.com/a/b\n", f"{S}.repo_url"),
    (f"{S}.repo_url", "https://github.com/" + "a" * 300, f"{S}.repo_url"),
    (f"{S}.repo_url", None, f"{S}.repo_url"),
    (f"{S}.compose_file", "services: {a: {image: b}}", f"{S}.repo_url"),
    (f"{S}.image", "nginx:1", f"{S}.repo_url"),
    (f"{S}.repo_branch", "main; id", f"{S}.repo_branch"),
    (f"{S}.repo_branch", "a..b", f"{S}.repo_branch"),
    (f"{S}.env", {"lower": "x"}, f"{S}.env"),
    (f"{S}.env", {"A": "${FRONTEND_NOPE}"}, f"{S}.env.A"),
    (f"{S}.env", {"A": "${SECRET_OTHER}"}, f"{S}.env.A"),
    (f"{S}.env", {"A": None}, f"{S}.env.A"),
    (f"{S}.port", 0, f"{S}.port"),
    (f"{S}.port", 65536, f"{S}.port"),
    (f"{S}.port", "80", f"{S}.port"),
    (f"{S}.port", 10**400, f"{S}.port"),
    (f"{S}.health_path", "health", f"{S}.health_path"),
    (f"{S}.health_path", "/x?y=1", f"{S}.health_path"),
    (f"{S}.health_path", "/../x", f"{S}.health_path"),
    (f"{S}.expected_status", "ok", f"{S}.expected_status"),
    (f"{S}.expected_status", ",".join(["200"] * 40), f"{S}.expected_status"),
    (f"{S}.health_retries", 51, f"{S}.health_retries"),
    (f"{S}.expose_domain", "yes", f"{S}.expose_domain"),
    (f"{S}.expose_domain", False, f"{S}.internal_provision_endpoint"),
    (f"{S}.internal_provision_endpoint", "https://evil/x", f"{S}.internal_provision_endpoint"),
    (f"{S}.internal_provision_endpoint", "x" * 201, f"{S}.internal_provision_endpoint"),
    (f"{S}.build_config", "nixpacks", f"{S}.build_config"),
    (f"{S}.build_config", {"surprise": 1}, f"{S}.build_config.surprise"),
    (f"{S}.build_config", {"type": "make"}, f"{S}.build_config.type"),
    (f"{S}.build_config", {"dockerfile": "../x"}, f"{S}.build_config.dockerfile"),
    (f"{S}.build_config", {"dockerfile": "-f"}, f"{S}.build_config.dockerfile"),
    (f"{S}.build_config", {"context_path": "/etc"}, f"{S}.build_config.context_path"),
    (f"{S}.build_config", {"publish_directory": "$(id)"}, f"{S}.build_config.publish_directory"),
    (f"{S}.build_config", {"build_path": "/../.."}, f"{S}.build_config.build_path"),
    (f"{S}.build_config", {"stage": "a b"}, f"{S}.build_config.stage"),
    (f"{S}.build_config", {"static_spa": "true"}, f"{S}.build_config.static_spa"),
    (f"{S}.build_config", {"ssh_key_id": "x y"}, f"{S}.build_config.ssh_key_id"),
    (f"{S}.build_config", {"build_command": "a\nb"}, f"{S}.build_config.build_command"),
    (f"{S}.build_config", {"build_command": "x ${NOPE}"}, f"{S}.build_config.build_command"),
    (f"{S}.build_config", {"start_command": "${{vault.X}}"}, f"{S}.build_config.start_command"),
    (f"{S}.build_config", {"args": "serve"}, f"{S}.build_config.args"),
    (f"{S}.build_config", {"args": ["a\0"]}, f"{S}.build_config.args[0]"),
    (f"{S}.build_config", {"args": ["x"] * 101}, f"{S}.build_config.args"),
]


def spoiled(path: str, value: object) -> dict[str, Any]:
    """The good product with one thing changed."""
    document = deepcopy(PRODUCT)
    place: Any = document
    if path.startswith(f"{S}."):
        place, path = document["services"][0], path.removeprefix(f"{S}.")
    if value == NONE:
        del place[path]
    else:
        place[path] = value
    return document


def test_the_good_product_is_good():
    data = checked(deepcopy(PRODUCT))
    assert data["services"][0]["build_config"]["type"] == "nixpacks"
    assert data["services"][1]["expose_domain"] is True
    assert data["db_image"] == "postgres:17.6"


@pytest.mark.parametrize(("path", "value", "field"), BAD, ids=lambda v: repr(v)[:40])
def test_each_bad_field_is_named(path: str, value: object, field: str):
    with pytest.raises(Invalid) as trouble:
        checked(spoiled(path, value))
    assert trouble.value.field == field
    assert str(trouble.value).startswith(f"{field}: ")
    assert len(str(trouble.value)) < 400
    assert "\n" not in str(trouble.value)


def test_nothing_is_stored_of_any_of_them(stage: Stage):
    stage.product()
    for path, value, _ in BAD:
        refused(stage, lambda p=path, v=value: stage.product(spoiled(p, v)))


def test_a_template_without_services_and_database_is_refused():
    with pytest.raises(Invalid, match="at least one service"):
        checked(spoiled("services", []) | {"db_required": False})


def test_a_product_of_a_database_alone_is_good():
    assert checked(spoiled("services", []))["services"] == []


def test_libsql_runs_its_own_image_only():
    assert "libsql-server" in checked(PRODUCT | {"db_type": "libsql"})["db_image"]
    with pytest.raises(Invalid, match="db_image"):
        checked(PRODUCT | {"db_type": "libsql", "db_image": "libsql:1"})


def test_an_image_has_no_branch():
    service = {"name": "web", "service_type": "frontend", "image": "a/b:1", "repo_branch": "main"}
    with pytest.raises(Invalid) as trouble:
        checked(PRODUCT | {"services": [service]})
    assert trouble.value.field == "services[0].repo_branch"


@pytest.mark.parametrize(
    "value", ["${JOBS_URL}", "${JOBS_HOSTNAME}", "${DATABASE_NAME}", "${DATABASE_USER}"]
)
def test_a_placeholder_that_would_never_have_a_value_is_refused_when_saved(value: str):
    jobs = {"name": "jobs", "service_type": "worker", "image": "a/b:1", "env": {"A": value}}
    with pytest.raises(Invalid) as trouble:
        checked(PRODUCT | {"services": [jobs], "db_type": "redis"})
    assert trouble.value.field == "services[0].env.A"


def test_what_people_type_is_kept_in_one_spelling():
    document = spoiled(f"{S}.expected_status", "200, 301-308")
    document |= {"name": " Acme   DMS ", "base_domain": "Delivery.Example.COM", "slug": None}
    document["description"] = "one\r\ntwo"
    document["services"][0]["build_config"] = {"build_path": "apps/api/"}
    data = checked(document)
    assert (data["name"], data["slug"]) == ("Acme DMS", "acme-dms")
    assert data["base_domain"] == "delivery.example.com"
    assert data["description"] == "one\ntwo"
    assert data["services"][0]["expected_status"] == "200,301-308"
    assert data["services"][0]["build_config"]["build_path"] == "/apps/api"


def test_commands_may_use_placeholders():
    document = spoiled(f"{S}.build_config", {"start_command": "serve --host ${BACKEND_HOSTNAME}"})
    assert checked(document)["services"][0]["build_config"]["start_command"]
