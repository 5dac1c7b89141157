"""`tenantry deploy`: the first time, and every change after it."""

from typing import Any

import click

from tenantry.cli.plans import following, show
from tenantry.cli.shop import Shop, pass_shop
from tenantry.errors import Invalid
from tenantry.operations.deployments import need_reason
from tenantry.operations.wishes import Wish


@click.command()
@click.argument("tenant")
@click.option("--service", "services", multiple=True, help="Only this one; again for more.")
@click.option(
    "--ref", "refs", multiple=True, metavar="SERVICE=REF", help="A branch, tag or image tag."
)
@click.option("--release", type=int, help="A release of the product; the newest by default.")
@click.option("--env", "env", multiple=True, metavar="KEY=VALUE", help="For this deployment only.")
@click.option("--force", is_flag=True, help="Every step, also where nothing differs.")
@click.option("--fresh-build", is_flag=True, help="Without the build cache.")
@click.option("--without-backup", metavar="REASON", help="No backup first, for this reason.")
@following
@pass_shop
def deploy(
    shop: Shop,
    tenant: str,
    services: tuple[str, ...],
    refs: tuple[str, ...],
    release: int | None,
    env: tuple[str, ...],
    without_backup: str | None,
    *,
    force: bool,
    fresh_build: bool,
    **how: Any,
) -> None:
    """Deploy TENANT (its subdomain): what differs from what runs, or everything with --force."""
    wish = Wish(
        services=services,
        refs=dict(_pair("ref", text) for text in refs),
        release=release,
        env=dict(_pair("env", text) for text in env),
        force=force or fresh_build,
        fresh_build=fresh_build,
        ungated=need_reason(without_backup) if without_backup else "",
    )
    show(shop, tenant, wish, **how)


def _pair(field: str, text: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not sign or not key:
        raise Invalid(field, "must be NAME=VALUE", key)
    return key, value
