"""Failures by their cause: what holds tenants up, what staff know of it, resuming a whole group."""

from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from flask import flash, redirect, request, url_for
from sqlalchemy.orm import Session

from tenantry.errors import Conflict, Invalid, NotFound, TenantryError
from tenantry.operations import failures
from tenantry.operations.failures import Failed
from tenantry.web.database import let_go, reading
from tenantry.web.deeds import MOST_AT_ONCE, told
from tenantry.web.door import desk
from tenantry.web.panel import formats
from tenantry.web.panel.base import ScopedSecureModelView
from tenantry.web.panel.routes import expose
from tenantry.web.people import need
from tenantry.web.security import actor

SHOWN = 50
WHY = "all that failed of one cause"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one deployment of a group that was to go on."""

    failed: Failed
    good: bool
    words: str


class FailureView(ScopedSecureModelView):
    """Causes; the rows of its model are what staff have written of them."""

    icon = "triangle-alert"
    about = "What deployments failed of, once for all tenants that met it."
    column_list = ("cause", "note", "hint", "author", "updated_at")
    column_details_list = column_list
    column_export_list = (*column_list, "created_at", "public_id")
    column_default_sort = ("id", True)
    column_formatters: ClassVar[dict[str, Any]] = {"updated_at": formats.ago}
    narrow = ("cause",)

    @expose("/")
    def index_view(self) -> Any:
        """Every cause: those that hold somebody up first."""
        return self.render("failures.html", causes=failures.causes(reading()))

    @expose("/details/")
    def details_view(self) -> Any:
        """A note's own address leads to its cause."""
        row = self.get_one(request.args.get("id", ""))
        if row is None:
            raise NotFound("There is no such note")
        return redirect(url_for(".one", cause=row.cause))

    @expose("/cause", methods=("GET", "POST"))
    def one(self) -> Any:
        """One cause: its deployments, and what is known of it."""
        words = request.args.get("cause", "")
        refused: dict[str, Any] = {}
        if request.method == "POST":
            need("operator")
            refused = _written(words)
            if not refused:
                return redirect(url_for(".one", cause=words), 303)
        session = reading()
        note = failures.notes_of(session, [words]).get(words)
        facts = {
            "cause": failures.one(session, words),
            "rows": failures.met_by(session, words, most=SHOWN),
            "note": note,
            "typed": refused,
            "stamp": failures.stamp(note),
            "longest": (failures.LONGEST_NOTE, failures.LONGEST_HINT),
        }
        return self.render("failure.html", **facts), refused.get("code", 200)

    @expose("/resume", methods=("GET", "POST"))
    def resume(self) -> Any:
        """All that stand: named first, and what became of each afterwards."""
        need("operator")
        words = request.args.get("cause", "")
        session = reading()
        cause = failures.one(session, words)
        rows = failures.met_by(session, words, standing=True, most=MOST_AT_ONCE)
        if request.method == "POST":
            met = {row.public_id: row for row in failures.met_by(session, words, most=1_000)}
            asked = _asked()
            outcomes = _resume([(met[i], epoch) for i, epoch in asked if i in met])
            return self.render("failures_resumed.html", cause=cause, outcomes=outcomes)
        return self.render("failures_resume.html", cause=cause, rows=rows)


def _written(words: str) -> dict[str, Any]:
    """Writes the note; where it is refused, what was typed and why."""
    typed = {name: request.form.get(name, "") for name in ("note", "hint", "seen")}
    who = actor()
    let_go()

    def act(session: Session) -> None:
        failures.write(session, who, words, **typed)

    try:
        desk().do(act)
    except Invalid as trouble:
        return {**typed, "field": trouble.field, "words": trouble.rule, "code": 400}
    except Conflict as trouble:
        flash(told(trouble), "bad")
        return {**typed, "field": "", "words": "", "code": 409}
    flash("Kept. It shows on each failure of this cause.", "good")
    return {}


def _asked() -> list[tuple[UUID, int]]:
    """Deployments that the page named, each with the run that was seen."""
    found = []
    for text in request.form.getlist("deployment"):
        public_id, _, epoch = text.partition(" ")
        try:
            found.append((UUID(public_id), int(epoch[:9])))
        except ValueError:
            raise Invalid("deployment", "must be a deployment's id and its run") from None
    if not 1 <= len(found) <= MOST_AT_ONCE:
        raise Invalid("deployment", f"choose 1 to {MOST_AT_ONCE} deployments")
    return list(dict.fromkeys(found))


def _resume(asked: list[tuple[Failed, int]]) -> list[Outcome]:
    """Each in a transaction of its own: one that is refused holds up no other."""
    who, found = actor(), []
    let_go()
    for row, epoch in asked:
        try:
            desk().resume(who, str(row.public_id), reason=WHY, epoch=epoch)
            found.append(Outcome(row, good=True, words="It goes on from where it stopped"))
        except TenantryError as trouble:
            again = row.status in {"pending", "running"}
            words = "It goes on already" if again else str(trouble).rstrip(".")
            found.append(Outcome(row, good=again, words=words))
    return found
