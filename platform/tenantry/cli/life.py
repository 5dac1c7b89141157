"""`tenantry scale`, `restart`, `suspend`, `wake`, `rollback`, `leave`, `keep` and `teardown`."""

import sys
from dataclasses import replace
from typing import Any

import click
from sqlalchemy.orm import Session

from tenantry.cli.plans import following, show
from tenantry.cli.shop import Shop, me, pass_shop
from tenantry.clock import utcnow
from tenantry.errors import Invalid
from tenantry.models import Tenant
from tenantry.operations import leaving, rollbacks, scaling, tenants
from tenantry.operations.deployments import need_reason
from tenantry.operations.scaling import Scale
from tenantry.operations.wishes import Wish
from tenantry.planning.actions import RESTART, SUSPEND, TEARDOWN, UNSUSPEND
from tenantry.planning.limits import Capabilities


@click.command()
@click.argument("tenant")
@click.argument("service")
@click.option("--replicas", type=int, help="How many containers, 0-50.")
@click.option("--cpu", type=float, help="Cores, 0.5-32; 0 lifts the limit.")
@click.option("--memory", type=int, help="MB, 512-65536; 0 lifts the limit.")
@following
@pass_shop
def scale(
    shop: Shop,
    tenant: str,
    service: str,
    replicas: int | None,
    cpu: float | None,
    memory: int | None,
    **how: Any,
) -> None:
    """Set replicas and limits of SERVICE (or db) of TENANT, and look until they hold."""
    given = {"cpu_cores": cpu, "memory_mb": memory}
    limits = {name: value or None for name, value in given.items() if value is not None}
    if replicas is None and not limits:
        raise Invalid("replicas", "say what is to change: --replicas, --cpu or --memory")
    wanted = Scale(service, replicas, limits or None)

    def wish(session: Session, row: Tenant) -> Wish:
        return scaling.store(session, me(), row, wanted, Capabilities())

    show(shop, tenant, wish, **how)


@click.command()
@click.argument("tenant")
@click.option("--service", "services", multiple=True, help="Only this one; again for more.")
@following
@pass_shop
def restart(shop: Shop, tenant: str, services: tuple[str, ...], **how: Any) -> None:
    """Replace every container of TENANT, without a build."""
    show(shop, tenant, Wish(action=RESTART, services=services), **how)


@click.command()
@click.argument("tenant")
@click.option("--reason", required=True, help="Why; it stands in the history.")
@click.option("--with-database", is_flag=True, help="Stop the database too: no backups meanwhile.")
@following
@pass_shop
def suspend(shop: Shop, tenant: str, reason: str, *, with_database: bool, **how: Any) -> None:
    """Stop what serves of TENANT; its data stays, and `tenantry wake` brings it back."""
    wish = Wish(action=SUSPEND, with_database=with_database, why=need_reason(reason))
    show(shop, tenant, wish, **how)


@click.command()
@click.argument("tenant")
@following
@pass_shop
def wake(shop: Shop, tenant: str, **how: Any) -> None:
    """Bring a suspended TENANT back, with the replicas that it had."""
    show(shop, tenant, Wish(action=UNSUSPEND), **how)


@click.command()
@click.argument("tenant")
@click.option("--to", "public_id", help="The deployment to go back to; without it, the choices.")
@click.option("--reason", default="", help="Why; it stands in the history.")
@following
@pass_shop
def rollback(shop: Shop, tenant: str, public_id: str | None, reason: str, **how: Any) -> None:
    """Bring back what an earlier deployment of TENANT ran; data is never touched."""
    if public_id is None:
        _choices(shop, tenant)
        return
    chosen = public_id
    with shop.desk.reading() as session:
        back = rollbacks.prepare(session, tenants.find(session, tenant), chosen, reason)
    for words in back.cannot:
        click.secho(f"  ! {words}", fg="yellow")

    def wish(session: Session, row: Tenant) -> Wish:
        return rollbacks.prepare(session, row, chosen, reason).wish

    show(shop, tenant, wish, **how)


def _choices(shop: Shop, tenant: str) -> None:
    with shop.desk.reading() as session:
        found = rollbacks.candidates(session, tenants.find(session, tenant))
        if not found:
            click.echo("There is no earlier deployment to go back to.")
        for row in found:
            ended = f"{row.ended_at:%Y-%m-%d %H:%M}" if row.ended_at else ""
            click.echo(f"{row.public_id}  {ended}  release {row.details.get('release')}")


@click.command()
@click.argument("tenant")
@click.option("--days", type=int, default=14, show_default=True, help="Days of grace, 0-365.")
@click.option("--reason", required=True, help="Why; it stands in the history.")
@click.option("--watch", is_flag=True, help="Follow the suspension to its end.")
@pass_shop
def leave(shop: Shop, tenant: str, days: int, reason: str, *, watch: bool) -> None:
    """Suspend TENANT now and tear it down after a time of grace; `tenantry keep` takes it back."""
    wishes: list[Wish | None] = []

    def note(session: Session) -> str:
        row = tenants.find(session, tenant)
        wishes.append(leaving.leave(session, me(), row, days=days, reason=reason))
        return f"{row.name} is leaving; it will be torn down at {row.teardown_at:%Y-%m-%d %H:%M}Z"

    click.echo(shop.desk.do(note))
    if wishes[0] is not None:
        show(shop, tenant, wishes[0], watch=watch)


@click.command()
@click.argument("tenant")
@click.option("--watch", is_flag=True, help="Follow it to its end.")
@pass_shop
def keep(shop: Shop, tenant: str, *, watch: bool) -> None:
    """Take the leaving of TENANT back, and wake it."""
    wishes: list[Wish | None] = []
    shop.desk.do(
        lambda session: wishes.append(leaving.keep(session, me(), tenants.find(session, tenant)))
    )
    click.echo("It stays.")
    if wishes[0] is not None:
        show(shop, tenant, wishes[0], watch=watch)


@click.command()
@click.argument("tenant")
@click.option("--reason", required=True, help="Why; it stands in the history.")
@click.option("--confirm", help="The tenant's subdomain once more; asked for without it.")
@click.option("--without-backup", metavar="REASON", help="No last backup, for this reason.")
@following
@pass_shop
def teardown(
    shop: Shop,
    tenant: str,
    reason: str,
    confirm: str | None,
    without_backup: str | None,
    **how: Any,
) -> None:
    """Remove everything of TENANT from its target now; volumes and backups are named and kept."""
    if how.get("preview"):
        show(shop, tenant, Wish(action=TEARDOWN), **how)
        return
    typed = confirm or click.prompt(f"Type {tenant} to remove it")

    def wish(_session: Session, row: Tenant) -> Wish:
        made = leaving.teardown(row, typed, reason)
        ungated = need_reason(without_backup) if without_backup else ""
        return replace(made, ungated=ungated)

    show(shop, tenant, wish, **how)


@click.command("remove-volumes")
@click.argument("tenant")
@click.argument("volumes", nargs=-1, required=True)
@click.option("--reason", required=True, help="Why; it stands in the history.")
@following
@pass_shop
def remove_volumes(
    shop: Shop, tenant: str, volumes: tuple[str, ...], reason: str, **how: Any
) -> None:
    """Remove VOLUMES that the teardown of TENANT named; their data is gone for good."""

    def wish(session: Session, row: Tenant) -> Wish:
        return leaving.volumes_gone(session, row, volumes, reason)

    show(shop, tenant, wish, **how)


@click.command()
@click.argument("tenant")
@pass_shop
def certificate(shop: Shop, tenant: str) -> None:
    """Show what the teardown of TENANT removed, found gone, and left."""
    with shop.desk.reading() as session:
        made = leaving.certificate(session, tenants.find(session, tenant, away=True))
    if made is None:
        click.secho("It was not torn down.", err=True)
        sys.exit(1)
    click.echo(f"{made.name}, {made.at or utcnow():%Y-%m-%d %H:%M}Z: {made.words}")
    for title, things in (
        ("removed", made.removed),
        ("gone already", made.gone),
        ("kept volume", made.volumes),
        ("kept backup", made.backups),
    ):
        for thing in things:
            click.echo(f"  {title}: {thing}")
