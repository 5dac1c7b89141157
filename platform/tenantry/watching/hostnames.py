"""
Where hostnames point to and until when their certificates hold; looked at now and then.

A second look in a row must agree before anybody is told: resolvers stumble, and a certificate is
made minutes after its hostname.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, or_, select, update

from tenantry.clock import iso
from tenantry.config import Watching
from tenantry.engine.store import locked
from tenantry.journal import cap_line
from tenantry.models import HostnameWatch, ProjectTemplate, ServiceWatch, Tenant, TenantDomain
from tenantry.models.dbtime import db_now
from tenantry.planning.hostnames import (
    CertificateVerdict,
    DnsVerdict,
    judge_certificate,
    judge_dns,
)
from tenantry.planning.watching import next_due, next_slot
from tenantry.ports import Answer, CertificateSeen, Ports
from tenantry.watching.bulk import update_many
from tenantry.watching.claims import deploying, is_aside
from tenantry.watching.letters import News, outbox
from tenantry.watching.outages import facts_of, tenant_page

Watch = HostnameWatch
TABLE: Any = HostnameWatch.__table__
TELL_AT = 2
# What is wrong is looked at again this many times as often.
SOONER = 6
_SPREAD = random.Random()  # noqa: S311 — spreads load, guards nothing


@dataclass(frozen=True, slots=True)
class Look:
    """A hostname that this process may look at until its lease ends."""

    watch_id: int
    fence: int
    hostname: str
    https: bool


@dataclass(frozen=True, slots=True)
class Looked:
    """What DNS and the handshake said; `certificate` is None where the product has no https."""

    look: Look
    answers: Sequence[Answer]
    certificate: CertificateSeen | None


def claim(conn: Connection, room: int, rules: Watching, *, lease: float) -> list[Look]:
    """Claims at most `room` due hostnames; those of suspended and archived tenants just wait."""
    statement = (
        select(
            Watch.id,
            Watch.fence,
            Watch.next_due_at,
            TenantDomain.hostname,
            TenantDomain.deleted_at,
            Tenant.status.label("tenant_status"),
            ProjectTemplate.https,
            db_now().label("now"),
        )
        .join(TenantDomain, TenantDomain.id == Watch.tenant_domain_id)
        .join(Tenant, Tenant.id == Watch.tenant_id)
        .join(ProjectTemplate, ProjectTemplate.id == Tenant.project_id)
        .where(
            ~Watch.paused,
            Watch.next_due_at <= db_now(),
            or_(Watch.leased_until.is_(None), Watch.leased_until < db_now()),
        )
        .order_by(Watch.next_due_at)
        .limit(room)
    )
    rows = conn.execute(locked(statement, of=Watch, skip=True)).all()
    moves = [
        {
            "id": row.id,
            "fence": row.fence + 1,
            "leased_until": None if is_aside(row) else row.now + timedelta(seconds=lease),
            "next_due_at": next_due(
                row.next_due_at, row.now, rules.hostname_interval, _SPREAD.uniform(-1, 1)
            ),
        }
        for row in rows
    ]
    update_many(conn, TABLE, moves, {})
    return [
        Look(row.id, row.fence + 1, row.hostname, row.https) for row in rows if not is_aside(row)
    ]


def look(ports: Ports, one: Look, deadline: float) -> Looked:
    """Asks the resolvers, and the server for its certificate where there should be one."""
    answers = ports.resolver.lookup(one.hostname)
    shown = ports.certificates.expiry(one.hostname, deadline) if one.https else None
    return Looked(one, answers, shown)


def keep(
    conn: Connection,
    looked: Looked,
    rules: Watching,
    addresses: Mapping[str, Sequence[str]],
    public_url: str,
) -> bool:
    """Keeps one look, with the letters it calls for; False where it is not ours any more."""
    row = conn.execute(_locked(looked.look)).one_or_none()
    if row is None or not row.held or row.paused or is_aside(row):
        return False
    stated = tuple(addresses.get(row.target_name, ()))
    answers = row.service_state == "up"
    ours = row.hostname.endswith(f".{row.base_domain}")
    found = [(answer.addresses, answer.problem) for answer in looked.answers]
    expected = stated or tuple(row.expected)
    dns = judge_dns(row.hostname, found, expected, answers=answers, ours=ours)
    certificate = _certificate(row, looked.certificate)
    values = _dns_values(row, dns, learns=answers and not stated)
    values |= _certificate_values(row, certificate, looked.certificate)
    news = [] if row.planned else _news(row, dns, certificate, values)
    bad = dns.bad or bool(certificate.warning)
    if bad:
        soon = rules.hostname_interval / SOONER
        values["next_due_at"] = next_slot(row.now, row.now, soon)
    conn.execute(
        update(Watch)
        .where(Watch.id == row.id)
        .values(**values, leased_until=None, checked_at=db_now())
    )
    if news:
        facts = facts_of(conn, {row.tenant_id})[row.tenant_id]
        outbox(conn, [_letter(row, kind, words, facts, public_url) for kind, words in news])
    return True


def _locked(one: Look) -> Any:
    state = (
        select(ServiceWatch.state)
        .where(ServiceWatch.tenant_service_id == TenantDomain.tenant_service_id)
        .correlate(TenantDomain)
        .scalar_subquery()
    )
    statement = (
        select(
            TABLE,
            TenantDomain.hostname,
            TenantDomain.deleted_at,
            Tenant.target_name,
            Tenant.status.label("tenant_status"),
            ProjectTemplate.base_domain,
            state.label("service_state"),
            deploying(Watch.tenant_id).label("planned"),
            db_now().label("now"),
            (Watch.leased_until >= db_now()).label("held"),
        )
        .join(TenantDomain, TenantDomain.id == Watch.tenant_domain_id)
        .join(Tenant, Tenant.id == Watch.tenant_id)
        .join(ProjectTemplate, ProjectTemplate.id == Tenant.project_id)
        .where(Watch.id == one.watch_id, Watch.fence == one.fence)
    )
    return locked(statement, of=Watch)


def _certificate(row: Any, shown: CertificateSeen | None) -> CertificateVerdict:
    if shown is None:
        return CertificateVerdict("none")
    return judge_certificate(row.hostname, shown.expires_at, shown.problem, row.now)


def _dns_values(row: Any, dns: DnsVerdict, *, learns: bool) -> dict[str, Any]:
    changed = dns.state != row.dns_state
    # A resolver that could not be asked says nothing for or against.
    failures = row.dns_failures if dns.state == "unknown" else 0
    return {
        "dns_state": dns.state,
        "dns_since": row.now if changed or row.dns_since is None else row.dns_since,
        "dns_failures": row.dns_failures + 1 if dns.bad else failures,
        "dns_detail": cap_line(dns.words),
        "addresses": list(dns.addresses),
        "expected": list(dns.addresses) if learns and dns.addresses else row.expected,
    }


def _certificate_values(
    row: Any, verdict: CertificateVerdict, shown: CertificateSeen | None
) -> dict[str, Any]:
    seen = shown is not None and shown.expires_at is not None
    failures = row.certificate_failures + 1 if verdict.warning else 0
    tell = failures >= TELL_AT and verdict.warning != row.certificate_warned
    return {
        "certificate_state": verdict.state,
        "certificate_failures": row.certificate_failures
        if verdict.state == "unknown"
        else failures,
        "certificate_detail": cap_line(verdict.words),
        "certificate_until": shown.expires_at if shown and seen else row.certificate_until,
        "certificate_issuer": shown.issuer if shown and seen else row.certificate_issuer,
        "certificate_warned": verdict.warning if tell else row.certificate_warned,
    }


def _news(
    row: Any, dns: DnsVerdict, certificate: CertificateVerdict, values: Mapping[str, Any]
) -> list[tuple[str, str]]:
    news = []
    if dns.bad and values["dns_failures"] == TELL_AT:
        news.append((f"dns.{int(values['dns_since'].timestamp())}", dns.words))
    if values["certificate_warned"] != row.certificate_warned:
        news.append((f"certificate.{certificate.warning}", certificate.words))
    return news


def _letter(row: Any, kind: str, words: str, facts: Any, public_url: str) -> News:
    what = "its hostname needs care" if kind.startswith("dns") else "its certificate needs care"
    return News(
        tenant_id=row.tenant_id,
        recipients=facts.recipients,
        thread=f"{row.public_id}.{kind}"[:80],
        message_id=f"<{row.public_id}.{kind}@tenantry>",
        subject=f"{facts.name}: {what}",
        rows=(
            ("Tenant", f"{facts.name} ({facts.subdomain})"),
            ("Product", facts.product),
            ("Hostname", row.hostname),
            ("What is wrong", words),
            ("Seen", iso(row.now)),
        ),
        link=tenant_page(public_url, facts),
        good=False,
    )
