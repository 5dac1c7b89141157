"""From a form to the wish that the desk takes: one function for each deed, and for its preview."""

from dataclasses import replace

from sqlalchemy.orm import Session

from tenantry.errors import Conflict, Invalid
from tenantry.models import Tenant
from tenantry.operations import backups, leaving, rollbacks, scaling
from tenantry.operations.actors import Actor
from tenantry.operations.deployments import need_reason
from tenantry.operations.desk import MakeWish
from tenantry.operations.wishes import Wish
from tenantry.planning import actions
from tenantry.planning.limits import Capabilities
from tenantry.web.life import choosing
from tenantry.web.life.forms import LifeForm


def deploy(form: LifeForm, _who: Actor) -> Wish:
    """What differs, of a release, from branches or tags."""
    assert isinstance(form, choosing.DeployForm)
    release = form.release.data
    return Wish(
        services=tuple(form.services.data or ()),
        refs=form.refs(),
        release=int(release) if release else None,
        ungated=_ungated(form),
    )


def rebuild(form: LifeForm, _who: Actor) -> Wish:
    """Every step of these services."""
    return Wish(
        services=tuple(form["services"].data or ()),
        force=True,
        fresh_build=bool(form["fresh_build"].data),
        ungated=_ungated(form),
    )


def _ungated(form: LifeForm) -> str:
    words = (form["without_backup"].data or "").strip() if "without_backup" in form else ""
    try:
        return need_reason(words) if words else ""
    except Invalid as trouble:
        raise Invalid("without_backup", trouble.rule) from None


def _reason(form: LifeForm) -> str:
    return (form["reason"].data or "").strip()


def scale(form: LifeForm, who: Actor) -> MakeWish:
    """Stores replicas and limits with the deployment that applies them."""
    assert isinstance(form, choosing.ScaleForm)
    wanted = form.wanted()
    return lambda session, tenant: scaling.store(session, who, tenant, wanted, Capabilities())


def restart(form: LifeForm, _who: Actor) -> Wish:
    """Every container anew."""
    return Wish(action=actions.RESTART, services=tuple(form["services"].data or ()))


def suspend(form: LifeForm, _who: Actor) -> Wish:
    """A rest, with its reason."""
    with_database = bool(form["with_database"].data)
    return Wish(action=actions.SUSPEND, with_database=with_database, why=need_reason(_reason(form)))


def resting(form: LifeForm, _who: Actor) -> Wish:
    """The same for a preview, before a reason is typed."""
    with_database = bool(form["with_database"].data) if "with_database" in form else False
    return Wish(action=actions.SUSPEND, with_database=with_database)


def wake(_form: LifeForm, _who: Actor) -> Wish:
    """The way back."""
    return Wish(action=actions.UNSUSPEND)


def roll_back(form: LifeForm, _who: Actor) -> MakeWish:
    """Back to what a deployment ran."""
    to, why = form["to"].data or "", _reason(form)
    return lambda session, tenant: rollbacks.prepare(session, tenant, to, why).wish


def back_up(form: LifeForm, _who: Actor) -> MakeWish:
    """A backup now."""
    why = _reason(form)
    return lambda session, tenant: backups.now(session, tenant, why)


def restore(form: LifeForm, _who: Actor) -> MakeWish:
    """A backup over what is there, with the name typed."""
    which, typed, why = form["backup"].data or "", form["confirm"].data or "", _reason(form)
    return lambda session, tenant: backups.restore(session, tenant, which, typed.strip(), why)


def restoring(form: LifeForm, _who: Actor) -> MakeWish:
    """The same for a preview, before the name is typed."""
    which = form["backup"].data or ""
    return lambda session, tenant: backups.restore(
        session, tenant, which, tenant.subdomain, "a preview"
    )


def leave(form: LifeForm, who: Actor) -> MakeWish:
    """Notes the leaving with the suspension until then."""
    days, why = form["days"].data, _reason(form)

    def wish(session: Session, tenant: Tenant) -> Wish:
        return _there(leaving.leave(session, who, tenant, days=days, reason=why))

    return wish


def keep(_form: LifeForm, who: Actor) -> MakeWish:
    """Takes it back with the way out of the suspension."""
    return lambda session, tenant: _there(leaving.keep(session, who, tenant))


def _there(wish: Wish | None) -> Wish:
    if wish is None:
        raise Conflict("Its state has changed meanwhile: look again")
    return wish


def tear_down(form: LifeForm, _who: Actor) -> MakeWish:
    """Everything of it, with the name typed."""
    typed, why, ungated = form["confirm"].data or "", _reason(form), _ungated(form)
    return lambda _session, tenant: replace(
        leaving.teardown(tenant, typed.strip(), why), ungated=ungated
    )


def tearing(form: LifeForm, _who: Actor) -> Wish:
    """The same for a preview, before the name is typed."""
    return Wish(action=actions.TEARDOWN, ungated=(form["without_backup"].data or "").strip())


def remove_volumes(form: LifeForm, _who: Actor) -> MakeWish:
    """Volumes for good, with the name typed."""
    volumes, typed, why = tuple(form["volumes"].data or ()), form["confirm"].data, _reason(form)

    def wish(session: Session, tenant: Tenant) -> Wish:
        if (typed or "").strip() != tenant.subdomain:
            raise Invalid("confirm", f"type {tenant.subdomain} to remove its volumes", typed)
        return leaving.volumes_gone(session, tenant, volumes, why)

    return wish


def removing(form: LifeForm, _who: Actor) -> MakeWish:
    """The same for a preview, before the name is typed."""
    volumes = tuple(form["volumes"].data or ())
    return lambda session, tenant: leaving.volumes_gone(session, tenant, volumes, "a preview")
