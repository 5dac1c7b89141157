"""`internal.provision`: the product sets itself up for this tenant, once."""

from tenantry.errors import Permanent, Transient
from tenantry.steps.context import StepContext
from tenantry.steps.outcomes import Done
from tenantry.steps.placeholders import url

CONFLICT = 409
RETRIED = frozenset({408, 425, 429})


def call(ctx: StepContext) -> Done:
    """
    Posts to the tenant's own hostname with the token and an idempotency key.

    The key is the same for the whole life of the service, and so is the body (servers refuse a
    key that comes back with another one), so a second call cannot set it up twice; 409 says that
    it was set up before, which is the goal.
    """
    spec, own = ctx.the_service()
    if spec.hostname is None or spec.provision_endpoint is None:
        raise Permanent("This service has no provisioning address")
    headers = {"Idempotency-Key": own.marker}
    if spec.provision_secret:
        headers["Authorization"] = f"Bearer {ctx.secret(spec.provision_secret)}"
    body = {
        "tenant": {
            "id": ctx.blueprint.tenant_id,
            "name": ctx.blueprint.tenant_name,
            "subdomain": ctx.blueprint.subdomain,
        }
    }
    address = f"{url(ctx, spec.hostname)}/{spec.provision_endpoint}"
    ctx.intend("provision", address=address)
    answer = ctx.web.post(address, headers=headers, body=body, deadline=ctx.times.provision)
    status = answer.status
    if status is None:
        raise Transient(f"{address} did not answer: {answer.problem}", outcome_known=False)
    if 200 <= status < 300:  # noqa: PLR2004 — the success class of RFC 9110
        return Done(f"Provisioned ({status})", details={"httpStatus": status})
    if status == CONFLICT:
        return Done("Provisioned before (409)", details={"httpStatus": status})
    if status in RETRIED or status >= 500:  # noqa: PLR2004 — server errors of RFC 9110
        raise Transient(f"{address} answered {status}")
    raise Permanent(f"{address} answered {status}")
