"""The environment keys of a product, with what there is to say about each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tenantry.journal import Redactor
from tenantry.models import ProjectTemplate
from tenantry.planning.environment import (
    FIXED_NAMES,
    MASK,
    PLACEHOLDER,
    SERVICE_SUFFIXES,
    speaks_of_secret,
)


@dataclass(frozen=True, slots=True)
class Key:
    """One key: what the product sets it to (masked where secret), for which services, and help."""

    name: str
    shown: str
    secret: bool
    used_by: str
    help: str


def keys_of(template: ProjectTemplate) -> list[Key]:
    """Every key of the product and its active services, by name."""
    found: dict[str, list[tuple[str, str]]] = {}
    for key, value in template.default_env.items():
        found.setdefault(key, []).append(("every service", str(value)))
    for service in template.services:
        if service.active:
            for key, value in service.default_env.items():
                found.setdefault(key, []).append((service.name, str(value)))
    return [_key(name, found[name]) for name in sorted(found)]


def _key(name: str, places: list[tuple[str, str]]) -> Key:
    values = list(dict.fromkeys(value for _, value in places))
    secret = any(speaks_of_secret(name, value) for value in values)
    redact = Redactor().redact
    shown = MASK if secret else " or ".join(redact(value) for value in values)
    used_by = ", ".join(dict.fromkeys(place for place, _ in places))
    says = "; ".join(dict.fromkeys(meanings(value) for value in values if meanings(value)))
    return Key(name, shown, secret, used_by, says)


def meanings(value: str) -> str:
    """What the placeholders of a value stand for."""
    names = dict.fromkeys(match[1] for match in PLACEHOLDER.finditer(value))
    return "; ".join(f"${{{name}}}: {meaning(name)}" for name in names)


def meaning(name: str) -> str:
    """What one placeholder stands for."""
    if name in FIXED_NAMES:
        return FIXED_NAMES[name]
    if name.startswith("SECRET_"):
        return f"the product's secret {name.removeprefix('SECRET_').lower()}"
    for suffix, words in SERVICE_SUFFIXES.items():
        if name.endswith(suffix):
            owner = name.removesuffix(suffix).lower().replace("_", "-")
            return f"{words.replace('of the service of that name', f'of {owner}')} ({owner})"
    return "a value that is filled in at deploy time"


def described(names: Any) -> Mapping[str, str]:
    """Placeholders with their meanings, for an editor's list."""
    return {name: meaning(name) for name in sorted(names)}
