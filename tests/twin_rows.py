"""Rows of the target twin; tests may look at them and write them."""

from collections import deque
from dataclasses import dataclass, field

from tenantry.planning.sources import Build, DatabaseKind, GitSource, ImageSource
from tenantry.ports import (
    BackupSeen,
    BuildSeen,
    ContainerSeen,
    DatabaseWish,
    MountSeen,
    RedirectSeen,
    ScheduleSeen,
    ServiceSeen,
    VolumeBackupSeen,
)


@dataclass
class AppRow:
    """
    What the target knows of an application, stack or database.

    What is stored and what the engine runs are two things: `replicas`, `memory` and `cpu` are
    stored, `scale` and `applied` came with the last deploy, reload, start or stop. A `scale` of
    None: the engine has no such service.
    """

    seen: ServiceSeen
    environment_id: str
    auto_deploy: bool = True
    failure_action: str = "rollback"
    args: tuple[str, ...] = ()
    git: GitSource | None = None
    image: ImageSource | None = None
    build: Build | None = None
    dotenv: str | None = None
    wish: DatabaseWish | None = None
    file: str = ""
    replicas: int = 1
    memory: str | None = None
    cpu: str | None = None
    stop_first: bool = False
    fresh_build: bool = False
    rollback: bool = False
    mounts: list[MountSeen] = field(default_factory=list)
    redirects: list[RedirectSeen] = field(default_factory=list)
    history: list[BuildSeen] = field(default_factory=list)
    looks: dict[str, int] = field(default_factory=dict)
    schedules: list[BuildSeen] = field(default_factory=list)
    outcomes: deque[tuple[str, str]] = field(default_factory=deque)
    containers: list[ContainerSeen] = field(default_factory=list)
    crashes: bool = False
    built: bool = False
    scale: int | None = None
    applied: tuple[str | None, str | None] = (None, None)
    data: str = ""


@dataclass
class ScheduleRow:
    """A schedule; without its application (`listed` False) it only fires on."""

    app_id: str
    seen: ScheduleSeen
    listed: bool = True


@dataclass
class BackupRow:
    """A stored backup of a database; `outcomes` says how its next runs end."""

    kind: DatabaseKind
    database_id: str
    seen: BackupSeen
    runs: list[BuildSeen] = field(default_factory=list)
    outcomes: deque[tuple[str, str]] = field(default_factory=deque)


@dataclass
class VolumeBackupRow:
    """A stored volume backup; without its owner (`listed` False) it only fires on."""

    kind: str
    service_id: str
    app_name: str
    seen: VolumeBackupSeen
    listed: bool = True
    runs: list[BuildSeen] = field(default_factory=list)
    outcomes: deque[tuple[str, str]] = field(default_factory=deque)
