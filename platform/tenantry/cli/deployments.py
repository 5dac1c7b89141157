"""`tenantry resume`, `cancel` and `status`, and following a deployment."""

import sys
import time
from typing import Any

import click
from sqlalchemy import select

from tenantry.cli.shop import Shop, me, pass_shop
from tenantry.clock import monotonic, utcnow
from tenantry.models import Deployment, DeploymentStep
from tenantry.operations import deployments, tenants
from tenantry.planning.catalogue import kind_of
from tenantry.planning.states import ENDED_DEPLOYMENT
from tenantry.steps.mail import duration

LOOK_SECONDS = 0.3
SIGNS = {
    "pending": ("·", "white"),
    "running": ("▶", "yellow"),
    "waiting": ("◷", "yellow"),
    "success": ("✓", "green"),
    "failed": ("✗", "red"),
    "skipped": ("-", "white"),
    "cancelled": ("■", "white"),
}


@click.command()
@click.argument("tenant")
@click.option("--only-failed", is_flag=True, help="Run failed steps only; skip the rest.")
@click.option("--watch", is_flag=True, help="Follow it to its end.")
@click.option("--timeout", type=float, default=7200, show_default=True, help="Seconds to watch.")
@pass_shop
def resume(shop: Shop, tenant: str, timeout: float, *, only_failed: bool, watch: bool) -> None:
    """Continue the latest deployment of TENANT from where it stopped."""
    public_id = _latest(shop, tenant)
    shop.desk.resume(me(), public_id, only_failed=only_failed)
    click.echo(f"Deployment {public_id} goes on")
    if watch:
        sys.exit(follow(shop, public_id, timeout))


@click.command()
@click.argument("tenant")
@pass_shop
def cancel(shop: Shop, tenant: str) -> None:
    """Cancel the latest deployment of TENANT; a step that runs ends first."""
    public_id = _latest(shop, tenant)
    shop.desk.cancel(me(), public_id)
    click.echo(f"Deployment {public_id} is being cancelled")


@click.command()
@click.argument("tenant")
@pass_shop
def status(shop: Shop, tenant: str) -> None:
    """Show the latest deployment of TENANT, step by step."""
    seen: dict[int, tuple[str, str]] = {}
    _, steps, place = _look(shop, _latest(shop, tenant))
    _show(steps, seen, place)


def _latest(shop: Shop, subdomain: str) -> str:
    with shop.desk.reading() as session:
        found = deployments.latest(session, tenants.find(session, subdomain))
        return str(found.public_id)


def follow(shop: Shop, public_id: str, timeout: float) -> int:
    """Prints each change of each step until the end; 0 where it succeeded, else 1."""
    seen: dict[int, tuple[str, str]] = {}
    until = monotonic() + timeout
    while True:
        deployment, steps, place = _look(shop, public_id)
        _show(steps, seen, place)
        if deployment.status in ENDED_DEPLOYMENT:
            took = duration(deployment.duration_seconds(utcnow()) or 0)
            good = deployment.status == "succeeded"
            click.secho(
                f"{deployment.status} after {took}: {deployment.summary}",
                fg="green" if good else "red",
            )
            return 0 if good else 1
        if monotonic() > until:
            click.secho("Still going; stopped watching.", fg="yellow", err=True)
            return 1
        time.sleep(LOOK_SECONDS)


def _look(shop: Shop, public_id: str) -> tuple[Deployment, list[Any], int | None]:
    with shop.desk.reading() as session:
        deployment = deployments.find(session, public_id)
        steps = session.execute(
            select(
                DeploymentStep.id,
                DeploymentStep.step_key,
                DeploymentStep.service_name,
                DeploymentStep.status,
                DeploymentStep.message,
                DeploymentStep.gates,
            )
            .where(DeploymentStep.deployment_id == deployment.id)
            .order_by(DeploymentStep.order)
        ).all()
        place = deployments.place_in_line(session, deployment)
        return deployment, list(steps), place


def _show(steps: list[Any], seen: dict[int, tuple[str, str]], place: int | None) -> None:
    if place is not None and seen.get(0) != ("place", str(place)):
        seen[0] = ("place", str(place))
        click.echo(f"  number {place} in line for its target")
    for step in steps:
        now = (step.status, step.message)
        if seen.get(step.id) == now or step.status == "pending":
            continue
        seen[step.id] = now
        sign, colour = SIGNS[step.status]
        kind = kind_of(step.step_key)
        title = kind.title if kind else step.step_key
        words = f"{title} ({step.service_name})" if step.service_name else title
        click.echo(f"  {click.style(sign, fg=colour)} {words:36} {step.message}")
