"""
Secret values beside a document: one sealed file under a passphrase of its own.

AES-256-GCM under a key that scrypt makes of the passphrase (RFC 7914, N=2^15, r=8, p=1) with a
fresh salt; the header is bound to the content. Without the passphrase it says nothing but its size.
"""

import json
import os
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from sqlalchemy import select
from sqlalchemy.orm import Session

from tenantry.errors import Invalid
from tenantry.models import IntegrationSecret, ProjectTemplate, Tenant, TenantService
from tenantry.operations import environments, secrets
from tenantry.operations.actors import Actor
from tenantry.ports import Sealed, SecretStore

HEADER = b"tenantry-bundle-1\n"
SALT, NONCE = 16, 12
SHORTEST = 12


def seal(session: Session, store: SecretStore, passphrase: str) -> bytes:
    """Every secret of products and live tenants; Invalid for a passphrase that is too short."""
    if len(passphrase) < SHORTEST:
        raise Invalid("passphrase", f"must have at least {SHORTEST} characters")
    salt, nonce = os.urandom(SALT), os.urandom(NONCE)
    content = json.dumps(_values(session, store), sort_keys=True).encode()
    return HEADER + salt + nonce + AESGCM(_key(passphrase, salt)).encrypt(nonce, content, HEADER)


def open_(raw: bytes, passphrase: str) -> dict[str, dict[str, str]]:
    """`products`, `tenants` and `env`; Invalid for another file or passphrase."""
    if not raw.startswith(HEADER):
        raise Invalid("bundle", "is no bundle of this program")
    body = raw[len(HEADER) :]
    salt, nonce, sealed = body[:SALT], body[SALT : SALT + NONCE], body[SALT + NONCE :]
    try:
        content = AESGCM(_key(passphrase, salt)).decrypt(nonce, sealed, HEADER)
    except (InvalidTag, ValueError):
        raise Invalid("passphrase", "does not open this bundle, or the file was changed") from None
    found: dict[str, dict[str, str]] = json.loads(content)
    return found


def _key(passphrase: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, n=2**15, r=8, p=1).derive(passphrase.encode())


def _values(session: Session, store: SecretStore) -> dict[str, dict[str, str]]:
    secret = IntegrationSecret
    products = session.execute(
        select(secret, ProjectTemplate.slug).join(
            ProjectTemplate, ProjectTemplate.id == secret.project_id
        )
    ).all()
    owned = session.execute(
        select(secret, Tenant.subdomain, TenantService.name)
        .join(TenantService, TenantService.id == secret.tenant_service_id)
        .join(Tenant, Tenant.id == TenantService.tenant_id)
        .where(Tenant.deleted_at.is_(None))
    ).all()
    return {
        "products": {f"{slug}/{row.name}": _open(store, row) for row, slug in products},
        "tenants": {
            f"{subdomain}/{service}/{row.name}": _open(store, row)
            for row, subdomain, service in owned
        },
        "env": _environment(session, store),
    }


def _environment(session: Session, store: SecretStore) -> dict[str, str]:
    found = {}
    for tenant in session.scalars(select(Tenant).where(Tenant.deleted_at.is_(None))):
        names = {row.id: row.name for row in tenant.services}
        for var, version in environments.holding(session, tenant):
            if var.secret:
                service = names.get(var.tenant_service_id or 0, "")
                name = f"{tenant.subdomain}/{service}/{var.key}"
                found[name] = environments.open_version(store, version)
    return found


def _open(store: SecretStore, row: IntegrationSecret) -> str:
    return store.open(Sealed(row.encrypted_value, row.key_id, row.bound_to))


def restore(
    session: Session,
    actor: Actor,
    store: SecretStore,
    values: Mapping[str, Mapping[str, str]],
) -> int:
    """Puts the secrets of products and tenants that are here back; how many."""
    number = 0
    for name, value in values.get("products", {}).items():
        slug, _, key = name.partition("/")
        template = session.scalar(select(ProjectTemplate).where(ProjectTemplate.slug == slug))
        if template is not None:
            number += _put(session, actor, store, key, value, project_id=template.id)
    for name, value in values.get("tenants", {}).items():
        subdomain, service, key = name.split("/", 2)
        row = session.scalar(
            select(TenantService)
            .join(Tenant, Tenant.id == TenantService.tenant_id)
            .where(
                Tenant.subdomain == subdomain,
                Tenant.deleted_at.is_(None),
                TenantService.name == service,
            )
        )
        if row is not None:
            number += _put(session, actor, store, key, value, tenant_service_id=row.id)
    return number


def _put(
    session: Session, actor: Actor, store: SecretStore, name: str, value: str, **scope: Any
) -> int:
    there = session.scalar(
        select(IntegrationSecret).filter_by(**scope).where(IntegrationSecret.name == name)
    )
    if there is not None and _open(store, there) == value:
        return 0
    kind = there.secret_type if there else "provision_token"
    secrets.put(session, actor, store, name, value, secret_type=kind, **scope)
    return 1
