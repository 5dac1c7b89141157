"""A panel over a small fleet in every state, served over HTTP, and a browser to look at it."""

import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.serving import WSGIRequestHandler, make_server

from benchmarks import fleet
from tenantry.clock import utcnow
from tenantry.config import load
from tenantry.demo.postgres import Postgres
from tenantry.demo.valkey import Valkey
from tenantry.engine.store import open_engine
from tenantry.models import DriftFinding, Outage, Tenant
from tenantry.operations import hostnames, targets, templates, tenants
from tenantry.web.staff import add_staff
from tests.conftest import environment, migrate
from tests.stage import ME, PRODUCT
from tests.web.conftest import PASSWORD, World

SIZE = fleet.Size(tenants=28, deployments=14, lines=12, probes=60)
EMAIL = "ada@example.com"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
FLAGS += ["--no-first-run", "--disable-component-update", "--disable-sync"]
TALL = 900


class Quiet(WSGIRequestHandler):
    """Says nothing of the thousand requests."""

    def log(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def served() -> Iterator[tuple[World, str]]:
    """The panel and its address; everything is gone afterwards."""
    base = Path(tempfile.mkdtemp(prefix="looks-"))
    postgres, valkey = Postgres(base, durable=False), Valkey(base, durable=False)
    postgres.start()
    valkey.start()
    try:
        postgres.create_database("looks")
        engine = open_engine(postgres.url("looks"))
        migrate(engine)
        more = {"TARGET_MAIN_LIMIT": "4", "REDIS_URL": valkey.url(0)}
        fleet.fill(engine, load(environment(postgres.url("looks"), **more)), SIZE)
        world = World(engine, **more)
        for email, role in ((EMAIL, "admin"), ("viewer@example.com", "viewer")):
            add_staff(world.app, email, role, PASSWORD)
        furnish(world)
        server = make_server("127.0.0.1", 0, world.app, threaded=True, request_handler=Quiet)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield world, f"http://127.0.0.1:{server.port}"
        server.shutdown()
        engine.dispose()
    finally:
        valkey.remove()
        postgres.remove()
        shutil.rmtree(base, ignore_errors=True)


def furnish(world: World) -> None:
    """What a young fleet does not have by itself: secrets, a hostname, drift, an outage."""

    def act(session: Session) -> None:
        secrets = world.stage.desk.secrets
        targets.sync(session, world.settings.targets)
        templates.save(session, ME, {**PRODUCT, "base_domain": "dms.example.com"}, secrets)
        client = {"name": "Dalia Academy", "subdomain": "dalia", "client_ref": "C-2000"}
        tenants.add(session, ME, templates.find(session, "dms"), client, secrets)
        first = session.scalars(select(Tenant).order_by(Tenant.id)).first()
        assert first is not None
        hostnames.add(session, ME, first, "web", "www.nadir-foods.example.org")
        service = first.services[0]
        now = utcnow()
        session.add(
            Outage(
                tenant_id=first.id,
                tenant_service_id=service.id,
                service_name=service.name,
                started_at=now - timedelta(minutes=7),
                opened_at=now - timedelta(minutes=5),
                problem="502 Bad Gateway",
            )
        )
        session.add(
            DriftFinding(
                tenant_id=first.id,
                tenant_service_id=service.id,
                target_name="main",
                thing=f"service {service.name}",
                field="branch",
                ours="main",
                theirs="hotfix-login",
                mover="target",
                state="open",
                first_seen_at=now,
                seen_at=now,
            )
        )

    world.stage.desk.do(act)


@contextmanager
def browsing() -> Iterator[Browser]:
    """The system's Chromium."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        raise SystemExit("Chromium is missing: apt-get install chromium")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield opened
        opened.close()


def new_tab(browser: Browser, *, wide: int, scheme: str) -> Page:
    """Nobody's, of that width and colour scheme."""
    return browser.new_page(
        viewport={"width": wide, "height": TALL if wide > 600 else 844},
        color_scheme=scheme,  # type: ignore[arg-type]
        timezone_id="Europe/Berlin",
        locale="en-GB",
        reduced_motion="reduce",
    )


def sign_in(page: Page, here: str) -> None:
    """An admin's from now on."""
    page.goto(f"{here}/login")
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{here}/")
