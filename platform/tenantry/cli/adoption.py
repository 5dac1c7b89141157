"""`tenantry tenant adopt` and `give-up`: taking over what stands on a target already."""

import sys
from collections.abc import Callable
from typing import Any

import click

from tenantry.cli.deployments import follow
from tenantry.cli.plans import following
from tenantry.cli.shop import Shop, me, pass_shop
from tenantry.errors import Invalid
from tenantry.operations import (
    adoption,
    adoption_preview,
    found_projects,
    templates,
    tenants,
)
from tenantry.operations.adoption import Adoption


def _password(ctx: click.Context, _option: Any, wanted: bool) -> str | None:  # noqa: FBT001 — click's shape
    """Never from the command line, where everybody on the machine could read it."""
    if not wanted or ctx.resilient_parsing:
        return None
    if sys.stdin.isatty():
        return str(click.prompt("Password of the database", hide_input=True))
    return sys.stdin.readline().rstrip("\n") or None


_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option("--name", help="The client's name; the subdomain by default."),
    click.option("--client-ref", help="Your own number for this client; unique in the product."),
    click.option("--target", help="The Dokploy server, where it is not the product's."),
    click.option(
        "--service",
        "services",
        multiple=True,
        metavar="NAME=ID",
        help="Which application, stack or database it is; by its name without it. Again for more.",
    ),
    click.option("--db-name", help="Name of the database inside its server."),
    click.option("--db-user", help="Its user."),
    click.option(
        "--db-password",
        "password",
        is_flag=True,
        callback=_password,
        help="Read its password from standard input.",
    ),
)


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command("adopt")
@click.argument("product")
@click.argument("project")
@click.argument("subdomain")
@_options
@following
@pass_shop
def adopt(
    shop: Shop, product: str, project: str, subdomain: str, services: tuple[str, ...], **more: Any
) -> None:
    """Take the Dokploy project of id PROJECT over as a tenant of PRODUCT; nothing is deployed."""
    named = dict(_pair(text) for text in services)
    with shop.desk.reading() as session:
        template = templates.find(session, product)
        target, kinds = more["target"] or template.target_name, found_projects.kinds_of(template)
    found = found_projects.look(shop.ports.target(target), project, kinds, named)
    wanted = Adoption(
        product=product,
        subdomain=subdomain,
        name=more["name"] or subdomain.strip(),
        target=more["target"],
        client_ref=more["client_ref"],
        db_name=more["db_name"],
        db_user=more["db_user"],
        password=more["password"],
    )
    if more["preview"]:
        _tell(adoption_preview.preview(shop.desk, me(), wanted, found))
        return
    public_id = adoption.start(shop.desk, me(), wanted, found, more["key"])
    click.echo(f"Deployment {public_id}")
    if more["watch"]:
        sys.exit(follow(shop, public_id, more["timeout"]))


def _pair(text: str) -> tuple[str, str]:
    name, sign, key = text.partition("=")
    if not sign or not key:
        raise Invalid("service", "must be NAME=ID", text)
    return name, key


def _tell(seen: adoption_preview.Preview) -> None:
    click.echo("Written on the target, and nothing else:")
    for words in seen.writes:
        click.echo(f"  · {words}")
    click.echo("Differs from the product:" if seen.differing else "Nothing differs.")
    for one in seen.differing:
        click.echo(f"  · {one.thing}: {one.field}: product {one.ours}, there {one.theirs}")
    for words in seen.notes:
        click.secho(f"  ! {words}", fg="yellow")


@click.command("give-up")
@click.argument("tenant")
@pass_shop
def give_up(shop: Shop, tenant: str) -> None:
    """Let a take-over of TENANT go that did not succeed; the target is not touched."""
    shop.desk.do(lambda s: adoption.give_up(s, me(), tenants.find(s, tenant)))
    click.echo("Given up; its names are free.")
