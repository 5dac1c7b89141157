"""
Environment values: layers, placeholders and the dotenv text that a target stores.

Placeholders are `${UPPER_NAME}` from a fixed list and nothing else: stored text is never a
template language. The list is documented in docs/environment.md.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tenantry.errors import Invalid
from tenantry.planning.blueprint import EnvLayer
from tenantry.planning.databases import FACTS
from tenantry.planning.inputs import env_key

PLACEHOLDER = re.compile(r"\$\{([^{}]*)\}")
NAME = re.compile(r"[A-Z][A-Z0-9_]*")
SIMPLE = re.compile(r"[A-Za-z0-9_./:@%+,=?&!^~\[\]{}()*;<>|-]+")
# Blanks may stand inside, not at the ends: readers trim them, and not all trim the same ones.
UNQUOTED = re.compile(r"[^\s'\"`#\ufeff](?:[^\n#\u2028\u2029]*[^\s#\ufeff])?")
REFERENCE = "${{"
# What the name of a variable gives away; people type passwords everywhere.
MASK = "••••••••"
SECRET_KEY = re.compile(r"PASS|SECRET|TOKEN|PRIVATE|CREDENTIAL|API_?KEY", re.IGNORECASE)
# What is refused beside it for values that are kept in clear.
CLEAR_KEY = re.compile(r"(?:^|_)(?:KEY|PWD|AUTH|DSN)$", re.IGNORECASE)
CLEAR_VALUE = re.compile(
    r"-----BEGIN |://[^\s:/@]*:[^\s@/$]+@|\b(?:[sr]k_(?:live|test)_|gh[pousr]_|github_pat_|glpat-"
    r"|xox[abprs]-|AKIA[0-9A-Z]{12}|eyJ[\w-]{8,}\.)"
)
LONGEST_VALUE = 32_768
# Opens the target itself: no tenant's application ever gets it.
API_KEY_SECRET = "dokploy_api_key"  # noqa: S105 — the name of a secret
DATABASE_URL = "DATABASE_URL"

FIXED_NAMES: Mapping[str, str] = {
    "TENANT_ID": "public id of the tenant",
    "TENANT_NAME": "the client's name",
    "TENANT_SUBDOMAIN": "the tenant's subdomain",
    "BASE_DOMAIN": "the product's base domain",
    "PRIMARY_HOSTNAME": "the bare hostname: the frontend's, else the first exposed service's",
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
    _no_reference("env", value)
    found = []
    for match in PLACEHOLDER.finditer(value):
        if not NAME.fullmatch(match[1]):
            raise Invalid("env", "placeholders are ${UPPER_NAME}", match[0])
        found.append(match[1])
    if value.count("${") != len(found):
        raise Invalid("env", "placeholders are ${UPPER_NAME}, closed by }")
    return tuple(found)


def _no_reference(key: str, value: str) -> None:
    if REFERENCE in value:
        raise Invalid(key, "must not contain ${{, which Dokploy reads as its own reference")


def known_names(
    services: Iterable[str],
    secrets: Iterable[str],
    *,
    database: bool,
    kind: str | None = None,
    exposed: Iterable[str] | None = None,
    outside: bool = False,
) -> frozenset[str]:
    """
    Every placeholder that a template with these services and secrets may use.

    `kind` leaves out what such a database does not have; `exposed` (None: all of them) are the
    services that have a hostname. Of a database `outside` only the URL is known. The API key of a
    target is never among the secrets.
    """
    services = tuple(services)
    public = set(services if exposed is None else exposed)
    names = set(FIXED_NAMES) if database else {n for n in FIXED_NAMES if not _of_database(n)}
    names |= {DATABASE_URL} if outside else set()
    if not public and exposed is not None:
        names -= {"PRIMARY_HOSTNAME", "PRIMARY_URL"}
    facts = FACTS.get(kind or "")
    if facts:
        names -= set() if facts.has_name else {"DATABASE_NAME"}
        names -= set() if facts.has_user else {"DATABASE_USER"}
    for service in services:
        suffixes = SERVICE_SUFFIXES if service in public else ("_INTERNAL_HOST",)
        names |= {constant(service) + suffix for suffix in suffixes}
    return frozenset(names | {f"SECRET_{constant(s)}" for s in secrets if s != API_KEY_SECRET})


def _of_database(name: str) -> bool:
    return name.startswith("DATABASE_")


def collides(service: str) -> bool:
    """Whether the placeholders of a service of this name would read like other ones."""
    names = {constant(service) + suffix for suffix in SERVICE_SUFFIXES}
    return bool(names & FIXED_NAMES.keys()) or constant(service).startswith("SECRET_")


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
        if len(value) > LONGEST_VALUE or "\0" in value or not is_unicode(value):
            raise Invalid(
                f"{field}.{key}", f"must have at most {LONGEST_VALUE} characters of text, no NUL"
            )
        for name in _named(key, value, field):
            if name not in known:
                raise Invalid(f"{field}.{key}", "uses a placeholder that does not exist", name)
        quote(f"{field}.{key}", value)
        checked[key] = value
    return checked


def check_overrides(values: object, known: frozenset[str], field: str = "env") -> dict[str, str]:
    """
    The same for what is given for one deployment alone, whose blueprint keeps it in clear.

    Invalid for a key or value that speaks of a secret, unless it is a mere placeholder.
    """
    checked = check_values(values, known, field)
    for key, value in checked.items():
        clear = CLEAR_KEY.search(key) and value and not PLACEHOLDER.fullmatch(value)
        if speaks_of_secret(key, value) or clear or CLEAR_VALUE.search(value):
            raise Invalid(
                f"{field}.{key}",
                "speaks of a secret, and what is given for one deployment is kept in clear: use "
                "`tenantry env set --stdin --service`",
            )
    return checked


def is_unicode(value: str) -> bool:
    """Whether it can be encoded: text from outside may hold halves of characters."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _named(key: str, value: str, field: str) -> tuple[str, ...]:
    try:
        return names_in(value)
    except Invalid as trouble:
        raise Invalid(f"{field}.{key}", trouble.rule) from None


def speaks_of_secret(key: str, value: str = "") -> bool:
    """Whether a variable of this name is taken for a secret; a mere placeholder is none."""
    return bool(SECRET_KEY.search(key)) and not PLACEHOLDER.fullmatch(value)


@dataclass(frozen=True, slots=True)
class Winner:
    """
    What holds for one key: a plain value, or the version under which it is sealed.

    `covers` are the sources of the layers below that have the key as well, the lowest first.
    """

    source: str
    value: str = ""
    version: str | None = None
    covers: tuple[str, ...] = ()


def winners(layers: Iterable[EnvLayer]) -> dict[str, Winner]:
    """KEY → what holds for it; later layers win."""
    won: dict[str, Winner] = {}
    for layer in layers:
        for key in (*layer.values, *layer.sealed):
            below = won.get(key)
            covers = (*below.covers, below.source) if below else ()
            sealed = layer.sealed.get(key)
            won[key] = Winner(layer.source, layer.values.get(key, ""), sealed, covers)
    return won


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
    Asked of values before and after their placeholders are filled in: what is filled in may hold
    anything.
    """
    if "\r" in value:
        raise Invalid(key, "holds a carriage return, which dotenv cannot carry")
    _no_reference(key, value)
    if value == "" or SIMPLE.fullmatch(value):
        return value
    if not value.endswith("\\"):
        for mark in "'`":
            if mark not in value:
                return f"{mark}{value}{mark}"
        if '"' not in value and "\\n" not in value and "\\r" not in value:
            return f'"{value}"'
    if UNQUOTED.fullmatch(value):
        return value
    raise Invalid(
        key,
        "mixes all three quotes or ends in a backslash, beside blanks, # or a line end: "
        "dotenv cannot carry it",
    )
