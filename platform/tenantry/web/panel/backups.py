"""Backups of one tenant: what there is, how it is backed up, and changing that."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import flash, redirect, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from wtforms import BooleanField, IntegerField, SelectField, StringField
from wtforms.validators import InputRequired, Length, NumberRange

from tenantry.errors import StepTrouble
from tenantry.models import BackupPolicy, ProjectTemplate, Tenant
from tenantry.operations import backups, tenants
from tenantry.operations.actors import Actor
from tenantry.ports import DestinationSeen
from tenantry.web.database import let_go, reading
from tenantry.web.deeds import answered
from tenantry.web.door import desk
from tenantry.web.forms import Form, choices, saved
from tenantry.web.panel.life import LifePages
from tenantry.web.panel.routes import expose
from tenantry.web.people import need
from tenantry.web.security import actor

NEEDED = InputRequired("Fill this in.")
Places = dict[str, DestinationSeen]


class PolicyForm(Form):
    """When, where to, and for how long."""

    destination = SelectField(
        "Destination", validators=[NEEDED], description="As the target knows it."
    )
    schedule = StringField(
        "Schedule",
        default="0 2 * * *",
        validators=[NEEDED, Length(max=120)],
        description="A cron line in UTC, or hourly, daily, weekly.",
    )
    retention_days = IntegerField(
        "Days to keep",
        default=7,
        validators=[NEEDED, NumberRange(*backups.RETENTION, "From 1 to 3650 days.")],
    )
    overdue_hours = IntegerField(
        "Overdue after",
        default=36,
        validators=[NEEDED, NumberRange(*backups.OVERDUE, "From 1 to 1440 hours.")],
        description="Hours without a good backup after which it is told.",
    )
    enabled = BooleanField("Back up by itself", default=True, description="By the schedule.")
    gate = BooleanField(
        "Back up before each change",
        default=True,
        description="No backup, no change: a deployment that changes something waits for it.",
    )


class BackupPages(LifePages):
    """Below a tenant's address."""

    @expose("/<uuid:public_id>/backups")
    def backups(self, public_id: UUID) -> Any:
        """Records, newest first, and the policy in words."""
        session, tenant = reading(), self.tenant_of(public_id)
        rows = backups.records(session, tenant)
        good = backups.newest_good(session, [tenant.id]).get(tenant.id)
        return self.render(
            "tenant_backups.html",
            tenant=tenant,
            rows=rows,
            policy=backups.policy_of(session, tenant),
            good=good,
            restorable=backups.restorable,
        )

    @expose("/<uuid:public_id>/backups/policy", methods=("GET", "POST"))
    def backup_policy(self, public_id: UUID) -> Any:
        """The tenant's own policy; what is not its own yet begins as its product's."""
        need("operator")
        tenant = self.tenant_of(public_id)
        places, silent = _places(tenant)
        tenant, policy = self.tenant_of(public_id), None
        policy = backups.policy_of(reading(), tenant)
        form = PolicyForm(obj=policy)
        form.destination.choices = choices((d.id, d.name) for d in places.values())
        if policy and not form.is_submitted():
            form.destination.data = policy.destination_id
        key = str(tenant.public_id)
        if saved(form, lambda session, who: _set(session, who, key, form, places)):
            flash("The policy is kept. Nightly backups follow with the next deployment.", "good")
            return redirect(url_for(".backups", public_id=public_id), 303)
        return self.render(
            "backup_policy.html",
            form=form,
            tenant=self.tenant_of(public_id),
            policy=policy,
            silent=silent,
        ), (400 if form.is_submitted() else 200)

    @expose("/<uuid:public_id>/backups/policy/drop", methods=("POST",))
    def drop_policy(self, public_id: UUID) -> Any:
        """Its product's policy holds again."""
        need("operator")
        key, who = str(self.tenant_of(public_id).public_id), actor()
        page = url_for(".backups", public_id=public_id)

        def act() -> tuple[str, str]:
            desk().do(lambda session: backups.drop_policy(session, who, tenants.find(session, key)))
            return page, "Its own policy is gone; that of its product holds, where there is one."

        return answered(act, page)


def _set(
    session: Session, who: Actor, key: str, form: PolicyForm, places: Mapping[str, DestinationSeen]
) -> BackupPolicy:
    names = ("destination", "schedule", "retention_days", "overdue_hours", "enabled", "gate")
    given = {name: form[name].data for name in names}
    return backups.set_policy(session, who, tenants.find(session, key), given, places)


def _places(tenant: Tenant) -> tuple[Places, str]:
    """
    Destinations of the tenant's target, asked of it now; where it does not answer, those that
    policies of the same target name, and why.
    """
    target, known = tenant.target_name, _known(reading(), tenant)
    let_go()
    try:
        return {d.id: d for d in desk().destinations(target)}, ""
    except StepTrouble as trouble:
        return known, str(trouble)


def _known(session: Session, tenant: Tenant) -> Places:
    rows = session.execute(
        select(BackupPolicy.destination_id, BackupPolicy.destination_name)
        .outerjoin(Tenant, Tenant.id == BackupPolicy.tenant_id)
        .outerjoin(ProjectTemplate, ProjectTemplate.id == BackupPolicy.project_id)
        .where(
            (Tenant.target_name == tenant.target_name)
            | (ProjectTemplate.target_name == tenant.target_name)
        )
        .distinct()
    )
    return {
        row.destination_id: DestinationSeen(row.destination_id, row.destination_name, "")
        for row in rows
    }
