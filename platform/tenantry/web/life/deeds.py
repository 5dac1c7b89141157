"""
The table of a tenant's deeds: in which states each is offered, what it asks, and what it wishes.

One line of `DEEDS` is one entry of the menu and one page.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tenantry.errors import NotFound
from tenantry.models import Tenant
from tenantry.operations.actors import Actor
from tenantry.operations.deployments import WHILE_LEAVING
from tenantry.operations.desk import MakeWish
from tenantry.operations.wishes import Wish
from tenantry.planning import actions
from tenantry.planning.actions import ACTIONS
from tenantry.web.life import choosing, forms, wishes
from tenantry.web.life.forms import LifeForm

Fits = Callable[[Tenant], bool]
Wishes = Callable[[LifeForm, Actor], Wish | MakeWish]


@dataclass(frozen=True, slots=True)
class Deed:
    """
    One thing that staff may do. `label` holds {} for the tenant's name and stands on the button.

    `asks` is False where nothing is to be filled in; `preview` is what would happen, where the wish
    itself cannot be asked before everything is typed.
    """

    name: str
    action: str
    title: str
    label: str
    icon: str
    says: str
    form: type[LifeForm]
    wish: Wishes
    preview: Wishes | None = None
    fits: Fits = lambda _tenant: True
    asks: bool = True
    danger: bool = False
    role: str = "operator"

    def offered(self, tenant: Tenant) -> bool:
        """Whether it fits the tenant's state; the operation judges again."""
        if tenant.adopted_at and tenant.completed_at is None:
            return False
        if tenant.deleted_at is not None and self.action != actions.REMOVE_VOLUMES:
            return False
        if tenant.teardown_at is not None and self.action not in WHILE_LEAVING:
            return False
        return tenant.status in ACTIONS[self.action].from_states and self.fits(tenant)

    def form_of(self, tenant: Tenant) -> type[LifeForm]:
        """Its form; a deployment's has a field for each source."""
        return choosing.deploy_form(tenant) if self.form is choosing.DeployForm else self.form


def _has_database(tenant: Tenant) -> bool:
    return any(row.service_type == "db" for row in tenant.services)


def _stays(tenant: Tenant) -> bool:
    return tenant.teardown_at is None


def _rests(tenant: Tenant) -> bool:
    """Suspended, or half so: what a failed suspension switched off is put right by waking."""
    return tenant.status == "suspended" or any(row.paused for row in tenant.services)


def _goes(tenant: Tenant) -> bool:
    return tenant.teardown_at is not None


def _ran(tenant: Tenant) -> bool:
    return tenant.completed_at is not None


DEEDS = (
    Deed(
        "deploy",
        actions.DEPLOY,
        "Deploy",
        "Deploy {}",
        "rocket",
        "Brings about what differs from what was last rolled out, and nothing else.",
        choosing.DeployForm,
        wishes.deploy,
    ),
    Deed(
        "rebuild",
        actions.DEPLOY,
        "Rebuild everything",
        "Rebuild {}",
        "package",
        "Takes every step, also where nothing differs. Data stays.",
        choosing.RebuildForm,
        wishes.rebuild,
        fits=_ran,
    ),
    Deed(
        "scale",
        actions.SCALE,
        "Scale",
        "Scale {}",
        "sliders-horizontal",
        "Stores replicas and limits, applies them, and counts until they hold.",
        choosing.ScaleForm,
        wishes.scale,
    ),
    Deed(
        "restart",
        actions.RESTART,
        "Restart",
        "Restart {}",
        "rotate-ccw",
        "Replaces every container. Nothing is built; it may be away for some seconds.",
        forms.ChosenForm,
        wishes.restart,
    ),
    Deed(
        "suspend",
        actions.SUSPEND,
        "Suspend",
        "Suspend {}",
        "pause",
        "Its addresses stop answering and its containers stop. Data stays; waking brings it back.",
        forms.SuspendForm,
        wishes.suspend,
        preview=wishes.resting,
    ),
    Deed(
        "wake",
        actions.UNSUSPEND,
        "Wake up",
        "Wake up {}",
        "play",
        "Starts it again with the replicas that it had. Where its image is gone it is built again.",
        forms.LifeForm,
        wishes.wake,
        fits=_rests,
        asks=False,
    ),
    Deed(
        "rollback",
        actions.ROLLBACK,
        "Roll back",
        "Roll back {}",
        "history",
        "Brings back what an earlier deployment ran. The database's contents stay.",
        choosing.RollbackForm,
        wishes.roll_back,
    ),
    Deed(
        "backup",
        actions.BACKUP,
        "Back up now",
        "Back up {}",
        "archive",
        "Backs up its database and volumes. It counts only when its file was seen.",
        forms.MaybeReasonForm,
        wishes.back_up,
        asks=False,
    ),
    Deed(
        "restore",
        actions.RESTORE,
        "Restore",
        "Overwrite the database of {}",
        "database",
        "Overwrites the database with a backup, after a fresh backup of what is there now.",
        choosing.RestoreForm,
        wishes.restore,
        preview=wishes.restoring,
        fits=_has_database,
        danger=True,
    ),
    Deed(
        "leave",
        actions.TEARDOWN,
        "Leave",
        "Let {} leave",
        "log-out",
        "It rests for a time of grace in which everything can be kept; then it is torn down.",
        forms.LeaveForm,
        wishes.leave,
        preview=wishes.resting,
        fits=_stays,
    ),
    Deed(
        "keep",
        actions.TEARDOWN,
        "Keep",
        "Keep {}",
        "rotate-ccw",
        "Takes the leaving back, and wakes it where it rests.",
        forms.LifeForm,
        wishes.keep,
        preview=wishes.wake,
        fits=_goes,
        asks=False,
    ),
    Deed(
        "teardown",
        actions.TEARDOWN,
        "Tear down",
        "Tear down {} for good",
        "trash-2",
        "Removes everything of it from its target now. Volumes, backups and its history stay.",
        forms.TeardownForm,
        wishes.tear_down,
        preview=wishes.tearing,
        danger=True,
    ),
    Deed(
        "remove-volumes",
        actions.REMOVE_VOLUMES,
        "Remove volumes",
        "Remove volumes of {} for good",
        "trash-2",
        "Removes volumes that its teardown left behind. There is no way back.",
        choosing.VolumesForm,
        wishes.remove_volumes,
        preview=wishes.removing,
        danger=True,
        role="admin",
    ),
)
BY_NAME = {deed.name: deed for deed in DEEDS}


def deed_of(name: str) -> Deed:
    """NotFound for an unknown one."""
    if name not in BY_NAME:
        raise NotFound("There is no such action")
    return BY_NAME[name]


def offered(tenant: Tenant) -> list[Deed]:
    """What fits its state, in the order of the menu."""
    return [deed for deed in DEEDS if deed.offered(tenant)]


def primary(tenant: Tenant) -> Deed | None:
    """The one that is most likely wanted."""
    order = ("keep", "wake") if tenant.status == "suspended" else ("keep", "deploy")
    return next((BY_NAME[name] for name in order if BY_NAME[name].offered(tenant)), None)
