"""Builds, their queue and logs, and the containers that come of them."""

import pytest

from tenantry.errors import Transient
from tests.adapters.dokploy_server import (
    Server,
    target,
)


def test_builds_newest_first():
    def row(number, status, **more):
        return {
            "deploymentId": f"d{number}",
            "title": "t",
            "description": "Commit: abc",
            "status": status,
            "createdAt": f"2026-11-20T09:35:3{number}.000Z",
            "finishedAt": None,
            "errorMessage": None,
            **more,
        }

    rows = [
        row(1, "done", finishedAt="x", rollbackId="r1"),
        row(3, "running"),
        row(2, "cancelled", rollbackId=None),
    ]
    seen = target(Server(deployment__all=rows)).builds("app1")
    assert [(b.id, b.status, b.finished_at) for b in seen] == [
        ("d3", "running", None),
        ("d2", "cancelled", None),
        ("d1", "done", "x"),
    ]
    assert [b.rollback_id for b in seen] == [None, None, "r1"]


def test_a_build_status_that_we_do_not_know_is_transient():
    rows = [{"deploymentId": "d", "status": "exploded"}]
    with pytest.raises(Transient):
        target(Server(deployment__all=rows)).builds("app1")


def test_the_queue_is_in_the_order_in_which_it_will_run():
    def job(number, state, **detail):
        data = {"applicationId": f"a{number}", "titleLog": f"t{number}", **detail}
        return {"id": f"job-{number}", "state": state, "timestamp": 1000 + number, "data": data}

    rows = [
        job(5, "waiting"),
        job(4, "waiting", applicationId=None, composeId="c"),
        job(1, "waiting", applicationId=None),
        job(3, "waiting"),
        job(2, "active"),
    ]
    seen = target(Server(deployment__queueList=rows)).queue()
    assert [(q.app_id, q.title, q.state) for q in seen] == [
        ("a2", "t2", "active"),
        ("a3", "t3", "waiting"),
        ("c", "t4", "waiting"),
        ("a5", "t5", "waiting"),
    ]


@pytest.mark.parametrize(("tail", "sent"), [(0, "1"), (100, "100"), (99_999, "10000")])
def test_a_log_is_a_tail(tail, sent):
    server = Server(deployment__readLogs="Initializing deployment\n✅ done\n")
    assert target(server).build_log("d1", tail) == "Initializing deployment\n✅ done\n"
    assert server.sent("deployment.readLogs") == {"deploymentId": "d1", "tail": sent}


def test_trap_52_containers_by_their_real_state_and_none_means_unknown():
    rows = [
        {
            "containerId": "t1",
            "name": "acme-web.1",
            "state": "running",
            "currentState": "Running less than a second ago",
            "node": "n1",
            "error": "",
        },
        {
            "containerId": "t0",
            "name": "\\_ acme-web.1",
            "state": "shutdown",
            "currentState": "Failed 3 minutes ago",
            "node": "n1",
            "error": "task: non-zero exit (1)",
        },
        {"containerId": "t2", "state": "ready", "currentState": "", "error": "Error:"},
    ]
    server = Server(**{"docker.getServiceContainersByAppName": rows})
    up, down, odd = target(server).containers("acme-web", "s1")
    assert (up.id, up.state, up.wanted, up.error, up.node) == ("t1", "running", "running", "", "n1")
    assert (down.state, down.wanted, down.error) == (
        "failed",
        "shutdown",
        "task: non-zero exit (1)",
    )
    assert (odd.state, odd.error, odd.created_at) == ("", "", None)
    assert server.sent("docker.getServiceContainersByAppName") == {
        "appName": "acme-web",
        "serverId": "s1",
    }
    empty = Server(**{"docker.getServiceContainersByAppName": []})
    assert target(empty).containers("acme-web", None) == []


def test_runs_of_all_schedules_newest_first():
    def run(number):
        return {"deploymentId": f"d{number}", "status": "done", "createdAt": f"2026-11-2{number}"}

    rows = [{"scheduleId": "s1", "deployments": [run(1), run(3)]}, {"deployments": [run(2)]}]
    server = Server(schedule__list=[*rows, {"deployments": None}])
    assert [r.id for r in target(server).schedules("app1")] == ["d3", "d2", "d1"]
    assert server.sent("schedule.list") == {"id": "app1", "scheduleType": "application"}
