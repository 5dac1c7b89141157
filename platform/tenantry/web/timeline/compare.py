"""A deployment beside the run before it: steps and times, environment keys, sources, product."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from tenantry.clock import utcnow
from tenantry.models import Deployment, DeploymentStep, TemplateRelease, Tenant
from tenantry.planning.blueprint import Blueprint, ServiceSpec, from_json
from tenantry.planning.environment import winners
from tenantry.planning.release_changes import Change as ProductChange
from tenantry.planning.release_changes import changes
from tenantry.steps.environment import origins
from tenantry.web.timeline.page import seconds_of
from tenantry.web.timeline.rows import Row, rows_of

COMMIT = 10
# A shorter difference is noise, and so is less than a tenth.
WORTH_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Pair:
    """One step in both runs; None where a run had no such step."""

    title: str
    service: str | None
    key: str
    before: Row | None
    now: Row | None

    @property
    def delta(self) -> float | None:
        """Seconds longer than before; None where one of the two is missing or it hardly differs."""
        if not self.before or not self.now or self.before.seconds is None:
            return None
        if self.now.seconds is None or "success" not in {self.now.status, self.before.status}:
            return None
        delta = self.now.seconds - self.before.seconds
        return delta if abs(delta) >= max(WORTH_SECONDS, self.before.seconds / 10) else None


@dataclass(frozen=True, slots=True)
class Keys:
    """Names of environment keys of one service that differ; never their values."""

    service: str
    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """Something of the plan or of what came of it, before and now."""

    name: str
    before: str
    now: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """
    Both runs; `before` is None for the first of its kind.

    `product` is what their two releases say differently, secrets masked; what a tenant has of its
    own may hide it, so `changes` tells what the plans have come to.
    """

    deployment: Deployment
    before: Deployment | None
    pairs: Sequence[Pair] = ()
    keys: Sequence[Keys] = ()
    changes: Sequence[Change] = ()
    product: Sequence[ProductChange] = ()

    @property
    def took(self) -> tuple[float | None, float | None]:
        """Seconds of the run before and of this one."""
        before = seconds_of(self.before) if self.before else None
        return before, seconds_of(self.deployment)


def compared(session: Session, deployment: Deployment) -> Comparison:
    """Four queries; the run before is the tenant's last one of the same action."""
    before = session.scalar(
        select(Deployment)
        .where(
            Deployment.tenant_id == deployment.tenant_id,
            Deployment.action == deployment.action,
            Deployment.created_at <= deployment.created_at,
            Deployment.id < deployment.id,
        )
        .order_by(Deployment.created_at.desc(), Deployment.id.desc())
        .limit(1)
    )
    if before is None:
        return Comparison(deployment, None)
    ids = (before.id, deployment.id)
    steps = session.scalars(
        select(DeploymentStep)
        .where(DeploymentStep.deployment_id.in_(ids), DeploymentStep.gates)
        .order_by(DeploymentStep.order)
    ).all()
    now = utcnow()
    then_rows, now_rows = (
        list(rows_of(run, [s for s in steps if s.deployment_id == run.id], now))
        for run in (before, deployment)
    )
    marker = session.scalar(select(Tenant.external_ref).where(Tenant.id == deployment.tenant_id))
    plans = from_json(before.blueprint), from_json(deployment.blueprint)
    releases = _releases(session, before, deployment)
    return Comparison(
        deployment,
        before,
        pairs=_pairs(then_rows, now_rows),
        keys=keys_that_differ(*plans, marker or ""),
        changes=[
            *_numbers(before, deployment, releases),
            *_plans(*plans),
            *_commits(then_rows, now_rows),
        ],
        product=_product(before, deployment, releases),
    )


def _pairs(before: Sequence[Row], now: Sequence[Row]) -> list[Pair]:
    """In the order of this run; what only the run before had stands where it stood there."""
    then = {_key(row): row for row in before}
    found = [
        Pair(row.title, row.service, row.step.step_key, then.pop(_key(row), None), row)
        for row in now
    ]
    for row in then.values():
        at = next((i for i, p in enumerate(found) if _order(p) > row.step.order), len(found))
        found.insert(at, Pair(row.title, row.service, row.step.step_key, row, None))
    return found


def _key(row: Row) -> tuple[str, str | None]:
    return row.step.step_key, row.service


def _order(pair: Pair) -> int:
    row = pair.before or pair.now
    return row.step.order if row else 0


def keys_that_differ(before: Blueprint, now: Blueprint, marker: str) -> list[Keys]:
    """Pure: by service, what a plan sets otherwise; a secret that was rotated counts as changed."""
    found = []
    for name in sorted({spec.name for spec in (*before.services, *now.services)}):
        old, new = _origins(before, name, marker), _origins(now, name, marker)
        keys = Keys(
            name,
            tuple(sorted(new.keys() - old.keys())),
            tuple(sorted(key for key in new.keys() & old.keys() if new[key] != old[key])),
            tuple(sorted(old.keys() - new.keys())),
        )
        if keys.added or keys.changed or keys.removed:
            found.append(keys)
    return found


def _origins(plan: Blueprint, name: str, marker: str) -> Mapping[str, str]:
    spec = plan.service(name)
    return origins(marker, winners(spec.env), plan.secrets) if spec else {}


def _releases(session: Session, *runs: Deployment) -> dict[int, TemplateRelease]:
    """By id; empty where both ran against the same."""
    ids = {run.release_id for run in runs}
    if len(ids) == 1:
        return {}
    rows = session.scalars(
        select(TemplateRelease).where(TemplateRelease.id.in_(id_ for id_ in ids if id_))
    )
    return {row.id: row for row in rows}


def _numbers(
    before: Deployment, now: Deployment, releases: Mapping[int, TemplateRelease]
) -> list[Change]:
    if before.release_id == now.release_id:
        return []
    old, new = (releases.get(run.release_id or 0) for run in (before, now))
    return [Change("Release", *(str(one.number) if one else "–" for one in (old, new)))]


def _product(
    before: Deployment, now: Deployment, releases: Mapping[int, TemplateRelease]
) -> list[ProductChange]:
    old, new = (releases.get(run.release_id or 0) for run in (before, now))
    return changes(old.snapshot, new.snapshot) if old and new else []


def _plans(before: Blueprint, now: Blueprint) -> list[Change]:
    """What each plan takes its services from, and how many of each."""
    found = []
    for name in sorted({spec.name for spec in (*before.services, *now.services)}):
        old, new = before.service(name), now.service(name)
        for words, tell in _TOLD:
            was, is_ = (tell(spec) if spec else "–" for spec in (old, new))
            if was != is_:
                found.append(Change(f"{name}: {words}", was, is_))
    return found


def _lines(spec: ServiceSpec) -> str:
    return f"{len(spec.compose.file.splitlines())} lines" if spec.compose else "–"


_TOLD: tuple[tuple[str, Any], ...] = (
    ("repository", lambda spec: spec.git.url if spec.git else "–"),
    ("branch", lambda spec: spec.git.branch if spec.git else "–"),
    ("image", lambda spec: spec.image.image if spec.image else "–"),
    ("compose file", _lines),
    ("hostname", lambda spec: spec.hostname or "–"),
    ("port", lambda spec: str(spec.port)),
    ("replicas", lambda spec: str(spec.replicas)),
    ("health path", lambda spec: spec.health_path),
)


def _commits(before: Sequence[Row], now: Sequence[Row]) -> list[Change]:
    old, new = _commits_of(before), _commits_of(now)
    return [
        Change(f"{name}: commit", old.get(name, "–"), new.get(name, "–"))
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    ]


def _commits_of(rows: Sequence[Row]) -> dict[str, str]:
    return {
        row.service: str(commit)[:COMMIT]
        for row in rows
        if row.service and (commit := (row.shown.details or {}).get("commit"))
    }
