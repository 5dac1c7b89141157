"""Forms for what staff may write. Shapes only: operations judge the values."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from flask import flash, request
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import PasswordField, SelectChoice, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length

from tenantry.errors import Conflict, Invalid
from tenantry.models.secret import SECRET_TYPES
from tenantry.operations.actors import Actor
from tenantry.web.database import let_go
from tenantry.web.deeds import told
from tenantry.web.door import desk
from tenantry.web.people import ROLES
from tenantry.web.security import actor
from tenantry.web.words import sentence

T = TypeVar("T")
NEEDED = InputRequired("Fill this in.")


def choices(pairs: Iterable[tuple[str, str]]) -> list[SelectChoice]:
    """Values and their words, for a select field."""
    return [SelectChoice(value, words) for value, words in pairs]


class Form(FlaskForm):  # type: ignore[misc]
    """With the panel's CSRF token."""


class ProductForm(Form):
    """A product as a document."""

    document = TextAreaField("Document", validators=[NEEDED, Length(max=1_000_000)])


class SecretForm(Form):
    """A value to be sealed; it is never shown again."""

    value = PasswordField("Value", validators=[NEEDED, Length(max=16_384)])


class NewSecretForm(SecretForm):
    """A new secret of a product."""

    product = SelectField("Product", validators=[NEEDED])
    name = StringField("Name", validators=[NEEDED, Length(max=60)])
    secret_type = SelectField(
        "Kind", choices=choices((k, sentence(k)) for k in SECRET_TYPES), validators=[NEEDED]
    )


class StaffForm(Form):
    """A new member of staff."""

    email = StringField("E-mail", validators=[NEEDED, Length(max=255)])
    role = SelectField(
        "Role", choices=choices((name, name.capitalize()) for name in ROLES), validators=[NEEDED]
    )


def saved(form: Form, act: Callable[[Session, Actor], T]) -> T | None:
    """
    One transaction at the desk; None where it was refused, with the reason beside its field.

    Nothing is stored then. A rule about a field that the form does not have stands on top.
    """
    if not form.validate_on_submit():
        return None
    # Asked before the desk opens its transaction: afterwards it would read beside a writer.
    who = actor()
    let_go()
    try:
        return desk().do(lambda session: act(session, who))
    except Invalid as trouble:
        beside(form, trouble.field, str(trouble))
    except Conflict as trouble:
        name, sign, _ = str(trouble).partition(":")
        if sign and name in form:
            beside(form, name, str(trouble))
        else:
            flash(told(trouble), "bad")
    return None


def beside(form: Form, field: str, words: str) -> None:
    """A rule beside the field that it is about; on top of the page where the form has none."""
    name = field.partition(".")[0].partition("[")[0]
    # A document's errors name paths inside it: they belong to its text.
    found = form[name] if name in form else form._fields.get("document")
    rule = words.removeprefix(f"{name}: ") if name == field else words
    if found is None:
        flash(words, "bad")
    else:
        found.errors = [*found.errors, rule[:1].upper() + rule[1:]]


def lines_of(text: str | None) -> list[str]:
    """Lines that hold something."""
    return [line.strip() for line in (text or "").replace("\r", "").split("\n") if line.strip()]


def env_of(text: str | None) -> dict[str, str]:
    """`KEY=VALUE` lines, values exactly as typed; `#` begins a comment. Invalid names the line."""
    found: dict[str, str] = {}
    for number, line in enumerate((text or "").replace("\r", "").split("\n"), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        key, sign, value = line.partition("=")
        if not sign:
            raise Invalid("env", f"line {number} must be KEY=VALUE")
        if key.strip() in found:
            raise Invalid("env", f"line {number}: {key.strip()} stands there already")
        found[key.strip()] = value
    return found


def emails_of(text: str | None) -> list[str]:
    """Addresses, one in a line or divided by commas."""
    return [part.strip() for line in lines_of(text) for part in line.split(",") if part.strip()]


def ticked(name: str) -> bool:
    """Whether a plain form sent `1` under that name."""
    return request.form.get(name) == "1"


def refused(code: int = 400) -> int:
    """The status of a form that is shown again; a page's own script takes it as any other part."""
    return 200 if "X-Live" in request.headers else code
