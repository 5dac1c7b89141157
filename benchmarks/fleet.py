"""
A fleet as it looks after some months: tenants, services, deployments, steps, log lines, probes.

Products and clients are made through the public operations and one deployment of each kind is run
to its end by the engine; all others are copies of these with times, outcomes and lines of their
own, made inside PostgreSQL, since four million rows one by one would take hours.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, text

from benchmarks import fleet_rows
from tenantry.config import Settings
from tenantry.errors import Permanent
from tenantry.operations.wishes import Wish
from tests.stage import Stage

PRODUCTS = ("Delivery", "Clinic", "Storefront", "Payroll")
FIRST = "Nadir Blue Karachi Lumen Atlas Indus Falcon Saffron Orchid Zenith Mariner Pearl Cedar "
FIRST += "Quartz Harbor Nova Summit Delta Vertex Amber Coral Maple Willow Granite Copper Juniper "
FIRST += "Meadow Raven Sable Topaz Umber Violet"
LAST = "Foods Courier Freight Labs Retail Pharma Motors Hotels Clinics Textiles Shipping Bank "
LAST += "Schools Steel Logistics Media Realty Agro Energy Travel Dental Tools Optics Print Sports "
LAST += "Garden Bakery Fitness Studio Marine Legal Toys"


@dataclass(frozen=True, slots=True)
class Size:
    """How much of everything; `deployments` and `lines` are for each tenant and each step."""

    tenants: int = 1000
    deployments: int = 20
    lines: int = 10
    probes: int = 60


def fill(engine: Engine, settings: Settings, size: Size) -> dict[str, int]:
    """Fills an empty, migrated PostgreSQL; rows by table. Not safe to repeat."""
    stage = Stage(engine, settings)
    for number, name in enumerate(PRODUCTS):
        stage.product(product(name))
        _tenants(stage, name, range(number, size.tenants, len(PRODUCTS)))
    _patterns(stage)
    with engine.begin() as conn:
        conn.execute(text("SET LOCAL synchronous_commit = off"))
        conn.execute(text("SET LOCAL statement_timeout = 0"))
        fleet_rows.running(conn)
        for number in range(size.deployments):
            fleet_rows.deployments(conn, number, size.deployments)
        fleet_rows.ended_badly(conn)
        fleet_rows.of_steps(conn, size.lines)
        fleet_rows.probes(conn, size.probes)
        fleet_rows.audit(conn)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as plain:
        plain.execute(text("SET statement_timeout = 0"))
        plain.execute(text("VACUUM ANALYZE"))
    return _counts(engine)


def product(name: str) -> dict[str, Any]:
    """A database and four services, two of them with hostnames."""
    slug = name.lower()
    repo = f"https://github.com/{slug}/"
    return {
        "name": name,
        "slug": slug,
        "base_domain": f"{slug}.example.com",
        "db_required": True,
        "notify_emails": ["ops@example.com"],
        "default_env": {"APP_NAME": name, "DATABASE_URL": "${DATABASE_URL}", "LOG_LEVEL": "info"},
        "services": [
            {"name": "api", "service_type": "backend", "repo_url": repo + "api"},
            {"name": "web", "service_type": "frontend", "order": 2, "repo_url": repo + "web"},
            {
                "name": "worker",
                "service_type": "worker",
                "order": 3,
                "repo_url": repo + "api",
                "expose_domain": False,
            },
            {
                "name": "cache",
                "service_type": "other",
                "order": 4,
                "image": "docker.io/library/valkey:8",
                "expose_domain": False,
            },
        ],
    }


def names(number: int) -> tuple[str, str]:
    """A client's name and subdomain; different for each number."""
    first, last = FIRST.split(), LAST.split()
    one = first[number % len(first)]
    two = last[(number // len(first) + number) % len(last)]
    round_ = number // (len(first) * len(last))
    name = f"{one} {two}" + (f" {round_ + 1}" if round_ else "")
    return name, name.lower().replace(" ", "-")


def _tenants(stage: Stage, product_name: str, numbers: range) -> None:
    for number in numbers:
        name, subdomain = names(number)
        stage.tenant(
            subdomain,
            product_name.lower(),
            name=name,
            client_ref=f"C-{1000 + number}",
            env={"SMTP_PASSWORD": f"not-a-real-one-{number}", "REGION": "eu"},
        )


def _patterns(stage: Stage) -> None:
    """One deployment that succeeded, one of two services, and one that waits; kept as patterns."""
    first = [names(number)[1] for number in range(3)]
    made = {"whole": stage.deploy(first[0])}
    stage.finish()
    made["part"] = stage.deploy(first[0], wish=Wish(services=("api", "web"), force=True))
    stage.finish()
    stage.twins.target.fail("create_domain", Permanent("HTTP 400: the host is taken"))
    made["failed"] = stage.deploy(first[1])
    stage.finish()
    stage.twins.target.mend()
    stage.twins.web.answers(f"{first[2]}-api", *[502] * 40)
    made["waiting"] = stage.deploy(first[2])
    stage.play()
    with stage.engine.begin() as conn:
        for name, public in made.items():
            where = "id = (SELECT id FROM deployment WHERE public_id = :p)"
            conn.execute(
                text(f"CREATE TABLE {name}_deployment AS SELECT * FROM deployment WHERE {where}"),
                {"p": public},
            )
            conn.execute(
                text(
                    f"CREATE TABLE {name}_deployment_step AS SELECT * FROM deployment_step"
                    f" WHERE deployment_id = (SELECT id FROM {name}_deployment)"
                )
            )


def _counts(engine: Engine) -> dict[str, int]:
    tables = "tenant tenant_service deployment deployment_step step_attempt log_entry status_change"
    tables += " health_check audit_entry"
    with engine.connect() as conn:
        return {
            name: conn.execute(text(f"SELECT count(*) FROM {name}")).scalar_one()
            for name in tables.split()
        }
