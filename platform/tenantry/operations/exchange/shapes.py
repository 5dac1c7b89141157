"""What a document may hold. Unknown keys are errors: ids of another installation have no place."""

from collections import Counter
from typing import Any

from marshmallow import fields, validate

from tenantry.errors import Invalid
from tenantry.operations.shapes import Flag, Strict, Text, load
from tenantry.planning.documents import parse

VERSION = "1.0"
MAJOR = "1"
MOST_BYTES = 20_000_000
MOST_NODES = 500_000
# Seed 001 says postgresql; the rest are our own words.
TYPE_NAMES = {"postgres": "postgresql"}


class VariableShape(Strict):
    """A variable; a secret one comes without its value."""

    key = Text(required=True)
    # Any text that dotenv can carry, which is judged where it is set.
    value = fields.Raw(load_default=None, allow_none=True)
    secret = Flag(load_default=False)


class DomainShape(Strict):
    """An additional hostname of an application."""

    host = Text(required=True)
    redirectToPrimary = Flag(load_default=False)  # noqa: N815 — the document's own spelling


class ApplicationShape(Strict):
    """One service of a tenant; what follows the product says so by not standing here."""

    name = Text(required=True)
    repository = Text(load_default=None, allow_none=True)
    branch = Text(load_default=None, allow_none=True)
    image = Text(load_default=None, allow_none=True)
    overridden = Flag(load_default=False)
    buildCommand = Text(load_default=None, allow_none=True)  # noqa: N815 — as above
    startCommand = Text(load_default=None, allow_none=True)  # noqa: N815 — as above
    replicas = fields.Raw(load_default=None, allow_none=True)
    limits = fields.Dict(load_default=None, allow_none=True)
    domains = fields.List(fields.Raw(), load_default=list)
    environment = fields.List(fields.Nested(VariableShape), load_default=list)


class DatabaseShape(Strict):
    """The database of a tenant."""

    name = Text(required=True)
    type = Text(required=True)
    version = fields.Raw(required=True)
    limits = fields.Dict(load_default=None, allow_none=True)
    backupSchedule = Text(load_default=None, allow_none=True)  # noqa: N815 — as above
    backupRetention = fields.Raw(load_default=None, allow_none=True)  # noqa: N815 — as above
    backupDestination = Text(load_default=None, allow_none=True)  # noqa: N815 — as above
    backupGate = Flag(load_default=None, allow_none=True)  # noqa: N815 — as above
    backupEnabled = Flag(load_default=None, allow_none=True)  # noqa: N815 — as above
    backupOverdueHours = fields.Raw(load_default=None, allow_none=True)  # noqa: N815 — as above


class TenantEntry(Strict):
    """One client."""

    subdomain = Text(required=True)
    name = Text(required=True)
    product = Text(required=True)
    clientRef = Text(load_default=None, allow_none=True)  # noqa: N815 — as above
    target = Text(load_default=None, allow_none=True)
    notifyEmails = fields.List(Text(), load_default=list)  # noqa: N815 — as above
    applications = fields.List(fields.Nested(ApplicationShape), load_default=list)
    databases = fields.List(fields.Nested(DatabaseShape), load_default=list)
    environment = fields.List(fields.Nested(VariableShape), load_default=list)
    secrets = fields.List(Text(), load_default=list)


class BackupEntry(Strict):
    """The backup policy of a product."""

    destination = Text(required=True)
    schedule = Text(required=True)
    retention = fields.Raw(required=True)
    gate = Flag(load_default=True)
    enabled = Flag(load_default=True)
    overdueHours = fields.Raw(load_default=36)  # noqa: N815 — as above


class ProductEntry(Strict):
    """A product: its own document, as `tenantry template show` writes it."""

    template = fields.Dict(required=True)
    backup = fields.Nested(BackupEntry, load_default=None, allow_none=True)


class ExportShape(Strict):
    """The whole."""

    version = fields.Raw(required=True)
    products = fields.List(fields.Nested(ProductEntry), load_default=list)
    tenants = fields.List(
        fields.Nested(TenantEntry), load_default=list, validate=validate.Length(max=10_000)
    )


def read(text: str) -> dict[str, Any]:
    """
    A document in its shape. Invalid names what is wrong: an unknown major version, an unknown key
    (ids have none), aliases, too much depth or size.
    """
    raw = parse(text, most_bytes=MOST_BYTES, most_nodes=MOST_NODES)
    version = raw.get("version") if isinstance(raw, dict) else None
    if str(version).partition(".")[0] != MAJOR:
        raise Invalid("version", f"must be {MAJOR}.x; this is another kind of document", version)
    data = load(ExportShape(), raw)
    counted = Counter(entry["subdomain"].lower() for entry in data["tenants"])
    doubled = sorted(name for name, number in counted.items() if number > 1)
    if doubled:
        raise Invalid("tenants", "a subdomain stands twice", doubled[0])
    return data
