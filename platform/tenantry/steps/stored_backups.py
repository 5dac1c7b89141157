"""Backups as a target stores them: found by prefix or name, made where there are none."""

from dataclasses import dataclass, replace

from tenantry.errors import Permanent, Transient
from tenantry.planning import backups as rules
from tenantry.planning.blueprint import BackupPlan
from tenantry.planning.databases import native
from tenantry.planning.naming import volume_name
from tenantry.planning.sources import DatabaseKind
from tenantry.ports import BackupWish, VolumeBackupSeen, VolumeBackupWish
from tenantry.steps.context import StepContext


@dataclass(frozen=True, slots=True)
class Stored:
    """A backup as it is stored on the target: of a dump, or of one volume."""

    id: str
    kind: str
    app_name: str
    database: DatabaseKind | None
    volume: str | None = None

    @property
    def crash_consistent(self) -> bool:
        """Whether it is a copy of a volume that was in use."""
        return self.volume is not None


def plan_of(ctx: StepContext) -> BackupPlan:
    """The tenant's backup plan; Permanent where there is none."""
    if ctx.blueprint.backup is None:
        raise Permanent("There is no backup policy: set one for the product or the tenant")
    return ctx.blueprint.backup


def stored_of(ctx: StepContext, plan: BackupPlan, kind: str) -> list[Stored]:
    """The stored backups that this service needs for a kind of run, made where there are none."""
    own, spec = ctx.own, ctx.blueprint.database
    if own is None or own.app_name is None:
        raise Permanent("This service was never created")
    if spec is not None and spec.service == own.name and own.db_id:
        database = native(spec.kind)
        if database in rules.DUMPED:
            return [_dump(ctx, plan, kind, database, own.db_id, own.app_name, spec.database)]
        seen = ctx.target.database_in_full(database, own.db_id)
        volumes = seen.volumes if seen else ()
        return [
            _copy(ctx, plan, kind, database, own.db_id, own.app_name, volume) for volume in volumes
        ]
    if own.app_id is None:
        raise Permanent("This service has nothing that can be backed up")
    return [
        _copy(ctx, plan, kind, "application", own.app_id, own.app_name, volume)
        for volume in _volumes_of(ctx, own.app_id)
    ]


def drop_nightly(ctx: StepContext, wanted: frozenset[str] | None = None) -> list[str]:
    """
    Removes what fires at night for this service, as far as it is ours; answers what was removed.

    `wanted` spares the stored backups of that id.
    """
    own, spec = ctx.own, ctx.blueprint.database
    prefix, spared = rules.PREFIXES[rules.NIGHTLY], wanted or frozenset()
    removed = []
    if own is not None and spec is not None and spec.service == own.name and own.db_id:
        kind, owner_id = native(spec.kind), own.db_id
        if kind in rules.DUMPED:
            for dump in ctx.target.backups(kind, owner_id):
                if dump.wish.prefix.strip("/") == prefix and dump.id not in spared:
                    ctx.intend("remove nightly backup", stored=dump.id)
                    ctx.target.remove_backup(dump.id)
                    removed.append(dump.id)
        owner: tuple[str, str] | None = (kind, owner_id)
    else:
        owner = ("application", own.app_id) if own is not None and own.app_id else None
    for copy in ctx.target.volume_backups(*owner) if owner else ():
        if copy.wish.prefix.strip("/") == prefix and copy.id not in spared:
            ctx.intend("remove nightly volume backup", stored=copy.id)
            ctx.target.remove_volume_backup(copy.id)
            removed.append(copy.id)
    return removed


def _volumes_of(ctx: StepContext, app_id: str) -> list[str]:
    if ctx.service is not None and ctx.own is not None:
        app_name = ctx.own.app_name or ""
        return [volume_name(app_name, volume.name) for volume in ctx.service.volumes]
    seen = ctx.target.application(app_id)
    return [m.source for m in seen.mounts if m.type == "volume"] if seen else []


def _dump(
    ctx: StepContext,
    plan: BackupPlan,
    kind: str,
    database: DatabaseKind,
    db_id: str,
    app_name: str,
    name: str,
) -> Stored:
    prefix = rules.PREFIXES[kind]
    nightly = kind == rules.NIGHTLY
    wish = BackupWish(
        destination_id=plan.destination_id,
        prefix=prefix,
        database=name,
        schedule=plan.schedule if nightly else rules.NEVER,
        keep=rules.kept_files(plan, kind),
        enabled=nightly and plan.enabled,
    )
    found = [b for b in ctx.target.backups(database, db_id) if b.wish.prefix.strip("/") == prefix]
    for double in found[1:]:
        # A stored backup has no mark but its prefix; two of one prefix would both fire.
        ctx.intend("remove double backup", stored=double.id)
        ctx.target.remove_backup(double.id)
    if not found:
        ctx.intend("create backup", prefix=prefix)
        ctx.target.create_backup(database, db_id, wish)
        found = [
            b for b in ctx.target.backups(database, db_id) if b.wish.prefix.strip("/") == prefix
        ]
    elif found[0].wish != wish:
        ctx.intend("update backup", stored=found[0].id)
        ctx.target.update_backup(database, found[0].id, wish)
    if not found:
        raise Transient("The backup was stored but is not listed yet")
    return Stored(found[0].id, kind, app_name, database)


def _copy(
    ctx: StepContext,
    plan: BackupPlan,
    kind: str,
    owner_kind: str,
    owner_id: str,
    app_name: str,
    volume: str,
) -> Stored:
    prefix = rules.PREFIXES[kind]
    nightly = kind == rules.NIGHTLY
    wish = VolumeBackupWish(
        name=f"{prefix} {volume}",
        destination_id=plan.destination_id,
        prefix=prefix,
        volume=volume,
        cron=plan.schedule if nightly else rules.NEVER,
        keep=rules.kept_files(plan, kind),
        enabled=nightly and plan.enabled,
    )

    def ours() -> list[VolumeBackupSeen]:
        return [
            stored
            for stored in ctx.target.volume_backups(owner_kind, owner_id)
            if stored.wish.name == wish.name
        ]

    found = ours()
    # The target's own update is not in the port: what differs is removed, then made anew.
    same = [one for one in found if _plain(one.wish) == wish]
    kept = same[0] if same else None
    for other in found:
        if other is not kept:
            ctx.intend("remove volume backup", stored=other.id)
            ctx.target.remove_volume_backup(other.id)
    if kept is None:
        ctx.intend("create volume backup", volume=volume)
        ctx.target.create_volume_backup(owner_kind, owner_id, app_name, wish)
        kept = next((one for one in ours() if _plain(one.wish) == wish), None)
    if kept is None:
        raise Transient("The volume backup was stored but is not listed yet")
    return Stored(kept.id, kind, app_name, None, volume)


def _plain(wish: VolumeBackupWish) -> VolumeBackupWish:
    return replace(wish, prefix=wish.prefix.strip("/"))
