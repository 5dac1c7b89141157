"""
Deployments in bulk, as copies of one that the public operations have made.

The pattern's rows are kept in tables of their own while they are pending, or once they have ended;
copies get ids, markers and public ids of their own and differ in nothing else.
"""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Engine, inspect, text

from tenantry.app import Workshop
from tenantry.operations import targets, templates, tenants
from tenantry.operations.actors import Actor
from tests.conftest import migrate

ME = Actor("ada@example.com")
# One step for the project, seven for each service that is built, five for the one that is not.
BUILT: dict[str, Any] = {
    "service_type": "backend",
    "expose_domain": False,
    "repo_url": "https://github.com/acme/backend",
}
PRODUCT: dict[str, Any] = {
    "name": "Bench",
    "slug": "bench",
    "base_domain": "bench.test",
    "https": False,
    "certificate": "none",
    "notify_emails": [],
    "secrets": [],
    "services": [
        {"name": "backend", **BUILT},
        {"name": "worker", "order": 2, **BUILT, "service_type": "worker"},
        {
            "name": "cache",
            "order": 3,
            "service_type": "other",
            "expose_domain": False,
            "image": "docker.io/library/memcached:1.6",
        },
    ],
}
GATING = 20
# Ordered by time, as the product's own: random ones would scatter the index.
UUID7 = (
    "(lpad(to_hex((extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0') || '7'"
    " || substr(md5(random()::text), 1, 3) || '8' || substr(md5(random()::text), 4, 15))::uuid"
)
MARKER = "'tenantry:' || gen_random_uuid()"
STAMPS = {"created_at": "statement_timestamp()", "updated_at": "statement_timestamp()"}


def set_up(shop: Workshop) -> None:
    """Tables, target and product; safe to repeat."""
    migrate(shop.engine)
    shop.desk.do(lambda s: targets.sync(s, shop.settings.targets))
    if "pattern_deployment" not in inspect(shop.engine).get_table_names():
        shop.desk.do(lambda s: templates.save(s, ME, PRODUCT, shop.desk.secrets))
        _keep_pattern(shop)


def add_tenant(shop: Workshop, name: str) -> None:
    """One tenant of the product, through the public operations."""

    def act(session: Any) -> None:
        template = templates.find(session, "bench")
        client = {"name": name.title(), "subdomain": name}
        tenants.add(session, ME, template, client, shop.desk.secrets)

    shop.desk.do(act)


def drain(engine: Engine, *, draining: bool) -> None:
    """Whether the one target lets nothing in."""
    with engine.begin() as conn:
        conn.execute(text("UPDATE target SET draining = :draining"), {"draining": draining})


def _keep_pattern(shop: Workshop) -> None:
    drain(shop.engine, draining=True)
    add_tenant(shop, "pattern")
    public = shop.desk.deploy(ME, "pattern")
    with shop.engine.begin() as conn:
        one = conn.execute(
            text("SELECT id, tenant_id FROM deployment WHERE public_id = :p"), {"p": public}
        ).one()
        for table, where in _FAMILY.items():
            statement = f"CREATE TABLE pattern_{table} AS SELECT * FROM {table} WHERE {where}"
            conn.execute(text(statement.replace(":t", str(one[1])).replace(":d", str(one[0]))))
        gating = conn.execute(
            text("SELECT count(*) FROM pattern_deployment_step WHERE gates")
        ).scalar_one()
    assert gating == GATING, gating
    shop.desk.cancel(ME, public)
    drain(shop.engine, draining=False)


_FAMILY = {
    "tenant": "id = :t",
    "tenant_service": "tenant_id = :t",
    "deployment": "id = :d",
    "deployment_step": "deployment_id = :d",
}


class Pattern:
    """Copies of the pending deployment; see the module."""

    def __init__(self, shop: Workshop) -> None:
        self.engine = shop.engine
        with self.engine.begin() as conn:
            self.target: int = conn.execute(text("SELECT id FROM target")).scalar_one()

    def copies(self, number: int, *, tell_planner: bool = True) -> list[str]:
        """So many tenants, each with a pending deployment; public ids of these."""
        batch = "b" + uuid4().hex[:10]
        with self.engine.begin() as conn:
            copy_rows(
                conn,
                "tenant",
                f"pattern_tenant p, generate_series(1, {number}) AS n",
                {"subdomain": f"'{batch}-' || n", "external_ref": MARKER},
            )
            mine = f"tenant t ON t.subdomain LIKE '{batch}-%'"
            copy_rows(
                conn,
                "tenant_service",
                f"pattern_tenant_service p JOIN {mine}",
                {"tenant_id": "t.id", "external_ref": MARKER},
            )
            copy_rows(
                conn,
                "deployment",
                f"pattern_deployment p JOIN {mine}",
                {"tenant_id": "t.id", "queued_at": "statement_timestamp()"},
            )
            copy_rows(
                conn,
                "deployment_step",
                f"pattern_deployment_step p JOIN {mine} JOIN deployment d ON d.tenant_id = t.id"
                " LEFT JOIN tenant_service s ON s.tenant_id = t.id AND s.name = p.service_name",
                {
                    "deployment_id": "d.id",
                    "tenant_service_id": "s.id",
                    "due_at": "CASE WHEN p.gates THEN statement_timestamp() END",
                },
            )
            made = conn.execute(
                text(f"SELECT d.public_id FROM deployment d JOIN {mine} WHERE d.tenant_id = t.id")
            )
            found = [str(row[0]) for row in made]
        assert len(found) == number
        if tell_planner:
            analyse(self.engine)
        return found


def copy_rows(conn: Connection, table: str, source: str, differ: Mapping[str, str]) -> None:
    """INSERT … SELECT of every column; what is named in `differ` is computed instead."""
    names = [c["name"] for c in inspect(conn).get_columns(table) if c["name"] != "id"]
    values = {name: f'p."{name}"' for name in names}
    values |= {name: what for name, what in STAMPS.items() if name in values}
    values |= {"public_id": UUID7} if "public_id" in values else {}
    values |= differ
    columns = ", ".join(f'"{name}"' for name in names)
    wanted = ", ".join(values[name] for name in names)
    conn.execute(text(f"INSERT INTO {table} ({columns}) SELECT {wanted} FROM {source}"))


def analyse(engine: Engine) -> None:
    """What the planner knows is what is there."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("ANALYZE"))
