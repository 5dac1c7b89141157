"""
Their side of a comparison: what a target shows, in the words of `planning.drift`.

Environments and arguments become fingerprints here, before anything is kept or shown.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict
from itertools import groupby

from tenantry.errors import Invalid
from tenantry.planning import dotenv, recorded
from tenantry.planning.drift import (
    THE_PROJECT,
    Environment,
    Thing,
    environment_words,
    fingerprint,
    named,
)
from tenantry.planning.recorded import ON_OFF, YES_NO, Kept
from tenantry.planning.recorded_databases import backup_words
from tenantry.ports import (
    ApplicationSeen,
    ComposeSeen,
    DatabaseSeen,
    DomainSeen,
    MountSeen,
    RedirectSeen,
    ScheduleSeen,
)
from tenantry.steps.aliases import pattern
from tenantry.steps.environment import fingerprint as whole_fingerprint
from tenantry.steps.environment import key_fingerprints

IDLE = "idle"
HOST = re.compile(r"https?://([^/$]+)")


def application(
    kept: Kept, seen: ApplicationSeen, marker: str, aliases: Collection[str] = ()
) -> dict[str, Thing]:
    """
    An application with its mounts, domains and the redirects of these hostnames.

    `marker` is the tenant's, under which its environment was fingerprinted.
    """
    fields = {
        **_common(kept.marker, seen.description, seen.status),
        "automatic deploys": ON_OFF[seen.auto_deploy],
        "build cache": ON_OFF[not seen.fresh_build],
        "rollback": ON_OFF[seen.rollback],
        **source(seen),
        **(recorded.build_words(asdict(seen.build)) if seen.build else {}),
        **running(seen),
        **environment(kept, marker, seen.env),
    }
    return {
        kept.name: Thing(fields, kept.name, THE_PROJECT),
        **_mounts(kept.name, seen.mounts),
        **domains(kept.name, seen.domains),
        **_redirects(kept.name, seen.redirects, aliases),
    }


def source(seen: ApplicationSeen) -> dict[str, str]:
    """Where it comes from."""
    if seen.git:
        return {
            "source": "git",
            "repository": recorded.without_credentials(seen.git.url),
            "branch": seen.git.branch,
            "build path": seen.git.build_path,
            "submodules": YES_NO[seen.git.submodules],
            "ssh key": seen.git.ssh_key_id or "none",
        }
    if seen.image:
        return {"source": "image", "image": seen.image}
    return {"source": seen.source_type or "none"}


def running(seen: ApplicationSeen) -> dict[str, str]:
    """How it runs."""
    return {
        "replicas": str(seen.replicas),
        **recorded.limits(seen.memory, seen.cpu),
        "arguments": recorded.arguments(seen.args),
        "update order": "stop first" if seen.stop_first else "start first",
    }


def environment(kept: Kept, marker: str, text: str) -> dict[str, str]:
    """Whether it is what was set, and which keys are not."""
    if kept.environment is None:
        return {}
    _, theirs = environment_words(kept.environment, read_environment(marker, text))
    return {"environment": theirs}


def read_environment(marker: str, text: str) -> Environment:
    """Fingerprints of a dotenv text under the tenant's marker."""
    try:
        values: Mapping[str, str] = dotenv.read(text).values
    except Invalid:
        values = {}
    return Environment(whole_fingerprint(marker, text), key_fingerprints(marker, values))


def stack(kept: Kept, seen: ComposeSeen, marker: str) -> dict[str, Thing]:
    """A compose stack with its mounts and domains."""
    fields = {
        **_common(kept.marker, seen.description, seen.status),
        "automatic deploys": ON_OFF[seen.auto_deploy],
        "compose file": fingerprint(seen.file.strip()),
        **environment(kept, marker, seen.env),
    }
    return {
        kept.name: Thing(fields, kept.name, THE_PROJECT),
        **_mounts(kept.name, seen.mounts),
        **domains(kept.name, seen.domains),
    }


def database(kept: Kept, seen: DatabaseSeen, prefix: str) -> dict[str, Thing]:
    """A database, and its stored backups of that prefix; the first of several counts."""
    port = seen.external_port
    fields = {
        **_common(kept.marker, seen.description, seen.status),
        "image": seen.image,
        **recorded.limits(seen.memory, seen.cpu),
        "external port": "closed" if port is None else f"open at {port}",
    }
    found = {kept.name: Thing(fields, kept.name, THE_PROJECT)}
    for backup in seen.backups:
        wish = backup.wish
        if wish.prefix.strip("/") == prefix:
            words = backup_words(
                wish.destination_id, wish.database, wish.schedule, wish.keep, enabled=wish.enabled
            )
            found.setdefault(named(kept.name, "backup", prefix), Thing(words, kept.name, kept.name))
    return found


def schedules(kept: Kept, seen: Iterable[ScheduleSeen], *, suspended: bool) -> dict[str, Thing]:
    """
    Schedules that somebody has made on it; a command may hold anything, so it is a fingerprint.

    Those that our suspension has paused are told by id, since only their switch is ours.
    """
    found = {}
    for one in seen:
        if one.id in kept.paused:
            if suspended:
                name = named(kept.name, "paused schedule", one.id)
                found[name] = Thing({"enabled": ON_OFF[one.enabled]}, kept.name, kept.name)
            continue
        words = f"{one.cron} {fingerprint(one.command)} {ON_OFF[one.enabled]}"
        name = named(kept.name, "schedule", one.name[:40], f"({one.id})")
        found[name] = Thing({"schedule": words}, kept.name, kept.name)
    return found


def marker_words(marker: str, description: str) -> str:
    """The marker where it stands as a word of its own."""
    return marker if marker in description.split() else "lost"


def _common(marker: str, description: str, status: str) -> dict[str, str]:
    return {
        "marker": marker_words(marker, description),
        "state": "stopped" if status == IDLE else "running",
    }


def _mounts(name: str, seen: Iterable[MountSeen]) -> dict[str, Thing]:
    return {
        named(name, "mount", one.path): Thing({"type": one.type, "source": one.source}, name, name)
        for one in seen
    }


def domains(name: str, seen: Iterable[DomainSeen]) -> dict[str, Thing]:
    """Hostnames with how often each is routed; of several the first one's fields."""

    def host(one: DomainSeen) -> str:
        return one.host if one.path in {"", "/"} else f"{one.host}{one.path}"

    found = {}
    for label, group in groupby(sorted(seen, key=lambda one: (host(one), one.id)), key=host):
        same = list(group)
        found[named(name, "domain", label)] = Thing(
            {
                "port": str(same[0].port),
                "https": YES_NO[same[0].https],
                "certificate": same[0].certificate,
                "router": ON_OFF[all(one.enabled for one in same)],
                "objects": str(len(same)),
            },
            name,
            name,
        )
    return found


def _redirects(
    name: str, seen: Iterable[RedirectSeen], aliases: Collection[str]
) -> dict[str, Thing]:
    """Those that send one of our additional hostnames somewhere; of others nothing is known."""
    found = {}
    for one in seen:
        for alias in aliases:
            if one.regex == pattern(alias):
                to = HOST.match(one.replacement)
                words = to[1] if to else one.replacement
                found[named(name, "redirect", alias)] = Thing({"to": words}, name, name)
    return found
