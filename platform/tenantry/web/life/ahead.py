"""What a deed would bring about, and bringing it about: the two presses of each form."""

from dataclasses import dataclass
from datetime import timedelta

from flask import url_for
from sqlalchemy.orm import Session

from tenantry.clock import utcnow
from tenantry.errors import Conflict, Invalid, NotFound
from tenantry.models import Tenant
from tenantry.operations import leaving, tenants
from tenantry.operations.actors import Actor
from tenantry.operations.previews import Preview
from tenantry.planning.actions import ACTIONS, SUSPEND
from tenantry.web.database import let_go
from tenantry.web.deeds import checked_key
from tenantry.web.door import desk
from tenantry.web.life.deeds import Deed
from tenantry.web.life.forms import LifeForm

OFF = "an admin sets TARGET_<NAME>_RESTORE=on where it runs"


@dataclass(frozen=True, slots=True)
class Ahead:
    """
    What would happen. `missing` is what must be chosen first, `problem` why it is refused now;
    `quiet` means that it is only noted: no deployment follows.
    """

    preview: Preview | None = None
    notes: tuple[str, ...] = ()
    missing: str = ""
    problem: str = ""
    winner: str | None = None
    quiet: bool = False

    @property
    def ready(self) -> bool:
        """Whether the button starts anything."""
        return self.quiet or (self.preview is not None and not self.preview.nothing)


def quiet(deed: Deed, form: LifeForm, tenant: Tenant) -> bool:
    """Whether the deed is only noted, as a leaving is of what does not run."""
    if deed.name == "keep":
        return tenant.status != "suspended"
    if deed.name != "leave":
        return False
    return tenant.status not in ACTIONS[SUSPEND].from_states or form["days"].data == 0


def look_ahead(deed: Deed, form: LifeForm, who: Actor, session: Session, tenant: Tenant) -> Ahead:
    """Asks the desk; nothing is written. The tenant's row is read again afterwards."""
    wrong = [f"{field.label.text}: {words}" for field in form for words in field.errors]
    if wrong:
        return Ahead(missing=" ".join(wrong))
    if missing := form.missing():
        return Ahead(missing=missing)
    key = str(tenant.public_id)
    try:
        notes = tuple(form.notes(session, tenant)) + _times(deed, form)
        if deed.name == "restore" and not _may_restore(tenant.target_name):
            name = tenant.target_name
            return Ahead(problem=f"Restoring is switched off for target {name}: {OFF}")
        if quiet(deed, form, tenant):
            return Ahead(notes=notes, quiet=True)
        wish = (deed.preview or deed.wish)(form, who)
        let_go()
        return Ahead(desk().preview(who, key, wish), notes)
    except Conflict as trouble:
        return Ahead(problem=str(trouble), winner=trouble.winner)
    except (Invalid, NotFound) as trouble:
        return Ahead(problem=str(trouble))


def _may_restore(target: str) -> bool:
    return any(known.name == target and known.restore for known in desk().settings.targets)


def _times(deed: Deed, form: LifeForm) -> tuple[str, ...]:
    if deed.name != "leave":
        return ()
    days = form["days"].data
    if not days:
        return ("It is torn down within the hour.",)
    at = utcnow() + timedelta(days=days)
    return (f"It is torn down on {at:%d %B %Y} (UTC), unless it is kept before.",)


def begin(deed: Deed, form: LifeForm, who: Actor, tenant: Tenant) -> tuple[str, str]:
    """
    Starts it: where to go next, and words for it.

    The same key again leads to the same deployment. Conflict and Invalid as the operations raise.
    """
    key, name, noted = str(tenant.public_id), tenant.name, quiet(deed, form, tenant)
    days = form["days"].data if deed.name == "leave" else 0
    why = form["reason"].data if deed.name == "leave" else ""
    let_go()
    if noted:

        def note(session: Session) -> None:
            row = tenants.find(session, key, away=True)
            if deed.name == "leave":
                leaving.leave(session, who, row, days=days, reason=why)
            else:
                leaving.keep(session, who, row)

        desk().do(note)
        words = f"{name} stays." if deed.name == "keep" else f"{name} is leaving."
        return url_for("tenants.page", public_id=key), words
    started = desk().deploy(
        who, key, wish=deed.wish(form, who), request_key=checked_key(form.key.data or "")
    )
    page = url_for("deployments.page", public_id=started)
    return page, f"Started: {deed.label.format(name)}."
