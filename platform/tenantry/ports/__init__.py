"""
What we ask of the outside world, in plain types.

Each port has a real adapter (`adapters/`), and a twin in memory (`tests/twins.py`). A port raises
only `StepTrouble` (see `errors`), and each of its methods is either a read, or one change. The
caller looks before it changes; a port never retries by itself.
"""

from tenantry.ports.target import (
    BuildSeen,
    BuildStatus,
    ContainerSeen,
    DatabaseWish,
    DomainSeen,
    OpenTarget,
    ProjectSeen,
    QueuedBuild,
    ServerSeen,
    ServiceSeen,
    Target,
)
from tenantry.ports.world import (
    Answer,
    HealthSeen,
    HttpAnswer,
    Letter,
    Mailer,
    Ports,
    Resolver,
    Sealed,
    SecretStore,
    SendUntil,
    Web,
)

__all__ = [
    "Answer",
    "BuildSeen",
    "BuildStatus",
    "ContainerSeen",
    "DatabaseWish",
    "DomainSeen",
    "HealthSeen",
    "HttpAnswer",
    "Letter",
    "Mailer",
    "OpenTarget",
    "Ports",
    "ProjectSeen",
    "QueuedBuild",
    "Resolver",
    "Sealed",
    "SecretStore",
    "SendUntil",
    "ServerSeen",
    "ServiceSeen",
    "Target",
    "Web",
]
