"""`email.notify_success` and `email.notify_failure`: at least once, with a stable Message-ID."""

import html
from unicodedata import category

from tenantry.clock import iso
from tenantry.ports import Letter
from tenantry.steps.context import StepContext
from tenantry.steps.outcomes import Done, Skip

# Control characters, halves of characters, and the line and paragraph separators.
BREAKS = frozenset({"Cc", "Cs", "Zl", "Zp"})


def tell(ctx: StepContext) -> Done | Skip:
    """Sends the news to the product's recipients; it decides nothing."""
    to = ctx.blueprint.notify_emails
    if not to:
        return Skip("Nobody is to be told: the product has no notify_emails")
    letter = _letter(ctx, to)
    # A worker that stood still and comes back late finds that its claim is gone, and sends nothing.
    ctx.intend("send", message_id=letter.message_id)
    ctx.mailer.send(letter)
    return Done(f"Sent to {len(to)} address{'' if len(to) == 1 else 'es'}")


def _letter(ctx: StepContext, to: tuple[str, ...]) -> Letter:
    facts = ctx.deployment
    outcome = facts.outcome
    subject = _line(f"{ctx.blueprint.tenant_name}: deployment {outcome}")
    rows = [(name, _line(value)) for name, value in _rows(ctx)]
    text = "\n".join([subject, "", *(f"{name}: {value}" for name, value in rows), ""])
    return Letter(
        message_id=f"<{facts.public_id}.{facts.epoch}.{outcome}@tenantry>",
        recipients=to,
        subject=subject,
        text=text,
        html=_html(subject, outcome, rows, facts.link),
    )


def _line(text: str) -> str:
    """One line without control characters: no name or message can write a line of its own."""
    return " ".join("".join(" " if category(c) in BREAKS else c for c in text).split())


def _rows(ctx: StepContext) -> list[tuple[str, str]]:
    facts = ctx.deployment
    rows = [
        ("Tenant", f"{ctx.blueprint.tenant_name} ({ctx.blueprint.subdomain})"),
        ("Product", ctx.blueprint.template_name),
        ("Outcome", facts.outcome),
        ("Steps", f"{facts.steps_done} of {facts.steps_planned} done"),
    ]
    if facts.started_at and facts.ended_at:
        rows.append(("Started", iso(facts.started_at)))
        rows.append(("Duration", duration((facts.ended_at - facts.started_at).total_seconds())))
    if facts.failed_step:
        rows.append(("Failed step", facts.failed_step))
        rows.append(("What it said", facts.failed_message))
    rows += [
        ("Address", spec.hostname)
        for spec in ctx.blueprint.ordered()
        if spec.hostname and facts.outcome == "succeeded"
    ]
    return [*rows, ("Timeline", facts.link)]


def _html(subject: str, outcome: str, rows: list[tuple[str, str]], link: str) -> str:
    colour = "#16794c" if outcome == "succeeded" else "#c0332b"
    cells = "".join(
        '<tr><td style="padding:4px 16px 4px 0;color:#6b6a64;vertical-align:top">'
        f"{html.escape(name)}</td>"
        f'<td style="padding:4px 0">{html.escape(value)}</td></tr>'
        for name, value in rows[:-1]
    )
    return (
        '<!doctype html><html lang="en"><body style="font:14px/1.5 sans-serif;color:#1a1a18">'
        f'<h1 style="font-size:18px;color:{colour}">{html.escape(subject)}</h1>'
        f"<table>{cells}</table>"
        f'<p><a href="{html.escape(link, quote=True)}">Open the timeline</a></p></body></html>'
    )


def duration(seconds: float) -> str:
    """`3 m 20 s`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "m"), (rest, "s")]
    return " ".join(f"{n} {unit}" for n, unit in parts if n) or "0 s"
