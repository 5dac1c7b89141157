"""
Whether a watched deployment has changed, in two small queries.

The tag is made of what every write touches; a page that is told 304 keeps what it shows.
"""

import hashlib

from flask import Response, make_response
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tenantry.models import Deployment, DeploymentStep, TargetRow
from tenantry.models.dbtime import db_now
from tenantry.operations.deployments import place_in_line
from tenantry.web.people import rank

Step = DeploymentStep


def tag_of(session: Session, deployment: Deployment) -> str:
    """Changes with the deployment, its steps, its place in line, its target and the role."""
    steps = session.execute(
        select(
            func.count(),
            func.max(Step.updated_at),
            func.sum(Step.attempts + Step.polls + Step.fence + Step.hints),
        ).where(Step.deployment_id == deployment.id)
    ).one()
    target = session.execute(
        select(
            TargetRow.draining, TargetRow.breaker_until, TargetRow.breaker_until > db_now()
        ).where(TargetRow.id == deployment.target_id)
    ).one()
    seen = (
        deployment.status,
        deployment.updated_at,
        deployment.next_seq,
        deployment.epoch,
        deployment.cancel_requested,
        place_in_line(session, deployment),
        rank(),
        *steps,
        *target,
    )
    return hashlib.sha256(repr(seen).encode()).hexdigest()[:32]


def unchanged(tag: str) -> Response:
    """304: nothing to show that is not shown."""
    answer = make_response("", 304)
    answer.set_etag(tag)
    return answer


def fresh(body: str, tag: str) -> Response:
    """The part, with its tag."""
    answer = make_response(body)
    answer.set_etag(tag)
    return answer
