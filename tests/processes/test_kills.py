"""kill -9 of each process in turn, in the middle of a deployment: it succeeds, nothing doubled."""

import os
import signal

import pytest

from tenantry.demo.valkey import Valkey
from tests.installation import Installation

pytestmark = pytest.mark.processes


def finishes_with_one_of_each(place: Installation) -> None:
    assert place.until(lambda: place.ended("acme"), seconds=90) == "succeeded"
    place.until(lambda: len(place.mailbox.messages) >= 1, seconds=30)
    world = place.world()
    counts = {name: world["counts"][name] for name in ("projects", "applications", "databases")}
    assert counts == {"projects": 1, "applications": 2, "databases": 1}
    assert sorted(row["host"] for row in world["domains"]) == [
        "acme-backend.dms.demo.test",
        "acme.dms.demo.test",
    ]
    assert place.doubles() == []
    assert len(place.mailbox.messages) == 1


def kill(place: Installation, name: str) -> None:
    pid = place.supervisor.pid(name)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


def in_the_middle(place: Installation) -> None:
    place.deploy("acme")
    place.until(
        lambda: place.running_step("service.backend.wait_deploy", "running", "waiting", "success")
    )


def test_a_deployment_runs_through_real_processes(place: Installation) -> None:
    place.deploy("acme")
    finishes_with_one_of_each(place)


def test_a_killed_worker_loses_nothing(place: Installation) -> None:
    in_the_middle(place)
    kill(place, "worker-steps")
    finishes_with_one_of_each(place)


def test_a_killed_watchdog_loses_nothing(place: Installation) -> None:
    in_the_middle(place)
    kill(place, "watchdog")
    finishes_with_one_of_each(place)


def test_a_killed_web_process_loses_nothing(place: Installation) -> None:
    place.start("web")
    in_the_middle(place)
    kill(place, "web")
    finishes_with_one_of_each(place)


def test_a_killed_broker_loses_nothing(place: Installation, valkey: Valkey) -> None:
    in_the_middle(place)
    valkey.kill()
    valkey.start()
    finishes_with_one_of_each(place)


def test_a_killed_target_loses_nothing(place: Installation) -> None:
    in_the_middle(place)
    kill(place, "dokploy")
    finishes_with_one_of_each(place)
