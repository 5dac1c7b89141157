"""`domains.create` and `domains.wait_propagation`."""

from collections.abc import Sequence
from typing import Any

from tenantry.errors import Permanent, Transient
from tenantry.planning.hostnames import DnsVerdict, judge_dns
from tenantry.planning.rollout import aliases_follow
from tenantry.ports import Answer, DomainSeen
from tenantry.steps import things
from tenantry.steps.context import StepContext
from tenantry.steps.outcomes import Done, HostnameRouted, Wait


def create(ctx: StepContext) -> Done:
    """Routes the service's own hostname, once."""
    spec, own = ctx.the_service()
    if spec.hostname is None:
        raise Permanent("This service has no hostname")
    found, how = route(ctx, spec.hostname)
    service: dict[str, Any] = {"domain": spec.hostname, "domain_id": found.id}
    # Otherwise the step that sees to the additional ones says when all of it is as it should be.
    if not aliases_follow(spec):
        service["applied"] = own.with_applied(ctx.marks(), "domains")
    asked = how == "created" and asks_authority(ctx)
    return Done(
        f"{spec.hostname} {how}",
        service=service,
        records=(HostnameRouted(spec.hostname, found.id, asked=asked),),
        details={"domainId": found.id, "how": how},
    )


def asks_authority(ctx: StepContext) -> bool:
    """Whether a new hostname makes the target ask Let's Encrypt for a certificate."""
    return ctx.blueprint.https and ctx.blueprint.certificate == "letsencrypt"


def route(ctx: StepContext, hostname: str) -> tuple[DomainSeen, str]:
    """
    Brings one domain object about; with it, whether it was found, corrected or created.

    The target keeps no hostname unique and may lose one of two that are created at the same time,
    so each is looked for first and read back after.
    """
    spec, _ = ctx.the_service()
    https = ctx.blueprint.https
    certificate = ctx.blueprint.certificate if https else "none"
    found, how = _look(ctx, hostname), "found"
    if found is not None and (found.port, found.https, found.certificate) != (
        spec.port,
        https,
        certificate,
    ):
        ctx.intend("update domain", domain_id=found.id)
        ctx.target.update_domain(
            found.id, hostname, spec.port, https=https, certificate=certificate
        )
        how = "corrected"
    if found is None:
        ctx.intend("create domain", host=hostname)
        things.create_domain(ctx, hostname)
        found, how = _look(ctx, hostname), "created"
    if found is None:
        raise Transient("The domain was created but is not listed yet")
    return found, how


def _look(ctx: StepContext, hostname: str) -> DomainSeen | None:
    spec, own = ctx.the_service()
    same = [d for d in things.domains(ctx) if d.host == hostname and d.path in {"", "/", None}]
    if spec.compose:
        same = _of_its_service(ctx, same, spec.compose.service)
    same.sort(key=lambda d: d.id != own.domain_id)
    for double in same[1:]:
        # Two routers for one hostname split its traffic; both route to this application.
        ctx.intend("delete double domain", domain_id=double.id)
        ctx.target.delete_domain(double.id)
        ctx.say(f"Removed a second domain object for {hostname}")
    return same[0] if same else None


def _of_its_service(ctx: StepContext, same: list[DomainSeen], service: str) -> list[DomainSeen]:
    """Those that lead to the named service of the stack; to which one cannot be changed later."""
    for astray in [d for d in same if d.service != service]:
        ctx.intend("delete domain", domain_id=astray.id)
        ctx.target.delete_domain(astray.id)
        ctx.say(f"Removed a domain object for {astray.host} that led to {astray.service}")
    return [d for d in same if d.service == service]


def wait_propagation(ctx: StepContext) -> Done | Wait:
    """
    Asks every resolver; done when all of them know an address, and where staff stated the target's
    addresses, one of those.
    """
    spec, _ = ctx.the_service()
    if spec.hostname is None:
        raise Permanent("This service has no hostname")
    answers = ctx.resolver.lookup(spec.hostname)
    seen = {a.resolver: list(a.addresses) or a.problem for a in answers}
    missing = [a for a in answers if not a.addresses]
    if answers and not missing:
        verdict = _judged(ctx, spec.hostname, answers)
        if verdict.bad:
            return Wait(ctx.poll_seconds, verdict.words, details={"answers": seen})
        addresses = ", ".join(verdict.addresses[:4])
        return Done(f"{spec.hostname} → {addresses}", details={"answers": seen})
    problem = missing[0].problem if missing else "no resolver is configured"
    return Wait(
        ctx.poll_seconds,
        f"{spec.hostname} is not known to every resolver yet: {problem}",
        details={"answers": seen},
    )


def _judged(ctx: StepContext, hostname: str, answers: Sequence[Answer]) -> DnsVerdict:
    found = [(answer.addresses, answer.problem) for answer in answers]
    ours = hostname.endswith(f".{ctx.blueprint.base_domain}")
    # Whatever answers there now may be what the client had before.
    return judge_dns(hostname, found, ctx.addresses, answers=False, ours=ours)
