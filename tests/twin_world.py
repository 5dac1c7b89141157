"""What the target twin knows, what a test may do to it, and how it works inside."""

from collections import deque
from dataclasses import dataclass, field, replace

from tenantry.errors import Permanent
from tenantry.planning.sources import Build, GitSource, ImageSource
from tenantry.ports import (
    BuildSeen,
    ContainerSeen,
    DatabaseWish,
    DomainSeen,
    ProjectSeen,
    ServerSeen,
    ServiceSeen,
)
from tests.twin_breaks import Breakable

KEPT_BUILDS = 10


@dataclass
class AppRow:
    """What the target knows of an application or database; tests may look and write."""

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
    history: list[BuildSeen] = field(default_factory=list)
    looks: dict[str, int] = field(default_factory=dict)
    schedules: list[BuildSeen] = field(default_factory=list)
    outcomes: deque[tuple[str, str]] = field(default_factory=deque)
    containers: list[ContainerSeen] = field(default_factory=list)
    crashes: bool = False


class TargetWorld(Breakable):
    """Rows of a Dokploy server, and the levers by which a test moves them."""

    def __init__(self, *, looks_to_end: int | None = 1, version: str = "v0.30.2") -> None:
        super().__init__()
        self.looks_to_end = looks_to_end
        self.version_text = version
        self.machines = [ServerSeen(None, "own host", active=True)]
        self.projects: dict[str, ProjectSeen] = {}
        self.apps: dict[str, AppRow] = {}
        self.domain_rows: dict[str, tuple[str, DomainSeen]] = {}
        self.logs: dict[str, str] = {}
        self.wanted: list[tuple[str, str, str]] = []
        self._number = 0

    # What a test does to it.

    def plan_builds(
        self, app_id: str, *outcomes: str, log: str = "❌ Docker build failed\n"
    ) -> None:
        """The next builds of an application end so: `done`, `error` or `cancelled`."""
        self.apps[app_id].outcomes.extend((outcome, log) for outcome in outcomes)

    def start_builds(self) -> None:
        """Every waiting build gets its row and runs."""
        with self.lock:
            for app_id, title, description in self.wanted:
                if app_id in self.apps:
                    self._start(self.apps[app_id], title, description)
            self.wanted.clear()

    def finish_builds(self, status: str = "done") -> None:
        """Every waiting or running build ends like this, except where `plan_builds` says other."""
        with self.lock:
            self.start_builds()
            for row in self.apps.values():
                for build in [b for b in row.history if b.status == "running"]:
                    self._end(row, build, status)

    def restart(self) -> None:
        """The queue is lost without a trace, running builds are cancelled, their services idle."""
        with self.lock:
            self.wanted.clear()
            for row in self.apps.values():
                running = [b for b in row.history if b.status == "running"]
                row.history = [
                    replace(b, status="cancelled") if b in running else b for b in row.history
                ]
                if running:
                    row.seen = replace(row.seen, status="idle")

    def services(self, kind: str = "application") -> list[ServiceSeen]:
        """Everything of a kind, in all projects, oldest first."""
        return [row.seen for row in self.apps.values() if row.seen.kind == kind]

    def app(self, name: str) -> AppRow:
        """The only application or database of that name."""
        (found,) = [row for row in self.apps.values() if row.seen.name == name]
        return found

    def row(self, service_id: str) -> AppRow:
        if service_id not in self.apps:
            raise Permanent("Target twin: it answered 404, Application not found")
        return self.apps[service_id]

    def create(
        self,
        kind: str,
        environment_id: str,
        name: str,
        app_name: str,
        description: str,
        server_id: str | None,
    ) -> ServiceSeen:
        if environment_id not in {p.environment_id for p in self.projects.values()}:
            raise Permanent("Target twin: it answered 404, Environment not found")
        made = ServiceSeen(
            kind=kind,
            id=self.new_id("app" if kind == "application" else "db"),
            name=name,
            app_name=f"{app_name.lower()}-{self._number:06x}",
            description=description,
            status="idle",
            created_at=self.moment(),
            server_id=server_id,
        )
        self.apps[made.id] = AppRow(made, environment_id)
        return made

    def with_services(self, project: ProjectSeen) -> ProjectSeen:
        own = [
            row.seen for row in self.apps.values() if row.environment_id == project.environment_id
        ]
        return replace(project, services=tuple(own))

    def look(self, row: AppRow) -> None:
        running = next((b for b in row.history if b.status == "running"), None)
        if running is not None:
            row.looks[running.id] += 1
            if row.looks[running.id] > (self.looks_to_end or 0):
                self._end(row, running, "done")
            return
        mine = next((wish for wish in self.wanted if wish[0] == row.seen.id), None)
        if mine is not None:
            # One at a time for an application, in the order in which they were asked for.
            self.wanted.remove(mine)
            self._start(row, mine[1], mine[2])

    def _start(self, row: AppRow, title: str, description: str) -> None:
        build = BuildSeen(self.new_id("bld"), title, description, "running", self.moment())
        row.history = [build, *row.history][:KEPT_BUILDS]
        row.looks[build.id] = 1
        row.seen = replace(row.seen, status="running")
        source = row.git.url if row.git else (row.image.image if row.image else "nothing")
        verb = "Cloning Repo Custom" if row.git else "Pulling"
        self.logs[build.id] = f"Initializing deployment\n{verb} {source}\n"

    def _end(self, row: AppRow, build: BuildSeen, status: str) -> None:
        log = ""
        if row.outcomes:
            status, log = row.outcomes.popleft()
        ended = replace(build, status=status, finished_at=self.moment())  # type: ignore[arg-type]
        if row.git and status != "cancelled":
            commit = f"{self._number:040x}"
            ended = replace(ended, title="feat: the newest", description=f"Commit: {commit}")
        row.history = [ended if b.id == build.id else b for b in row.history]
        row.seen = replace(row.seen, status="idle" if status == "cancelled" else status)
        good = status == "done"
        self.logs[build.id] += "Building it\n✅ Docker build completed.\n" if good else log
        if good:
            self.run_container(row)

    def run_container(self, row: AppRow) -> None:
        past = [replace(c, state="shutdown", wanted="shutdown") for c in row.containers]
        state, error = ("failed", "task: non-zero exit (1)") if row.crashes else ("running", "")
        new = ContainerSeen(self.new_id("tsk"), state, "running", error, node="twin")
        row.containers = [new, *past]

    def new_id(self, kind: str) -> str:
        self._number += 1
        return f"{kind}-{self._number:04d}"

    def moment(self) -> str:
        self._number += 1
        seconds, rest = divmod(self._number, 1000)
        minutes, seconds = divmod(seconds, 60)
        return f"2026-01-01T{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}.{rest:03d}Z"
