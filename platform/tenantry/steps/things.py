"""An application or a compose stack: what both can do, so that builds are followed one way."""

from collections.abc import Sequence

from tenantry.errors import Permanent
from tenantry.ports import BuildSeen, ContainerSeen
from tenantry.steps.context import StepContext


def is_stack(ctx: StepContext) -> bool:
    """Whether the step's own service is a compose stack."""
    return ctx.service is not None and ctx.service.compose is not None


def object_id(ctx: StepContext) -> str:
    """The target's id of the step's own service; Permanent where it was never created."""
    if not is_stack(ctx):
        return ctx.app_id()
    if ctx.own is None or ctx.own.compose_id is None:
        raise Permanent("The compose stack was not created")
    return ctx.own.compose_id


def builds(ctx: StepContext) -> Sequence[BuildSeen]:
    """Its runs, newest first."""
    if is_stack(ctx):
        return ctx.target.compose_builds(object_id(ctx))
    return ctx.target.builds(object_id(ctx))


def trigger(ctx: StepContext, title: str, description: str) -> None:
    """One more run in the queue; the caller has committed its intent."""
    if is_stack(ctx):
        ctx.target.deploy_compose(object_id(ctx), title, description)
    else:
        ctx.target.trigger_build(object_id(ctx), title, description)


def containers(ctx: StepContext) -> Sequence[ContainerSeen]:
    """Its tasks; empty means unknown."""
    if ctx.own is None or ctx.own.app_name is None:
        return ()
    if is_stack(ctx):
        return ctx.target.compose_containers(ctx.own.app_name, ctx.blueprint.server_id)
    return ctx.target.containers(ctx.own.app_name, ctx.blueprint.server_id)
