"""What a product's document may say: the values behind the shapes. Stores and reads nothing."""

from typing import Any

from tenantry.errors import Invalid
from tenantry.operations import secrets, service_checks
from tenantry.operations.shapes import TemplateShape, load
from tenantry.planning import databases, environment, health, inputs, naming

DB_SERVICE = "db"
EXPOSED_BY_DEFAULT = frozenset({"backend", "frontend"})


def checked(document: object) -> dict[str, Any]:
    """The document in its shape with every default filled in; Invalid names the first trouble."""
    data = load(TemplateShape(), document)
    data["name"] = " ".join(data["name"].split())
    if not data["name"]:
        raise Invalid("name", "must not be empty")
    data["slug"] = naming.slug(data["slug"]) if data["slug"] else naming.slug_from(data["name"])
    data["base_domain"] = naming.base_domain(data["base_domain"])
    data["notify_emails"] = list(inputs.emails(data["notify_emails"]))
    data["secrets"] = [secrets.name_of(name) for name in dict.fromkeys(data["secrets"])]
    if environment.API_KEY_SECRET in data["secrets"]:
        # A listed secret is made up where there is none; a made-up key would pause the target.
        raise Invalid(
            "secrets",
            "is the target's key: set it by itself, services never get it",
            environment.API_KEY_SECRET,
        )
    _check_database(data)
    if not data["services"] and not data["db_required"]:
        raise Invalid("services", "a product needs at least one service or a database")
    names = [service["name"] for service in data["services"]]
    doubled = {name for name in names if names.count(name) > 1}
    if doubled:
        raise Invalid("services", "names must be unique", min(doubled))
    for place, service in enumerate(data["services"]):
        _check_service(service, f"services[{place}]", data["secrets"])
    known = environment.known_names(
        names,
        data["secrets"],
        database=data["db_required"],
        kind=data["db_type"],
        exposed=[service["name"] for service in data["services"] if service["expose_domain"]],
        outside=bool(data["db_url_secret"]),
    )
    data["default_env"] = environment.check_values(data["default_env"], known, "default_env")
    for place, service in enumerate(data["services"]):
        service["env"] = environment.check_values(service["env"], known, f"services[{place}].env")
        service_checks.reaches(service, data["default_env"], f"services[{place}]")
        _check_commands(service["build_config"], f"services[{place}].build_config", known)
    return data


def _check_database(data: dict[str, Any]) -> None:
    if data["db_url_secret"] or data["db_type"] == databases.OUTSIDE:
        _check_outside(data)
    if not data["db_required"]:
        return
    kind = databases.facts(data["db_type"])
    if data["db_type"] == "libsql" and data["db_image"] not in {"", kind.image}:
        raise Invalid("db_image", f"libSQL always runs {kind.image}", data["db_image"])
    data["db_image"] = inputs.image(data["db_image"] or kind.image, "db_image")
    # A colon before the last slash is the port of a registry.
    if ":" not in data["db_image"].rpartition("/")[2]:
        raise Invalid("db_image", "must name a version (a tag or a digest)", data["db_image"])


def _check_outside(data: dict[str, Any]) -> None:
    """A database that somebody else runs: its URL is a secret, and nothing of it is planned."""
    if data["db_type"] != databases.OUTSIDE:
        raise Invalid("db_type", "must be others where db_url_secret is set", data["db_type"])
    if data["db_required"]:
        raise Invalid("db_required", "must be false: a database outside is not brought up by us")
    if data["db_url_secret"] not in data["secrets"]:
        raise Invalid(
            "db_url_secret", "must name the secret that holds the URL, listed under secrets"
        )


def _check_service(service: dict[str, Any], at: str, listed: list[str]) -> None:
    service["name"] = naming.slug(service["name"], f"{at}.name")
    if service["name"] == DB_SERVICE:
        raise Invalid(f"{at}.name", "db is the name of the database; set db_required instead")
    if environment.collides(service["name"]):
        raise Invalid(
            f"{at}.name", "makes placeholders that mean something else already", service["name"]
        )
    service_checks.source(service, at)
    inputs.health_path(service["health_path"], f"{at}.health_path")
    service["expected_status"] = health.expected_status(
        service["expected_status"], f"{at}.expected_status"
    )
    if service["expose_domain"] is None:
        service["expose_domain"] = service["service_type"] in EXPOSED_BY_DEFAULT
    _check_build(service["build_config"], f"{at}.build_config")
    service_checks.running(service, at)
    if service["internal_provision_endpoint"]:
        inputs.provision_path(
            service["internal_provision_endpoint"], f"{at}.internal_provision_endpoint"
        )
        if not service["expose_domain"]:
            raise Invalid(
                f"{at}.internal_provision_endpoint", "needs a hostname: set expose_domain"
            )
    token = service["internal_provision_token_secret"]
    if token and token not in listed:
        raise Invalid(
            f"{at}.internal_provision_token_secret", "must be listed under secrets", token
        )


def _check_build(build: dict[str, Any], at: str) -> None:
    for name in ("dockerfile", "context_path", "publish_directory"):
        if build[name]:
            inputs.file_path(build[name], f"{at}.{name}")
    path = build["build_path"].strip("/").removeprefix(".")
    build["build_path"] = "/" + inputs.file_path(path, f"{at}.build_path")
    if build["stage"] and not naming.SLUG.fullmatch(build["stage"]):
        raise Invalid(f"{at}.stage", "must be the plain name of a build stage", build["stage"])


TAKES_COMMANDS = ("nixpacks", "railpack")


def _check_commands(build: dict[str, Any], at: str, known: frozenset[str]) -> None:
    """Both are handed over as environment variables, so the same rules hold for them."""
    for name in ("build_command", "start_command"):
        if build[name] and build["type"] not in TAKES_COMMANDS:
            raise Invalid(
                f"{at}.{name}", f"is read by {' and '.join(TAKES_COMMANDS)} only", build["type"]
            )
        if build[name]:
            try:
                environment.check_values({"VALUE": build[name]}, known)
            except Invalid as trouble:
                raise Invalid(f"{at}.{name}", trouble.rule) from None
