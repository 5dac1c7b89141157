"""`tenantry staff`: who may log in to the panel."""

import sys

import click

from tenantry.cli.shop import Shop, pass_shop
from tenantry.planning import inputs

ROLES = ("viewer", "operator", "admin")


@click.group()
def staff() -> None:
    """Members of staff."""


@staff.command("add")
@click.argument("email")
@click.option("--role", type=click.Choice(ROLES), default="operator", show_default=True)
@click.option("--generate", is_flag=True, help="Make up a password and print it once.")
@pass_shop
def add(shop: Shop, email: str, role: str, *, generate: bool) -> None:
    """
    Add EMAIL, or change the role of one that is there.

    The password is asked for, or read from standard input.
    """
    inputs.email(email)
    password = None if generate else _password()
    new, made_up = shop.add_staff(email.lower(), role, password)
    click.echo(f"{email} is {'added' if new else 'changed'} as {role}")
    if made_up:
        click.echo(f"Password: {made_up}")


def _password() -> str:
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\n")
