"""A product's document as it stands, a mark of it, and carrying one sealed from page to page."""

import base64
import hashlib
import json
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from tenantry.errors import Conflict, Invalid, SecretUnreadable
from tenantry.models import IntegrationSecret, ProjectTemplate
from tenantry.operations import documents, targets, templates
from tenantry.operations.actors import Actor
from tenantry.operations.checks import checked
from tenantry.operations.shapes import TemplateShape, load
from tenantry.planning.environment import API_KEY_SECRET
from tenantry.ports import Sealed
from tenantry.web.door import desk
from tenantry.web.people import member

STALE = "Somebody saved this product while you wrote. Reload to see it"


def text_of(session: Session, template: ProjectTemplate) -> str:
    """The whole product as YAML."""
    rows = session.execute(
        select(IntegrationSecret.id, IntegrationSecret.name).where(
            IntegrationSecret.project_id == template.id, IntegrationSecret.name != API_KEY_SECRET
        )
    )
    return documents.write(template, {row.id: row.name for row in rows})


def full(text: str) -> dict[str, Any]:
    """The document of a text with every default filled in."""
    return filled(documents.parse(text))


def filled(document: Any) -> dict[str, Any]:
    """A document with every default filled in."""
    return load(TemplateShape(), document)


def digest(text: str) -> str:
    """A mark of what an editor began with."""
    return hashlib.sha256(text.encode()).hexdigest()


def save(
    session: Session, who: Actor, document: Any, slug: str | None, seen: str
) -> ProjectTemplate:
    """
    Saves a document; `slug` is that of the product that is edited, None for a new one.

    Conflict where somebody else has saved it since `seen`.
    """
    if slug is not None:
        before = templates.find(session, slug)
        if digest(text_of(session, before)) != seen:
            raise Conflict(STALE)
        if not isinstance(document, dict) or (document.get("slug") or slug) != slug:
            raise Invalid("slug", f"stays {slug}: addresses of tenants are made of it")
        document = {**document, "slug": slug}
    elif isinstance(document, dict):
        _refuse_double(session, document)
    targets.sync(session, desk().settings.targets)
    return templates.save(session, who, document, desk().secrets)


def _refuse_double(session: Session, document: dict[str, Any]) -> None:
    """A new product must not silently become a change of another."""
    slug = checked(document)["slug"]
    if session.scalar(select(ProjectTemplate.id).where(ProjectTemplate.slug == slug)) is not None:
        raise Invalid("slug", "belongs to another product; edit that one, or choose a slug", slug)


def seal(document: Any, seen: str, place: str) -> str:
    """
    For a hidden field: the document and what its editor began with, for this person and product.

    Sealed, so that no value of it is readable in a page and what was shown is what is saved.
    """
    text = json.dumps({"document": document, "seen": seen})
    sealed = desk().secrets.seal(text, _bound(place))
    return f"{sealed.key_id}.{base64.urlsafe_b64encode(sealed.ciphertext).decode()}"


def unseal(text: str, place: str) -> tuple[Any, str]:
    """The inverse; Invalid for what was not sealed for this person and product."""
    key_id, _, rest = text.rpartition(".")
    try:
        sealed = Sealed(base64.urlsafe_b64decode(rest.encode("ascii")), key_id, _bound(place))
        kept = json.loads(desk().secrets.open(sealed))
    except (SecretUnreadable, ValueError):
        raise Invalid("document", "is not what was shown: go back and check it again") from None
    return kept["document"], str(kept["seen"])


def _bound(place: str) -> str:
    user = member()
    assert user is not None
    return f"form/product/{place}/{user.public_id}"
