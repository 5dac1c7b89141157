"""`tenantry run prober` and `tenantry watch …`: how what was deployed has answered."""

import signal
import threading
from collections.abc import Callable
from typing import Any

import click
from sqlalchemy import Connection
from sqlalchemy.orm import Session

from tenantry.cli.shop import Shop, me, pass_shop
from tenantry.clock import iso
from tenantry.models import Tenant
from tenantry.operations import tenants
from tenantry.watching import loops, reading, wishes
from tenantry.watching.letters import duration

COLOURS = {"up": "green", "down": "red", "skipped": "yellow", "paused": "yellow"}


@click.command()
@pass_shop
def prober(shop: Shop) -> None:
    """Probes services and hostnames and sends the letters about them; run one or several."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    loops.run(shop.prober, stop)


@click.group()
def watch() -> None:
    """How services answer: outages, uptime, hostnames."""


@watch.command("status")
@click.argument("name", metavar="[TENANT]", required=False)
@pass_shop
def status(shop: Shop, name: str | None) -> None:
    """Services of TENANT, or of all, with their uptime; then outages and hostnames of TENANT."""
    with shop.desk.reading() as session:
        conn = session.connection()
        tenant = tenants.find(session, name) if name else None
        found = reading.states(conn, [tenant.id] if tenant else None)
        spans = reading.uptimes(conn, [state.service_id for state in found])
        if not found:
            click.echo("Nothing is watched yet: deploy a tenant, and see that the prober runs")
        for state in found:
            _show(state, spans[state.service_id])
        if tenant is not None:
            _show_more(conn, tenant)


def _show(state: reading.ServiceState, spans: dict[reading.Span, reading.Uptime]) -> None:
    shares = " ".join(f"{span} {_percent(spans[span].share)}" for span in reading.SPANS)
    day = spans["day"]
    took = f"p50 {day.p50_ms} ms, p95 {day.p95_ms} ms" if day.p50_ms is not None else ""
    name = f"{state.subdomain} {state.service_name}"
    since = f"since {iso(state.since)}" if state.since else ""
    word = click.style(f"{state.state:8}", fg=COLOURS.get(state.state))
    click.echo(f"{name:32} {word} {since:28} {shares}  {took}".rstrip())
    if state.detail:
        click.echo(f"    {state.detail}")


def _percent(share: float | None) -> str:
    # Rounded down: what was away for a moment is not shown as 100 %.
    return "–" if share is None else f"{int(share * 10_000) / 100:.2f} %"


def _show_more(conn: Connection, tenant: Tenant) -> None:
    for outage in reading.outages(conn, tenant.id, most=10):
        end = f"{outage.ending} after" if outage.ended_at else "lasts for"
        took = duration(outage.seconds)
        click.echo(f"outage  {outage.service_name:20} {iso(outage.started_at)} {end} {took}")
    for seen in reading.hostnames(conn, [tenant.id]):
        until = f"until {iso(seen.certificate_until)}" if seen.certificate_until else ""
        dns, certificate = seen.dns_detail or seen.dns_state, seen.certificate_state
        click.echo(f"name    {seen.hostname:40} DNS {dns}; certificate {certificate} {until}")


@watch.command("pause")
@click.argument("name", metavar="TENANT")
@pass_shop
def pause(shop: Shop, name: str) -> None:
    """Look at nothing of TENANT until it is resumed."""
    number = _do(shop, name, wishes.pause)
    click.echo(f"{name}: {number} service(s) are not probed until `tenantry watch resume {name}`")


@watch.command("resume")
@click.argument("name", metavar="TENANT")
@pass_shop
def resume(shop: Shop, name: str) -> None:
    """Look at TENANT again."""
    click.echo(f"{name}: {_do(shop, name, wishes.resume)} service(s) are probed again")


@watch.command("probe-now")
@click.argument("name", metavar="TENANT")
@pass_shop
def probe_now(shop: Shop, name: str) -> None:
    """Look at TENANT at once; the prober does it within a few seconds."""
    click.echo(f"{name}: {_do(shop, name, wishes.probe_now)} service(s) are due")


@watch.command("every")
@click.argument("name", metavar="TENANT")
@click.argument("seconds", type=int, required=False)
@pass_shop
def every(shop: Shop, name: str, seconds: int | None) -> None:
    """Probe TENANT every SECONDS; without them as often as PROBE_INTERVAL says."""
    number = _do(shop, name, lambda conn, tenant, who: wishes.every(conn, tenant, seconds, who))
    words = f"every {seconds} s" if seconds else "as often as all others"
    click.echo(f"{name}: {number} service(s) are probed {words}")


def _do(shop: Shop, name: str, act: Callable[[Connection, Tenant, str], Any]) -> Any:
    def within(session: Session) -> Any:
        return act(session.connection(), tenants.find(session, name), me().name)

    return shop.desk.do(within)
