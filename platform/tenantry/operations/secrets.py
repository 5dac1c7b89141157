"""IntegrationSecrets: writing them. Reading happens only in the worker, through the vault."""

import re
import secrets as random
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from tenantry.errors import Invalid, NotFound
from tenantry.models import IntegrationSecret
from tenantry.models.base import uuid7
from tenantry.models.dbtime import db_now
from tenantry.models.secret import SECRET_TYPES
from tenantry.operations.actors import Actor, record
from tenantry.planning.environment import is_unicode
from tenantry.ports import SecretStore

NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
LONGEST = 16_384
IN_HEADERS = frozenset({"provision_token", "dokploy_api_key"})
# Letters and digits only: several database kinds put a password into a shell line.
ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"


def generated(length: int = 40) -> str:
    """A random value of letters and digits; 40 of them carry more than 200 bits."""
    return "".join(random.choice(ALPHABET) for _ in range(length))


def name_of(text: str, field: str = "secrets") -> str:
    """A secret's name: lower case letters, digits and _."""
    if not isinstance(text, str) or not NAME.fullmatch(text):
        raise Invalid(field, "names hold a-z, 0-9 and _, beginning with a letter", text)
    return text


def put(
    session: Session,
    actor: Actor,
    store: SecretStore,
    name: str,
    value: str,
    *,
    secret_type: str = "provision_token",  # noqa: S107 — a kind, not a secret
    **scope: int,
) -> IntegrationSecret:
    """
    Seals a value into the secret of that name and scope, which is made if there is none.

    `scope` is exactly one of project_id, service_template_id, tenant_service_id. The audit row
    says that it was set, never what.
    """
    name_of(name, "name")
    if secret_type not in SECRET_TYPES:
        raise Invalid("secret_type", f"must be one of {', '.join(SECRET_TYPES)}", secret_type)
    if len(scope) != 1:
        raise TypeError("a secret has exactly one scope")
    if not value or len(value) > LONGEST or "\0" in value or not is_unicode(value):
        raise Invalid("value", f"must have 1 to {LONGEST} characters of text, no NUL")
    if (secret_type in IN_HEADERS or name == "dokploy_api_key") and not _fits_header(value):
        raise Invalid("value", "is sent in a header: it must be printable ASCII without blanks")
    row = session.scalar(
        select(IntegrationSecret).filter_by(**scope).where(IntegrationSecret.name == name)
    )
    action = "secret.rotate"
    if row is None:
        row = IntegrationSecret(name=name, public_id=uuid7(), **scope)
        action = "secret.create"
    row.secret_type = secret_type
    sealed = store.seal(value, row.bound_to)
    row.encrypted_value, row.key_id = sealed.ciphertext, sealed.key_id
    if action == "secret.rotate":
        row.last_rotated_at = db_now()
    else:
        row.created_by_id = actor.user_id
        session.add(row)
    record(session, actor, action, row, after={"type": secret_type, **_scope(scope)})
    return row


def find(session: Session, name: str, **scope: int) -> IntegrationSecret:
    """NotFound where there is none of that name in the scope."""
    row = session.scalar(
        select(IntegrationSecret).filter_by(**scope).where(IntegrationSecret.name == name)
    )
    if row is None:
        raise NotFound(f"There is no secret {name}")
    return row


def _fits_header(value: str) -> bool:
    return value.isascii() and value.isprintable() and " " not in value


def _scope(scope: dict[str, int]) -> dict[str, Any]:
    return {"scope": next(iter(scope), "")}
