"""Products as documents: YAML or JSON in, YAML out, and what comes out leads back to the same."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tenantry.errors import Invalid
from tenantry.models import ProjectTemplate
from tenantry.operations.shapes import ServiceShape, TemplateShape
from tenantry.operations.templates import snapshot
from tenantry.planning.documents import MOST_BYTES, parse

__all__ = ["dump", "parse", "read", "write"]


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


def write(template: ProjectTemplate, secrets: Mapping[int, str]) -> str:
    """
    A product as YAML, without what would be assumed anyway.

    `secrets` are the product's own, id → name; values never leave the vault.
    """
    # The secret of a database outside is listed also while it has no value.
    named = {*secrets.values(), template.db_url_secret} - {None}
    frozen = snapshot(template) | {
        "active": template.active,
        "secrets": sorted(filter(None, named)),
    }
    services = [
        {**item, "internal_provision_token_secret": secrets.get(item["token_secret_id"])}
        for item in frozen["services"]
        if item["service_type"] != "db"
    ]
    document = _short(frozen, TemplateShape(), keep=("name", "slug", "base_domain", "db_type"))
    document["services"] = [
        _short(item, ServiceShape(), keep=("name", "service_type")) for item in services
    ]
    return dump(document)


def dump(document: Any) -> str:
    """A document as YAML, in its own order."""
    return str(yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100))


def _short(values: Mapping[str, Any], shape: Any, *, keep: tuple[str, ...]) -> dict[str, Any]:
    """Fields of the shape, in its order, that differ from what the shape assumes."""
    found = {}
    for name, field in shape.fields.items():
        assumed = field.load_default() if callable(field.load_default) else field.load_default
        if name in values and name != "services" and (name in keep or values[name] != assumed):
            found[name] = values[name]
    return found
