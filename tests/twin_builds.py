"""How builds and containers of the target twin move, and how a test moves them."""

from dataclasses import replace
from datetime import datetime

import yaml

from tenantry.ports import BuildSeen, ContainerSeen, ImageSeen
from tests.twin_rows import AppRow
from tests.twin_world import TargetWorld

KEPT_BUILDS = 10
# What stands before the name of a task that another one has replaced.
OLDER = "\\_ "


def stack_services(file: str) -> list[str]:
    """Names of the services in a compose file."""
    read = yaml.safe_load(file) if file else None
    found = read.get("services") if isinstance(read, dict) else None
    return [str(name) for name in found] if isinstance(found, dict) else []


def _bare(name: str) -> str:
    return name.removeprefix(OLDER)


class BuildsOfTwin(TargetWorld):
    """
    A triggered build waits in the queue; at the first look (`builds`) it runs, and after
    `looks_to_end` looks it is over, with its containers up. With `looks_to_end=None` builds only
    move by `start_builds` and `finish_builds`. `plan_builds` says how the next ones end.
    """

    # What a test does to it.

    def plan_builds(
        self, app_id: str, *outcomes: str, log: str = "❌ Docker build failed\n"
    ) -> None:
        """The next builds of an application or stack end so: `done`, `error` or `cancelled`."""
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
            for row in self.in_engine():
                for build in [b for b in row.history if b.status == "running"]:
                    self._end(row, build, status)

    def restart(self) -> None:
        """The queue is lost without a trace, running builds are cancelled, their services idle."""
        with self.lock:
            self.wanted.clear()
            for row in self.in_engine():
                running = [b for b in row.history if b.status == "running"]
                row.history = [
                    replace(b, status="cancelled") if b in running else b for b in row.history
                ]
                if running:
                    row.seen = replace(row.seen, status="idle")

    # How it works inside.

    def look(self, row: AppRow) -> None:
        """One look of somebody at the history of a service."""
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

    def look_at_orphans(self) -> None:
        """A build that ran when its application was deleted goes on, and nobody can look at it."""
        if self.looks_to_end is not None:
            for row in self.orphans.values():
                self.look(row)

    def runs_of(self, row: AppRow | None) -> tuple[BuildSeen, ...]:
        """The history that a look shows."""
        if row is None:
            return ()
        if self.looks_to_end is not None:
            self.look(row)
        return tuple(row.history)

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
        if row.rollback:
            # The target writes it before the build: a failed run has one too.
            ended = replace(ended, rollback_id=self.new_id("rbk"))
        row.history = [ended if b.id == build.id else b for b in row.history]
        row.seen = replace(row.seen, status="idle" if status == "cancelled" else status)
        good = status == "done"
        self.logs[build.id] += "Building it\n✅ Docker build completed.\n" if good else log
        if good:
            row.built = True
            self._store_image(row)
            self.run_container(row)

    def _store_image(self, row: AppRow) -> None:
        if row.seen.kind != "application":
            return
        repository, tag = row.seen.app_name, "latest"
        if row.image is not None:
            repository, _, tag = row.image.image.partition(":")
        if not any((i.repository, i.tag) == (repository, tag) for i in self.image_rows):
            self.image_rows.append(ImageSeen(self.new_id("img"), repository, tag or "latest"))

    def run_container(self, row: AppRow) -> None:
        """The engine takes the stored settings over: new tasks beside the shut-down ones."""
        row.scale = row.replicas if row.seen.kind == "application" else 1
        row.applied = row.memory, row.cpu
        self.volume_names += [
            m.source
            for m in row.mounts
            if m.type == "volume" and m.source not in self.volume_names and row.scale
        ]
        self.run_tasks(row)

    def run_tasks(self, row: AppRow) -> None:
        """As many new tasks as `scale` says; none at all leaves nothing to be listed."""
        past = [
            replace(c, state="shutdown", wanted="shutdown", name=f"{OLDER}{_bare(c.name)}")
            for c in row.containers
        ]
        new = [self._task(row, name) for name in self._slots(row)]
        row.containers = [*new, *past] if row.scale else []

    def _slots(self, row: AppRow) -> list[str]:
        name = row.seen.app_name
        if row.seen.kind == "compose":
            return [f"{name}_{service}.1" for service in stack_services(row.file)]
        return [f"{name}.{slot + 1}" for slot in range(row.scale or 0)]

    def _task(self, row: AppRow, name: str) -> ContainerSeen:
        state, error = ("failed", "task: non-zero exit (1)") if row.crashes else ("running", "")
        if row.seen.kind == "application" and not row.built:
            state, error = "rejected", f"No such image: {row.seen.app_name}:latest"
        task = ContainerSeen(self.new_id("tsk"), state, "running", error, "twin", name=name)
        self.started[task.id] = datetime.fromisoformat(self.moment())
        return task
