"""`service.<name>.create` and `.file_set` of a compose stack."""

from tenantry.errors import Permanent, Transient
from tenantry.planning.compose_file import keeps_data
from tenantry.planning.naming import target_name
from tenantry.ports import ServiceSeen
from tenantry.steps import things
from tenantry.steps.adoption import describe, ours
from tenantry.steps.context import StepContext
from tenantry.steps.outcomes import Done


def create(ctx: StepContext) -> Done:
    """
    Finds the stack by marker, else creates it.

    Its automatic deploys are off from its file on, which is the next step; a raw stack without a
    file has nothing that could be deployed. One with volumes that is gone is never replaced: its
    volumes bear its name, so the new one would be empty, and be called a success.
    """
    spec, own = ctx.the_service()
    found, how = _look(ctx), "found"
    if found is None:
        if (
            own.compose_id
            and "source" in own.applied
            and spec.compose
            and keeps_data(spec.compose.file)
        ):
            raise Permanent(f"The stack {own.compose_id} is gone from the target, with its data")
        if ctx.tenant.environment_id is None:
            raise Permanent("The tenant has no project on the target yet")
        ctx.intend("create stack")
        ctx.target.create_compose(
            ctx.tenant.environment_id,
            own.name,
            target_name(ctx.blueprint.template_slug, ctx.blueprint.subdomain, own.name),
            describe(own.marker, ctx.blueprint.tenant_name),
            ctx.blueprint.server_id,
        )
        found, how = _look(ctx), "created"
    if found is None:
        raise Transient("The stack was created but is not listed yet")
    ctx.say(f"Stack {found.name} {how}; its services are {found.app_name}_<name>")
    return Done(
        f"composeId={found.id}",
        service={"compose_id": found.id, "app_name": found.app_name, "created": True}
        | ({"env_configured": False} if found.id != own.compose_id else {}),
        details={"composeId": found.id, "appName": found.app_name, "how": how},
    )


def _look(ctx: StepContext) -> ServiceSeen | None:
    _, own = ctx.the_service()
    if ctx.tenant.project_id is None:
        return None
    project = ctx.target.project(ctx.tenant.project_id)
    stacks = [s for s in project.services if s.kind == "compose"] if project else []
    found = ours(stacks, own.marker, own.compose_id)
    for double in found[1:]:
        _drop_double(ctx, double)
    return found[0] if found else None


def _drop_double(ctx: StepContext, double: ServiceSeen) -> None:
    """A second one with our marker that never ran is taken away; others are reported."""
    if ctx.target.compose_builds(double.id):
        ctx.say(f"A second stack carries our marker and was left alone: {double.id}")
        return
    ctx.intend("delete double", compose_id=double.id)
    ctx.target.delete_compose(double.id)
    ctx.say(f"Removed a second stack with our marker that never ran: {double.id}")


def set_file(ctx: StepContext) -> Done:
    """Replaces the whole file and turns automatic deploys off; then asks what the target reads."""
    spec, _ = ctx.the_service()
    if spec.compose is None:
        raise Permanent("This service has no compose file")
    stack = things.object_id(ctx)
    ctx.intend("set compose file", compose_id=stack)
    ctx.target.set_compose_file(stack, spec.compose.file)
    services = sorted(ctx.target.compose_services(stack))
    if spec.compose.service not in services:
        raise Transient(f"The target does not list {spec.compose.service} among its services yet")
    number = len(services)
    return Done(
        f"{number} service{'' if number == 1 else 's'}: {', '.join(services)}",
        service={"build_configured": True},
        details={"services": services},
    )
