"""Secrets: which there are, and setting them. Their values are never read here."""

from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

from flask import flash, redirect
from markupsafe import Markup
from sqlalchemy import func, select
from sqlalchemy.orm import Session, defer

from tenantry.clock import utcnow
from tenantry.errors import Invalid, NotFound
from tenantry.models import (
    IntegrationSecret,
    ProjectTemplate,
    User,
)
from tenantry.models.secret import SECRET_TYPES
from tenantry.operations import secret_uses, secrets
from tenantry.operations.actors import Actor
from tenantry.web.database import db, reading
from tenantry.web.door import desk
from tenantry.web.forms import NewSecretForm, SecretForm, choices, saved
from tenantry.web.panel import formats
from tenantry.web.panel.base import ScopedSecureModelView, one_of
from tenantry.web.panel.routes import expose
from tenantry.web.words import moment, plural

OLD = timedelta(days=365)
MASKED = Markup('<span class="mono muted" aria-label="sealed">••••••••</span>')
SCOPES = ("project_id", "service_template_id", "tenant_service_id")


class SecretView(ScopedSecureModelView):
    """IntegrationSecrets, for admins only."""

    role = "admin"
    export_role = None
    can_export = False
    icon = "key-round"
    about = "Sealed values. They can be replaced, never shown."
    empty = "No secret yet. A product's secrets are what its services need and nobody should read."
    list_template = "secrets.html"
    details_template = "secret.html"
    column_list = (
        "name",
        "owner",
        "secret_type",
        "value",
        "used_by",
        "age",
        "set_by",
    )
    column_details_list = (
        *column_list,
        "created_at",
        "last_rotated_at",
        "key_id",
        "public_id",
    )
    column_export_list = ("name",)
    column_labels: ClassVar[dict[str, str]] = {
        "owner": "Belongs to",
        "secret_type": "Kind",
        "key_id": "Sealed with",
        "set_by": "Made by",
        "created_at": "Made",
        "last_rotated_at": "Rotated",
        "used_by": "Used by",
        "age": "Value set",
    }
    column_sortable_list = (
        "name",
        "secret_type",
        ("age", func.coalesce(IntegrationSecret.last_rotated_at, IntegrationSecret.created_at)),
    )
    column_default_sort = ("name", False)
    column_searchable_list = ("name",)
    column_filters = (one_of(IntegrationSecret.secret_type, "Kind", SECRET_TYPES),)
    column_formatters: ClassVar[dict[str, Any]] = {
        "name": formats.mono,
        "secret_type": formats.words,
        "key_id": formats.mono,
        "created_at": formats.ago,
        "last_rotated_at": formats.ago,
        "value": lambda _v, _c, _row, _n: MASKED,
        "used_by": lambda _v, _c, row, _n: _used(row),
        "age": lambda _v, _c, row, _n: _age(row),
    }
    narrow = ("name", "owner")

    def get_query(self) -> Any:
        """Without the sealed value: what is not loaded cannot be shown."""
        return super().get_query().options(defer(IntegrationSecret.encrypted_value, raiseload=True))

    def around(self, rows: list[Any]) -> None:
        """Whose it is, and who made it."""
        makers = dict(
            db.session.execute(
                select(User.id, User.email).where(User.id.in_({r.created_by_id for r in rows}))
            ).all()
        )
        known = secret_uses.uses(reading(), rows)
        for row in rows:
            row.uses = known.get(row.id, secret_uses.NOWHERE)
            row.owner = row.uses.owner
            row.set_by = makers.get(row.created_by_id, "tenantry")
            row.age = row.last_rotated_at or row.created_at

    @expose("/new", methods=("GET", "POST"))
    def new(self) -> Any:
        """A secret of a product."""
        form = NewSecretForm()
        products = select(ProjectTemplate.slug, ProjectTemplate.name).order_by(ProjectTemplate.name)
        form.product.choices = choices((p.slug, p.name) for p in db.session.execute(products))
        made = saved(form, lambda session, who: _create(session, who, form))
        if made is not None:
            flash(f"{made} is sealed.", "good")
            return redirect(self.get_url(".index_view"), 303)
        code = 400 if form.is_submitted() else 200
        return self.render("secret_form.html", form=form, secret=None), code

    @expose("/<uuid:public_id>/set", methods=("GET", "POST"))
    def set(self, public_id: UUID) -> Any:
        """A new value for one that is there."""
        row = self.get_one(public_id)
        if row is None:
            raise NotFound("There is no such secret")
        self.around([row])
        form = SecretForm()
        name, owner, row_id = row.name, row.owner, row.id
        facts = {
            "name": name,
            "owner": owner,
            "uses": row.uses,
            "age": row.age,
            "kind": row.secret_type,
        }
        made = saved(form, lambda session, who: _rotate(session, who, row_id, form.value.data))
        if made is not None:
            flash(
                f"{made} is rotated. Each tenant gets the new value by its next deployment.", "good"
            )
            return redirect(self.get_url(".index_view"), 303)
        code = 400 if form.is_submitted() else 200
        return self.render("secret_form.html", form=form, secret=facts), code


def _used(row: Any) -> Any:
    """How many places, each when pointed at; all of them on the secret's own page."""
    places = row.uses.places
    if not places:
        return formats.DASH
    words = places[0] if len(places) == 1 else plural(len(places), "place")
    if row.uses.tenants and not row.tenant_service_id:
        words += f" · {plural(row.uses.tenants, 'tenant')}"
    return Markup('<span class="clip" title="{}">{}</span>').format("; ".join(places), words)


def _age(row: Any) -> Markup:
    """When the value was set; an old one says so in words."""
    told = moment(row.age, relative=True)
    if utcnow() - row.age < OLD:
        return told
    return told + Markup(' <span class="flag is-calm">{}over a year</span>').format(
        formats.icon("clock")
    )


def _create(session: Session, who: Actor, form: NewSecretForm) -> str:
    product = session.scalar(
        select(ProjectTemplate).where(ProjectTemplate.slug == form.product.data)
    )
    if product is None:
        raise Invalid("product", "must be a product there is")
    name = secrets.name_of((form.name.data or "").strip(), "name")
    there = select(IntegrationSecret.id).filter_by(project_id=product.id, name=name)
    if session.scalar(there) is not None:
        raise Invalid("name", "exists already; set its value instead", name)
    made = secrets.put(
        session,
        who,
        desk().secrets,
        name,
        form.value.data or "",
        secret_type=form.secret_type.data,
        project_id=product.id,
    )
    return made.name


def _rotate(session: Session, who: Actor, row_id: int, value: str) -> str:
    row = session.get_one(IntegrationSecret, row_id)
    scope = {column: found for column in SCOPES if (found := getattr(row, column))}
    secrets.put(session, who, desk().secrets, row.name, value, secret_type=row.secret_type, **scope)
    return row.name
