"""What a target shows of an application in full, and what is changed of it after its first day."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tenantry.planning.limits import Limits
from tenantry.planning.sources import Build, GitSource, Volume


@dataclass(frozen=True, slots=True)
class DomainSeen:
    """The target's domain object: one hostname routed to one application or compose service."""

    id: str
    host: str
    path: str
    port: int | None
    https: bool
    certificate: str
    enabled: bool = True
    service: str | None = None


@dataclass(frozen=True, slots=True)
class RedirectSeen:
    """A redirect; it lands on every router of its application."""

    id: str
    regex: str
    replacement: str
    permanent: bool


@dataclass(frozen=True, slots=True)
class MountSeen:
    """What is mounted: `source` is a volume's name, a host path or a file's name."""

    id: str
    type: str
    source: str
    path: str


@dataclass(frozen=True, slots=True)
class Running:
    """
    How a service is to run.

    `stop_first` stops the old container before the new one starts: always for what has a volume.
    `args` may hold a password: never log, store or show them.
    """

    replicas: int = 1
    limits: Limits = field(default_factory=Limits)
    args: tuple[str, ...] = field(default=(), repr=False)
    stop_first: bool = False


@dataclass(frozen=True, slots=True)
class ApplicationSeen:
    """
    An application in full; one call on the target.

    `env` is its dotenv text in clear, and `args` may hold a password: never log, store or show
    either. `memory` and `cpu` are the target's own strings (bytes, nanoCPUs), as somebody may have
    typed them.
    """

    id: str
    name: str
    app_name: str
    description: str
    status: str
    source_type: str
    git: GitSource | None
    image: str | None
    build: Build | None
    replicas: int
    memory: str | None
    cpu: str | None
    args: tuple[str, ...] = field(repr=False)
    stop_first: bool
    auto_deploy: bool
    fresh_build: bool
    rollback: bool
    env: str = field(repr=False)
    domains: tuple[DomainSeen, ...] = ()
    redirects: tuple[RedirectSeen, ...] = ()
    mounts: tuple[MountSeen, ...] = ()
    server_id: str | None = None
    created_at: str = ""


@dataclass(frozen=True, slots=True)
class ScheduleSeen:
    """A schedule of an application: remove it first, for it fires on when that is deleted."""

    id: str
    name: str
    cron: str
    command: str
    enabled: bool


class ApplicationLife(Protocol):
    """Applications after their first day."""

    def application(self, app_id: str) -> ApplicationSeen | None:
        """In full; None where it is gone."""

    def configure_application(self, app_id: str, running: Running) -> None:
        """Change, safe to repeat: takes effect at the next deploy or reload."""

    def set_fresh_build(self, app_id: str, *, fresh: bool) -> None:
        """Change, safe to repeat: whether the next builds use no cache; stored on the target."""

    def reload_application(self, app_id: str, app_name: str) -> None:
        """Change: applies the stored settings without a build, which restarts its containers.
        Only for what was deployed: otherwise the target runs an image that was never built.
        """

    def stop_application(self, app_id: str) -> None:
        """Change, safe to repeat: no containers; the target swallows Docker's errors, so look."""

    def adopt(self, kind: str, object_id: str, description: str) -> None:
        """Change, safe to repeat: writes a description, and for an application turns automatic
        deploys off; `kind` is project, application, compose or a DatabaseKind. No engine call.
        """

    def create_volume(self, app_id: str, volume: Volume) -> None:
        """Change: a repeat mounts twice."""

    def create_redirect(self, app_id: str, redirect: RedirectSeen) -> None:
        """Change: a repeat makes a second one; the id given is left aside."""

    def delete_redirect(self, redirect_id: str) -> None:
        """Change, safe to repeat."""

    def enable_domain(self, domain_id: str, *, enabled: bool) -> None:
        """Change, safe to repeat: its router is there, or not."""

    def schedules_of(self, app_id: str) -> Sequence[ScheduleSeen]:
        """Its schedules; no longer listed once the application is gone, though they fire on."""

    def enable_schedule(self, schedule: ScheduleSeen, *, enabled: bool) -> None:
        """Change, safe to repeat."""

    def delete_schedule(self, schedule_id: str) -> None:
        """Change, safe to repeat."""

    def drop_waiting_builds(self, app_id: str) -> None:
        """Change, safe to repeat: what waits in the queue for this application, not what runs."""

    def roll_back(self, rollback_id: str) -> None:
        """Change: the target's own rollback; blocks, and makes no row in the history."""
