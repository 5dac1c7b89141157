"""`domains.create` and `domains.wait_propagation`."""

from tenantry.errors import Permanent, Transient
from tenantry.ports import DomainSeen
from tenantry.steps.context import StepContext
from tenantry.steps.outcomes import Done, HostnameRouted, Wait


def create(ctx: StepContext) -> Done:
    """
    Routes the service's hostname, once.

    The target keeps no hostname unique and may lose one of two that are created at the same time,
    so each is looked for first and read back after.
    """
    spec, own = ctx.the_service()
    if spec.hostname is None or own.app_id is None:
        raise Permanent("This service has no hostname or no application")
    certificate = ctx.blueprint.certificate if ctx.blueprint.https else "none"
    found, how = _look(ctx, own.app_id, spec.hostname), "found"
    if found is not None and (found.port, found.https, found.certificate) != (
        spec.port,
        ctx.blueprint.https,
        certificate,
    ):
        ctx.intend("update domain", domain_id=found.id)
        ctx.target.update_domain(
            found.id,
            spec.hostname,
            spec.port,
            https=ctx.blueprint.https,
            certificate=certificate,
        )
        how = "corrected"
    if found is None:
        ctx.intend("create domain", host=spec.hostname)
        ctx.target.create_domain(
            own.app_id,
            spec.hostname,
            spec.port,
            https=ctx.blueprint.https,
            certificate=certificate,
        )
        found, how = _look(ctx, own.app_id, spec.hostname), "created"
    if found is None:
        raise Transient("The domain was created but is not listed yet")
    asks = ctx.blueprint.https and certificate == "letsencrypt"
    return Done(
        f"{spec.hostname} {how}",
        service={
            "domain": spec.hostname,
            "domain_id": found.id,
            "applied": own.with_applied(ctx.marks(), "domains"),
        },
        records=(HostnameRouted(spec.hostname, found.id, asked=how == "created" and asks),),
        details={"domainId": found.id, "how": how},
    )


def _look(ctx: StepContext, app_id: str, hostname: str) -> DomainSeen | None:
    _, own = ctx.the_service()
    same = [
        d for d in ctx.target.domains(app_id) if d.host == hostname and d.path in {"", "/", None}
    ]
    same.sort(key=lambda d: d.id != own.domain_id)
    for double in same[1:]:
        # Two routers for one hostname split its traffic; both route to this application.
        ctx.intend("delete double domain", domain_id=double.id)
        ctx.target.delete_domain(double.id)
        ctx.say(f"Removed a second domain object for {hostname}")
    return same[0] if same else None


def wait_propagation(ctx: StepContext) -> Done | Wait:
    """Asks every resolver; done when all of them know an address."""
    spec, _ = ctx.the_service()
    if spec.hostname is None:
        raise Permanent("This service has no hostname")
    answers = ctx.resolver.lookup(spec.hostname)
    seen = {a.resolver: list(a.addresses) or a.problem for a in answers}
    missing = [a for a in answers if not a.addresses]
    if answers and not missing:
        addresses = sorted({address for a in answers for address in a.addresses})
        return Done(f"{spec.hostname} → {', '.join(addresses[:4])}", details={"answers": seen})
    problem = missing[0].problem if missing else "no resolver is configured"
    return Wait(
        ctx.poll_seconds,
        f"{spec.hostname} is not known to every resolver yet: {problem}",
        details={"answers": seen},
    )
