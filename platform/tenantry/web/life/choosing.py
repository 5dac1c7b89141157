"""Forms that offer what there is: services, releases, earlier deployments, backups, volumes."""

from flask import request
from sqlalchemy.orm import Session
from wtforms import (
    BooleanField,
    DecimalField,
    HiddenField,
    IntegerField,
    RadioField,
    SelectField,
    StringField,
)
from wtforms.validators import Length, NumberRange
from wtforms.validators import Optional as MayBeEmpty

from tenantry.models import Tenant, TenantService
from tenantry.operations import backups, leaving, rollbacks, scaling
from tenantry.operations.preparing import release_numbers
from tenantry.planning import limits as rules
from tenantry.web.forms import choices
from tenantry.web.life.forms import (
    NEEDED,
    WHY,
    ChosenForm,
    ConfirmedForm,
    LifeForm,
    MaybeReasonForm,
    Ticks,
)


class RebuildForm(ChosenForm):
    """Everything, whether it differs or not."""

    shaping: tuple[str, ...] = ("services", "fresh_build", "without_backup")
    fresh_build = BooleanField(
        "Without the build cache",
        default=True,
        description="Slower; helps where a build kept something old.",
    )
    without_backup = StringField(
        "Skip the backup, because",
        validators=[MayBeEmpty(), WHY],
        description="The policy asks for a backup before a change. Leave this empty to have one.",
    )

    def prepare(self, session: Session, tenant: Tenant) -> None:
        """Skipping a backup is asked of those who have one before each change."""
        super().prepare(session, tenant)
        policy = backups.policy_of(session, tenant)
        if policy is None or not policy.gate or tenant.completed_at is None:
            del self.without_backup
            self.shaping = tuple(name for name in self.shaping if name != "without_backup")


class DeployForm(RebuildForm):
    """What differs; of another release, from another branch or tag."""

    shaping: tuple[str, ...] = ("services", "release", "without_backup")
    fresh_build = None
    release = SelectField("Release", default="")

    def prepare(self, session: Session, tenant: Tenant) -> None:
        """Releases, newest first, and a field for the ref of each service."""
        super().prepare(session, tenant)
        numbers = release_numbers(session, tenant.project_id)
        words = [(str(n), f"Release {n}") for n in numbers]
        self.release.choices = choices([("", "The newest, as the product stands now"), *words])
        self.shaping = (*self.shaping, *(name for name in self._fields if name.startswith("ref_")))

    def refs(self) -> dict[str, str]:
        """Service → branch or tag that was typed."""
        typed = {
            name.removeprefix("ref_"): (field.data or "").strip()
            for name, field in self._fields.items()
            if name.startswith("ref_")
        }
        return {name: ref for name, ref in typed.items() if ref}


def deploy_form(tenant: Tenant) -> type[DeployForm]:
    """With one field for each service that comes from a branch or an image."""
    fields = {
        f"ref_{row.name}": StringField(
            f"{'Tag' if row.image else 'Branch or tag'} of {row.name}",
            validators=[Length(max=255)],
            render_kw={"placeholder": _ref_of(row), "class": "mono"},
            description="Stays with this tenant until it is changed again.",
        )
        for row in tenant.services
        if row.service_type != "db" and (row.image or row.repo_url)
    }
    return type("DeployForm", (DeployForm,), fields)


def _ref_of(row: TenantService) -> str:
    if row.image:
        tail = row.image.rpartition("/")[2]
        return tail.partition("@")[2][:19] or tail.partition(":")[2] or "latest"
    return row.repo_branch or ""


class ScaleForm(LifeForm):
    """Replicas and limits of one service."""

    shaping: tuple[str, ...] = ("service", "replicas", "cpu_cores", "memory_mb")
    service = HiddenField()
    replicas = IntegerField(
        "Replicas",
        validators=[NEEDED, NumberRange(0, rules.MOST_REPLICAS, "From 0 to 50.")],
        description="How many containers, 0 to 50. What has a volume runs once.",
    )
    cpu_cores = DecimalField(
        "CPU",
        places=None,
        validators=[MayBeEmpty(), NumberRange(*rules.CPU_CORES, "From 0.5 to 32 cores.")],
        description="Cores, 0.5 to 32. Empty lifts the limit.",
    )
    memory_mb = IntegerField(
        "Memory",
        validators=[MayBeEmpty(), NumberRange(*rules.MEMORY_MB, "From 512 to 65536 MB.")],
        description="MB, 512 to 65536. Empty lifts the limit.",
    )

    def prepare(self, session: Session, tenant: Tenant) -> None:
        """What the chosen service has now; the first that can be scaled where none is chosen."""
        asked = request.values.get("service", "")
        rows = {row.name: row for row in tenant.services}
        self.row = rows.get(asked) or next(iter(sorted(rows.values(), key=_databases_last)), None)
        self.services = list(rows)
        if self.row is None:
            return
        self.service.data = self.row.name
        self.now = scaling.wanted_of_all(session, tenant)[self.row.id]
        if self.row.service_type == "db":
            del self.replicas
            self.shaping = ("service", "cpu_cores", "memory_mb")
        if not self.is_submitted():
            if "replicas" in self:
                self.replicas.data = self.now[0]
            self.cpu_cores.data, self.memory_mb.data = self.now[1].cpu_cores, self.now[1].memory_mb

    def wanted(self) -> scaling.Scale:
        """As the operation takes it."""
        cpu = self.cpu_cores.data
        limits = {
            "cpu_cores": None if cpu is None else float(cpu),
            "memory_mb": self.memory_mb.data,
        }
        replicas = self.replicas.data if "replicas" in self else None
        return scaling.Scale(self.service.data or "", replicas, limits)

    def missing(self) -> str:
        """Something must differ from what is."""
        if self.row is None:
            return "This tenant has no services."
        wanted, (replicas, limits) = self.wanted(), self.now
        assert wanted.limits is not None
        now = {"cpu_cores": limits.cpu_cores, "memory_mb": limits.memory_mb}
        same = dict(wanted.limits) == now and wanted.replicas in {None, replicas}
        return "Change a number to see what would happen." if same else ""

    def notes(self, _session: Session, _tenant: Tenant) -> list[str]:
        """Each number before and after."""
        wanted, (replicas, limits) = self.wanted(), self.now
        found = []
        if wanted.replicas is not None and wanted.replicas != replicas:
            found.append(f"Replicas: {replicas} → {wanted.replicas}")
        assert wanted.limits is not None
        for name, words, unit in (("cpu_cores", "CPU", "cores"), ("memory_mb", "Memory", "MB")):
            old, new = getattr(limits, name), wanted.limits[name]
            if old != new:
                found.append(f"{words}: {_limit(old, unit)} → {_limit(new, unit)}")
        return found


def _databases_last(row: TenantService) -> tuple[bool, int]:
    return row.service_type == "db", row.id


def _limit(value: float | None, unit: str) -> str:
    return "no limit" if value is None else f"{value:g} {unit}"


class RollbackForm(MaybeReasonForm):
    """To an earlier deployment."""

    shaping: tuple[str, ...] = ("to",)
    to = RadioField("Back to", validate_choice=True)

    def prepare(self, session: Session, tenant: Tenant) -> None:
        """What once ran, newest first."""
        found = rollbacks.candidates(session, tenant)
        self.to.choices = choices((str(row.public_id), "") for row in found)
        self.rows = {str(row.public_id): row for row in found}
        if not self.is_submitted():
            asked = request.args.get("to", "")
            self.to.data = asked if asked in self.rows else next(iter(self.rows), None)

    def missing(self) -> str:
        """There may be nothing to go back to."""
        if not self.rows:
            return "There is no earlier deployment to go back to."
        return "" if self.to.data else "Choose where to go back to."

    def notes(self, session: Session, tenant: Tenant) -> list[str]:
        """What will not be as it was then."""
        found = rollbacks.prepare(session, tenant, self.to.data).cannot
        # Of the database the preview warns by itself.
        return [words for words in found if "database" not in words]


class RestoreForm(ConfirmedForm):
    """A backup over what is there now."""

    shaping: tuple[str, ...] = ("backup",)
    backup = RadioField("Backup", validate_choice=True)

    def prepare(self, session: Session, tenant: Tenant) -> None:
        """Those that count and that the target can restore."""
        super().prepare(session, tenant)
        found = [row for row in backups.records(session, tenant) if backups.restorable(row)]
        self.backup.choices = choices((str(row.public_id), "") for row in found)
        self.rows = {str(row.public_id): row for row in found}
        if not self.is_submitted():
            asked = request.args.get("backup", "")
            self.backup.data = asked if asked in self.rows else next(iter(self.rows), None)

    def missing(self) -> str:
        """There may be nothing to restore."""
        if not self.rows:
            return "There is no backup that could be restored: none of a database counts yet."
        return "" if self.backup.data else "Choose a backup."


class VolumesForm(ConfirmedForm):
    """Volumes that a teardown left."""

    shaping: tuple[str, ...] = ("volumes",)
    volumes = Ticks("Volumes", description="Their data is gone for good.")

    def prepare(self, session: Session, tenant: Tenant) -> None:
        """What is left."""
        super().prepare(session, tenant)
        kept = leaving.volumes_kept(session, tenant)
        self.volumes.choices = choices((name, name) for name in kept)
        if not self.is_submitted():
            self.volumes.data = kept

    def missing(self) -> str:
        """None may be left, or ticked."""
        if not self.volumes.choices:
            return "No volume is left."
        return "" if self.volumes.data else "Tick the volumes to remove."
