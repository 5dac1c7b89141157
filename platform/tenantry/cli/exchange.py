"""`tenantry export` and `tenantry import`."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import click
from sqlalchemy.orm import Session

from tenantry.cli.shop import Shop, me, pass_shop
from tenantry.errors import Invalid, TenantryError
from tenantry.operations import tenants
from tenantry.operations.exchange import bundle, exporting, importing, shapes
from tenantry.ports import DestinationSeen

PASSPHRASE = "TENANTRY_PASSPHRASE"  # noqa: S105 — the name of a variable


@click.command("export")
@click.option("--tenant", help="One tenant with its product; everything without it.")
@click.option("--output", type=click.Path(path_type=Path), help="A file; the terminal without it.")
@click.option(
    "--secrets",
    type=click.Path(path_type=Path),
    help=f"Secret values as a sealed file beside it; the passphrase from {PASSPHRASE} or a prompt.",
)
@pass_shop
def export(shop: Shop, tenant: str | None, output: Path | None, secrets: Path | None) -> None:
    """Write products and tenants as YAML: no secret, no id, always in the same order."""
    with shop.desk.reading() as session:
        row = tenants.find(session, tenant) if tenant else None
        text = exporting.text(session, shop.desk.secrets, row)
        sealed = bundle.seal(session, shop.desk.secrets, _passphrase(new=True)) if secrets else b""
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text)
    if secrets is not None:
        descriptor = os.open(secrets, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(sealed)
        click.echo(f"Secret values stand sealed in {secrets}.", err=True)


def _passphrase(*, new: bool) -> str:
    given = os.environ.get(PASSPHRASE)
    return given or str(click.prompt("Passphrase", hide_input=True, confirmation_prompt=new))


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--plan", "mode", flag_value="plan", default=True, help="Say what would change.")
@click.option("--apply", "mode", flag_value="apply", help="Change it, all or nothing.")
@click.option(
    "--secrets", type=click.Path(path_type=Path, exists=True), help="The sealed file beside it."
)
@pass_shop
def import_(shop: Shop, file: Path, mode: str, secrets: Path | None) -> None:
    """Bring products and tenants to what FILE says; nothing is deployed, nothing is removed."""
    raw = file.read_bytes()
    try:
        document = shapes.read(raw.decode())
    except UnicodeDecodeError:
        raise Invalid("file", "must be UTF-8 text") from None
    opened = bundle.open_(secrets.read_bytes(), _passphrase(new=False)) if secrets else {}
    there = _destinations(shop, document)
    changes: list[importing.Change] = []

    def act(session: Session) -> None:
        env = opened.get("env", {})
        changes.extend(
            importing.run(session, me(), shop.desk.secrets, document, there, secret_values=env)
        )
        bundle.restore(session, me(), shop.desk.secrets, opened)
        if mode == "plan":
            raise _PlanOnly

    with suppress(_PlanOnly):
        shop.desk.do(act)
    click.echo(importing.preview_text(changes))
    for name in importing.missing(document, opened.get("env", {})):
        click.secho(f"  ! {name} is secret: its value is to be set by hand", fg="yellow")
    if mode == "plan":
        click.echo("Nothing was changed. Change it: --apply")


class _PlanOnly(TenantryError):
    """Rolls the transaction of a plan back."""


def _destinations(shop: Shop, document: Mapping[str, object]) -> dict[str, DestinationSeen]:
    """Those of every target that the document speaks of; only asked where it has policies."""
    text = str(document)
    if "backupSchedule': '" not in text and "'retention'" not in text:
        return {}
    found: dict[str, DestinationSeen] = {}
    for target in shop.settings.targets:
        found |= {d.id: d for d in shop.ports.target(target.name).destinations()}
    return found
