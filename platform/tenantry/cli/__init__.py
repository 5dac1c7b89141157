"""The `tenantry` command: one module for a noun. Handed a Shop by `app`; never imports it."""

import sys
from typing import Any

import click
from sqlalchemy.exc import OperationalError

from tenantry.cli import (
    adoption,
    backups,
    deploy,
    deployments,
    doctor,
    domains,
    drift,
    environment,
    exchange,
    init,
    life,
    processes,
    secrets,
    staff,
    targets,
    templates,
    tenants,
    watch,
)
from tenantry.errors import Conflict, Denied, NotFound, TenantryError


class Commands(click.Group):
    """Turns our errors into one clear sentence and an exit code, once for all commands."""

    def invoke(self, ctx: click.Context) -> Any:
        """Exit 2 for bad input and settings, 3 for a conflict, 4 for what is not there."""
        try:
            return super().invoke(ctx)
        except TenantryError as trouble:
            click.secho(str(trouble), fg="red", err=True)
            if isinstance(trouble, Conflict) and trouble.winner:
                click.echo(f"The other one is {trouble.winner}", err=True)
            code = 3 if isinstance(trouble, Conflict) else 4
            sys.exit(code if isinstance(trouble, Conflict | NotFound | Denied) else 2)
        except OperationalError:
            click.secho(
                "The database does not answer; `tenantry doctor` says more.", fg="red", err=True
            )
            sys.exit(2)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tenantry")
def commands() -> None:
    """Tenantry: one copy of your product for each client, on Dokploy."""


processes.run.add_command(watch.prober)
tenants.tenant.add_command(adoption.adopt)
tenants.tenant.add_command(adoption.give_up)
for command in (
    init.init,
    doctor.doctor,
    templates.template,
    tenants.tenant,
    secrets.secret,
    environment.env,
    domains.domain,
    deploy.deploy,
    deployments.resume,
    deployments.cancel,
    deployments.status,
    life.scale,
    life.restart,
    life.suspend,
    life.wake,
    life.rollback,
    life.leave,
    life.keep,
    life.teardown,
    life.remove_volumes,
    life.certificate,
    backups.backup,
    drift.drift,
    exchange.export,
    exchange.import_,
    staff.staff,
    targets.target,
    watch.watch,
    processes.run,
    processes.db,
):
    commands.add_command(command)
