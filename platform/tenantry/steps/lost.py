"""
What bears our marker though no row knows its id: the answer to its creation was lost.

A teardown takes such things too; a step that finds one notes its id first and then goes on.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tenantry.ports import ProjectSeen, ServiceSeen
from tenantry.steps.adoption import carries, ours
from tenantry.steps.context import ServiceFacts, StepContext
from tenantry.steps.outcomes import Skip, Wait

_IDS = {"application": "app_id", "compose": "compose_id"}


def projects(ctx: StepContext) -> list[ProjectSeen]:
    """The project that the tenant's row refers to, and every other one that bears its marker."""
    known = ctx.tenant.project_id
    seen = [ctx.target.project(known)] if known else []
    marked = [p for p in ctx.target.projects_marked(ctx.tenant.marker) if p.id != known]
    seen += [ctx.target.project(p.id) for p in marked if carries(p, ctx.tenant.marker)]
    return [project for project in seen if project is not None]


def found(ctx: StepContext, own: ServiceFacts) -> Wait | None:
    """A wait of no time that notes the id of what bears the service's marker; None without one."""
    there = _marked(projects(ctx), own)
    if there is None:
        return None
    words = f"{there.name} bears our marker; the answer to its creation was lost"
    return Wait(0.0, words, {**_ids(there), "app_name": there.app_name, "created": True})


def nothing(own: ServiceFacts) -> Skip:
    """There is no such thing, and why."""
    return Skip("It is gone already" if own.app_name else "It was never created")


def with_ids(ctx: StepContext) -> Iterator[ServiceFacts]:
    """What is known of each service, with the ids of those that only their marker tells."""
    there: list[ProjectSeen] | None = None
    for facts in ctx.services.values():
        if facts.app_id or facts.compose_id or facts.db_id:
            yield facts
            continue
        there = projects(ctx) if there is None else there
        seen = _marked(there, facts)
        if seen is not None:
            yield replace(facts, **_ids(seen))


def _marked(there: list[ProjectSeen], own: ServiceFacts) -> ServiceSeen | None:
    marked = ours([s for p in there for s in p.services], own.marker, None)
    return marked[0] if marked else None


def _ids(seen: ServiceSeen) -> dict[str, Any]:
    return {_IDS.get(seen.kind, "db_id"): seen.id}
