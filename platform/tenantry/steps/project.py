"""`project.create`: one project on the target for each tenant."""

from tenantry.errors import Transient
from tenantry.ports import ProjectSeen
from tenantry.steps.adoption import carries, describe, ours
from tenantry.steps.context import StepContext
from tenantry.steps.outcomes import Done


def create(ctx: StepContext) -> Done:
    """
    Finds the tenant's project by id or marker, else creates it; looks again after creating.

    Several can exist only where a sender was frozen between its last check and the send; then the
    one that a row refers to is kept, else the oldest, and the others are reported, never deleted:
    deleting a project leaves its containers running.
    """
    found = _by_id(ctx) or _by_marker(ctx)
    if found is not None:
        return _done(ctx, found, "found")
    ctx.intend("create project")
    ctx.target.create_project(
        ctx.blueprint.project_name, describe(ctx.tenant.marker, ctx.blueprint.tenant_name)
    )
    made = _by_marker(ctx)
    if made is None:
        # Created a moment ago and not listed yet: the next claim finds it.
        raise Transient("The project was created but is not listed yet")
    return _done(ctx, made, "created")


def _by_id(ctx: StepContext) -> ProjectSeen | None:
    if ctx.tenant.project_id is None:
        return None
    seen = ctx.target.project(ctx.tenant.project_id)
    return seen if seen and carries(seen, ctx.tenant.marker) else None


def _by_marker(ctx: StepContext) -> ProjectSeen | None:
    found = ours(
        ctx.target.projects_marked(ctx.tenant.marker), ctx.tenant.marker, ctx.tenant.project_id
    )
    for double in found[1:]:
        ctx.say(f"A second project carries our marker and was left alone: {double.id}")
    return found[0] if found else None


def _done(ctx: StepContext, project: ProjectSeen, how: str) -> Done:
    ctx.say(f"Project {project.name} {how}")
    return Done(
        f"projectId={project.id}",
        tenant={
            "dokploy_project_id": project.id,
            "dokploy_environment_id": project.environment_id,
        },
        details={"projectId": project.id, "environmentId": project.environment_id, "how": how},
    )
