"""`tenantry drift`: looking for it now, and what is done about a finding."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from sqlalchemy.orm import Session

from tenantry.cli.plans import following, show
from tenantry.cli.shop import Shop, me, pass_shop
from tenantry.clock import utcnow
from tenantry.errors import Conflict, Invalid
from tenantry.models import DriftFinding, Tenant
from tenantry.operations import drift_adoption, drifting, tenants
from tenantry.operations.wishes import Wish

LOOK = "look"


class _WithDefault(click.Group):
    """`tenantry drift acme` is `tenantry drift look acme`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        first = args[0] if args else "show"
        if first not in self.commands and first not in ctx.help_option_names:
            args = [LOOK, *args]
        return super().parse_args(ctx, args or ["show"])


@click.group(cls=_WithDefault)
def drift() -> None:
    """Where our record, the product and the target say different things; see `drift look`."""


@drift.command(LOOK)
@click.argument("tenant", required=False)
@click.option("--all", "everything", is_flag=True, help="Every tenant, and foreign projects.")
@pass_shop
def look(shop: Shop, tenant: str | None, *, everything: bool) -> None:
    """Compare TENANT with its target now; exit 0 where nothing differs, else 1."""
    if everything == bool(tenant):
        raise Invalid("tenant", "name one, or say --all")
    if everything:
        shop.auditor.everything()
    elif tenant:
        _look_at(shop, tenant)
    with shop.desk.reading() as session:
        found = drifting.open_ones(session, tenants.find(session, tenant) if tenant else None)
        _tell(session, found)
    sys.exit(1 if found else 0)


def _look_at(shop: Shop, name: str) -> None:
    with shop.desk.reading() as session:
        tenant_id = tenants.find(session, name).id
    if shop.auditor.tenant(tenant_id, thorough=True) is None:
        raise Conflict(
            f"{name} cannot be compared now: it never ran, a deployment of it is under way, or its "
            "target does not answer"
        )


@drift.command("show")
@click.argument("what", required=False)
@click.option("--ignored", is_flag=True, help="Those that are ignored, too.")
@pass_shop
def listed(shop: Shop, what: str | None, *, ignored: bool) -> None:
    """List open findings: of all, of a tenant, or one in full by its id."""
    with shop.desk.reading() as session:
        if what and "-" in what and len(what) == 36:  # noqa: PLR2004 — the length of a UUID
            _in_full(session, drifting.find(session, what))
            return
        tenant = tenants.find(session, what) if what else None
        _tell(session, drifting.open_ones(session, tenant, ignored=ignored))


def _tell(session: Session, found: Sequence[DriftFinding]) -> None:
    if not found:
        click.echo("Nothing differs.")
    for row in found:
        owner = session.get(Tenant, row.tenant_id) if row.tenant_id else None
        where = owner.subdomain if owner else f"target {row.target_name}"
        mark = " (ignored)" if row.state == "ignored" else ""
        click.echo(
            f"{row.public_id}  {where}  {row.thing}: {row.field}: {row.ours} → {row.theirs}  "
            f"[{row.mover}]{mark}"
        )


def _in_full(session: Session, row: DriftFinding) -> None:
    way = drifting.way_of(session, row)
    for name in ("thing", "field", "ours", "theirs", "mover", "state"):
        click.echo(f"{name:8} {getattr(row, name)}")
    click.echo(f"{'seen':8} {row.first_seen_at:%Y-%m-%d %H:%M}Z … {row.seen_at:%Y-%m-%d %H:%M}Z")
    click.echo(f"{'revert':8} {way.problem or 'a deployment of the parts concerned'}")


@drift.command("adopt")
@click.argument("finding")
@pass_shop
def adopt(shop: Shop, finding: str) -> None:
    """Take what the target says in FINDING into our record."""

    def act(session: Session) -> str:
        return drift_adoption.adopt(session, me(), drifting.find(session, finding))

    click.echo(shop.desk.do(act))


@drift.command("revert")
@click.argument("findings", nargs=-1, required=True)
@following
@pass_shop
def revert(shop: Shop, findings: tuple[str, ...], **how: Any) -> None:
    """Put the target back in FINDINGS of one tenant, by a deployment of exactly those parts."""
    with shop.desk.reading() as session:
        tenant = drifting.tenant_of(session, drifting.find(session, findings[0])).subdomain

    def wish(session: Session, row: Tenant) -> Wish:
        rows = [drifting.find(session, one) for one in findings]
        return drifting.revert(session, me(), row, rows)

    show(shop, tenant, wish, **how)


@drift.command("ignore")
@click.argument("finding")
@click.option("--until", help="A day: 2030-01-31.")
@click.option("--days", type=int, help="Or so many days from now.")
@pass_shop
def ignore(shop: Shop, finding: str, until: str | None, days: int | None) -> None:
    """Say nothing of FINDING for a while, unless what is there changes."""
    at = _until(until, days)
    shop.desk.do(lambda s: drifting.ignore(s, me(), drifting.find(s, finding), at))
    click.echo(f"Ignored until {at:%Y-%m-%d}.")


def _until(day: str | None, days: int | None) -> datetime:
    if (day is None) == (days is None):
        raise Invalid("until", "say --until or --days")
    if days is not None:
        return utcnow() + timedelta(days=min(max(days, 0), 10_000))
    try:
        return datetime.strptime(day or "", "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise Invalid("until", "must be a day such as 2030-01-31", day) from None
