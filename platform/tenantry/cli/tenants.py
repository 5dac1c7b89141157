"""`tenantry tenant`: clients."""

import click
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from tenantry.cli.shop import Shop, me, pass_shop
from tenantry.errors import Invalid
from tenantry.models import Tenant
from tenantry.operations import histories, targets, templates, tenants
from tenantry.planning.environment import speaks_of_secret


@click.group()
def tenant() -> None:
    """Clients: one copy of a product for each."""


@tenant.command("add")
@click.argument("product")
@click.argument("subdomain")
@click.option("--name", help="The client's name; the subdomain by default.")
@click.option("--client-ref", help="Your own number for this client; unique in the product.")
@click.option("--target", help="The Dokploy server, where it is not the product's.")
@click.option("--notify", multiple=True, help="An address that is told of outcomes as well.")
@click.option("--env", multiple=True, metavar="KEY=VALUE", help="A variable for all services.")
@pass_shop
def add(
    shop: Shop,
    product: str,
    subdomain: str,
    name: str | None,
    client_ref: str | None,
    target: str | None,
    notify: tuple[str, ...],
    env: tuple[str, ...],
) -> None:
    """Add a client to PRODUCT under SUBDOMAIN; nothing is deployed yet."""
    document = {
        "name": name or subdomain.strip(),
        "subdomain": subdomain,
        "client_ref": client_ref,
        "target": target,
        "notify_emails": list(notify),
        "env": dict(_pair(text, subdomain) for text in env),
    }

    def act(session: Session) -> str:
        targets.sync(session, shop.settings.targets)
        template = templates.find(session, product)
        made = tenants.add(session, me(), template, document, shop.desk.secrets)
        return made.subdomain

    made = shop.desk.do(act)
    click.echo(f"{made} is added. Deploy it: tenantry deploy {made} --watch")


def _pair(text: str, subdomain: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not sign:
        raise Invalid("env", "must be KEY=VALUE")
    if speaks_of_secret(key, value):
        # Other users of this machine could see it.
        later = f"tenantry env set {subdomain} {key} --stdin"
        raise Invalid(f"env.{key}", f"is not taken from the command line; afterwards: {later}")
    return key, value


@tenant.command("list")
@pass_shop
def show(shop: Shop) -> None:
    """Clients and their state."""
    with shop.desk.reading() as session:
        rows = session.scalars(
            select(Tenant)
            .where(Tenant.deleted_at.is_(None))
            .options(joinedload(Tenant.project))
            .order_by(Tenant.subdomain)
        ).all()
        if not rows:
            click.echo("No tenant yet. Add one: tenantry tenant add PRODUCT SUBDOMAIN")
        for row in rows:
            words = row.status.replace("_", " ")
            click.echo(f"{row.subdomain:24} {words:32} {row.project.name}")


@tenant.command("history")
@click.argument("subdomain")
@click.option("--most", type=click.IntRange(1, 1000), default=50, show_default=True)
@pass_shop
def history(shop: Shop, subdomain: str, most: int) -> None:
    """Moves of SUBDOMAIN, its services and deployments, newest first: from, to, who, why."""
    with shop.desk.reading() as session:
        found = tenants.find(session, subdomain, away=True)
        moves = histories.of_tenant(session, found, most=most)
    for row in moves:
        what = f"{row.thing} {row.name}"
        click.echo(
            f"{row.at:%Y-%m-%d %H:%M:%S}Z  {what:28} {row.old} → {row.new}  "
            f"{row.actor or '-'}: {row.reason}"
        )
