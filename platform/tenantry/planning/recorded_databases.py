"""Our side of a comparison: a tenant's database and its nightly backup."""

from collections.abc import Iterable
from dataclasses import replace

from tenantry.planning import backups as rules
from tenantry.planning.blueprint import BackupPlan, Blueprint, DatabaseSpec
from tenantry.planning.databases import IMAGE_KINDS
from tenantry.planning.differences import database_fingerprint
from tenantry.planning.drift import THE_PROJECT, Thing, named
from tenantry.planning.image_databases import as_service
from tenantry.planning.recorded import YES_NO, Kept, limits, mounts, running, source


def database(
    kept: Kept,
    blueprints: Iterable[Blueprint],
    plan: BackupPlan | None,
    *,
    suspended: bool,
) -> dict[str, Thing]:
    """A database with its nightly backup; `plan` is the one that was stored last."""
    spec = _applied_database(kept, blueprints)
    if spec is not None and spec.kind in IMAGE_KINDS:
        return _image_database(kept, spec, suspended=suspended)
    fields = {"marker": kept.marker, "external port": "closed"}
    if spec is not None:
        fields |= limits(spec.limits.memory_bytes, spec.limits.nano_cpus)
        if spec.kind != "libsql":
            fields["image"] = spec.image
    if "running" in kept.applied and not suspended:
        fields["state"] = "running"
    found = {kept.name: Thing(fields, kept.name, THE_PROJECT)}
    if plan is not None and spec is not None and spec.kind in rules.DUMPED:
        prefix = rules.PREFIXES[rules.NIGHTLY]
        words = backup_words(
            plan.destination_id,
            spec.database,
            plan.schedule,
            rules.kept_files(plan, rules.NIGHTLY),
            enabled=plan.enabled,
        )
        found[named(kept.name, "backup", prefix)] = Thing(words, kept.name, kept.name)
    return found


def backup_words(
    destination: str, database_name: str, schedule: str, keep: int, *, enabled: bool
) -> dict[str, str]:
    """A stored backup."""
    return {
        "destination": destination,
        "database": database_name,
        "schedule": schedule,
        "kept files": str(keep),
        "enabled": YES_NO[enabled],
    }


def _applied_database(kept: Kept, blueprints: Iterable[Blueprint]) -> DatabaseSpec | None:
    for blueprint in blueprints:
        spec = blueprint.database
        if spec is None or spec.service != kept.name:
            continue
        if kept.applied.get("running") == database_fingerprint(spec):
            return spec
    return None


def _image_database(kept: Kept, spec: DatabaseSpec, *, suspended: bool) -> dict[str, Thing]:
    """As the application that it is; its arguments hold the password, so they are left out."""
    inner = replace(as_service(spec), name=kept.name)
    found = mounts(kept, inner)
    fields = {"marker": kept.marker, "automatic deploys": "off", **source(inner), **running(inner)}
    del fields["arguments"]
    if not suspended:
        fields["state"] = "running"
    if kept.environment is not None:
        fields["environment"] = "as set"
    return {kept.name: Thing(fields, kept.name, THE_PROJECT), **found}


def applied(blueprint: Blueprint) -> dict[str, str]:
    """What would be applied of the database if all of this blueprint had been."""
    return {"running": database_fingerprint(blueprint.database)} if blueprint.database else {}


def same_nights(wanted: BackupPlan, stored: BackupPlan | None) -> bool:
    """Whether both mean the same nightly backups; the gate is no matter of what is stored."""
    return stored is not None and replace(stored, gate=wanted.gate) == wanted
