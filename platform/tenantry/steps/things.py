"""An application or a compose stack: what both can do, so that builds are followed one way."""

from collections.abc import Sequence

from tenantry.errors import Permanent
from tenantry.ports import BuildSeen, ContainerSeen, DomainSeen
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


def domains(ctx: StepContext) -> Sequence[DomainSeen]:
    """Its domain objects."""
    if is_stack(ctx):
        return ctx.target.compose_domains(object_id(ctx))
    return ctx.target.domains(object_id(ctx))


def create_domain(ctx: StepContext, host: str) -> None:
    """Routes a hostname to it; that of a stack comes into force with its next deploy."""
    spec, _ = ctx.the_service()
    https = ctx.blueprint.https
    certificate = ctx.blueprint.certificate if https else "none"
    if spec.compose:
        ctx.target.create_compose_domain(
            object_id(ctx),
            spec.compose.service,
            host,
            spec.port,
            https=https,
            certificate=certificate,
        )
    else:
        ctx.target.create_domain(
            object_id(ctx), host, spec.port, https=https, certificate=certificate
        )


def up_of(seen: Sequence[ContainerSeen]) -> list[ContainerSeen]:
    """Those that run and shall."""
    return [c for c in seen if c.state == "running" and c.wanted == "running"]
