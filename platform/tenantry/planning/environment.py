"""
Environment values: layers, placeholders and the dotenv text that a target stores.

Placeholders are `${UPPER_NAME}` from a fixed list and nothing else: stored text is never a
template language. The list is documented in docs/environment.md.
"""

import re
from collections.abc import Iterable, Mapping

from tenantry.errors import Invalid
from tenantry.planning.blueprint import EnvLayer
from tenantry.planning.inputs import env_key

PLACEHOLDER = re.compile(r"\$\{([^{}]*)\}")
NAME = re.compile(r"[A-Z][A-Z0-9_]*")
SIMPLE = re.compile(r"[A-Za-z0-9_./:@%+,=?&!^~\[\]{}()*;<>|-]+")
LONGEST_VALUE = 32_768

FIXED_NAMES: Mapping[str, str] = {
    "TENANT_ID": "public id of the tenant",
    "TENANT_NAME": "the client's name",
    "TENANT_SUBDOMAIN": "the tenant's subdomain",
    "BASE_DOMAIN": "the product's base domain",
    "PRIMARY_HOSTNAME": "the hostname of the first exposed service",
    "PRIMARY_URL": "the same with its scheme",
    "DATABASE_URL": "connection URL of the tenant's database",
    "DATABASE_HOST": "internal host name of the database",
    "DATABASE_PORT": "its port",
    "DATABASE_NAME": "its name",
    "DATABASE_USER": "its user",
    "DATABASE_PASSWORD": "its generated password",
}
SERVICE_SUFFIXES: Mapping[str, str] = {
    "_HOSTNAME": "public hostname of the service of that name",
    "_URL": "the same with its scheme",
    "_INTERNAL_HOST": "host name inside the target's network",
}


def names_in(value: str) -> tuple[str, ...]:
    """The placeholders of a value, in order; Invalid for what looks like one and is not."""
    if "${{" in value:
        raise Invalid("env", "must not contain ${{, which Dokploy reads as its own reference")
    found = []
    for match in PLACEHOLDER.finditer(value):
        if not NAME.fullmatch(match[1]):
            raise Invalid("env", "placeholders are ${UPPER_NAME}", match[0])
        found.append(match[1])
    return tuple(found)


def known_names(
    services: Iterable[str], secrets: Iterable[str], *, database: bool
) -> frozenset[str]:
    """Every placeholder that a template with these services and secrets may use."""
    names = {n for n in FIXED_NAMES if database or not n.startswith("DATABASE_")}
    for service in services:
        names |= {constant(service) + suffix for suffix in SERVICE_SUFFIXES}
    return frozenset(names | {f"SECRET_{constant(secret)}" for secret in secrets})


def constant(name: str) -> str:
    """`search-worker` → `SEARCH_WORKER`."""
    return re.sub(r"[^A-Z0-9]+", "_", name.upper())


def check_values(values: object, known: frozenset[str], field: str = "env") -> dict[str, str]:
    """Keys, types, placeholders and what dotenv can carry; Invalid names the key."""
    if not isinstance(values, Mapping):
        raise Invalid(field, "must be an object of KEY: text")
    checked: dict[str, str] = {}
    for key, value in values.items():
        env_key(key, field)
        if not isinstance(value, str):
            raise Invalid(f"{field}.{key}", "must be text; quote numbers and booleans")
        if len(value) > LONGEST_VALUE or "\0" in value:
            raise Invalid(f"{field}.{key}", f"must have at most {LONGEST_VALUE} characters, no NUL")
        for name in _named(key, value, field):
            if name not in known:
                raise Invalid(f"{field}.{key}", "uses a placeholder that does not exist", name)
        quote(f"{field}.{key}", value)
        checked[key] = value
    return checked


def _named(key: str, value: str, field: str) -> tuple[str, ...]:
    try:
        return names_in(value)
    except Invalid as trouble:
        raise Invalid(f"{field}.{key}", trouble.rule) from None


def effective(layers: Iterable[EnvLayer]) -> dict[str, tuple[str, str]]:
    """KEY → (value, source of the layer that won); later layers win."""
    merged: dict[str, tuple[str, str]] = {}
    for layer in layers:
        for key, value in layer.values.items():
            merged[key] = (value, layer.source)
    return merged


def resolve(values: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    """Fills the placeholders in; Invalid names a key whose placeholder has no value here."""
    return {key: _fill(key, value, names) for key, value in values.items()}


def _fill(key: str, value: str, names: Mapping[str, str]) -> str:
    missing = [name for name in names_in(value) if name not in names]
    if missing:
        raise Invalid(f"env.{key}", "has no value for its placeholder", missing[0])
    # One pass: a filled-in value is never looked at again for placeholders.
    return PLACEHOLDER.sub(lambda match: names[match[1]], value)


def dotenv(values: Mapping[str, str]) -> str:
    """The text that a dotenv reader takes back to exactly these values, in key order."""
    return "\n".join(f"{key}={quote(key, values[key])}" for key in sorted(values))


def quote(key: str, value: str) -> str:
    r"""
    One value in dotenv syntax; Invalid where dotenv cannot carry it.

    Single quotes and backticks are literal, double quotes read \\n and \\r as line ends, and
    unquoted text ends at # or a line end. A trailing backslash would escape the closing quote.
    """
    if "\r" in value:
        raise Invalid(key, "holds a carriage return, which dotenv cannot carry")
    if value == "" or SIMPLE.fullmatch(value):
        return value
    if not value.endswith("\\"):
        for mark in "'`":
            if mark not in value:
                return f"{mark}{value}{mark}"
        if '"' not in value and "\\n" not in value and "\\r" not in value:
            return f'"{value}"'
    unquoted = value == value.strip() and value[0] not in "'`\"" and not set("#\n") & set(value)
    if unquoted:
        return value
    raise Invalid(key, "mixes all three quotes with # or a line end: dotenv cannot carry it")
