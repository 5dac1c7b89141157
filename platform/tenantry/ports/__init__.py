"""
What we ask of the outside world, in plain types.

Each port has a real adapter (`adapters/`), and a twin in memory (`tests/twins.py`). A port raises
only `StepTrouble` (see `errors`), and each of its methods is either a read, or one change. The
caller looks before it changes; a port never retries by itself.
"""

from tenantry.ports.applications import (
    ApplicationSeen,
    DomainSeen,
    MountSeen,
    RedirectSeen,
    Running,
    ScheduleSeen,
)
from tenantry.ports.backups import (
    BackupFile,
    BackupSeen,
    BackupWish,
    DestinationSeen,
    VolumeBackupSeen,
    VolumeBackupWish,
)
from tenantry.ports.builds import (
    BuildSeen,
    BuildStatus,
    ContainerSeen,
    QueuedBuild,
    ServiceSeen,
)
from tenantry.ports.compose import (
    ComposeSeen,
)
from tenantry.ports.databases import (
    DatabaseSeen,
)
from tenantry.ports.docker import (
    ContainerTimes,
    ImageSeen,
    NodeAppSeen,
)
from tenantry.ports.target import (
    DatabaseWish,
    OpenTarget,
    ProjectSeen,
    ServerSeen,
    Target,
)
from tenantry.ports.world import (
    Answer,
    Certificates,
    CertificateSeen,
    HealthSeen,
    HttpAnswer,
    Letter,
    Mailer,
    Ports,
    Resolver,
    Sealed,
    SecretStore,
    SendUntil,
    TextAnswer,
    Web,
)

__all__ = [
    "Answer",
    "ApplicationSeen",
    "BackupFile",
    "BackupSeen",
    "BackupWish",
    "BuildSeen",
    "BuildStatus",
    "CertificateSeen",
    "Certificates",
    "ComposeSeen",
    "ContainerSeen",
    "ContainerTimes",
    "DatabaseSeen",
    "DatabaseWish",
    "DestinationSeen",
    "DomainSeen",
    "HealthSeen",
    "HttpAnswer",
    "ImageSeen",
    "Letter",
    "Mailer",
    "MountSeen",
    "NodeAppSeen",
    "OpenTarget",
    "Ports",
    "ProjectSeen",
    "QueuedBuild",
    "RedirectSeen",
    "Resolver",
    "Running",
    "ScheduleSeen",
    "Sealed",
    "SecretStore",
    "SendUntil",
    "ServerSeen",
    "ServiceSeen",
    "Target",
    "TextAnswer",
    "VolumeBackupSeen",
    "VolumeBackupWish",
    "Web",
]
