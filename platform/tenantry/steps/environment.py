"""`service.<name>.env_set`, and the look whether the target still holds what was set."""

import hashlib
from collections.abc import Mapping

from tenantry.errors import Permanent
from tenantry.planning.environment import dotenv, effective, resolve
from tenantry.steps import things
from tenantry.steps.context import StepContext
from tenantry.steps.outcomes import Done
from tenantry.steps.placeholders import values_for

KEYS = "env_keys"


def set_environment(ctx: StepContext) -> Done:
    """Fills in the placeholders and replaces the whole environment, from one source of truth."""
    spec, own = ctx.the_service()
    object_id = things.object_id(ctx)
    layers = effective(spec.env)
    wanted = {key: value for key, (value, _) in layers.items()}
    values = resolve(wanted, values_for(ctx, wanted.values()))
    text = dotenv(values)
    ctx.intend("set environment", app_id=object_id)
    if things.is_stack(ctx):
        ctx.target.set_compose_environment(object_id, text)
    else:
        ctx.target.set_environment(object_id, text)
    return Done(
        f"{len(wanted)} variable{'' if len(wanted) == 1 else 's'} set",
        service={
            "env_configured": True,
            "env_fingerprint": fingerprint(ctx.tenant.marker, text),
            "applied": {**own.applied, KEYS: key_fingerprints(ctx.tenant.marker, values)},
        },
        details={"keys": sorted(wanted), "sources": {k: s for k, (_, s) in layers.items()}},
    )


def check_environment(ctx: StepContext) -> None:
    """Permanent where the target's environment is no longer what was set: somebody changed it."""
    _, own = ctx.the_service()
    if own.env_fingerprint is None:
        return
    text = _text_there(ctx)
    if text is not None and fingerprint(ctx.tenant.marker, text) != own.env_fingerprint:
        raise Permanent(
            "The environment on the target is not what was set: somebody changed it there; "
            "look at the drift, then deploy again"
        )


def _text_there(ctx: StepContext) -> str | None:
    object_id = things.object_id(ctx)
    if things.is_stack(ctx):
        stack = ctx.target.compose(object_id)
        return stack.env if stack else None
    application = ctx.target.application(object_id)
    return application.env if application else None


def fingerprint(marker: str, text: str) -> str:
    """Keyed by the tenant's marker: equal texts of two tenants do not look equal."""
    key = hashlib.sha256(marker.encode()).digest()
    return hashlib.blake2b(text.encode(), key=key, digest_size=16).hexdigest()


def key_fingerprints(marker: str, values: Mapping[str, str]) -> dict[str, str]:
    """KEY → fingerprint of its value, so that a later look can say which one was changed."""
    return {key: fingerprint(f"{marker} {key}", value)[:16] for key, value in values.items()}
