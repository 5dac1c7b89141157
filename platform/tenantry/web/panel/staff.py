"""Members of staff and their roles."""

from collections.abc import Callable
from typing import Any, ClassVar
from uuid import UUID

from flask import flash, redirect, request
from sqlalchemy.orm import Session

from tenantry.errors import Conflict, Invalid
from tenantry.models import User
from tenantry.operations.actors import Actor
from tenantry.web import staff
from tenantry.web.database import let_go
from tenantry.web.deeds import told
from tenantry.web.door import desk
from tenantry.web.forms import StaffForm, saved, ticked
from tenantry.web.panel import formats
from tenantry.web.panel.base import ScopedSecureModelView, yes_no
from tenantry.web.panel.routes import expose
from tenantry.web.people import ROLES, member
from tenantry.web.security import actor


class StaffView(ScopedSecureModelView):
    """Who may log in."""

    role = "admin"
    export_role = None
    can_export = False
    icon = "users"
    about = "Who may log in, and what they may do. People are deactivated, never deleted."
    list_template = "staff.html"
    details_template = "staff_member.html"
    column_list = ("email", "held", "active", "login_count", "current_login_at", "created_at")
    column_details_list = (
        "email",
        "held",
        "active",
        "login_count",
        "current_login_at",
        "current_login_ip",
        "last_login_at",
        "last_login_ip",
        "public_id",
        "created_at",
        "updated_at",
    )
    column_export_list = ("email",)
    column_labels: ClassVar[dict[str, str]] = {
        "email": "E-mail",
        "held": "Role",
        "login_count": "Log-ins",
        "current_login_at": "Last log-in",
        "created_at": "Added",
    }
    column_sortable_list = ("email", "active", "login_count", "current_login_at", "created_at")
    column_default_sort = ("email", False)
    column_searchable_list = ("email",)
    column_filters = (yes_no(User.active, "Active"),)
    column_formatters: ClassVar[dict[str, Any]] = {
        "active": lambda _v, _c, row, _n: formats.badge("active" if row.active else "inactive"),
        "current_login_at": formats.ago,
        "created_at": formats.ago,
    }
    narrow = ("email", "held")

    def around(self, rows: list[Any]) -> None:
        """Roles come with each user, in one more query for all."""
        for row in rows:
            row.held = ", ".join(role.name.capitalize() for role in row.roles) or "No role"

    @expose("/new", methods=("GET", "POST"))
    def new(self) -> Any:
        """Adds somebody; the password made up for them is shown once."""
        form = StaffForm()
        password = staff.generated()
        made = saved(form, lambda session, who: _add(session, who, form, password))
        if made is not None:
            return self.render("staff_added.html", email=made, password=password)
        code = 400 if form.is_submitted() else 200
        return self.render("staff_form.html", form=form, roles=ROLES), code

    @expose("/<uuid:public_id>/role", methods=("POST",))
    def set_role(self, public_id: UUID) -> Any:
        """Another role; that person is logged out."""
        role, who = request.form.get("role", ""), actor()

        def act(session: Session) -> str:
            user = staff.find(session, public_id)
            staff.set_role(session, who, user, role)
            return f"{user.email} is {role} now."

        return self._changed(public_id, act)

    @expose("/<uuid:public_id>/active", methods=("POST",))
    def set_active(self, public_id: UUID) -> Any:
        """Lets somebody in, or no longer; not oneself."""
        active, who, me = ticked("active"), actor(), member()
        if me is not None and me.public_id == public_id:
            flash("You cannot deactivate yourself.", "bad")
            return redirect(self.get_url(".index_view"), 303)

        def act(session: Session) -> str:
            user = staff.find(session, public_id)
            staff.set_active(session, who, user, active=active)
            return f"{user.email} may {'log in again' if active else 'no longer log in'}."

        return self._changed(public_id, act)

    @expose("/<uuid:public_id>/password", methods=("POST",))
    def new_password(self, public_id: UUID) -> Any:
        """A new password, made up and shown once; that person is logged out."""
        who, password = actor(), staff.generated()
        let_go()

        def act(session: Session) -> str:
            user = staff.find(session, public_id)
            staff.set_password(session, who, user, password)
            return user.email

        return self.render("staff_added.html", email=desk().do(act), password=password)

    def _changed(self, public_id: UUID, act: Callable[[Session], str]) -> Any:
        let_go()
        try:
            flash(desk().do(act), "good")
        except (Conflict, Invalid) as trouble:
            flash(told(trouble), "bad")
        return redirect(self.get_url(".details_view", id=public_id), 303)


def _add(session: Session, who: Actor, form: StaffForm, password: str) -> str:
    email = (form.email.data or "").strip().lower()
    if not staff.put(session, who, email, form.role.data, password):
        raise Invalid("email", "is a member of staff already", email)
    return email


class RoleView(ScopedSecureModelView):
    """The three roles."""

    role = "admin"
    export_role = None
    can_export = False
    can_view_details = False
    icon = "shield"
    about = "Three steps of one ladder; they are not made or changed here."
    column_list = ("name", "description")
    column_export_list = column_list
    column_sortable_list = ("name",)
    column_default_sort = ("id", False)
    narrow = column_list
