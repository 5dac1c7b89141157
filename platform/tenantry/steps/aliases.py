"""
`domains.alias`: the additional hostnames of a service, and the redirects of those that redirect.

What is not ours is not touched: only hostnames that a tenant's rows know, and redirects of exactly
the form that is made here for one of them. The rest is named in the log.
"""

from collections.abc import Sequence
from dataclasses import replace

from tenantry.errors import Permanent, Transient
from tenantry.planning.differences import fingerprints
from tenantry.ports import RedirectSeen
from tenantry.steps import things
from tenantry.steps.context import StepContext
from tenantry.steps.domains import asks_authority, route
from tenantry.steps.outcomes import Done, HostnameRouted


def bring_about(ctx: StepContext) -> Done:
    """Routes what is wanted, removes what is retired, and sets the redirects; safe to repeat."""
    spec, own = ctx.the_service()
    records = []
    for alias in spec.aliases:
        seen, how = route(ctx, alias.hostname)
        asked = how == "created" and asks_authority(ctx)
        records.append(HostnameRouted(alias.hostname, seen.id, asked=asked))
    for hostname in spec.retired:
        _withdraw(ctx, hostname)
        records.append(HostnameRouted(hostname, None))
    if not things.is_stack(ctx):
        _redirect(ctx)
    _report(ctx)
    marks = fingerprints(ctx.blueprint, replace(spec, retired=()))
    words = [f"{len(spec.aliases)} additional hostname{'' if len(spec.aliases) == 1 else 's'}"]
    words += [f"{hostname} removed" for hostname in spec.retired]
    return Done(
        ", ".join(words),
        service={"applied": own.with_applied(marks, "domains")},
        details={"hostnames": [a.hostname for a in spec.aliases], "removed": list(spec.retired)},
        records=tuple(records),
    )


def _withdraw(ctx: StepContext, hostname: str) -> None:
    for seen in _of(ctx, hostname):
        ctx.intend("delete domain", domain_id=seen)
        ctx.target.delete_domain(seen)
    if _of(ctx, hostname):
        raise Transient(f"The domain {hostname} is still listed after it was removed")


def _of(ctx: StepContext, hostname: str) -> list[str]:
    return [d.id for d in things.domains(ctx) if d.host == hostname and d.path in {"", "/", None}]


def pattern(hostname: str) -> str:
    r"""
    What a redirect of ours matches: this host alone, with its whole path and query as group 1.

    A redirect lands on every router of its application, so the host must stand in it.
    """
    escaped = hostname.replace(".", r"\.")
    return rf"(?i)^https?://{escaped}(?::[0-9]+)?/(.*)$"


def _redirect(ctx: StepContext) -> None:
    spec, _ = ctx.the_service()
    scheme = "https" if ctx.blueprint.https else "http"
    goal = f"{scheme}://{spec.hostname}/${{1}}"
    ours = {pattern(name) for name in (*(a.hostname for a in spec.aliases), *spec.retired)}
    missing = {pattern(alias.hostname) for alias in spec.aliases if alias.redirect}
    for seen in _redirects(ctx):
        if seen.regex not in ours:
            continue
        if seen.regex in missing and (seen.replacement, seen.permanent) == (goal, True):
            missing.discard(seen.regex)
            continue
        # No longer wanted, to another hostname, or a double.
        ctx.intend("delete redirect", redirect_id=seen.id)
        ctx.target.delete_redirect(seen.id)
    for regex in sorted(missing):
        ctx.intend("create redirect", regex=regex)
        ctx.target.create_redirect(ctx.app_id(), RedirectSeen("", regex, goal, permanent=True))
    if missing - {seen.regex for seen in _redirects(ctx)}:
        raise Transient("The redirect was created but is not listed yet")


def _redirects(ctx: StepContext) -> Sequence[RedirectSeen]:
    application = ctx.target.application(ctx.app_id())
    if application is None:
        raise Permanent("The application is gone from the target")
    return application.redirects


def _report(ctx: StepContext) -> None:
    spec, _ = ctx.the_service()
    known = {spec.hostname, *(alias.hostname for alias in spec.aliases)}
    others = [d.host for d in things.domains(ctx) if d.host not in known]
    if others:
        ctx.say(f"Left alone, since they were added by hand: {', '.join(sorted(others))}")
