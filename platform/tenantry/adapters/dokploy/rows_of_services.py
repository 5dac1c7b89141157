"""Dokploy's rows of applications, stacks and databases in full; it raises as `rows` does."""

from typing import Any

from tenantry.adapters.dokploy import rows
from tenantry.adapters.dokploy.rows import Row, text, words
from tenantry.planning.sources import Build, DatabaseKind, GitSource
from tenantry.ports import (
    ApplicationSeen,
    BackupSeen,
    BackupWish,
    ComposeSeen,
    DatabaseSeen,
    MountSeen,
    RedirectSeen,
    ScheduleSeen,
    VolumeBackupSeen,
    VolumeBackupWish,
)

STOP_FIRST = "stop-first"
# Where a mount says what it mounts.
SOURCES = {"volume": "volumeName", "bind": "hostPath", "file": "filePath"}


def application(row: Row) -> ApplicationSeen:
    """A row of `application.one`; it holds the environment in clear."""
    image = row.get("dockerImage") if row.get("sourceType") == "docker" else None
    return ApplicationSeen(
        id=text(row["applicationId"]),
        name=text(row["name"]),
        app_name=text(row["appName"]),
        description=words(row, "description"),
        status=rows.status(row),
        source_type=words(row, "sourceType"),
        git=_git(row),
        image=image or None,
        build=_build(row),
        replicas=int(row["replicas"]),
        memory=row.get("memoryLimit") or None,
        cpu=row.get("cpuLimit") or None,
        args=tuple(str(arg) for arg in row.get("args") or ()),
        stop_first=(row.get("updateConfigSwarm") or {}).get("Order") == STOP_FIRST,
        auto_deploy=bool(row.get("autoDeploy")),
        fresh_build=bool(row.get("cleanCache")),
        rollback=bool(row.get("rollbackActive")) and bool(row.get("rollbackRegistryId")),
        env=words(row, "env"),
        domains=tuple(rows.domain(found) for found in row.get("domains") or ()),
        redirects=tuple(redirect(found) for found in row.get("redirects") or ()),
        mounts=_mounts(row),
        server_id=row.get("serverId") or None,
        created_at=words(row, "createdAt"),
    )


def _git(row: Row) -> GitSource | None:
    """Only a plain repository: those of a provider have no URL that we could compare."""
    if row.get("sourceType") != "git" or not row.get("customGitUrl"):
        return None
    return GitSource(
        url=text(row["customGitUrl"]),
        branch=words(row, "customGitBranch"),
        build_path=str(row.get("customGitBuildPath") or "/"),
        ssh_key_id=row.get("customGitSSHKeyId") or None,
        submodules=bool(row.get("enableSubmodules")),
    )


def _build(row: Row) -> Build | None:
    if not row.get("buildType"):
        return None
    return Build(
        type=row["buildType"],
        dockerfile=words(row, "dockerfile"),
        context_path=words(row, "dockerContextPath"),
        stage=words(row, "dockerBuildStage"),
        publish_directory=row.get("publishDirectory") or None,
        static_spa=bool(row.get("isStaticSpa")),
        heroku_version=words(row, "herokuVersion"),
        railpack_version=words(row, "railpackVersion"),
    )


def _mounts(row: Row) -> tuple[MountSeen, ...]:
    return tuple(mount(found) for found in row.get("mounts") or ())


def mount(row: Row) -> MountSeen:
    """A volume, a path of the host or a file; never the content of a file."""
    kind = text(row["type"])
    source = words(row, SOURCES.get(kind, ""))
    return MountSeen(text(row["mountId"]), kind, source, words(row, "mountPath"))


def redirect(row: Row) -> RedirectSeen:
    """A redirect of an application."""
    return RedirectSeen(
        id=text(row["redirectId"]),
        regex=text(row["regex"]),
        replacement=text(row["replacement"]),
        permanent=bool(row.get("permanent")),
    )


def schedule(row: Row) -> ScheduleSeen:
    """A schedule; its command may hold anything."""
    return ScheduleSeen(
        id=text(row["scheduleId"]),
        name=words(row, "name"),
        cron=words(row, "cronExpression"),
        command=words(row, "command"),
        enabled=row.get("enabled") is not False,
    )


def compose(row: Row) -> ComposeSeen:
    """A row of `compose.one`; it holds the environment in clear."""
    return ComposeSeen(
        id=text(row["composeId"]),
        name=text(row["name"]),
        app_name=text(row["appName"]),
        description=words(row, "description"),
        status=rows.status(row),
        file=words(row, "composeFile"),
        env=words(row, "env"),
        stack=row.get("composeType") == "stack",
        auto_deploy=bool(row.get("autoDeploy")),
        domains=tuple(rows.domain(found) for found in row.get("domains") or ()),
        mounts=_mounts(row),
        server_id=row.get("serverId") or None,
        created_at=words(row, "createdAt"),
    )


def database(kind: DatabaseKind, row: Row) -> DatabaseSeen:
    """A row of `postgres.one` and its like; passwords and environment stay behind."""
    return DatabaseSeen(
        id=text(row[rows.id_field(kind)]),
        kind=kind,
        name=text(row["name"]),
        app_name=text(row["appName"]),
        description=words(row, "description"),
        status=rows.status(row),
        image=words(row, "dockerImage"),
        memory=row.get("memoryLimit") or None,
        cpu=row.get("cpuLimit") or None,
        external_port=row.get("externalPort"),
        backups=tuple(backups(row.get("backups"))),
        volumes=tuple(m.source for m in _mounts(row) if m.type == "volume"),
        server_id=row.get("serverId") or None,
        created_at=words(row, "createdAt"),
    )


def backups(found: Any) -> list[BackupSeen]:
    """
    Stored backups in the order of the target, which has no time on them: as they were made.

    Nothing of the destination that comes along.
    """
    return [
        BackupSeen(
            id=text(row["backupId"]),
            wish=BackupWish(
                destination_id=text(row["destinationId"]),
                prefix=words(row, "prefix"),
                database=words(row, "database"),
                schedule=words(row, "schedule"),
                keep=int(row.get("keepLatestCount") or 0),
                enabled=bool(row.get("enabled")),
            ),
        )
        for row in rows.rows([] if found is None else found)
    ]


def volume_backup(row: Row) -> VolumeBackupSeen:
    """A stored backup of a volume."""
    return VolumeBackupSeen(
        id=text(row["volumeBackupId"]),
        wish=VolumeBackupWish(
            name=words(row, "name"),
            destination_id=text(row["destinationId"]),
            prefix=words(row, "prefix"),
            volume=text(row["volumeName"]),
            cron=words(row, "cronExpression"),
            keep=int(row.get("keepLatestCount") or 0),
            enabled=bool(row.get("enabled")),
        ),
    )
