"""
The certificates that Let's Encrypt gives: 50 for a registered domain in a week, for everybody.

Whoever runs out serves no new client until the week is over, and the target's proxy asks on and on.
So each is counted before it is asked for: a deployment sets the certificates aside that it will
ask for, and one that would pass the limit is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from tenantry.errors import Conflict
from tenantry.models import Tenant, TenantDomain
from tenantry.models.dbtime import db_now
from tenantry.operations.wishes import ROLLED_OUT
from tenantry.planning.blueprint import Blueprint
from tenantry.planning.registered import registered_domain

LIMIT = 50
DAYS = 7
WARN_AT = 0.8
# From so many tenants on, one certificate for all of them is worth the trouble.
MANY = 20


@dataclass(frozen=True, slots=True)
class Budget:
    """`spent` are the times of a registered domain's certificates in these days, `asked` new."""

    domain: str
    spent: Sequence[datetime]
    asked: int

    @property
    def total(self) -> int:
        """With what is asked for."""
        return len(self.spent) + self.asked

    @property
    def words(self) -> str:
        """Why it does not fit, and when it will."""
        over = self.total - LIMIT
        free = "never at once: ask for fewer hostnames"
        if over <= len(self.spent):
            free = f"at {self.spent[over - 1] + timedelta(days=DAYS):%Y-%m-%d %H:%M}Z"
        return (
            f"{self.domain} has used {len(self.spent)} of the {LIMIT} certificates that Let's "
            f"Encrypt gives in {DAYS} days, and this deployment asks for {self.asked} more; there "
            f"is room for it {free}"
        )


def reserve(session: Session, tenant: Tenant, blueprint: Blueprint) -> None:
    """
    Sets aside what this deployment will ask for; Conflict where the limit would be passed.

    Those who create deployments for the same registered domain stand in line for it. What was set
    aside and never asked for counts all the same: that errs on the safe side.
    """
    new = _new(session, tenant, blueprint)
    _in_line(session, sorted({registered_domain(name) for name in new.values()}))
    budgets = _budgets(session, new)
    for budget in budgets:
        if budget.asked and budget.total > LIMIT:
            raise Conflict(budget.words)
    if new:
        session.execute(
            update(TenantDomain)
            .where(TenantDomain.id.in_(new), TenantDomain.deleted_at.is_(None))
            .values(issued_at=db_now())
        )


def warnings(session: Session, tenant: Tenant, blueprint: Blueprint) -> list[str]:
    """What staff should know before the click."""
    new = _new(session, tenant, blueprint)
    found = []
    for budget in _budgets(session, new):
        if budget.total > LIMIT:
            found.append(f"It will be refused: {budget.words}.")
        elif budget.total >= LIMIT * WARN_AT:
            found.append(
                f"{budget.domain}: {budget.total} of {LIMIT} certificates of {DAYS} days are used "
                "after it."
            )
    if new and (others := _tenants(session, tenant)) > MANY:
        found.append(
            f"{others} tenants have a certificate each under {blueprint.base_domain}: one wildcard "
            "certificate (by DNS-01) would serve them all; see docs/hostnames.md."
        )
    return found


def _new(session: Session, tenant: Tenant, blueprint: Blueprint) -> dict[int, str]:
    """Hostnames that were never routed nor set aside in these days, by the id of their row."""
    asks = blueprint.https and blueprint.certificate == "letsencrypt"
    if not asks or blueprint.action not in ROLLED_OUT:
        return {}
    names = [
        name
        for spec in blueprint.services
        if spec.hostname and spec.takes("domains")
        for name in (spec.hostname, *(alias.hostname for alias in spec.aliases))
    ]
    rows = session.execute(
        select(TenantDomain.id, TenantDomain.hostname).where(
            TenantDomain.tenant_id == tenant.id,
            TenantDomain.deleted_at.is_(None),
            TenantDomain.hostname.in_(names),
            TenantDomain.domain_id.is_(None),
            or_(TenantDomain.issued_at.is_(None), TenantDomain.issued_at < _since()),
        )
    )
    return {row.id: row.hostname for row in rows}


def _since() -> object:
    return db_now(-DAYS * 86_400.0)


def _budgets(session: Session, new: dict[int, str]) -> list[Budget]:
    asked: dict[str, int] = {}
    for name in new.values():
        domain = registered_domain(name)
        asked[domain] = asked.get(domain, 0) + 1
    return [Budget(domain, _spent(session, domain), n) for domain, n in sorted(asked.items())]


def _spent(session: Session, domain: str) -> list[datetime]:
    # Also of hostnames that have left: their certificates were given all the same.
    rows = session.execute(
        select(TenantDomain.hostname, TenantDomain.issued_at).where(
            TenantDomain.issued_at >= _since(),
            or_(TenantDomain.hostname == domain, TenantDomain.hostname.like(f"%.{domain}")),
        )
    )
    return sorted(row.issued_at for row in rows if registered_domain(row.hostname) == domain)


def _in_line(session: Session, domains: list[str]) -> None:
    """One after the other; SQLite has one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        for domain in domains:
            session.execute(select(func.pg_advisory_xact_lock(func.hashtext(domain))))


def _tenants(session: Session, tenant: Tenant) -> int:
    return (
        session.scalar(
            select(func.count())
            .select_from(Tenant)
            .where(Tenant.project_id == tenant.project_id, Tenant.deleted_at.is_(None))
        )
        or 0
    )
