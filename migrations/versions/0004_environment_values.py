"""Environment values of tenants as sealed rows; hostnames that staff take back

Revision: 0004, after 0003
"""

import json
import os
import re
import uuid
from datetime import UTC, datetime

import sqlalchemy as sa
import uuid_utils
from alembic import context, op
from sqlalchemy.dialects import postgresql

from tenantry.adapters.vault import Vault
from tenantry.config import key_ring, with_env_file
from tenantry.errors import SecretUnreadable, SettingsInvalid
from tenantry.ports import Sealed

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), 'postgresql')
SECRET_KEY = re.compile(r"PASS|SECRET|TOKEN|PRIVATE|CREDENTIAL|API_?KEY", re.IGNORECASE)
PLACEHOLDER = re.compile(r"\$\{[^{}]*\}")
NO_KEY = (
    "KEY_RING is missing: the environment values of tenants ({}) are to be sealed, and there is "
    "no key to seal them with. Nothing was changed; set KEY_RING as the application has it and "
    "run this again."
)
NOT_OPENED = (
    "warning: environment values stay sealed in env_version, and the old columns are empty: "
    "KEY_RING is missing or holds another key"
)

TENANT = sa.table("tenant", sa.column("id"), sa.column("env", JSON))
SERVICE = sa.table("tenant_service", sa.column("id"), sa.column("tenant_id"), sa.column("env", JSON))
VAR = sa.table(
    "env_var", sa.column("id"), sa.column("public_id", sa.Uuid()), sa.column("tenant_id"),
    sa.column("tenant_service_id"), sa.column("key"), sa.column("secret", sa.Boolean()),
    sa.column("current"), sa.column("removed_at", sa.DateTime(timezone=True)),
)
VERSION = sa.table(
    "env_version", sa.column("public_id", sa.Uuid()), sa.column("env_var_id"), sa.column("number"),
    sa.column("encrypted_value"), sa.column("key_id"), sa.column("actor"),
    sa.column("created_at", sa.DateTime(timezone=True)),
)


def _vault():
    """Over the key ring of whoever runs this, else of the environment; None where there is none."""
    given = context.config.attributes.get("key_ring") or key_ring(with_env_file(os.environ))
    return Vault(given) if given else None


def _values(bind):
    """(tenant, service or None, key, value) of everything that the old columns hold."""
    found = []
    for row in bind.execute(sa.select(TENANT.c.id, TENANT.c.env)):
        found += [(row.id, None, key, value) for key, value in (row.env or {}).items()]
    for row in bind.execute(sa.select(SERVICE.c.id, SERVICE.c.tenant_id, SERVICE.c.env)):
        found += [(row.tenant_id, row.id, key, value) for key, value in (row.env or {}).items()]
    return found


def _place(public_id):
    return f"env_version|{public_id}|encrypted_value"


def _open(vault, row):
    sealed = Sealed(bytes(row.encrypted_value), row.key_id, _place(row.public_id))
    try:
        return vault.open(sealed)
    except SecretUnreadable:
        return None


def _seal(bind, vault, tenant_id, service_id, key, value):
    """One value as the newest version of its key; none where it stands there already."""
    var = bind.execute(
        sa.select(VAR).where(
            VAR.c.tenant_id == tenant_id,
            VAR.c.tenant_service_id.is_not_distinct_from(service_id),
            VAR.c.key == key,
        )
    ).first()
    number = 1
    if var is None:
        secret = bool(SECRET_KEY.search(key)) and not PLACEHOLDER.fullmatch(value)
        bind.execute(
            VAR.insert().values(
                public_id=uuid.UUID(str(uuid_utils.uuid7())), tenant_id=tenant_id,
                tenant_service_id=service_id, key=key, secret=secret, current=1,
            )
        )
        var_id = bind.execute(
            sa.select(sa.func.max(VAR.c.id)).where(VAR.c.tenant_id == tenant_id, VAR.c.key == key)
        ).scalar_one()
    else:
        var_id = var.id
        rows = bind.execute(
            sa.select(VERSION).where(VERSION.c.env_var_id == var_id).order_by(VERSION.c.number)
        ).all()
        now = next((row for row in rows if row.number == var.current), None)
        if now is not None and var.removed_at is None and _open(vault, now) == value:
            return
        number = max((row.number for row in rows), default=0) + 1
    public_id = uuid.UUID(str(uuid_utils.uuid7()))
    sealed = vault.seal(value, _place(public_id))
    bind.execute(
        VERSION.insert().values(
            public_id=public_id, env_var_id=var_id, number=number, actor="migration 0004",
            encrypted_value=sealed.ciphertext, key_id=sealed.key_id,
            created_at=datetime.now(UTC),
        )
    )
    bind.execute(
        VAR.update().where(VAR.c.id == var_id).values(current=number, removed_at=None)
    )


def upgrade() -> None:
    bind = op.get_bind()
    values = _values(bind)
    if values:
        vault = _vault()
        if vault is None:
            raise SettingsInvalid([NO_KEY.format(len(values))])
        for tenant_id, service_id, key, value in values:
            _seal(bind, vault, tenant_id, service_id, key, str(value))
    op.drop_column("tenant", "env")
    op.drop_column("tenant_service", "env")
    op.add_column("tenant_domain", sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True))
    where = sa.text("issued_at IS NOT NULL")
    op.create_index(
        "ix_tenant_domain_issued_at", "tenant_domain", ["issued_at"], unique=False,
        postgresql_where=where, sqlite_where=where,
    )


def downgrade() -> None:
    bind = op.get_bind()
    op.drop_index("ix_tenant_domain_issued_at", "tenant_domain")
    op.drop_column("tenant_domain", "removed_at")
    for table in ("tenant", "tenant_service"):
        op.add_column(table, sa.Column("env", JSON, server_default="{}", nullable=False))
    rows = bind.execute(
        sa.select(
            VAR.c.tenant_id, VAR.c.tenant_service_id, VAR.c.key, VERSION.c.public_id,
            VERSION.c.encrypted_value, VERSION.c.key_id,
        )
        .join(VERSION, sa.and_(VERSION.c.env_var_id == VAR.c.id, VERSION.c.number == VAR.c.current))
        .where(VAR.c.removed_at.is_(None))
    ).all()
    vault = _vault() if rows else None
    layers, closed = {}, 0
    for row in rows:
        value = _open(vault, row) if vault else None
        closed += value is None
        if value is not None:
            owner = (SERVICE, row.tenant_service_id) if row.tenant_service_id else (TENANT, row.tenant_id)
            layers.setdefault(owner, {})[row.key] = value
    for (table, owner_id), env in layers.items():
        bind.execute(table.update().where(table.c.id == owner_id).values(env=env))
    if closed:
        print(NOT_OPENED)
