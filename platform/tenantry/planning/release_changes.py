"""What differs between two releases of a product, in words. Pure; secrets are masked."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tenantry.planning.environment import MASK, speaks_of_secret

NONE = ""
LABELS: Mapping[str, str] = {
    "base_domain": "base domain",
    "db_required": "own database",
    "db_type": "kind of database",
    "db_image": "database image",
    "db_url_secret": "secret with the database's URL",
    "notify_emails": "told of outcomes",
    "https": "HTTPS",
    "server_id": "server",
    "service_type": "type",
    "repo_url": "repository",
    "repo_branch": "branch or tag",
    "compose_file": "compose file",
    "compose_service": "service in the compose file",
    "health_path": "health path",
    "expected_status": "expected status",
    "health_retries": "health retries",
    "expose_domain": "has a hostname",
    "internal_provision_endpoint": "provisioning address",
    "token_secret_id": "provisioning token",
    "stop_first": "stops before it starts",
    "build_config": "build",
    "limits": "limit",
}
# Told key by key.
ENVIRONMENTS = frozenset({"default_env", "env"})
APART = frozenset({"services", "id", "name"})
LONGEST = 300


@dataclass(frozen=True, slots=True)
class Change:
    """
    One difference: `where` is a service or empty for the product, `what` the field in words.

    `before` and `after` are text; empty means that it was or is not there.
    """

    where: str
    what: str
    before: str
    after: str


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Every difference, the product's own first, then service by service in their new order."""
    found = list(_fields("", before, after, with_name=True))
    old = {item["name"]: item for item in before.get("services", ())}
    new = {item["name"]: item for item in after.get("services", ())}
    for name, item in new.items():
        if name not in old:
            found.append(Change(name, "service", NONE, _summary(item)))
        else:
            found += _fields(name, old[name], item, with_name=False)
    found += [Change(n, "service", _summary(item), NONE) for n, item in old.items() if n not in new]
    return found


def _fields(
    where: str, before: Mapping[str, Any], after: Mapping[str, Any], *, with_name: bool
) -> Iterator[Change]:
    apart = APART - ({"name"} if with_name else set())
    for name in dict.fromkeys((*after, *before)):
        if name in apart:
            continue
        old, new = before.get(name), after.get(name)
        if name in ENVIRONMENTS:
            yield from _keys(where, old or {}, new or {})
        elif isinstance(old or new, Mapping):
            yield from _inside(where, name, old or {}, new or {})
        elif _shown(name, old) != _shown(name, new):
            yield Change(where, _label(name), _shown(name, old), _shown(name, new))
        elif old != new and name in {"token_secret_id", "compose_file"}:
            yield Change(where, _label(name), "one", "another")


def _keys(where: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    for key in sorted({*before, *after}):
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        before_text, after_text = _value(key, old), _value(key, new)
        if before_text == after_text:
            after_text = f"{MASK} another"
        yield Change(where, f"environment {key}", before_text, after_text)


def _value(key: str, value: Any) -> str:
    if value is None:
        return NONE
    return MASK if speaks_of_secret(key, str(value)) else _cut(value) or "“”"


def _inside(
    where: str, name: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[Change]:
    for key in sorted({*before, *after}):
        old, new = _shown(key, before.get(key)), _shown(key, after.get(key))
        if old != new:
            yield Change(where, f"{_label(name)}: {_label(key)}", old, new)


def _label(name: str) -> str:
    return LABELS.get(name, name.replace("_", " "))


def _shown(name: str, value: Any) -> str:
    if value is None or value in ("", [], {}):
        return NONE
    if name == "compose_file":
        return f"{str(value).count(chr(10)) + 1} lines"
    if name == "token_secret_id":
        return "set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_item(item) for item in value)
    return _cut(value)


def _item(value: Any) -> str:
    if isinstance(value, Mapping):
        return " at ".join(str(value[key]) for key in ("name", "path") if key in value)
    return str(value)


def _cut(value: Any) -> str:
    text = str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _summary(item: Mapping[str, Any]) -> str:
    source = item.get("image") or item.get("repo_url") or "compose file"
    if item.get("service_type") == "db":
        source = "database"
    return f"{item.get('service_type', '')}, {source}"
