"""What the target twin knows, and what a test may do to it."""

from datetime import datetime

from tenantry.errors import Permanent
from tenantry.planning.limits import Capabilities
from tenantry.ports import (
    BackupFile,
    DestinationSeen,
    DomainSeen,
    ImageSeen,
    ProjectSeen,
    ServerSeen,
    ServiceSeen,
)
from tests.twin_breaks import Breakable
from tests.twin_rows import AppRow, BackupRow, ScheduleRow, VolumeBackupRow

__all__ = ["AppRow", "TargetWorld"]


class TargetWorld(Breakable):
    """
    Rows of a Dokploy server and the engine behind it.

    Levers: `engine_silent` (every Docker read is empty, and a stop changes nothing), `away` (names
    of machines that the server cannot inspect), `stack_lingers` (deleting a stack leaves its
    services running), `able` (capabilities).
    """

    def __init__(self, *, looks_to_end: int | None = 1, version: str = "v0.30.2") -> None:
        super().__init__()
        self.looks_to_end = looks_to_end
        self.version_text = version
        self.able = Capabilities()
        self.machines = [ServerSeen(None, "own host", active=True)]
        self.project_rows: dict[str, ProjectSeen] = {}
        self.apps: dict[str, AppRow] = {}
        self.orphans: dict[str, AppRow] = {}
        self.domain_rows: dict[str, tuple[str, DomainSeen]] = {}
        self.schedule_rows: dict[str, ScheduleRow] = {}
        self.logs: dict[str, str] = {}
        self.wanted: list[tuple[str, str, str]] = []
        self.rolled_back: list[str] = []
        self.engine_silent = False
        self.stack_lingers = False
        self.node_names = ["twin"]
        self.away: set[str] = set()
        self.started: dict[str, datetime] = {}
        self.volume_names: list[str] = []
        self.image_rows: list[ImageSeen] = []
        self.destination_rows = [DestinationSeen("dst-1", "store", "bucket")]
        self.backup_rows: dict[str, BackupRow] = {}
        self.volume_backup_rows: dict[str, VolumeBackupRow] = {}
        self.files: dict[str, list[BackupFile]] = {}
        self.restored: list[tuple[str, str]] = []
        self._number = 0

    def services(self, kind: str = "application") -> list[ServiceSeen]:
        """Everything of a kind, in all projects, oldest first."""
        return [row.seen for row in self.apps.values() if row.seen.kind == kind]

    def app(self, name: str) -> AppRow:
        """The only application, stack or database of that name."""
        (found,) = [row for row in self.apps.values() if row.seen.name == name]
        return found

    def row(self, service_id: str) -> AppRow:
        """The row, or what the target says where there is none."""
        if service_id not in self.apps:
            raise Permanent("Target twin: it answered 404, Application not found")
        return self.apps[service_id]

    def of_kind(self, kind: str, service_id: str) -> AppRow | None:
        """The row of that kind; None where it is gone."""
        row = self.apps.get(service_id)
        return row if row and row.seen.kind == kind else None

    def in_engine(self) -> list[AppRow]:
        """Everything that the engine may run, also what no id of the target points to any more."""
        return [*self.apps.values(), *self.orphans.values()]

    def create(
        self,
        kind: str,
        environment_id: str,
        name: str,
        app_name: str,
        description: str,
        server_id: str | None,
    ) -> ServiceSeen:
        """A new row; its name in the engine gets a suffix, and nothing is unique."""
        if environment_id not in {p.environment_id for p in self.project_rows.values()}:
            raise Permanent("Target twin: it answered 404, Environment not found")
        prefix = {"application": "app", "compose": "cmp"}.get(kind, "db")
        made = ServiceSeen(
            kind=kind,
            id=self.new_id(prefix),
            name=name,
            app_name=f"{app_name.lower()}-{self._number:06x}",
            description=description,
            status="idle",
            created_at=self.moment(),
            server_id=server_id,
        )
        self.apps[made.id] = AppRow(made, environment_id)
        return made

    def drop(self, service_id: str) -> AppRow | None:
        """
        Takes a row away with what hangs on it in the target's own tables; not the engine's.

        Schedules and volume backups are listed no longer, but fire on: they stay in our rows.
        """
        row = self.apps.pop(service_id, None)
        self.wanted = [wish for wish in self.wanted if wish[0] != service_id]
        for domain_id in [d for d, (owner, _) in self.domain_rows.items() if owner == service_id]:
            del self.domain_rows[domain_id]
        for orphan in self.schedule_rows.values():
            orphan.listed &= orphan.app_id != service_id
        for left in self.volume_backup_rows.values():
            left.listed &= left.service_id != service_id
        for backup_id in [b for b, r in self.backup_rows.items() if r.database_id == service_id]:
            del self.backup_rows[backup_id]
        return row

    def new_id(self, kind: str) -> str:
        self._number += 1
        return f"{kind}-{self._number:04d}"

    def moment(self) -> str:
        self._number += 1
        seconds, rest = divmod(self._number, 1000)
        minutes, seconds = divmod(seconds, 60)
        return f"2026-01-01T{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}.{rest:03d}Z"
