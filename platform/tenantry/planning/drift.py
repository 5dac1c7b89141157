"""
Drift: our record against what a target shows, field by field.

Both sides are put into the same words first: a *thing* (a service, one of its domains, the
project) with *fields* of short text. `recorded` makes ours, `steps.shown` makes theirs; here they
are only compared. No text holds a secret: values that may be one are fingerprints.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

TARGET = "target"
PRODUCT = "product"
TENANT = "tenant"

MISSING = "missing"
EXTRA = "extra"
DOUBLED = "doubled"
THE_PROJECT = "the project"
LONGEST_THING = 120
NOTHING = "–"


@dataclass(frozen=True, slots=True)
class Thing:
    """
    One thing and its fields; `service` is the tenant's service that it belongs to, if any.

    `root` is the thing that must be there for this one to be looked at: a domain is not missed
    where its whole service is.
    """

    fields: Mapping[str, str]
    service: str | None = None
    root: str | None = None


Things = Mapping[str, Thing]


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that differs; `mover` says who moved."""

    thing: str
    field: str
    ours: str
    theirs: str
    mover: str = TARGET
    service: str | None = None


def compare(ours: Things, theirs: Things, attempts: Iterable[Things] = ()) -> list[Difference]:
    """
    What somebody changed on the target, in the order of our things.

    Only fields that our side names are compared. `attempts` is what deployments that did not
    succeed have tried since: what equals one of those was moved by us, and is no drift.
    """
    tried = tuple(attempts)
    found = [d for name, thing in ours.items() for d in _against(name, thing, ours, theirs)]
    found += [
        Difference(name, EXTRA, NOTHING, _brief(thing), service=thing.service)
        for name, thing in theirs.items()
        if name not in ours and _is_looked_at(thing, ours)
    ]
    return [d for d in found if not any(_explains(things, d) for things in tried)]


def _against(name: str, thing: Thing, ours: Things, theirs: Things) -> Iterable[Difference]:
    if thing.root is not None and thing.root in ours and thing.root not in theirs:
        return
    seen = theirs.get(name)
    if seen is None:
        yield Difference(name, MISSING, _brief(thing), NOTHING, service=thing.service)
        return
    for label, value in thing.fields.items():
        there = seen.fields.get(label, NOTHING)
        if there != value:
            yield Difference(name, label, value, there, service=thing.service)


def _is_looked_at(thing: Thing, ours: Things) -> bool:
    return thing.root is None or thing.root in ours


def _brief(thing: Thing) -> str:
    return ", ".join(f"{label} {value}" for label, value in thing.fields.items() if value)


def _explains(things: Things, found: Difference) -> bool:
    """Whether an attempt of ours would have left what is seen there."""
    tried = things.get(found.thing)
    if found.field == MISSING:
        # What an attempt no longer wants of a service, it may have taken away.
        return tried is None and found.service in things
    if found.field == EXTRA:
        return tried is not None
    return tried is not None and tried.fields.get(found.field) == found.theirs


def fingerprint(text: str) -> str:
    """Stands for a text that may be secret; keyed by nothing, so only for what has much in it."""
    return f"#{hashlib.blake2b(text.encode(), digest_size=6).hexdigest()}"


def named(*words: str) -> str:
    """The name of a thing; one that is too long for its column is cut and closed with a hash."""
    name = " ".join(words)
    if len(name) <= LONGEST_THING:
        return name
    return f"{name[: LONGEST_THING - 14]} {fingerprint(name)}"


@dataclass(frozen=True, slots=True)
class Environment:
    """An environment by fingerprints alone: of its whole text, and of each value by key."""

    whole: str
    keys: Mapping[str, str] = field(default_factory=dict)


def environment_words(ours: Environment, theirs: Environment) -> tuple[str, str]:
    """Both sides for people: equal where the texts are, else with the keys that differ."""
    if ours.whole == theirs.whole:
        return "as set", "as set"
    if not ours.keys:
        return "as set", "another text"
    changed = sorted(
        k for k in ours.keys.keys() & theirs.keys.keys() if ours.keys[k] != theirs.keys[k]
    )
    missing = sorted(ours.keys.keys() - theirs.keys.keys())
    added = sorted(theirs.keys.keys() - ours.keys.keys())
    moved = (("changed", changed), ("missing", missing), ("added", added))
    words = "; ".join(f"{word}: {', '.join(keys)}" for word, keys in moved if keys)
    return "as set", words or "the same values, written in another way"


def extras(
    services: Iterable[tuple[str, str, str, str]], known: Collection[str], markers: Collection[str]
) -> list[Difference]:
    """
    What stands in the tenant's project and is none of its services.

    `services` are (kind, id, name, description) of all that stands there; `known` the ids that
    rows refer to; `markers` ours. One of the same name as ours, or with our marker, is a double.
    """
    there = list(services)
    ours = {(kind, name) for kind, key, name, _ in there if key in known}
    return [
        Difference(
            named(kind, name[:60], f"({key})"),
            DOUBLED if (kind, name) in ours or set(words.split()) & set(markers) else EXTRA,
            NOTHING,
            words or name,
        )
        for kind, key, name, words in there
        if key not in known
    ]


def foreign(
    projects: Iterable[tuple[str, str, str]], known: Collection[str], names: Collection[str]
) -> list[Difference]:
    """
    Projects of a target that belong to no tenant: (id, name, description) of all.

    `known` are ids that tenants refer to, `names` the names of those.
    """
    return [
        Difference(
            named("project", name[:60], f"({key})"),
            DOUBLED if name in names else EXTRA,
            NOTHING,
            words or name,
        )
        for key, name, words in projects
        if key not in known
    ]
