"""
What should be against what is: fingerprints of the parts of a service, and the deeds that follow.

A part's fingerprint is kept with the service when it was really rolled out, so a deployment that
failed half-way is planned again. Equal fingerprints mean that nothing of the part is planned; what
somebody changed on the target by hand is drift, which is looked for elsewhere.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any

from tenantry.planning.blueprint import BackupPlan, Blueprint, DatabaseSpec, ServiceSpec
from tenantry.planning.environment import DATABASE_URL, PLACEHOLDER, constant

# The parts in the words of people; what a preview shows.
PARTS: Mapping[str, str] = {
    "source": "source",
    "build": "build settings",
    "env": "environment",
    "running": "replicas, limits and arguments",
    "volumes": "volumes",
    "domains": "domains",
    "backup": "backup plan",
}
# Marked by the step that stores it on the target, not by a roll-out.
BACKUP = "backup"
# A deed that follows from no difference: its health is looked at, and nothing else.
CHECK = "health"
_DEEDS: Mapping[str, tuple[str, ...]] = {
    "source": ("create", "git_attach", "file_set", "deploy"),
    "build": ("build_config", "deploy"),
    "env": ("env_set", "deploy"),
    "running": ("settings", "reload"),
    "volumes": ("mount", "settings", "deploy"),
    "domains": ("domains",),
    BACKUP: ("schedule",),
}


def _mark(what: Any) -> str:
    text = json.dumps(what, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def fingerprints(blueprint: Blueprint, spec: ServiceSpec) -> dict[str, str]:
    """Part → fingerprint of what should be. Holds no value of any secret, only their versions."""
    return {
        "source": _mark([_plain(spec.git), _plain(spec.image), _plain(spec.compose)]),
        "build": _mark(asdict(spec.build) if spec.git else None),
        "env": _mark(_environment(blueprint, spec)),
        "running": _mark([spec.replicas, asdict(spec.limits), spec.args, spec.once]),
        "volumes": _mark([asdict(volume) for volume in spec.volumes]),
        "domains": _mark(
            [
                spec.hostname,
                spec.port,
                blueprint.https,
                blueprint.certificate,
                [asdict(alias) for alias in spec.aliases],
                *spec.retired,
            ]
        ),
    }


def database_fingerprint(spec: DatabaseSpec) -> str:
    """Of how the database is to run."""
    return _mark([spec.image, asdict(spec.limits)])


def backup_fingerprint(plan: BackupPlan | None) -> str | None:
    """Of how something is backed up; None where it is not."""
    return _mark(asdict(plan)) if plan else None


def _plain(value: Any) -> Any:
    return asdict(value) if value is not None else None


def _environment(blueprint: Blueprint, spec: ServiceSpec) -> Any:
    """Values with their placeholders, the versions of the sealed ones, and what fills them in."""
    merged: dict[str, str] = {}
    for layer in spec.env:
        merged |= layer.values
        merged |= {key: f"sealed {version}" for key, version in layer.sealed.items()}
    sealed = any(value.startswith("sealed ") for value in merged.values())
    names = {name for value in merged.values() for name in PLACEHOLDER.findall(value)}
    if not names and not sealed:
        return merged
    secrets = {f"SECRET_{constant(name)}": mark for name, mark in blueprint.secrets.items()}
    used = {n: m for n, m in secrets.items() if sealed or n in names}
    if blueprint.db_url_secret and DATABASE_URL in names:
        used[DATABASE_URL] = blueprint.secrets.get(blueprint.db_url_secret, "")
    facts = [
        blueprint.tenant_name,
        blueprint.subdomain,
        blueprint.base_domain,
        blueprint.https,
        [(s.name, s.hostname) for s in blueprint.services],
        [blueprint.database.kind, blueprint.database.database] if blueprint.database else None,
        blueprint.db_url_secret,
    ]
    return [merged, used, facts]


def differing(wanted: Mapping[str, str], applied: Mapping[str, Any]) -> tuple[str, ...]:
    """The parts that differ, in the order of PARTS."""
    return tuple(part for part in PARTS if part != BACKUP and wanted.get(part) != applied.get(part))


def deeds_for(parts: Iterable[str], spec: ServiceSpec) -> tuple[str, ...]:
    """The deeds that bring these parts about."""
    return deeds_of(parts, stack=spec.compose is not None)


def deeds_of(parts: Iterable[str], *, stack: bool) -> tuple[str, ...]:
    """The same by kind; a build makes a reload needless."""
    deeds = {deed for part in parts for deed in _DEEDS[part]}
    if stack and deeds:
        # Routers and environment of a stack change with its next deploy, and only then.
        deeds = {*deeds - {"settings", "reload"}, "deploy"}
    if "deploy" in deeds:
        deeds.discard("reload")
    return tuple(sorted(deeds))


def only_what_differs(
    blueprint: Blueprint, applied: Mapping[str, Mapping[str, Any]]
) -> tuple[Blueprint, dict[str, tuple[str, ...]]]:
    """
    The blueprint reduced to what differs, and service → differing parts (for the preview).

    `applied` is what each service's last roll-out left, by name; a service that was never rolled
    out has none and keeps everything.
    """
    found: dict[str, tuple[str, ...]] = {}
    services = []
    for spec in blueprint.services:
        there = applied.get(spec.name) or {}
        parts = differing(fingerprints(blueprint, spec), there)
        if spec.hostname is None:
            # Nothing of it is routed, so no step would ever mark its domains as rolled out.
            parts = tuple(part for part in parts if part != "domains")
        if spec.volumes and there.get(BACKUP) != backup_fingerprint(blueprint.backup):
            parts = (*parts, BACKUP)
        if parts:
            found[spec.name] = parts
        deeds = deeds_for(parts, spec) if there else None
        if there and spec.deeds is not None:
            deeds = tuple(sorted({*deeds_for(parts, spec), *spec.deeds}))
        services.append(replace(spec, deeds=deeds))
    database = blueprint.database
    if database and (kept := applied.get(database.service)):
        moved = _of_database(blueprint, database, kept)
        database = replace(
            database, deeds=tuple("settings" if part == "running" else "schedule" for part in moved)
        )
        if moved:
            found[database.service] = moved
    return replace(blueprint, services=tuple(services), database=database), found


def checks_only(blueprint: Blueprint, names: Iterable[str] = ()) -> Blueprint:
    """
    Of a blueprint in which nothing differs: one that looks at the health of these services (all,
    where none is named) and touches nothing.
    """
    chosen = set(names) or {spec.name for spec in blueprint.services}
    return replace(
        blueprint,
        services=tuple(
            replace(spec, deeds=(CHECK,)) if spec.name in chosen else spec
            for spec in blueprint.services
        ),
    )


def _of_database(
    blueprint: Blueprint, database: DatabaseSpec, kept: Mapping[str, Any]
) -> tuple[str, ...]:
    same = {
        "running": kept.get("running") == database_fingerprint(database),
        BACKUP: kept.get(BACKUP) == backup_fingerprint(blueprint.backup),
    }
    return tuple(part for part, equal in same.items() if not equal)
