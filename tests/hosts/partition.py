"""Three worker hosts: one is cut off in the middle of its steps and joined again, one is killed."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from tenantry.demo.spawning import Program
from tenantry.models import DeploymentStep
from tests.chaos.field import SITE, Field, Place
from tests.chaos.verdict import verdict
from tests.hosts.network import STORE, Network
from tests.hosts.store import OpenPostgres, OpenValkey, Relay, reached

DEPLOYMENTS = 150
CUT = 30.0
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
        """The same on every address of this machine."""
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
    """Three hosts with workers and a watchdog each; the store holds no worker at all."""
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


def partition() -> dict[str, Any]:
    """Cuts the first host off, kills the second, joins the first again; the verdict and figures."""
    with Network(3) as network, spread(network) as place:
        place.deploy([f"t{n}" for n in range(DEPLOYMENTS)])
        place.place.until(lambda: _held(place, network.names[0]), seconds=60)
        time.sleep(1)
        network.cut(network.names[0])
        held = _running(place)
        time.sleep(CUT / 2)
        killed = network.kill(network.names[1])
        time.sleep(CUT / 2)
        network.join(network.names[0])
        seconds = place.finish(240)
        figures = {
            "deployments": DEPLOYMENTS,
            "store": STORE,
            "steps running when it was cut off": held,
            "cut off s": CUT,
            "processes killed on the second host": killed,
            "all ended after s": round(seconds, 1),
            "claims lost and taken over": place.reaped(),
        }
        return figures | verdict(place.place)


def _held(place: Field, host: str) -> bool:
    """Whether a worker of that host holds a claim; they name themselves by process and host."""
    return _running(place) > 0 and bool(place.place.supervisor.pid(f"{host}-worker---queue-slow"))


def _running(place: Field) -> int:
    with place.place.shop.desk.reading() as session:
        return int(
            session.scalar(
                select(func.count())
                .select_from(DeploymentStep)
                .where(DeploymentStep.status == "running")
            )
            or 0
        )
