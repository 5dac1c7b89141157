"""`health.check` and `health.retry`: a real request, or a look at the containers."""

from tenantry.planning.health import is_expected
from tenantry.ports import HealthSeen
from tenantry.steps import things
from tenantry.steps.context import StepContext
from tenantry.steps.outcomes import Done, Unhealthy
from tenantry.steps.placeholders import url


def check(ctx: StepContext) -> Done:
    """Done where the service answers as it should; Unhealthy otherwise, which a retry follows."""
    spec, _ = ctx.the_service()
    if spec.probed_by_http:
        seen = _by_http(ctx)
    elif spec.service_type == "cron" and (runs := _by_schedule(ctx)) is not None:
        seen = runs
    else:
        seen = _by_containers(ctx)
    if not seen.ok:
        raise Unhealthy(seen)
    return Done(
        seen.problem or f"{seen.status} in {seen.latency_ms} ms",
        health=HealthSeen(ok=True, status=seen.status, latency_ms=seen.latency_ms, problem=""),
        details={"httpStatus": seen.status, "latencyMs": seen.latency_ms},
    )


def _by_http(ctx: StepContext) -> HealthSeen:
    spec, _ = ctx.the_service()
    address = f"{url(ctx, spec.hostname or '')}{spec.health_path}"
    answer = ctx.web.get(address, deadline=ctx.times.health)
    if answer.status is None:
        words = f"{address} did not answer: {answer.problem}"
        return HealthSeen(ok=False, status=None, latency_ms=answer.latency_ms, problem=words)
    good = is_expected(answer.status, spec.expected_status)
    words = "" if good else f"{address} answered {answer.status}, not {spec.expected_status}"
    return HealthSeen(ok=good, status=answer.status, latency_ms=answer.latency_ms, problem=words)


def _by_containers(ctx: StepContext) -> HealthSeen:
    spec, own = ctx.the_service()
    seen = things.containers(ctx)
    if spec.compose:
        # Its other services may run while the one that matters does not.
        stem = f"{own.app_name}_{spec.compose.service}."
        seen = [c for c in seen if c.name.startswith(stem)]
    up = things.up_of(seen)
    if up:
        words = f"{len(up)} container{'' if len(up) == 1 else 's'} running"
        return HealthSeen(ok=True, status=None, latency_ms=None, problem=words)
    error = next((c.error for c in seen if c.error), "")
    words = f"No container runs{': ' + error if error else ''}"
    if not seen:
        words = "The target lists no containers, which may also be an error of its own"
    return HealthSeen(ok=False, status=None, latency_ms=None, problem=words)


def _by_schedule(ctx: StepContext) -> HealthSeen | None:
    """The last run of its schedule; None where it has none yet: then its container is judged."""
    _, own = ctx.the_service()
    runs = ctx.target.schedules(own.app_id) if own.app_id else ()
    if not runs:
        return None
    last = runs[0]
    good = last.status in {"done", "running"}
    words = f"Its last scheduled run is {last.status}"
    return HealthSeen(ok=good, status=None, latency_ms=None, problem=words)
