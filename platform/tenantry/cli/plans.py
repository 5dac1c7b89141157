"""Showing what a deployment would do, starting it and following it: the same for every action."""

import sys
from collections.abc import Callable
from typing import Any

import click

from tenantry.cli.deployments import follow
from tenantry.cli.shop import Shop, me
from tenantry.operations.desk import MakeWish
from tenantry.operations.previews import Preview
from tenantry.operations.wishes import Wish

Command = Callable[..., Any]


def following(command: Command) -> Command:
    """`--preview`, `--watch`, `--key` and `--timeout` for a command that starts a deployment."""
    for option in (
        click.option("--preview", is_flag=True, help="Show the plan and the difference only."),
        click.option("--watch", is_flag=True, help="Follow it; exit 0 if it succeeds, else 1."),
        click.option("--key", help="Idempotency key: the same key starts it once."),
        click.option(
            "--timeout", type=float, default=7200, show_default=True, help="Seconds to watch."
        ),
    ):
        command = option(command)
    return command


def show(
    shop: Shop,
    tenant: str,
    wish: Wish | MakeWish,
    *,
    preview: bool = False,
    watch: bool = False,
    key: str | None = None,
    timeout: float = 7200,
) -> None:
    """Prints the preview, or starts the deployment and follows it where that is asked for."""
    if preview:
        tell(shop.desk.preview(me(), tenant, wish))
        return
    public_id = shop.desk.deploy(me(), tenant, wish=wish, request_key=key)
    click.echo(f"Deployment {public_id}")
    if watch:
        sys.exit(follow(shop, public_id, timeout))


def tell(seen: Preview) -> None:
    """The plan and the difference, line by line."""
    if seen.nothing:
        click.echo("Nothing to do: nothing differs.")
        return
    for name, parts in seen.differing.items():
        click.echo(f"{name}: {', '.join(parts)}")
    for step in seen.steps:
        click.echo(f"  · {step.title}{f' ({step.service})' if step.service else ''}")
    for words in seen.warnings:
        click.secho(f"  ! {words}", fg="yellow")
