"""
Three worker hosts and a store: one is cut off in the middle of its steps and joined again, one is
killed.
"""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import select

from benchmarks.rows import drain
from tenantry.demo.spawning import Program
from tenantry.models import TargetRow
from tests.chaos.field import SITE, Field, Place
from tests.chaos.verdict import verdict
from tests.hosts.claims import Claims
from tests.hosts.network import STORE, STORE_HOST, Network
from tests.hosts.store import OpenPostgres, OpenValkey, Relay, reached

DEPLOYMENTS = 150
CUT = 30.0
# So many claims at least of the host that is cut off.
BUSY = 5
BACK_WITHIN = 60.0
REACHED_BY_HOSTS = (
    "DATABASE_URL",
    "REDIS_URL",
    "TARGET_MAIN_URL",
    "OUTBOUND_MAP",
    "DNS_RESOLVERS",
    "MAIL_SERVER",
)


class Spread(Place):
    """An installation whose stand-in Dokploy listens for other hosts too."""

    def simulator(self) -> Program:
        """The same on every address of the store."""
        plain = super().simulator()
        argv = [*plain.argv, "--host", "0.0.0.0"]
        return Program(name=plain.name, argv=argv, env=plain.env, ready=plain.ready)

    def on(self, host: str, *argv: str) -> Program:
        """One of the product's processes on a host."""
        plain = self.program(f"{host}-{'-'.join(argv).strip('-')}", *argv)
        env = dict(plain.env or {})
        env |= {name: reached(env[name]) for name in REACHED_BY_HOSTS if name in env}
        command = [*Network.on(host), *plain.argv]
        return Program(name=plain.name, argv=command, env=env, cwd=plain.cwd)


@contextmanager
def spread(network: Network) -> Iterator[Field]:
    """Hosts with workers and a watchdog each; on the store, where we are, runs none."""
    base = Path(tempfile.mkdtemp(prefix="hosts-"))
    postgres, valkey = OpenPostgres(base, durable=False), OpenValkey(base, durable=False)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, base, ignore_errors=True)
        for server in (postgres, valkey):
            stack.callback(server.remove)
            server.start()
        place = stack.enter_context(
            Spread(base / "place", postgres.url(), valkey.url(), speed=0.3, limit=1000)
        )
        stack.enter_context(Relay(place.mailbox.smtp_port))
        place.product(SITE)
        for host in network.names:
            place.supervisor.launch(
                place.on(host, "worker", "--queue", "steps", "--concurrency", "20")
            )
            place.supervisor.launch(place.on(host, "worker", "--queue", "slow"))
            place.supervisor.launch(place.on(host, "watchdog"))
        for host in network.names[1:]:
            place.supervisor.launch(place.on(host, "worker", "--queue", "suspect"))
        yield Field(place, postgres, valkey)


def partition(deployments: int = DEPLOYMENTS) -> dict[str, Any]:
    """
    Cuts the first host off, kills the second, joins the first again; the verdict and figures.

    More is asked for when it comes back, so that it has something to do; the killed one's programs
    are started again, as by a machine that reboots.
    """
    with Network(3) as network, spread(network) as field:
        cut, doomed = network.names[:2]
        claims = Claims(field)
        _all_at_once(field, "t", deployments)
        field.place.until(lambda: len(claims.held(cut)) >= BUSY, seconds=60)
        network.cut(cut)
        held = claims.held(cut)
        time.sleep(CUT / 2)
        doomed_held = claims.held(doomed)
        killed = network.kill(doomed)
        time.sleep(CUT / 2)
        left = claims.held(cut, held)
        taken_over = claims.taken_over(held)
        network.join(cut)
        joined, began = field.db_time(), time.monotonic()
        _ask(field, "u", deployments // 3)
        field.place.until_quietly(lambda: claims.done_by(cut, joined), seconds=BACK_WITHIN)
        back = time.monotonic() - began
        seconds = back + field.finish(240)
        return {
            "deployments": deployments + deployments // 3,
            "store": f"{STORE_HOST}, {STORE}",
            "claims the cut host held": len(held),
            "cut off s": CUT,
            "of its claims taken over": taken_over,
            "its claims not taken over at the join": len(left),
            "claims the killed host held": len(doomed_held),
            "processes killed with it": killed,
            "first step of the cut host after the join s": round(back, 1),
            "steps done by the cut host after the join": claims.done_by(cut, joined),
            "all ended, s after the join": round(seconds, 1),
            "claims lost in all": field.reaped(),
            "tries of mails that failed": claims.mail_troubles(),
            "wrong": verdict(field.place),
        }


def _all_at_once(field: Field, letter: str, number: int) -> None:
    """Asked for before the target lets any in: else the first have ended before the last begin."""
    shop = field.place.shop
    drain(shop.engine, draining=True)
    _ask(field, letter, number)
    drain(shop.engine, draining=False)
    with shop.desk.reading() as session:
        target = session.scalars(select(TargetRow.id)).one()
    while shop.dispatcher.admit(target):
        pass


def _ask(field: Field, letter: str, number: int) -> None:
    field.deploy([f"{letter}{one}" for one in range(number)])
