"""Dotenv text of an application with its references to project and environment filled in."""

import re
from typing import Final

from dokploy_simulator.store import Row, Store

_REFERENCE: Final = re.compile(r"\$\{\{(project|environment)\.([^}]+)\}\}")
_ASSIGNMENT: Final = re.compile(
    r"""^\s*(?:export\s+)?([\w.-]+)\s*=\s*("(?:[^"\\]|\\.)*"|'[^']*'|`[^`]*`|[^\n#]*)""",
    re.MULTILINE | re.DOTALL,
)


class UnknownReferenceError(Exception):
    """A reference names nothing; the deploy fails before anything is fetched."""


def parse_dotenv(text: str | None) -> dict[str, str]:
    """Names and values; quotes around a value are taken off, the last of two names wins."""
    values: dict[str, str] = {}
    for name, value in _ASSIGNMENT.findall(text or ""):
        bare = value.strip()
        if bare[:1] in {'"', "'", "`"} and bare[-1:] == bare[:1]:
            bare = bare[1:-1]
        values[name] = bare
    return values


def resolved_env(store: Store, application: Row) -> list[str]:
    """``NAME=value`` lines for the engine. Raises UnknownReferenceError."""
    environment = store.get("environment", application["environmentId"]) or {}
    project = store.get("project", environment.get("projectId")) or {}
    known = {
        "project": parse_dotenv(project.get("env")),
        "environment": parse_dotenv(environment.get("env")),
    }

    def fill(found: re.Match[str]) -> str:
        scope, name = found.groups()
        if name not in known[scope]:
            raise UnknownReferenceError(
                f"Invalid {scope} environment variable: {scope}.{name}",
            )
        return known[scope][name]

    values = parse_dotenv(application["env"])
    return [f"{name}={_REFERENCE.sub(fill, value)}" for name, value in values.items()]
