"""Pages of a tenant's years: one for each deed, its history, its backups, what it left."""

from typing import Any
from uuid import UUID, uuid4

from flask import flash, jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from tenantry.errors import Conflict, Invalid, NotFound
from tenantry.models import Deployment, Tenant
from tenantry.operations import histories
from tenantry.planning.states import ACTIVE_DEPLOYMENT
from tenantry.web.database import reading
from tenantry.web.deeds import checked_key, told
from tenantry.web.errors import code_of, facts_of, wants_json
from tenantry.web.forms import beside
from tenantry.web.life.ahead import begin, look_ahead
from tenantry.web.life.deeds import Deed, deed_of
from tenantry.web.life.forms import LifeForm
from tenantry.web.panel.routes import expose
from tenantry.web.people import need
from tenantry.web.security import actor


class LifePages:
    """Pages below a tenant's address; for the view of tenants."""

    render: Any
    get_one: Any

    def tenant_of(self, public_id: UUID) -> Tenant:
        """Also one that has left; NotFound otherwise."""
        found: Tenant | None = self.get_one(public_id)
        if found is None:
            raise NotFound("There is no such tenant")
        return found

    @expose("/<uuid:public_id>/do/<what>", methods=("GET", "POST"))
    def do(self, public_id: UUID, what: str) -> Any:
        """
        A deed: its fields and what would happen; nothing is written before its button.

        A start with other values than those that were shown shows these first.
        """
        deed = deed_of(what)
        need(deed.role)
        tenant = self.tenant_of(public_id)
        form = deed.form_of(tenant)()
        form.prepare(reading(), tenant)
        code = 200
        if not form.is_submitted():
            form.key.data = uuid4().hex
            if not deed.offered(tenant):
                raise Conflict(f"{tenant.name} is {_state(tenant)}: {deed.title} does not fit now")
        elif _wants_start(form):
            answer, code = _start(deed, form, tenant)
            if answer is not None:
                return answer
        else:
            _only_shape(form)
        return self._shown(deed, form, public_id), code

    def _shown(self, deed: Deed, form: LifeForm, public_id: UUID) -> Any:
        session, who = reading(), actor()
        ahead = look_ahead(deed, form, who, session, self.tenant_of(public_id))
        tenant = self.tenant_of(public_id)
        form.seen.data = form.shape()
        part = "X-Live" in request.headers
        return self.render(
            "parts/ahead.html" if part else "life_form.html",
            deed=deed,
            form=form,
            tenant=tenant,
            ahead=ahead,
            active=_active(tenant),
        )

    @expose("/<uuid:public_id>/history")
    def history(self, public_id: UUID) -> Any:
        """Every move of the tenant, its services and deployments."""
        tenant = self.tenant_of(public_id)
        before = request.args.get("before", "")
        last = int(before[:18]) if before.isascii() and before.isdigit() else None
        moves = histories.of_tenant(reading(), tenant, before=last, most=histories.PAGE + 1)
        return self.render(
            "tenant_history.html",
            tenant=tenant,
            moves=moves[: histories.PAGE],
            older=moves[histories.PAGE - 1].id if len(moves) > histories.PAGE else None,
            newest=last is None,
        )


def _state(tenant: Tenant) -> str:
    return "leaving" if tenant.teardown_at else tenant.status.replace("_", " ")


def _wants_start(form: LifeForm) -> bool:
    return wants_json() or request.form.get("step") == "start" or form.shaping == ()


def _only_shape(form: LifeForm) -> None:
    """A preview judges what changes it; reasons are not typed yet."""
    form.validate()
    for field in form:
        if field.name not in form.shaping:
            field.errors = []


def _start(deed: Deed, form: LifeForm, tenant: Tenant) -> tuple[ResponseReturnValue | None, int]:
    """The answer, or None where the form is to be shown again, with its code."""
    if again := _started(form, tenant):
        url = url_for("deployments.page", public_id=again)
        return (jsonify(url=url, message=""), 200) if wants_json() else (redirect(url, 303), 303)
    if not form.validate() or form.missing():
        return None, 400
    if not wants_json() and form.shape() != form.seen.data:
        flash("This is what would happen now. Press the button again to start it.", "info")
        return None, 200
    try:
        url, words = begin(deed, form, actor(), tenant)
    except (Conflict, Invalid) as trouble:
        return _refused(form, trouble), code_of(trouble)
    if wants_json():
        return jsonify(url=url, message=words), 200
    flash(words, "good")
    return redirect(url, 303), 303


def _started(form: LifeForm, tenant: Tenant) -> UUID | None:
    """What this form's key has started already: a second press is the first one's."""
    key = checked_key(form.key.data or "")
    return (
        reading().scalar(
            select(Deployment.public_id).where(
                Deployment.tenant_id == tenant.id, Deployment.request_key == key
            )
        )
        if key
        else None
    )


def _refused(form: LifeForm, trouble: Conflict | Invalid) -> ResponseReturnValue | None:
    if wants_json():
        return jsonify(facts_of(trouble)), code_of(trouble)
    if isinstance(trouble, Invalid):
        beside(form, trouble.field.replace("refs.", "ref_"), str(trouble))
    else:
        flash(told(trouble), "bad")
    return None


def _active(tenant: Tenant) -> Deployment | None:
    return reading().scalar(
        select(Deployment).where(
            Deployment.tenant_id == tenant.id, Deployment.status.in_(ACTIVE_DEPLOYMENT)
        )
    )
