"""Fields of a product and of its services as a form holds them, and as a document does."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tenantry.planning.environment import MASK, speaks_of_secret

SOURCES = ("git", "image", "compose")
MOST_SERVICES = 30


@dataclass(frozen=True, slots=True)
class Field:
    """
    One field: its path in the document, how text becomes its value, and what an empty one means.

    `kind` is one of text, number, decimal, flag, lines, env, volumes.
    """

    path: str
    kind: str = "text"
    empty: Any = None

    @property
    def name(self) -> str:
        """In the form."""
        return self.path


PRODUCT = (
    Field("name", empty=""),
    Field("slug"),
    Field("description", empty=""),
    Field("base_domain", empty=""),
    Field("https", "flag"),
    Field("certificate", empty="letsencrypt"),
    Field("target", empty="main"),
    Field("server_id"),
    Field("notify_emails", "lines"),
    Field("secrets", "lines"),
    Field("default_env", "env"),
    Field("active", "flag"),
)
SERVICE = (
    Field("name", empty=""),
    Field("service_type", empty="backend"),
    Field("order", "number", 1),
    Field("repo_url"),
    Field("repo_branch"),
    Field("image"),
    Field("compose_file"),
    Field("compose_service"),
    Field("port", "number", 3000),
    Field("expose_domain", "flag"),
    Field("health_path", empty="/"),
    Field("expected_status", empty="200-399"),
    Field("health_retries", "number", 8),
    Field("internal_provision_endpoint"),
    Field("internal_provision_token_secret"),
    Field("env", "env"),
    Field("replicas", "number", 1),
    Field("limits.cpu_cores", "decimal"),
    Field("limits.memory_mb", "number"),
    Field("stop_first", "flag"),
    Field("volumes", "volumes"),
    Field("build_config.type", empty="nixpacks"),
    Field("build_config.dockerfile", empty="Dockerfile"),
    Field("build_config.context_path", empty=""),
    Field("build_config.stage", empty=""),
    Field("build_config.publish_directory"),
    Field("build_config.static_spa", "flag"),
    Field("build_config.build_path", empty="/"),
    Field("build_config.ssh_key_id"),
    Field("build_config.submodules", "flag"),
    Field("build_config.build_command"),
    Field("build_config.start_command"),
    Field("build_config.args", "lines"),
)
# What a source other than the chosen one would hold.
OF_SOURCE: Mapping[str, tuple[str, ...]] = {
    "git": ("repo_url", "repo_branch"),
    "image": ("image",),
    "compose": ("compose_file", "compose_service"),
}


class Unreadable(ValueError):
    """Text that is no value of its kind; its words stand beside the field."""


def to_text(field: Field, value: Any) -> str:
    """As the form shows it; secret values are masked."""
    if value is None:
        return ""
    if field.kind == "flag":
        return "1" if value else ""
    if field.kind == "lines":
        return "\n".join(str(item) for item in value)
    if field.kind == "volumes":
        return "\n".join(f"{item['name']}: {item['path']}" for item in value)
    if field.kind == "env":
        return env_text(value)
    return str(value)


def env_text(env: Mapping[str, Any]) -> str:
    """
    One KEY=VALUE in a line, secret values masked.

    A value that no line can hold stands masked too, and stays as it is.
    """
    lines = []
    for key, value in env.items():
        hidden = speaks_of_secret(key, str(value)) or "\n" in str(value)
        lines.append(f"{key}={MASK if hidden else value}")
    return "\n".join(lines)


def to_value(field: Field, text: str) -> Any:
    """As the document holds it; Unreadable where it is none."""
    plain = text.replace("\r\n", "\n")
    if field.kind == "flag":
        return plain == "1"
    if field.kind == "lines":
        return [line.strip() for line in plain.split("\n") if line.strip()]
    if field.kind == "env":
        return _env(plain)
    if field.kind == "volumes":
        return _volumes(plain)
    if field.path == "compose_file":
        return plain if plain.strip() else field.empty
    plain = plain.strip()
    if not plain:
        return field.empty
    if field.kind == "number":
        return _number(plain)
    return _decimal(plain) if field.kind == "decimal" else plain


def _number(text: str) -> int:
    if not text.removeprefix("-").isascii() or not text.removeprefix("-").isdigit():
        raise Unreadable("Write a whole number.")
    return int(text[:12])


def _decimal(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise Unreadable("Write a number, such as 0.5.") from None
    if value != value or abs(value) > 10**9:  # noqa: PLR0124 — the test for what is no number
        raise Unreadable("Write a number, such as 0.5.")
    return value


def _env(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        key, sign, value = line.partition("=")
        if not sign:
            raise Unreadable(f"Line {number} must be KEY=VALUE.")
        if key.strip() in found:
            raise Unreadable(f"Line {number}: {key.strip()} stands there already.")
        found[key.strip()] = value
    return found


def _volumes(text: str) -> list[dict[str, str]]:
    found = []
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            name, sign, path = line.partition(":")
            if not sign:
                raise Unreadable(f"Line {number} must be name: /path.")
            found.append({"name": name.strip(), "path": path.strip()})
    return found
