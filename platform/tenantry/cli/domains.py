"""`tenantry domain`: additional hostnames of tenants."""

import click
from sqlalchemy.orm import Session

from tenantry.cli.shop import Shop, me, pass_shop
from tenantry.operations import hostnames, tenants
from tenantry.operations.hostnames import Proof


@click.group()
def domain() -> None:
    """Hostnames that clients bring along: their own domain, its www, its apex."""


def _say(proof: Proof) -> None:
    click.echo("Ask the owner to make this record, then verify it:")
    click.echo(f"  {proof.name}  TXT  {proof.value}")


@domain.command("add")
@click.argument("tenant")
@click.argument("service")
@click.argument("hostname")
@click.option("--redirect", is_flag=True, help="Send its visitors on to the service's own name.")
@pass_shop
def add(shop: Shop, tenant: str, service: str, hostname: str, *, redirect: bool) -> None:
    """Reserve HOSTNAME for SERVICE of TENANT; it is used when its owner has proven it."""

    def act(session: Session) -> Proof | None:
        row = tenants.find(session, tenant)
        made = hostnames.add(session, me(), row, service, hostname, redirect=redirect)
        return hostnames.proof_of(made)

    proof = shop.desk.do(act)
    click.echo(f"{hostname.strip().lower()} is reserved.")
    if proof:
        _say(proof)


@domain.command("verify")
@click.argument("tenant")
@click.argument("hostname")
@pass_shop
def verify(shop: Shop, tenant: str, hostname: str) -> None:
    """Look for the owner's proof of HOSTNAME; the next deployment routes it."""
    shop.desk.verify_hostname(me(), tenant, hostname)
    click.echo(f"{hostname} is proven. Route it: tenantry deploy {tenant}")


@domain.command("list")
@click.argument("tenant")
@pass_shop
def show(shop: Shop, tenant: str) -> None:
    """Show every hostname of TENANT and its state."""
    with shop.desk.reading() as session:
        found = hostnames.listed(session, tenants.find(session, tenant))
    for one in found:
        extra = "  → redirects" if one.redirect else ""
        click.echo(f"{one.hostname:40} {one.service:16} {one.state}{extra}")
        if one.proof:
            click.echo(f"    {one.proof.name}  TXT  {one.proof.value}")


@domain.command("remove")
@click.argument("tenant")
@click.argument("hostname")
@pass_shop
def remove(shop: Shop, tenant: str, hostname: str) -> None:
    """Take HOSTNAME back from TENANT."""
    at_once = shop.desk.do(
        lambda session: hostnames.remove(session, me(), tenants.find(session, tenant), hostname)
    )
    words = "is free" if at_once else f"goes with the next deployment: tenantry deploy {tenant}"
    click.echo(f"{hostname} {words}")


@domain.command("redirect")
@click.argument("tenant")
@click.argument("hostname")
@click.option("--on/--off", "on", required=True, help="Send visitors on, or serve them there.")
@pass_shop
def redirect(shop: Shop, tenant: str, hostname: str, *, on: bool) -> None:
    """Say whether visitors of HOSTNAME are sent on to the service's own hostname."""
    shop.desk.do(
        lambda session: hostnames.redirect(
            session, me(), tenants.find(session, tenant), hostname, on=on
        )
    )
    click.echo(f"The next deployment does it: tenantry deploy {tenant}")
