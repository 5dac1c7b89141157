"""`tenantry env`: what a tenant's services are given, and changing it."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session

from tenantry.cli.shop import Shop, me, pass_shop
from tenantry.errors import Invalid
from tenantry.operations import effective, environments, tenants
from tenantry.operations.dotenv_import import Import, import_dotenv
from tenantry.operations.effective import Line
from tenantry.operations.environments import Place
from tenantry.planning.dotenv import MOST_BYTES
from tenantry.planning.environment import speaks_of_secret

NEXT = "the next deployment sets it on the target"
for_service = click.option("--service", help="Only for this service; for all of them without it.")


@click.group("env")
def env() -> None:
    """Environment values of tenants. Those of secrets are never shown."""


def _at(shop: Shop, tenant: str, service: str | None, act: Callable[[Session, Place], Any]) -> Any:
    return shop.desk.do(
        lambda session: act(session, environments.place_of(tenants.find(session, tenant), service))
    )


@env.command("show")
@click.argument("tenant")
@click.option("--service", help="Only this one.")
@pass_shop
def show(shop: Shop, tenant: str, service: str | None) -> None:
    """Show what each service of TENANT would be given, and where each value comes from."""
    with shop.desk.reading() as session:
        row = tenants.find(session, tenant)
        if service:
            found = {service: effective.effective(session, shop.desk.secrets, row, service)}
        else:
            found = effective.overview(session, shop.desk.secrets, row)
    for name, lines in found.items():
        click.secho(name, bold=True)
        for line in lines:
            click.echo(f"  {_words(line)}")
        if not lines:
            click.echo("  nothing")


def _words(line: Line) -> str:
    covers = f", covers {', '.join(line.covers)}" if line.covers else ""
    source = f"  ({line.source}{covers})" if line.source else ""
    state = f"  [{line.state} since the last deployment]" if line.state else ""
    shown = line.shown.replace("\n", "\\n")
    return f"{line.key:28} {shown:28}{source}{state}"


@env.command("set")
@click.argument("tenant")
@click.argument("key")
@click.argument("value", required=False)
@for_service
@click.option("--secret/--plain", default=None, help="Judged by its name where it is new.")
@click.option("--stdin", is_flag=True, help="Read the value from standard input.")
@pass_shop
def put(
    shop: Shop,
    tenant: str,
    key: str,
    value: str | None,
    service: str | None,
    *,
    secret: bool | None,
    stdin: bool,
) -> None:
    """
    Set KEY of TENANT.

    The VALUE of a secret is read from standard input, or asked for: other users of this machine
    could see it on the command line.
    """
    hidden = secret
    if hidden is None:
        hidden = _is_secret(shop, tenant, service, key) or speaks_of_secret(key, value or "")
    if value is not None and (hidden or stdin):
        raise Invalid("value", "is not taken from the command line: use --stdin, or be asked")
    text = _value(hidden=hidden, stdin=stdin) if value is None else value
    store = shop.desk.secrets
    changed = _at(
        shop,
        tenant,
        service,
        lambda s, p: environments.set_value(s, me(), store, p, key, text, secret=secret),
    )
    click.echo(f"{key} is set; {NEXT}" if changed else f"{key} has this value already")


def _is_secret(shop: Shop, tenant: str, service: str | None, key: str) -> bool:
    with shop.desk.reading() as session:
        place = environments.place_of(tenants.find(session, tenant), service)
        return environments.is_secret(session, place, key)


def _value(*, hidden: bool, stdin: bool) -> str:
    if sys.stdin.isatty() and not stdin:
        return str(click.prompt("Value", hide_input=hidden, confirmation_prompt=hidden))
    return sys.stdin.read().removesuffix("\n")


@env.command("mark-secret")
@click.argument("tenant")
@click.argument("key")
@for_service
@pass_shop
def mark_secret(shop: Shop, tenant: str, key: str, service: str | None) -> None:
    """Mask every value of KEY from now on; there is no way back."""
    _at(shop, tenant, service, lambda s, p: environments.mark_secret(s, me(), p, key))
    click.echo(f"{key} is secret")


@env.command("unset")
@click.argument("tenant")
@click.argument("key")
@for_service
@pass_shop
def unset(shop: Shop, tenant: str, key: str, service: str | None) -> None:
    """Take KEY of TENANT back; what lies below holds again."""
    _at(shop, tenant, service, lambda s, p: environments.unset(s, me(), p, key))
    click.echo(f"{key} is unset; {NEXT}")


@env.command("history")
@click.argument("tenant")
@click.argument("key")
@for_service
@pass_shop
def history(shop: Shop, tenant: str, key: str, service: str | None) -> None:
    """Show who set KEY of TENANT when; never the values."""
    with shop.desk.reading() as session:
        place = environments.place_of(tenants.find(session, tenant), service)
        found = environments.history(session, place, key)
    for version in found:
        mark = "  ← holds" if version.holds else ""
        click.echo(f"{version.number:4}  {version.at:%Y-%m-%d %H:%M}Z  {version.actor}{mark}")


@env.command("revert")
@click.argument("tenant")
@click.argument("key")
@click.argument("version", type=int)
@for_service
@pass_shop
def revert(shop: Shop, tenant: str, key: str, version: int, service: str | None) -> None:
    """Set KEY of TENANT to the value of an earlier VERSION (see its history)."""
    store = shop.desk.secrets
    _at(shop, tenant, service, lambda s, p: environments.revert(s, me(), store, p, key, version))
    click.echo(f"{key} is as in version {version}; {NEXT}")


@env.command("import")
@click.argument("tenant")
@click.argument("file", type=click.Path(path_type=Path))
@for_service
@click.option("--secret", multiple=True, metavar="KEY", help="Masked, whatever its name.")
@click.option("--plain", multiple=True, metavar="KEY", help="Shown, whatever its name.")
@click.option("--apply", "apply_", is_flag=True, help="Set what differs; else it is only shown.")
@pass_shop
def bring(
    shop: Shop,
    tenant: str,
    file: Path,
    service: str | None,
    secret: tuple[str, ...],
    plain: tuple[str, ...],
    *,
    apply_: bool,
) -> None:
    """Compare a dotenv FILE with what is set for TENANT, and set what differs with --apply."""
    text, store = _read(file), shop.desk.secrets
    found: Import = _at(
        shop,
        tenant,
        service,
        lambda s, p: import_dotenv(
            s, me(), store, p, text, secret=set(secret), plain=set(plain), apply=apply_
        ),
    )
    _tell(found)
    if found.problems:
        sys.exit(1)
    if found.added or found.changed:
        click.echo(f"Set; {NEXT}." if apply_ else "Nothing is set yet: say --apply.")


def _read(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            raw = opened.read(MOST_BYTES + 1)
        return raw.decode()
    except OSError as trouble:
        raise Invalid("file", f"cannot be read: {trouble.strerror}", str(file)) from None
    except UnicodeDecodeError:
        raise Invalid("file", "must be UTF-8 text") from None


def _tell(found: Import) -> None:
    for mark, keys in (("+", found.added), ("~", found.changed), ("=", found.same)):
        for key in keys:
            click.echo(f"  {mark} {key}{'  (secret)' if key in found.secret else ''}")
    for key in found.kept:
        click.echo(f"    {key}  is set here and not in the file; it stays")
    for words in found.notes:
        click.secho(f"  ! {words}", fg="yellow")
    for words in found.problems:
        click.secho(f"  ✗ {words}", fg="red", err=True)
