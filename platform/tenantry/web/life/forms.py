"""
Forms of a tenant's years. Shapes only: operations judge the values.

`shaping` names the fields that change what would happen: a preview of other values is asked for
before anything starts. Reasons and typed names are read only at the start.
"""

import hashlib
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session
from wtforms import (
    BooleanField,
    HiddenField,
    IntegerField,
    SelectMultipleField,
    StringField,
)
from wtforms.validators import InputRequired, Length, NumberRange
from wtforms.validators import Optional as MayBeEmpty
from wtforms.widgets import CheckboxInput, ListWidget

from tenantry.models import Tenant
from tenantry.operations import leaving
from tenantry.web.forms import Form, choices

WHY = Length(min=3, max=500, message="Say why, in 3 to 500 characters.")
NEEDED = InputRequired("Fill this in.")


class Ticks(SelectMultipleField):  # type: ignore[misc]
    """Boxes to tick."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class LifeForm(Form):
    """What all have: a key, by which a second press is the first one's, and what was previewed."""

    key = HiddenField()
    seen = HiddenField()
    shaping: tuple[str, ...] = ()

    def prepare(self, session: Session, tenant: Tenant) -> None:
        """Choices and values of now."""

    def shape(self) -> str:
        """A mark of the values that change what would happen."""
        text = repr([(name, _plain(self[name].data)) for name in self.shaping])
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    def missing(self) -> str:
        """What must be chosen before anything can be previewed, in words; empty where nothing."""
        return ""

    def notes(self, _session: Session, _tenant: Tenant) -> list[str]:
        """What changes, in words, where the plan does not say it."""
        return []

    def shown(self) -> list[Any]:
        """Fields for people, in their order."""
        last = ("without_backup", "reason", "confirm")
        found = [f for f in self if f.type not in {"HiddenField", "CSRFTokenField"}]
        return sorted(found, key=lambda f: last.index(f.name) if f.name in last else -1)


def _plain(value: Any) -> str:
    """Equal for what is equal to people: nothing and empty, a number however it was read."""
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return f"{float(value):g}"
    return str(value) if value else ""


class ReasonedForm(LifeForm):
    """With a reason for the history."""

    reason = StringField(
        "Reason", validators=[NEEDED, WHY], description="It stands in the history."
    )


class ConfirmedForm(ReasonedForm):
    """Typed by hand: nobody removes the wrong one."""

    confirm = StringField("Subdomain", validators=[NEEDED])

    def prepare(self, _session: Session, tenant: Tenant) -> None:
        """Says what to type."""
        self.confirm.description = f"Type {tenant.subdomain} to confirm."


class MaybeReasonForm(LifeForm):
    """With a reason that may be left out."""

    reason = StringField("Reason", validators=[MayBeEmpty(), WHY], description="For the history.")


class ChosenForm(LifeForm):
    """Of some services, or of all."""

    shaping: tuple[str, ...] = ("services",)
    services = Ticks("Only these services", description="None ticked means all of them.")

    def prepare(self, _session: Session, tenant: Tenant) -> None:
        """Its services; a database is restarted by new limits only."""
        names = [row.name for row in tenant.services if row.service_type != "db"]
        self.services.choices = choices((name, name) for name in names)


class SuspendForm(ReasonedForm):
    """A rest."""

    shaping: tuple[str, ...] = ("with_database",)
    with_database = BooleanField(
        "Stop the database too",
        description="No backups are made meanwhile. Otherwise it runs on.",
    )


class LeaveForm(ReasonedForm):
    """A time of grace, then the teardown."""

    shaping: tuple[str, ...] = ("days",)
    days = IntegerField(
        "Days of grace",
        default=14,
        validators=[NEEDED, NumberRange(0, leaving.LONGEST_GRACE, "From 0 to 365 days.")],
        description="0 to 365. Until then everything can be kept; nothing is removed before.",
    )


class TeardownForm(ConfirmedForm):
    """Everything of it, now."""

    shaping: tuple[str, ...] = ("without_backup",)
    without_backup = StringField(
        "Skip the last backup, because",
        validators=[MayBeEmpty(), WHY],
        description="Leave this empty to have one.",
    )
