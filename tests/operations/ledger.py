"""Counting rows: what "nothing is stored" means."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from tenantry.errors import Invalid, TenantryError
from tenantry.models import AuditEntry, Base
from tests.stage import Stage


def count(stage: Stage) -> dict[str, int]:
    """Rows of every table but `target`, whose rows follow the configuration."""
    tables = [t for t in Base.metadata.sorted_tables if t.name != "target"]
    with stage.engine.connect() as conn:
        return {
            t.name: conn.execute(select(func.count()).select_from(t)).scalar_one() for t in tables
        }


def refused(stage: Stage, act: Callable[[], object], kind: type[TenantryError] = Invalid) -> Any:
    """The error of a kind that an act ends with, after which nothing was stored."""
    before = count(stage)
    with pytest.raises(kind) as trouble:
        act()
    assert type(trouble.value) is kind
    assert count(stage) == before
    return trouble.value


def audit(stage: Stage, action: str | None = None) -> list[AuditEntry]:
    """Audit rows, in order."""
    with stage.desk.reading() as session:
        rows = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    return [row for row in rows if action in {None, row.action}]
