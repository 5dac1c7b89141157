"""
What needs somebody, the most urgent first, each with its one right action.

One query over the rows, five of a kind; the rest is told from figures that the page has anyway.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from flask import url_for
from sqlalchemy import String, Uuid, and_, case, exists, func, literal, or_, select, union_all
from sqlalchemy import cast as as_type
from sqlalchemy.orm import Session, aliased

from tenantry.models import (
    Deployment,
    DeploymentStep,
    FailureNote,
    HostnameWatch,
    Outage,
    Tenant,
    TenantDomain,
)
from tenantry.models.dbtime import db_now
from tenantry.operations.failures import stands_now, whole
from tenantry.web.fleet.figures import Jobs, Line
from tenantry.web.people import may
from tenantry.web.words import plural, title_of

MOST = 5
LEASE_GRACE = 60.0
TOO_LONG = 2 * 3600.0
BAD_NAMES = ("elsewhere", "wrong", "missing")
BAD_CERTIFICATES = ("expiring", "expired", "untrusted")
NAME_WORDS = {
    "elsewhere": "It points to another machine than before.",
    "wrong": "It points to a wrong address.",
    "missing": "It has no address in DNS.",
    "expiring": "Its certificate runs out soon.",
    "expired": "Its certificate has run out.",
    "untrusted": "Its certificate is not trusted.",
}
failed = aliased(Deployment)


@dataclass(frozen=True, slots=True)
class Need:
    """Something that needs somebody: what, why, since when, and the one thing to do about it."""

    name: str
    words: str
    deed: str
    url: str
    icon: str = "triangle-alert"
    since: datetime | None = None
    hint: str = ""


def needs(
    session: Session, lines: Iterable[Line], jobs: Jobs, pulse: Sequence[tuple[str, str]] = ()
) -> list[Need]:
    """Everything; `pulse` names processes that are silent, with what that means."""
    found = [
        Need(name, words, "Open jobs", url_for("jobs.index_view"), "unplug")
        for name, words in pulse
    ]
    found += [need for line in lines if (need := _target(line))]
    if jobs.late:
        words = f"{plural(jobs.late, 'job')} should have run by now. Is a worker running?"
        url = url_for("jobs.index_view", show="late")
        found.append(Need("Jobs are late", words, "Open jobs", url, "timer", jobs.oldest))
    return [*found, *_rows(session)]


def _target(line: Line) -> Need | None:
    url = url_for("targets.index_view")
    if line.resting_until is not None:
        return Need(
            f"Target {line.name} rests", line.reason or "It did not answer.", "Open", url, "server"
        )
    if line.draining:
        words = "It is draining: nothing new is let in."
        return Need(f"Target {line.name}", words, "Open", url, "server")
    return None


def _rows(session: Session) -> list[Need]:
    return [_MADE[row.kind](row) for row in session.execute(_statement())]


@cache
def _statement() -> Any:
    """Composed once: that costs more than running it."""
    kinds = (_causes(), _stuck(), _outages(), _names(), _tenants())
    return union_all(*(select(kind.limit(MOST).subquery()) for kind in kinds))


def _row(
    kind: str,
    public_id: Any,
    name: Any,
    words: Any,
    number: Any,
    at: Any,
    more: Any = "",
    hint: Any = "",
) -> Any:
    """One shape for all kinds, so that one statement finds them."""
    return select(
        literal(kind).label("kind"),
        (as_type(None, Uuid()) if public_id is None else public_id).label("public_id"),
        as_type(name, String).label("name"),
        as_type(words, String).label("words"),
        number.label("number"),
        at.label("at"),
        as_type(more, String).label("more"),
        as_type(hint, String).label("hint"),
    )


def _causes() -> Any:
    return (
        _row(
            "cause",
            None,
            Deployment.cause,
            func.min(Deployment.tenant_name),
            func.count(Deployment.tenant_id.distinct()),
            func.max(Deployment.ended_at),
            func.max(Deployment.summary),
            select(FailureNote.hint).where(FailureNote.cause == Deployment.cause).scalar_subquery(),
        )
        .where(stands_now(), Deployment.cause != "")
        .group_by(Deployment.cause)
        .order_by(func.max(Deployment.ended_at).desc())
    )


def _tenants() -> Any:
    """Those with trouble that no cause above tells of."""
    told = exists().where(
        failed.tenant_id == Tenant.id, failed.status == "failed", failed.cause != ""
    )
    words = case((Tenant.attention != "", Tenant.attention), else_=Tenant.detail)
    return (
        _row("tenant", Tenant.public_id, Tenant.name, words, literal(1), Tenant.updated_at)
        .where(
            Tenant.deleted_at.is_(None),
            or_(Tenant.status == "failed", Tenant.attention != ""),
            ~told,
        )
        .order_by(Tenant.updated_at.desc())
    )


def _stuck() -> Any:
    """Running, and either its worker is gone unnoticed or it has run for hours."""
    Step = DeploymentStep  # noqa: N806 — as everywhere
    gone = exists().where(
        Step.deployment_id == Deployment.id,
        Step.status == "running",
        Step.lease_until < db_now(-LEASE_GRACE),
    )
    since = Deployment.started_at
    return (
        _row(
            "stuck",
            Deployment.public_id,
            Deployment.tenant_name,
            case((gone, "lost"), else_="long"),
            literal(1),
            since,
        )
        .where(Deployment.status == "running", or_(gone, since < db_now(-TOO_LONG)))
        .order_by(since)
    )


def _outages() -> Any:
    return (
        _row(
            "outage",
            Tenant.public_id,
            Tenant.name,
            Outage.problem,
            literal(1),
            Outage.started_at,
            Outage.service_name,
        )
        .join(Tenant, Tenant.id == Outage.tenant_id)
        .where(Outage.ended_at.is_(None), Tenant.deleted_at.is_(None))
        .order_by(Outage.started_at.desc())
    )


def _names() -> Any:
    watch = HostnameWatch
    bad = watch.dns_state.in_(BAD_NAMES)
    trouble = or_(bad, watch.certificate_state.in_(BAD_CERTIFICATES))
    state = case((bad, watch.dns_state), else_=watch.certificate_state)
    return (
        _row(
            "name",
            Tenant.public_id,
            TenantDomain.hostname,
            state,
            literal(1),
            case((bad, watch.dns_since)),
        )
        .join(TenantDomain, TenantDomain.id == watch.tenant_domain_id)
        .join(Tenant, Tenant.id == watch.tenant_id)
        .where(
            and_(trouble, ~watch.paused),
            TenantDomain.deleted_at.is_(None),
            Tenant.deleted_at.is_(None),
        )
        .order_by(watch.id)
    )


def _cause(row: Any) -> Need:
    kind, _, words = row.name.partition(":")
    alone = row.number == 1
    who = row.words if alone else plural(row.number, "tenant")
    said = whole(row.more) if alone else ""
    return Need(
        f"{title_of(kind)} failed: {who}",
        said or words.strip() or "It said nothing.",
        "Mend it" if may("operator") else "See why",
        url_for("failures.one", cause=row.name),
        "circle-x",
        row.at,
        row.hint or "",
    )


def _tenant(row: Any) -> Need:
    url = url_for("tenants.page", public_id=row.public_id)
    return Need(row.name, row.words or "Its deployment failed.", "Open", url, since=row.at)


def _held(row: Any) -> Need:
    lost = row.words == "lost"
    words = (
        "Its worker is gone and nobody has taken over. Is the watchdog running?"
        if lost
        else "It has been running for hours."
    )
    url = url_for("deployments.page", public_id=row.public_id)
    return Need(f"{row.name} is stuck", words, "Look at it", url, "timer", row.at)


def _outage(row: Any) -> Need:
    url = url_for("tenants.health", public_id=row.public_id)
    words = row.words or "It does not answer."
    return Need(f"{row.name}: {row.more} is down", words, "See health", url, "heart-pulse", row.at)


def _name(row: Any) -> Need:
    words = NAME_WORDS.get(row.words, row.words)
    url = url_for("tenants.page", public_id=row.public_id, _anchor="addresses")
    return Need(row.name, words, "See addresses", url, "globe", row.at)


_MADE: dict[str, Callable[[Any], Need]] = {
    "cause": _cause,
    "stuck": _held,
    "outage": _outage,
    "name": _name,
    "tenant": _tenant,
}
