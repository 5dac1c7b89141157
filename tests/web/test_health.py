"""/livez, /readyz and /metrics."""

from collections.abc import Callable, Iterator
from threading import Thread

import pytest
import redis
from fakeredis import TcpFakeServer

from tests.web.conftest import World


@pytest.fixture
def broker() -> Iterator[str]:
    """A Redis that answers."""
    server = TcpFakeServer(("127.0.0.1", 0), server_type="redis")
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"redis://127.0.0.1:{server.server_address[1]}/0"
    server.shutdown()
    server.server_close()


def checks(answer: object) -> dict[str, bool]:
    return {c["name"]: c["ok"] for c in answer.json["checks"]}  # type: ignore[attr-defined]


def test_livez_asks_for_nothing(world: World) -> None:
    world.engine.dispose()
    assert world.client().get("/livez").json == {"status": "ok"}


def test_all_is_well(make_world: Callable[..., World], broker: str) -> None:
    world = make_world(REDIS_URL=broker)
    with redis.Redis.from_url(broker) as client:
        client.set("tenantry:watchdog", "1", ex=30)
    answer = world.client().get("/readyz")
    assert answer.status_code == 200
    assert answer.json["status"] == "ok"
    assert checks(answer) == dict.fromkeys(("database", "migrations", "broker", "watchdog"), True)


def test_a_silent_watchdog_is_a_note(make_world: Callable[..., World], broker: str) -> None:
    answer = make_world(REDIS_URL=broker).client().get("/readyz")
    assert answer.status_code == 200
    assert answer.json["status"] == "degraded"
    assert checks(answer)["watchdog"] is False
    assert checks(answer)["broker"] is True


def test_a_broker_that_is_away_is_a_note(world: World) -> None:
    answer = world.client("admin").get("/readyz")
    assert answer.status_code == 200
    assert answer.json["status"] == "degraded"
    assert checks(answer)["broker"] is False
    assert "rows wait" in str(answer.json)


def test_tables_behind_the_code_are_no_use(world: World) -> None:
    with world.engine.begin() as conn:
        conn.exec_driver_sql("UPDATE alembic_version SET version_num='0000'")
    answer = world.client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json["status"] == "down"
    assert "0000" in str(answer.json)


def test_no_tables_are_no_use(world: World) -> None:
    with world.engine.begin() as conn:
        conn.exec_driver_sql("DROP TABLE alembic_version")
    answer = world.client().get("/readyz")
    assert answer.status_code == 503
    assert "SELECT" not in answer.text


def test_metrics_count_the_fleet(world: World) -> None:
    text = world.client().page("/metrics")
    for line in (
        'tenantry_deployments{status="succeeded"} 1.0',
        'tenantry_deployments{status="failed"} 1.0',
        'tenantry_deployments{status="running"} 1.0',
        'tenantry_steps{status="waiting"} 1.0',
        'tenantry_open_jobs{type="health"} 1.0',
        'tenantry_target_breaker_open{target="main"} 0.0',
        "tenantry_waiting_due_lag_seconds",
        "tenantry_oldest_due_step_age_seconds",
    ):
        assert line in text


def test_metrics_measure_what_is_late(world: World) -> None:
    def lag() -> float:
        text = world.client().page("/metrics")
        line = next(x for x in text.splitlines() if x.startswith("tenantry_waiting_due_lag"))
        return float(line.split()[1])

    # The scene is as old as the run that made it, so only the difference is known.
    before = lag()
    world.stage.pass_time(500)
    assert 400 < lag() - before < 600


FAR = {"REMOTE_ADDR": "203.0.113.9"}
NEAR = {"REMOTE_ADDR": "127.0.0.1"}


def test_metrics_from_elsewhere_are_for_admins(world: World, role: str) -> None:
    assert world.client().get("/metrics", environ_overrides=FAR).status_code == 302
    wanted = 200 if role == "admin" else 403
    assert world.client(role).get("/metrics", environ_overrides=FAR).status_code == wanted


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
def test_a_proxy_on_this_machine_does_not_open_metrics(world: World, header: str) -> None:
    answer = world.client().get("/metrics", environ_overrides=NEAR, headers={header: "203.0.113.9"})
    assert answer.status_code == 302


def test_a_trusted_proxy_names_the_true_client(make_world: Callable[..., World]) -> None:
    visitor = make_world(TRUSTED_PROXIES="1").client()

    def status(chain: str) -> int:
        headers = {"X-Forwarded-For": chain}
        answer = visitor.get("/metrics", environ_overrides=NEAR, headers=headers)
        return int(answer.status_code)

    assert status("127.0.0.1") == 200
    assert status("203.0.113.9") == 302
    assert status("127.0.0.1, 203.0.113.9") == 302, "what the client itself claims counts nothing"
