"""What a demo consists of: addresses, settings and programs, as values."""

import json
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tenantry.demo import ports
from tenantry.demo.ports import LOOPBACK
from tenantry.demo.postgres import Postgres
from tenantry.demo.spawning import Program
from tenantry.demo.state import State
from tenantry.demo.valkey import Valkey

BASE_DOMAIN = "demo.test"
STAFF = "admin@demo.test"
PREFERRED = {
    "flower": 5555,
    "mailbox": 8025,
    "smtp": 1025,
    "dokploy": 3080,
    "apps": 8081,
    "dns": 5354,
}
WORKERS = ("steps", "slow", "suspect")


@dataclass(frozen=True, slots=True)
class Addresses:
    """Ports on loopback."""

    web: int
    flower: int
    mailbox: int
    smtp: int
    dokploy: int
    apps: int
    dns: int

    @classmethod
    def choose(cls, web: int) -> "Addresses":
        """The web port as asked for, which must be free; the others where there is room."""
        chosen = {name: ports.preferred_or_free(port) for name, port in PREFERRED.items()}
        return cls(web=ports.require_free(web), **chosen)

    def url(self, name: str) -> str:
        """An address to click."""
        return f"http://{LOOPBACK}:{getattr(self, name)}"


def environment(
    state: State, at: Addresses, database_url: str, redis_url: str, outside: dict[str, str]
) -> dict[str, str]:
    """The settings of every process of the demo; `outside` is what the person's own shell holds."""
    return outside | {
        "TENANTRY_MODE": "demo",
        "TENANTRY_STATE": str(state.folder),
        "SECRET_KEY": state.secret_key,
        "KEY_RING": state.key_ring,
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "PUBLIC_URL": at.url("web"),
        "TARGETS": "main",
        "TARGET_MAIN_URL": at.url("dokploy"),
        "TARGET_MAIN_KEY": state.secret("dokploy_key"),
        "MAIL_SERVER": LOOPBACK,
        "MAIL_PORT": str(at.smtp),
        "MAIL_SENDER": f"tenantry@{BASE_DOMAIN}",
        "DNS_RESOLVERS": f"{LOOPBACK}:{at.dns}",
        "OUTBOUND_MAP": f"*.{BASE_DOMAIN}={LOOPBACK}:{at.apps}",
        "FLOWER_URL": at.url("flower"),
        "FLOWER_PASSWORD": state.secret("flower_password"),
        "PYTHONUNBUFFERED": "1",
    }


def simulator(state: State, at: Addresses, speed: float) -> Program:
    """The stand-in Dokploy, the clients' applications and their DNS."""
    argv = [sys.executable, "-m", "dokploy_simulator", "--host", LOOPBACK]
    argv += ["--port", str(at.dokploy), "--apps-port", str(at.apps), "--dns-port", str(at.dns)]
    argv += ["--state", str(state.folder / "dokploy.db"), "--speed", str(speed)]
    argv += ["--api-key", state.secret("dokploy_key"), "--base-domain", BASE_DOMAIN]
    argv += ["--dns-delay", "2"]
    return Program(
        name="dokploy",
        argv=argv,
        cwd=state.folder,
        ready=answers(f"{at.url('dokploy')}/api/health"),
    )


def mailbox(state: State, at: Addresses) -> Program:
    """The SMTP catcher with its page."""
    argv = [sys.executable, "-m", "tenantry.demo.mailbox", "--smtp-port", str(at.smtp)]
    argv += ["--http-port", str(at.mailbox), "--dir", str(state.mail)]
    return Program(
        name="mailbox",
        argv=argv,
        cwd=state.folder,
        ready=answers(f"{at.url('mailbox')}/messages.json"),
    )


def product(state: State, at: Addresses, env: dict[str, str]) -> list[Program]:
    """Tenantry's own processes: the same as in the Procfile."""

    def run(
        name: str,
        *argv: str,
        ready: Callable[[], bool] | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> Program:
        return Program(
            stop_signal=stop_signal,
            name=name,
            argv=[sys.executable, "-m", "tenantry", "run", *argv],
            env=env,
            cwd=state.folder,
            ready=ready,
            ready_within=60.0,
        )

    # Ctrl-C is not waited for by a build: a step that is cut off is taken up again by its lease.
    workers = [
        run(f"worker-{queue}", "worker", "--queue", queue, stop_signal=signal.SIGQUIT)
        for queue in WORKERS
    ]
    return [
        run(
            "web",
            "web",
            "--bind",
            f"{LOOPBACK}:{at.web}",
            "--workers",
            "1",
            ready=answers(f"{at.url('web')}/livez"),
        ),
        *workers,
        run("watchdog", "watchdog"),
        run("prober", "prober"),
        run("beat", "beat"),
        run(
            "flower",
            "flower",
            "--port",
            str(at.flower),
            ready=answers(f"{at.url('flower')}/flower/healthcheck"),
        ),
    ]


def stores(state: State, environ: dict[str, str]) -> tuple[Postgres | None, Valkey | None]:
    """The embedded databases that the person has not replaced by an address of their own."""
    return (
        None if environ.get("DATABASE_URL") else Postgres(state.folder),
        None if environ.get("REDIS_URL") else Valkey(state.folder),
    )


def answers(url: str) -> Callable[[], bool]:
    """Whether something answers there with success."""

    def ask() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=1) as answer:  # noqa: S310 — our own loopback
                return bool(answer.status < 400)  # noqa: PLR2004 — success and redirects
        except (OSError, urllib.error.URLError, ValueError):
            return False

    return ask


def messages(at: Addresses) -> list[dict[str, object]]:
    """What the mailbox has caught."""
    with urllib.request.urlopen(f"{at.url('mailbox')}/messages.json", timeout=3) as answer:  # noqa: S310
        found = json.load(answer)
    return list(found["messages"] if isinstance(found, dict) else found)


def examples() -> Path:
    """The folder with the example products."""
    return Path(__file__).resolve().parents[3] / "examples"
