"""The pages under docs/ that are made from the code. `make docs` writes them; a test compares."""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import CheckConstraint, Column, Table, UniqueConstraint
from sqlalchemy.dialects import postgresql

from tenantry.models import Base
from tenantry.planning.databases import FACTS, IMAGE_KINDS
from tenantry.planning.environment import FIXED_NAMES, LONGEST_VALUE, SERVICE_SUFFIXES
from tenantry.planning.inputs import ENV_KEY
from tenantry.planning.states import MOVES, NEW

DOCS = Path(__file__).resolve().parents[2] / "docs"
MADE = "Made from the code by `make docs`; a test holds both equal.\n"
STATES = f"""\
# States, and which may follow which

{MADE}
A move that is not listed here does not happen: each write names the states that it may leave. Each
move is kept in `status_change` with its reason.
"""
TABLES = f"""\
# Tables

{MADE}
Types are PostgreSQL's; SQLite stores JSON and times as text. Times are UTC. A column is listed
under its name in the database, with the attribute where that differs.
"""
THINGS = {
    "deployment": "One attempt to bring a tenant to its plan. Resume continues the same one.",
    "step": "One ordered step of a deployment. *Open* is pending, waiting or running.",
    "job": "One wait or retry that is due at a time; at most one is open for a step.",
    "tenant": "The long life of one client's copy.",
}


def states_page() -> str:
    """docs/states.md: a diagram and a table of moves for each thing."""
    parts = [STATES]
    for thing, words in THINGS.items():
        parts += [f"## {thing.capitalize()}\n", words + "\n", *_diagram(thing), *_moves(thing)]
    return "\n".join(parts)


def _diagram(thing: str) -> Iterator[str]:
    moves = MOVES[thing]
    left = {old for old, _ in moves}
    yield "```mermaid\nstateDiagram-v2"
    for old, new in moves:
        yield f"    {'[*]' if old == NEW else old} --> {new}"
    for last in dict.fromkeys(new for _, new in moves if new not in left):
        yield f"    {last} --> [*]"
    yield "```\n"


def _moves(thing: str) -> Iterator[str]:
    yield "| From | To | Why |\n|---|---|---|"
    for (old, new), reason in MOVES[thing].items():
        yield f"| {old} | {new} | {reason} |"
    yield ""


def models_page() -> str:
    """docs/models.md: every table with its columns, rules and indexes."""
    mapped = {mapper.local_table.name: mapper.class_ for mapper in Base.registry.mappers}
    parts = [TABLES]
    for table in sorted(Base.metadata.tables.values(), key=lambda t: t.name):
        parts += _table(table, mapped.get(table.name))
    return "\n".join(parts)


def _table(table: Table, model: Any) -> Iterator[str]:
    name = model.__name__ if model else table.name
    yield f"## {name}\n"
    words = inspect.getdoc(model) if model else "Which staff have which roles."
    yield f"Table `{table.name}`. {words}\n"
    yield "| Column | Type | Null | Refers to |\n|---|---|---|---|"
    for column in sorted(table.columns, key=_place):
        yield _column(column, model)
    yield ""
    rules = sorted(_rules(table))
    if rules:
        yield "\n".join([*rules, ""])


def _place(column: Column[Any]) -> int:
    """Ids first, times of the row last, everything else as it stands in the code."""
    return {"id": -2, "public_id": -1, "created_at": 1, "updated_at": 2}.get(column.name, 0)


def _column(column: Column[Any], model: Any) -> str:
    name = f"`{column.name}`"
    attribute = model.__mapper__.get_property_by_column(column).key if model else column.name
    if attribute != column.name:
        name += f" (`{attribute}`)"
    refers = ", ".join(
        f"{key.column.table.name}.{key.column.name}, on delete {str(key.ondelete).lower()}"
        for key in column.foreign_keys
    )
    kind = str(column.type.compile(postgresql.dialect())).lower()
    return f"| {name} | {kind} | {'yes' if column.nullable else ''} | {refers} |"


def _rules(table: Table) -> Iterator[str]:
    for constraint in table.constraints:
        if isinstance(constraint, CheckConstraint):
            yield f"- check `{constraint.name}`: `{constraint.sqltext}`"
        if isinstance(constraint, UniqueConstraint):
            names = ", ".join(column.name for column in constraint.columns)
            yield f"- unique ({names})"
    for index in table.indexes:
        where = index.dialect_options["postgresql"]["where"]
        of = ", ".join(str(part).removeprefix(f"{table.name}.") for part in index.expressions)
        kind = "unique index" if index.unique else "index"
        yield f"- {kind} `{index.name}` ({of}){f' where `{where}`' if where is not None else ''}"


ENVIRONMENT = """\
# Environment values and their placeholders

{made}
Values come in layers; a later one covers an earlier one: product, service of the product, tenant,
service of the tenant, one deployment.

A value may hold `${{UPPER_NAME}}` from this list, and nothing else: stored text is never a template
language. What is filled in is not looked at again. A name that does not exist is refused when it is
saved.

| Name | Filled in with |
|---|---|
{names}
| `${{SECRET_<NAME>}}` | a secret of the product, listed under `secrets` |

`<SERVICE>` and `<NAME>` are written in capitals with `_` for everything else: the service
`search-worker` gives `${{SEARCH_WORKER_INTERNAL_HOST}}`. Names of services whose placeholders would
read like others (`database`, `primary`, `secret-…`) are refused.

## Values of a tenant

What is set for a tenant or for one of its services is sealed: each change is a version of its own,
with who and when, and a deployment refers to versions, so that a later change never reaches it and
a rollback brings back the very values of then. Values are opened in one place only, where the
environment is sent to the target. Keys whose name speaks of a secret (`PASS`, `SECRET`, `TOKEN`,
`PRIVATE`, `CREDENTIAL`, `API_KEY`) or that are marked as such are masked everywhere, for good; a
mere `${{SECRET_NAME}}` is a reference and is shown.

`tenantry env show | set | unset | history | revert | mark-secret | import`. Secrets are read from
standard input (`--stdin`) or asked for, never taken from the command line. `import FILE` compares a
dotenv file first; `--apply` sets what differs, whole or not at all, and removes nothing.

A dotenv file is read as the target reads it: `export`, comments, `KEY: value`, three kinds of
quotes, values over several lines. Line ends of Windows become plain ones, of a key that stands
twice the last counts, and `#` ends a value without quotes; each of these is said, by line.

## What cannot be carried

Values arrive byte by byte as dotenv text. Refused, with the reason: a carriage return; a NUL;
`${{{{`, which Dokploy reads as its own reference; a value that holds all three kinds of quotes or
ends in a backslash, beside blanks, `#` or a line end. A value has at most {longest:,} characters; a
key is `{key}`.
"""


def environment_page() -> str:
    """docs/environment.md: the names that a template may use."""
    rows = [f"| `${{{name}}}` | {words} |" for name, words in FIXED_NAMES.items()]
    rows += [f"| `${{<SERVICE>{end}}}` | {words} |" for end, words in SERVICE_SUFFIXES.items()]
    return ENVIRONMENT.format(
        made=MADE, names="\n".join(rows), longest=LONGEST_VALUE, key=ENV_KEY.pattern
    )


DATABASES = """\
# Databases

{made}
A product has one database for each tenant, or none. Its password is made up by us (letters and
digits), sealed, and filled in only by the worker.

| `db_type` | Default image | Runs as | `${{DATABASE_URL}}` |
|---|---|---|---|
{rows}
| `others` | | a database outside | the secret that `db_url_secret` names |

`db_image` sets another version; it is always pinned. Once tenants have data, neither the kind can
change nor, for what a target makes itself, the first number of the version. libSQL runs its own
version whatever is asked for.

What runs as an image has one volume, one replica, and stops before it starts. New limits or a new
version restart the database. Of a database outside nothing is planned, `db_required` is false, and
no other `${{DATABASE_…}}` is known.

Dragonfly writes a snapshot each quarter of an hour, KeyDB appends each write to a file. The URL of
ClickHouse is that of its native protocol; over HTTP it is
`http://${{DATABASE_USER}}:${{DATABASE_PASSWORD}}@${{DATABASE_HOST}}:8123/${{DATABASE_NAME}}`.
"""


def databases_page() -> str:
    """docs/databases.md: what each kind runs, and how its URL reads."""
    rows = [
        f"| `{kind}` | `{known.image}` | {'image' if kind in IMAGE_KINDS else 'kind of the target'}"
        f" | `{known.url}` |"
        for kind, known in FACTS.items()
    ]
    return DATABASES.format(made=MADE, rows="\n".join(rows))


PAGES = {
    "databases.md": databases_page,
    "states.md": states_page,
    "models.md": models_page,
    "environment.md": environment_page,
}
