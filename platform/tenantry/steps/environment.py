"""`service.<name>.env_set`, and the look whether the target still holds what was set."""

import hashlib
from collections.abc import Mapping

from tenantry.errors import Permanent
from tenantry.planning.compose_file import lost_keys
from tenantry.planning.dotenv import read
from tenantry.planning.environment import (
    PLACEHOLDER,
    Winner,
    constant,
    dotenv,
    resolve,
    winners,
)
from tenantry.steps import things
from tenantry.steps.context import StepContext
from tenantry.steps.outcomes import Done
from tenantry.steps.placeholders import values_for

# In a service's `applied`: fingerprints of what was sent, and of where each value came from.
KEYS = "env_keys"
ORIGINS = "env_origins"
MOST_NAMED = 10


def set_environment(ctx: StepContext) -> Done:
    """Fills in the placeholders and replaces the whole environment, from one source of truth."""
    spec, own = ctx.the_service()
    object_id = things.object_id(ctx)
    won = winners(spec.env)
    wanted = {
        key: one.value if one.version is None else ctx.open_version(one.version)
        for key, one in won.items()
    }
    values = resolve(wanted, values_for(ctx, wanted.values()))
    text = dotenv(values)
    ctx.intend("set environment", app_id=object_id)
    if spec.compose:
        ctx.target.set_compose_environment(object_id, text)
        lost = lost_keys(spec)
        if lost:
            ctx.say(f"The compose file does not refer to {', '.join(lost)}: they reach nothing")
    else:
        ctx.target.set_environment(object_id, text)
    return Done(
        f"{len(wanted)} variable{'' if len(wanted) == 1 else 's'} set",
        service={
            "env_configured": True,
            "env_fingerprint": fingerprint(ctx.tenant.marker, text),
            "applied": {
                **own.applied,
                KEYS: key_fingerprints(ctx.tenant.marker, values),
                ORIGINS: origins(ctx.tenant.marker, won, ctx.blueprint.secrets),
            },
        },
        details={"keys": sorted(wanted), "sources": {k: one.source for k, one in won.items()}},
    )


def check_environment(ctx: StepContext) -> None:
    """Permanent where the target's environment is no longer what was set: somebody changed it."""
    _, own = ctx.the_service()
    if own.env_fingerprint is None:
        return
    text = _text_there(ctx)
    if text is not None and fingerprint(ctx.tenant.marker, text) != own.env_fingerprint:
        named = _named(ctx.tenant.marker, own.applied.get(KEYS) or {}, text)
        raise Permanent(
            f"The environment on the target is not what was set: {named}. Somebody changed it "
            "there; look at the drift, then deploy again"
        )


def _named(marker: str, kept: Mapping[str, str], text: str) -> str:
    """Which keys differ in a text of the target, in words that hold no value."""
    there = key_fingerprints(marker, read(text).values)
    groups = {
        "changed": [key for key in kept if key in there and there[key] != kept[key]],
        "missing": [key for key in kept if key not in there],
        "added": [key for key in there if key not in kept],
    }
    words = [
        f"{word}: {', '.join(sorted(keys)[:MOST_NAMED])}{'…' if len(keys) > MOST_NAMED else ''}"
        for word, keys in groups.items()
        if keys
    ]
    return "; ".join(words) or "its wording differs"


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


def origins(marker: str, won: Mapping[str, Winner], secrets: Mapping[str, str]) -> dict[str, str]:
    """
    KEY → fingerprint of where its value comes from: the sealed version, or the plain text with the
    versions of the secrets that it refers to. Asked without opening anything.
    """
    marks = {f"SECRET_{constant(name)}": mark for name, mark in secrets.items()}
    found = {}
    for key, one in won.items():
        used = [marks.get(name, "") for name in PLACEHOLDER.findall(one.value)]
        text = one.version or "\0".join([one.value, *used])
        found[key] = fingerprint(f"{marker} {key}", text)[:16]
    return found


def key_fingerprints(marker: str, values: Mapping[str, str]) -> dict[str, str]:
    """KEY → fingerprint of its value, so that a later look can say which one was changed."""
    return {key: fingerprint(f"{marker} {key}", value)[:16] for key, value in values.items()}
