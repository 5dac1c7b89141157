"""
Products as documents: YAML or JSON in, YAML out.

No aliases (a few lines of them unfold to gigabytes), at most 1 MB, 32 levels and 10,000 nodes; a
key that stands twice is an error, not a silent winner. What comes out leads back to the same
product.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tenantry.errors import Invalid
from tenantry.models import ProjectTemplate
from tenantry.operations.shapes import ServiceShape, TemplateShape
from tenantry.operations.templates import snapshot

MOST_BYTES = 1_000_000
MOST_NODES = 10_000
DEEPEST = 32


class _Loader(yaml.SafeLoader):
    """SafeLoader with limits."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._nodes = 0
        self._depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise Invalid("document", "must not use aliases (&name, *name)")
        self._nodes += 1
        self._depth += 1
        if self._nodes > MOST_NODES or self._depth > DEEPEST:
            raise Invalid("document", f"must have at most {MOST_NODES} nodes and {DEEPEST} levels")
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise Invalid("document", "keys must be text", key)
            if key in seen:
                raise Invalid(str(key), "stands twice in the same object")
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


def read(path: Path) -> Any:
    """The document of a file; Invalid says what is wrong with it, with the line."""
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError as trouble:
        raise Invalid("file", f"cannot be read: {trouble.strerror}", str(path)) from None
    if len(raw) > MOST_BYTES:
        raise Invalid("file", f"must have at most {MOST_BYTES} bytes")
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise Invalid("file", "must be UTF-8 text") from None
    return parse(text)


def parse(text: str) -> Any:
    """The same for text, of at most as many characters."""
    if len(text) > MOST_BYTES:
        raise Invalid("document", f"must have at most {MOST_BYTES} characters")
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 — a SafeLoader with limits
    except yaml.MarkedYAMLError as trouble:
        mark = trouble.problem_mark
        where = f" in line {mark.line + 1}" if mark else ""
        raise Invalid("document", f"is not YAML{where}: {trouble.problem}") from None
    except (yaml.YAMLError, RecursionError):
        raise Invalid("document", "is not YAML") from None
    except (ValueError, LookupError, AttributeError, TypeError):
        # What the library raises for `2024-13-45`, `!!int x`, a number of 5,000 digits.
        raise Invalid(
            "document", "holds a date, a number or a tag that YAML cannot read; quote it"
        ) from None


def write(template: ProjectTemplate, secrets: Mapping[int, str]) -> str:
    """
    A product as YAML, without what would be assumed anyway.

    `secrets` are the product's own, id → name; values never leave the vault.
    """
    frozen = snapshot(template) | {"active": template.active, "secrets": sorted(secrets.values())}
    services = [
        {**item, "internal_provision_token_secret": secrets.get(item["token_secret_id"])}
        for item in frozen["services"]
        if item["service_type"] != "db"
    ]
    document = _short(frozen, TemplateShape(), keep=("name", "slug", "base_domain", "db_type"))
    document["services"] = [
        _short(item, ServiceShape(), keep=("name", "service_type")) for item in services
    ]
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)


def _short(values: Mapping[str, Any], shape: Any, *, keep: tuple[str, ...]) -> dict[str, Any]:
    """Fields of the shape, in its order, that differ from what the shape assumes."""
    found = {}
    for name, field in shape.fields.items():
        assumed = field.load_default() if callable(field.load_default) else field.load_default
        if name in values and name != "services" and (name in keep or values[name] != assumed):
            found[name] = values[name]
    return found
