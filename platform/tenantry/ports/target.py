"""The place we deploy to: what it shows, and what may be asked of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tenantry.planning.limits import Capabilities
from tenantry.planning.sources import Build, DatabaseKind, GitSource, ImageSource
from tenantry.ports.applications import ApplicationLife, DomainSeen, Running
from tenantry.ports.backups import Backups
from tenantry.ports.builds import BuildSeen, ContainerSeen, QueuedBuild, ServiceSeen
from tenantry.ports.compose import Compose
from tenantry.ports.databases import DatabaseLife
from tenantry.ports.docker import Docker


@dataclass(frozen=True, slots=True)
class ProjectSeen:
    """A project with its default environment and the services in all its environments."""

    id: str
    name: str
    description: str
    environment_id: str
    created_at: str
    services: tuple[ServiceSeen, ...] = ()


@dataclass(frozen=True, slots=True)
class ServerSeen:
    """A machine that a target deploys to; the target's own host has the id None."""

    id: str | None
    name: str
    active: bool


@dataclass(frozen=True, slots=True)
class DatabaseWish:
    """A database to be created. The password holds letters and digits only (several kinds put it
    into a shell line); `image` is always pinned, for the target's defaults move.
    """

    kind: DatabaseKind
    name: str
    app_name: str
    description: str
    database: str
    user: str
    password: str = field(repr=False)
    image: str = ""
    root_password: str = field(default="", repr=False)


class Target(ApplicationLife, DatabaseLife, Compose, Backups, Docker, Protocol):
    """A Dokploy server under one key. Reads may be repeated at will; a change is sent once."""

    def version(self) -> str:
        """`v0.30.2`. Raises Permanent where the server is older than we support."""

    def servers(self) -> Sequence[ServerSeen]:
        """The machines behind this target, its own host first."""

    def projects_marked(self, marker: str) -> Sequence[ProjectSeen]:
        """Projects whose description carries the marker as a word, oldest first, with services."""

    def project(self, project_id: str) -> ProjectSeen | None:
        """One project with its services; None where it is gone."""

    def projects(self) -> Sequence[ProjectSeen]:
        """Every project with its services, in as few calls as the target allows: the services
        come without their descriptions, so know ours by id.
        """

    def delete_project(self, project_id: str) -> None:
        """Change, safe to repeat: only when nothing is left in it, for what is left would run on
        with no id pointing to it.
        """

    def capabilities(self) -> Capabilities:
        """What this target can do; asks nothing."""

    def create_project(self, name: str, description: str) -> ProjectSeen:
        """Change: a new project with its default environment."""

    def create_application(
        self, environment_id: str, name: str, app_name: str, description: str, server_id: str | None
    ) -> ServiceSeen:
        """Change: a new application; the target appends a random suffix to `app_name`."""

    def settle_application(self, app_id: str, running: Running) -> None:
        """Change, safe to repeat: autoDeploy off, a failed update pauses (never rolls back), and
        how it is to run.
        """

    def attach_git(self, app_id: str, source: GitSource) -> None:
        """Change, safe to repeat: the source is this repository."""

    def attach_image(self, app_id: str, source: ImageSource) -> None:
        """Change, safe to repeat: the source is this image."""

    def set_build(self, app_id: str, build: Build) -> None:
        """Change, safe to repeat: how it is built."""

    def set_environment(self, app_id: str, dotenv: str) -> None:
        """Change, safe to repeat: replaces the whole environment; takes effect at a deploy."""

    def application_status(self, app_id: str) -> str | None:
        """idle, running, done or error; None where the application is gone."""

    def builds(self, app_id: str) -> Sequence[BuildSeen]:
        """History of an application, newest first. A waiting build is not in it."""

    def queue(self) -> Sequence[QueuedBuild]:
        """What waits or runs in the build queue of this target."""

    def trigger_build(self, app_id: str, title: str, description: str) -> None:
        """Change: fetch, build, update. Answers nothing; the run shows up in `builds` later."""

    def build_log(self, build_id: str, tail: int) -> str:
        """The last `tail` lines (10,000 at most) of a build's log; empty where it is gone."""

    def containers(self, app_name: str, server_id: str | None) -> Sequence[ContainerSeen]:
        """Tasks of a service. Empty means unknown, not absent: any Docker error reads so."""

    def schedules(self, app_id: str) -> Sequence[BuildSeen]:
        """The runs of an application's schedules, newest first; empty where it has none."""

    def create_database(
        self, environment_id: str, wish: DatabaseWish, server_id: str | None
    ) -> ServiceSeen:
        """Change: a new database with its volume."""

    def database(self, kind: DatabaseKind, database_id: str) -> ServiceSeen | None:
        """One database; None where it is gone."""

    def deploy_database(self, kind: DatabaseKind, database_id: str, *, deadline: float) -> None:
        """Change: pulls and starts; blocks for up to `deadline` seconds, and a timeout means
        unknown. Repeating it restarts the database, so look at its status first.
        """

    def domains(self, app_id: str) -> Sequence[DomainSeen]:
        """The domain objects of an application."""

    def create_domain(
        self, app_id: str, host: str, port: int, *, https: bool, certificate: str
    ) -> DomainSeen:
        """Change: route a hostname. Nothing on the target keeps two from being made."""

    def update_domain(
        self, domain_id: str, host: str, port: int, *, https: bool, certificate: str
    ) -> None:
        """Change, safe to repeat: the same hostname, to another port or with another scheme."""

    def delete_application(self, app_id: str) -> None:
        """Change, safe to repeat: its volumes and its image stay. A running build brings its
        containers back.
        """

    def delete_domain(self, domain_id: str) -> None:
        """Change, safe to repeat."""


class OpenTarget(Protocol):
    """Opens a configured target; kept clients are shared between calls."""

    def __call__(self, name: str, api_key: str | None = None) -> Target:
        """`api_key` replaces the configured key. Permanent where no such target is configured."""
