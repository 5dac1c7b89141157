"""`service.<name>.create`, `.git_attach` and `.build_config`."""

from tenantry.errors import Permanent, Transient
from tenantry.planning.blueprint import ServiceSpec
from tenantry.planning.naming import target_name
from tenantry.ports import Running, ServiceSeen
from tenantry.steps import compose, things
from tenantry.steps.adoption import describe, ours
from tenantry.steps.context import StepContext
from tenantry.steps.outcomes import Done

_UNSET = {"git_attached": False, "build_configured": False, "env_configured": False}


def running_of(spec: ServiceSpec) -> Running:
    """How a service is to run; what has a volume runs once, and stops before it starts."""
    replicas = min(spec.replicas, 1) if spec.once else spec.replicas
    return Running(replicas=replicas, limits=spec.limits, args=spec.args, stop_first=spec.once)


def create(ctx: StepContext) -> Done:
    """Finds or creates the application or stack of the step's own service."""
    if things.is_stack(ctx):
        return compose.create(ctx)
    spec, _ = ctx.the_service()
    return bring_about(ctx, running_of(spec))


def bring_about(ctx: StepContext, running: Running) -> Done:
    """
    Finds the application by marker, else creates it; then turns automatic deploys off.

    That comes before any source is attached: with one, every push would deploy behind our back.
    """
    spec, own = ctx.the_service()
    found, how = look(ctx), "found"
    if found is None:
        if ctx.tenant.environment_id is None:
            raise Permanent("The tenant has no project on the target yet")
        ctx.intend("create application")
        ctx.target.create_application(
            ctx.tenant.environment_id,
            own.name,
            target_name(ctx.blueprint.template_slug, ctx.blueprint.subdomain, own.name),
            describe(own.marker, ctx.blueprint.tenant_name),
            ctx.blueprint.server_id,
        )
        found, how = look(ctx), "created"
    if found is None:
        raise Transient("The application was created but is not listed yet")
    ctx.intend("settle application", app_id=found.id)
    ctx.target.settle_application(found.id, running)
    if spec.image is not None and (
        how == "created" or _image_of(ctx, found.id) != spec.image.image
    ):
        # Not where it is the same: the target would call what runs idle.
        ctx.intend("attach image", app_id=found.id)
        ctx.target.attach_image(found.id, spec.image)
    ctx.say(f"Application {found.name} {how}; internal host {found.app_name}")
    return Done(
        f"applicationId={found.id}",
        service={"app_id": found.id, "app_name": found.app_name, "created": True}
        | (_UNSET if found.id != own.app_id else {}),
        details={"applicationId": found.id, "appName": found.app_name, "how": how},
    )


def _image_of(ctx: StepContext, app_id: str) -> str | None:
    seen = ctx.target.application(app_id)
    return seen.image if seen else None


def look(ctx: StepContext) -> ServiceSeen | None:
    """The application with the service's marker; doubles that were never built are removed."""
    _, own = ctx.the_service()
    if ctx.tenant.project_id is None:
        return None
    project = ctx.target.project(ctx.tenant.project_id)
    services = [s for s in project.services if s.kind == "application"] if project else []
    found = ours(services, own.marker, own.app_id)
    for double in found[1:]:
        _drop_double(ctx, double)
    return found[0] if found else None


def _drop_double(ctx: StepContext, double: ServiceSeen) -> None:
    """A second one with our marker that never had a build is taken away; others are reported."""
    if ctx.target.builds(double.id):
        ctx.say(f"A second application carries our marker and was left alone: {double.id}")
        return
    ctx.intend("delete double", app_id=double.id)
    ctx.target.delete_application(double.id)
    ctx.say(f"Removed a second application with our marker that was never built: {double.id}")


def attach_git(ctx: StepContext) -> Done:
    """Tells the target what to clone; repeating it is harmless."""
    spec, _ = ctx.the_service()
    if spec.git is None:
        raise Permanent("This service has no repository")
    app_id = ctx.app_id()
    ctx.intend("attach repository", app_id=app_id)
    ctx.target.attach_git(app_id, spec.git)
    return Done(
        f"{spec.git.url} at {spec.git.branch}",
        service={"git_attached": True},
        details={"branch": spec.git.branch},
    )


def configure_build(ctx: StepContext) -> Done:
    """Tells the target how to build; every field is sent, since null overwrites its defaults."""
    spec, _ = ctx.the_service()
    app_id = ctx.app_id()
    ctx.intend("configure build", app_id=app_id)
    ctx.target.set_build(app_id, spec.build)
    return Done(f"Built with {spec.build.type}", service={"build_configured": True})
