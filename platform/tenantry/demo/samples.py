"""The sample products and tenants of the demo."""

import threading
import time
from dataclasses import dataclass
from typing import Any

import yaml
from sqlalchemy import select

from tenantry.demo import stack
from tenantry.demo.problems import DemoProblem
from tenantry.demo.progress import Progress
from tenantry.demo.state import State
from tenantry.errors import Conflict, NotFound
from tenantry.models import Deployment, Tenant
from tenantry.operations import targets, templates, tenants
from tenantry.operations.actors import Actor

ACTOR = Actor("demo")


@dataclass(frozen=True, slots=True)
class Sample:
    """One tenant of one example product."""

    file: str
    slug: str
    subdomain: str
    client: str


SAMPLES = (
    Sample("saleor.yaml", "saleor", "acme", "Acme Outfitters"),
    Sample("stirling-pdf.yaml", "stirling-pdf", "northwind", "Northwind Legal"),
)


def prepare(bench: Any, state: State) -> None:
    """Products, tenants and the staff account; a second start finds them."""
    desk = bench.desk

    def act(session: Any) -> None:
        targets.sync(session, desk.settings.targets)
        for sample in SAMPLES:
            template = templates.save(session, ACTOR, _document(sample), desk.secrets)
            try:
                tenants.find(session, sample.subdomain)
            except NotFound:
                client = {"name": sample.client, "subdomain": sample.subdomain}
                tenants.add(session, ACTOR, template, client, desk.secrets)

    desk.do(act)
    bench.add_staff(stack.STAFF, "admin", state.staff_password)


def _document(sample: Sample) -> dict[str, Any]:
    """The example as it stands, on the demo's own domain, without certificates."""
    text = (stack.examples() / sample.file).read_text(encoding="utf-8")
    document: dict[str, Any] = yaml.safe_load(text)
    return document | {
        "base_domain": f"{sample.slug}.{stack.BASE_DOMAIN}",
        "https": False,
        "certificate": "none",
        "notify_emails": [stack.STAFF],
    }


def deploy(bench: Any, progress: Progress) -> None:
    """Starts a deployment for each sample that does not run yet."""
    for sample in SAMPLES:
        with bench.desk.reading() as session:
            status = tenants.find(session, sample.subdomain).status
        if status in {"running", "completed"}:
            progress.note(f"{sample.client} runs already")
            continue
        try:
            bench.desk.deploy(ACTOR, sample.subdomain)
            progress.note(f"Deploying {sample.client}")
        except Conflict:
            progress.note(f"{sample.client} is being deployed")


def wait(bench: Any, seconds: float, stop: threading.Event) -> str:
    """Empty once every sample runs; else what went wrong, in a sentence."""
    until = time.monotonic() + seconds
    while not stop.wait(0.3):
        with bench.desk.reading() as session:
            rows = session.execute(
                select(Tenant.subdomain, Tenant.status, Deployment.status, Deployment.summary)
                .join(Deployment, Deployment.tenant_id == Tenant.id)
                .where(Tenant.subdomain.in_([s.subdomain for s in SAMPLES]))
                .order_by(Deployment.id)
            ).all()
        latest = {row[0]: row for row in rows}
        bad = next((row for row in latest.values() if row[2] in {"failed", "cancelled"}), None)
        if bad is not None:
            return f"{bad[0]}: {bad[3]}"
        if len(latest) == len(SAMPLES) and all(r[1] == "running" for r in latest.values()):
            return ""
        if time.monotonic() > until:
            states = ", ".join(f"{row[0]} is {row[1]}" for row in latest.values())
            return f"After {seconds:.0f} s the samples do not run: {states}."
    raise DemoProblem("Stopped while waiting.")
