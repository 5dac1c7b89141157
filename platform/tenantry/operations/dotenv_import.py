"""A dotenv file into the environment of a tenant or service: looked at first, then applied."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy.orm import Session

from tenantry.errors import Invalid, SecretUnreadable
from tenantry.operations import environments
from tenantry.operations.actors import Actor, record
from tenantry.operations.environments import Place
from tenantry.planning import dotenv
from tenantry.planning.environment import check_values, speaks_of_secret
from tenantry.ports import SecretStore

MOST_KEYS = 500
MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Import:
    """
    What a file would do, by key; no value stands in it.

    `kept` are set here and not in the file: an import removes nothing. `secret` are masked from
    then on. `notes` are worth knowing; with `problems` nothing is applied.
    """

    added: tuple[str, ...]
    changed: tuple[str, ...]
    same: tuple[str, ...]
    kept: tuple[str, ...]
    secret: tuple[str, ...]
    notes: tuple[str, ...]
    problems: tuple[str, ...]


def import_dotenv(
    session: Session,
    actor: Actor,
    store: SecretStore,
    place: Place,
    text: str,
    *,
    secret: Collection[str] = (),
    plain: Collection[str] = (),
    apply: bool = False,
) -> Import:
    """
    Compares a file with what is set here and, with `apply`, sets what differs.

    Secret are keys that are named in `secret`, are so already, or have a telling name and are not
    named in `plain`. Invalid where there are problems to be mended and it is to be applied.
    """
    read = dotenv.read(text)
    known = environments.known_of(session, place.tenant.project)
    problems = [*read.problems, *_flag_problems(read, secret, plain)]
    if len(read.values) > MOST_KEYS:
        problems.append(f"the file holds more than {MOST_KEYS} keys")
    for key, value in read.values.items():
        try:
            check_values({key: value}, known)
        except Invalid as trouble:
            at = f"line {read.lines[key]}:"
            # What dotenv cannot carry was said by the reader.
            if not any(problem.startswith(at) for problem in problems):
                problems.append(f"{at} {key} {trouble.rule}")
    now = _now(session, store, place)
    marked = {key: _marked(key, value, now, secret, plain) for key, value in read.values.items()}
    added = [key for key in read.values if key not in now]
    same = [k for k, v in read.values.items() if k in now and now[k] == (v, marked[k])]
    found = Import(
        added=tuple(sorted(added)),
        changed=tuple(sorted(read.values.keys() - {*added, *same})),
        same=tuple(sorted(same)),
        kept=tuple(sorted(now.keys() - read.values.keys())),
        secret=tuple(sorted(key for key, yes in marked.items() if yes)),
        notes=read.notes,
        problems=tuple(problems),
    )
    if apply:
        _apply(session, actor, store, place, found, read, marked, plain)
    return found


def _flag_problems(
    read: dotenv.Reading, secret: Collection[str], plain: Collection[str]
) -> list[str]:
    named = {*secret, *plain}
    both = set(secret) & set(plain)
    return [
        *(f"{key} is not in the file" for key in sorted(named - read.values.keys())),
        *(f"{key} cannot be both secret and plain" for key in sorted(both)),
    ]


def _now(session: Session, store: SecretStore, place: Place) -> dict[str, tuple[str | None, bool]]:
    """KEY → (value, whether secret) as set here; None for a value that does not open."""
    here = place.service.id if place.service else None
    found: dict[str, tuple[str | None, bool]] = {}
    for var, version in environments.holding(session, place.tenant):
        if var.tenant_service_id == here:
            try:
                value: str | None = environments.open_version(store, version)
            except SecretUnreadable:
                value = None
            found[var.key] = value, var.secret
    return found


def _marked(
    key: str,
    value: str,
    now: dict[str, tuple[str | None, bool]],
    secret: Collection[str],
    plain: Collection[str],
) -> bool:
    if key in secret or now.get(key, (None, False))[1]:
        return True
    # A key that is set here in plain stays so unless it is named.
    return key not in now and key not in plain and speaks_of_secret(key, value)


def _apply(
    session: Session,
    actor: Actor,
    store: SecretStore,
    place: Place,
    found: Import,
    read: dotenv.Reading,
    marked: dict[str, bool],
    plain: Collection[str],
) -> None:
    if found.problems:
        more = f" (and {n} more)" if (n := len(found.problems) - MOST_NAMED) > 0 else ""
        raise Invalid("file", "; ".join(found.problems[:MOST_NAMED]) + more)
    for key in (*found.added, *found.changed):
        secret = True if marked[key] else (False if key in plain else None)
        environments.set_value(session, actor, store, place, key, read.values[key], secret=secret)
    if found.added or found.changed:
        after = {"for": place.words, "added": len(found.added), "changed": len(found.changed)}
        record(session, actor, "env.import", place.tenant, after=after)
