"""`tenantry target`: the Dokploy servers."""

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from tenantry.cli.shop import Shop, me, pass_shop
from tenantry.models import TargetRow
from tenantry.operations import targets


@click.group()
def target() -> None:
    """The Dokploy servers that the configuration names."""


@target.command("list")
@pass_shop
def show(shop: Shop) -> None:
    """Targets, their limits and whether they rest."""
    shop.desk.do(lambda session: targets.sync(session, shop.settings.targets))
    with shop.desk.reading() as session:
        for row in session.scalars(select(TargetRow).order_by(TargetRow.name)):
            state = "draining" if row.draining else row.breaker_reason or "in use"
            click.echo(f"{row.name:20} at most {row.max_in_flight} at once   {state}")


@target.command("drain")
@click.argument("name")
@click.option("--off", is_flag=True, help="Let deployments in again.")
@pass_shop
def drain(shop: Shop, name: str, *, off: bool) -> None:
    """Finish what runs on NAME and let nothing new in."""

    def act(session: Session) -> None:
        targets.drain(session, me(), targets.find(session, name), draining=not off)

    shop.desk.do(act)
    click.echo(f"{name} is {'in use again' if off else 'draining'}")
