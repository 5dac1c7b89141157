"""
What operators do to tenants, deployments and steps: forms that go through the desk.

A browser is led back with a sentence; a program that asks for JSON gets 200, or 409 with the
winner. An idempotency key in the form makes a second press the first one's answer.
"""

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Blueprint, flash, jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from tenantry.errors import Conflict, Invalid, NotFound, NothingToDo
from tenantry.models import Deployment, DeploymentStep, Tenant
from tenantry.web.database import db, let_go
from tenantry.web.door import desk
from tenantry.web.errors import code_of, facts_of, wants_json
from tenantry.web.people import need
from tenantry.web.security import actor
from tenantry.web.words import plural

deeds = Blueprint("deeds", __name__)
KEY = re.compile(r"[0-9a-f]{32}")
MOST_AT_ONCE = 100
STEP_DEEDS = {
    "retry": "The deployment goes on from this step.",
    "run_now": "The step is due now.",
    "skip": "The step is skipped.",
    "mark_done": "The step counts as done, and the deployment goes on behind it.",
}


@deeds.before_request
def _operators_only() -> None:
    need("operator")


@deeds.post("/tenants/<uuid:public_id>/deploy")
def deploy(public_id: UUID) -> ResponseReturnValue:
    """Starts a deployment; the same key again leads to the same one."""
    tenant = tenant_at(public_id)
    subdomain, name, who = tenant.subdomain, tenant.name, actor()
    back = url_for("tenants.page", public_id=public_id)

    def act() -> tuple[str, str]:
        started = desk().deploy(who, subdomain, request_key=_key())
        return _page(started), f"{name} is being deployed."

    return answered(act, back)


@deeds.post("/deployments/<uuid:public_id>/<any(resume, resume_failed, cancel):deed>")
def steer(public_id: UUID, deed: str) -> ResponseReturnValue:
    """Resume, resume only what failed, or cancel."""
    page, who, key = _page(public_id), actor(), str(public_id)
    reason = request.form.get("reason", "")

    def act() -> tuple[str, str]:
        if deed == "cancel":
            desk().cancel(who, key)
            return page, "It is being cancelled; a step that runs ends first."
        desk().resume(who, key, only_failed=deed == "resume_failed", reason=reason)
        return page, "It goes on from where it stopped."

    return answered(act, page)


@deeds.post("/steps/<uuid:public_id>/<any(retry, run_now, skip, mark_done):deed>")
def step(public_id: UUID, deed: str) -> ResponseReturnValue:
    """One of the four deeds on a step; two of them need a reason."""
    owner = _owner(public_id)
    page, who, reason = _came_from(owner), actor(), request.form.get("reason", "")

    def act() -> tuple[str, str]:
        desk().step(who, str(public_id), deed, reason)
        return page, STEP_DEEDS[deed]

    return answered(act, page)


@deeds.post("/steps/<uuid:public_id>/postpone")
def postpone(public_id: UUID) -> ResponseReturnValue:
    """Another time for a step that waits, in so many minutes."""
    page, who, minutes = _came_from(_owner(public_id)), actor(), request.form.get("minutes", "")

    def act() -> tuple[str, str]:
        if not minutes.isascii() or not minutes.isdigit():
            raise Invalid("minutes", "must be a number from 1 to 1440")
        desk().postpone(who, str(public_id), 60.0 * int(minutes[:9]))
        return page, f"It looks again in {plural(int(minutes), 'minute')}."

    return answered(act, page)


def answered(act: Callable[[], tuple[str, str]], back: str) -> ResponseReturnValue:
    """Does it, and says how it went, in the way the caller understands."""
    let_go()
    try:
        url, words = act()
    except (Conflict, Invalid) as trouble:
        if wants_json():
            return jsonify(facts_of(trouble)), code_of(trouble)
        winner = trouble.winner if isinstance(trouble, Conflict) else None
        flash(told(trouble), "info" if isinstance(trouble, NothingToDo) else "bad")
        return redirect(_page(winner) if winner else back, 303)
    if wants_json():
        return jsonify(url=url, message=words), 200
    flash(words, "good")
    return redirect(url, 303)


def told(trouble: Conflict | Invalid) -> Any:
    """Words for a flash; with a link where another deployment won."""
    words = str(trouble).rstrip(".") + "."
    if isinstance(trouble, Conflict) and trouble.winner:
        return {"words": words, "url": _page(trouble.winner), "link": "Open it"}
    return words


def _owner(step_id: UUID) -> UUID:
    """The deployment of a step; NotFound otherwise."""
    owner = db.session.scalar(
        select(Deployment.public_id)
        .join(DeploymentStep, DeploymentStep.deployment_id == Deployment.id)
        .where(DeploymentStep.public_id == step_id)
    )
    if owner is None:
        raise NotFound("There is no such step")
    return owner


def _came_from(deployment: UUID) -> str:
    """Back to the list of jobs where the form stood there, else to the deployment."""
    shelf = request.form.get("jobs")
    return _page(deployment) if shelf is None else url_for("jobs.index_view", show=shelf or None)


def _page(public_id: Any) -> str:
    return url_for("deployments.page", public_id=public_id)


def tenant_at(public_id: UUID) -> Tenant:
    """A tenant that is still there; NotFound otherwise."""
    found = db.session.scalar(
        select(Tenant).where(Tenant.public_id == public_id, Tenant.deleted_at.is_(None))
    )
    if found is None:
        raise NotFound("There is no such tenant")
    return found


def tenants_at() -> list[Tenant]:
    """Those that a form names under `tenant`; Invalid for none, too many or strange ones."""
    return [tenant_at(public_id) for public_id in _ids()]


def _ids() -> list[UUID]:
    try:
        ids = [UUID(text) for text in request.form.getlist("tenant")]
    except ValueError:
        raise Invalid("tenant", "must be a tenant's id") from None
    if not 1 <= len(ids) <= MOST_AT_ONCE:
        raise Invalid("tenant", f"choose 1 to {MOST_AT_ONCE} tenants")
    return ids


def _key() -> str | None:
    given = request.headers.get("Idempotency-Key") or request.form.get("key", "")
    return checked_key(given)


def checked_key(key: str) -> str | None:
    """An idempotency key as it is stored; Invalid for a strange one."""
    if not key:
        return None
    if not KEY.fullmatch(key):
        raise Invalid("key", "must be 32 hexadecimal digits")
    return f"web:{key}"
