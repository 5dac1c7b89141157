"""`tenantry secret`: write-only."""

import sys

import click
from sqlalchemy.orm import Session

from tenantry.cli.shop import Shop, me, pass_shop
from tenantry.operations import secrets, templates


@click.group()
def secret() -> None:
    """Secrets of products. They are written, used by workers, and never shown."""


@secret.command("set")
@click.argument("product")
@click.argument("name")
@click.option("--type", "kind", default="provision_token", show_default=True)
@pass_shop
def put(shop: Shop, product: str, name: str, kind: str) -> None:
    """
    Set the secret NAME of PRODUCT.

    The value is read from standard input, or asked for; never from the command line, where other
    users could see it.
    """
    value = (
        click.prompt("Value", hide_input=True, confirmation_prompt=True)
        if sys.stdin.isatty()
        else sys.stdin.read().rstrip("\n")
    )

    def act(session: Session) -> None:
        template = templates.find(session, product)
        secrets.put(
            session,
            me(),
            shop.desk.secrets,
            name,
            value,
            secret_type=kind,
            project_id=template.id,
        )

    shop.desk.do(act)
    click.echo(f"{name} is set")
