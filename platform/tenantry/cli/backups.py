"""`tenantry backup`: policies, a backup now, what there is, and a guided restore."""

from typing import Any

import click
from sqlalchemy.orm import Session

from tenantry.cli.plans import following, show
from tenantry.cli.shop import Shop, me, pass_shop
from tenantry.errors import NotFound
from tenantry.models import ProjectTemplate, Tenant
from tenantry.operations import backups, templates, tenants
from tenantry.operations.wishes import Wish


@click.group()
def backup() -> None:
    """Backups of tenants' databases and volumes, through the target's destinations."""


def _owner(session: Session, name: str) -> ProjectTemplate | Tenant:
    """A product by its slug, else a tenant by its subdomain."""
    try:
        return templates.find(session, name)
    except NotFound:
        return tenants.find(session, name)


@backup.command("policy")
@click.argument("owner")
@click.option("--destination", help="Id or name of a destination of the target.")
@click.option("--schedule", help="A cron line in UTC, or hourly, daily, weekly.")
@click.option("--retention", type=int, help="Days to keep, 7 by default.")
@click.option("--overdue", type=int, help="Hours after which a missing one is told.")
@click.option("--gate/--no-gate", default=None, help="A fresh backup before each redeploy.")
@click.option("--on/--off", "enabled", default=None, help="Whether nightly backups run.")
@click.option("--drop", is_flag=True, help="Remove the policy.")
@pass_shop
def policy(
    shop: Shop,
    owner: str,
    destination: str | None,
    schedule: str | None,
    retention: int | None,
    overdue: int | None,
    *,
    gate: bool | None,
    enabled: bool | None,
    drop: bool,
) -> None:
    """Set how OWNER (a product's slug or a tenant) is backed up."""
    if drop:
        shop.desk.do(lambda session: backups.drop_policy(session, me(), _owner(session, owner)))
        click.echo("Removed.")
        return
    given: dict[str, Any] = {
        "destination": destination,
        "schedule": schedule,
        "retention_days": retention,
        "overdue_hours": overdue,
        "gate": gate,
        "enabled": enabled,
    }
    given = {name: value for name, value in given.items() if value is not None}
    with shop.desk.reading() as session:
        target = _owner(session, owner).target_name
    there = {d.id: d for d in shop.ports.target(target).destinations()}

    def act(session: Session) -> str:
        row = backups.set_policy(session, me(), _owner(session, owner), given, there)
        return (
            f"{row.schedule} UTC to {row.destination_name}, {row.retention_days} days, "
            f"{'with' if row.gate else 'without'} a gate before redeploys"
        )

    click.echo(shop.desk.do(act))


@backup.command("run")
@click.argument("tenant")
@following
@pass_shop
def run(shop: Shop, tenant: str, **how: Any) -> None:
    """Back TENANT up now."""
    show(shop, tenant, backups.now, **how)


@backup.command("list")
@click.argument("tenant")
@pass_shop
def listed(shop: Shop, tenant: str) -> None:
    """Backups of TENANT, newest first; only those that say done count."""
    with shop.desk.reading() as session:
        rows = backups.records(session, tenants.find(session, tenant, away=True))
        if not rows:
            click.echo("No backup yet. Make one: tenantry backup run TENANT")
        for row in rows:
            mark = " (crash-consistent)" if row.crash_consistent else ""
            size = "" if row.size_bytes is None else f"{row.size_bytes} bytes"
            click.echo(
                f"{row.public_id}  {row.started_at:%Y-%m-%d %H:%M}Z  {row.kind:8} {row.outcome:7} "
                f"{size:>14}  {row.path or row.problem}{mark}"
            )


@backup.command("restore")
@click.argument("tenant")
@click.argument("public_id", metavar="BACKUP")
@click.option("--reason", required=True, help="Why; it stands in the history.")
@click.option("--confirm", help="The tenant's subdomain once more; asked for without it.")
@following
@pass_shop
def restore(
    shop: Shop, tenant: str, public_id: str, reason: str, confirm: str | None, **how: Any
) -> None:
    """Overwrite the database of TENANT with BACKUP, after a fresh backup of what is there."""
    typed = confirm or click.prompt(f"Type {tenant} to overwrite its database")

    def wish(session: Session, row: Tenant) -> Wish:
        return backups.restore(session, row, public_id, typed, reason)

    show(shop, tenant, wish, **how)
