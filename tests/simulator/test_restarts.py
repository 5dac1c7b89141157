"""What survives the end of the process and what does not."""

import signal
import time

import pytest

from dokploy_simulator import SimulatorProcess

SLOW = "https://git.example.test/slow.git"

pytestmark = pytest.mark.processes


@pytest.fixture
def process(tmp_path):
    with SimulatorProcess(state=tmp_path / "rows.sqlite", speed=1.0) as running:
        yield running


def test_kill_keeps_rows_and_loses_the_queue(process, caller_for, eventually):
    caller = caller_for(process)
    row = caller.application(image=None)
    key = row["applicationId"]
    caller.use_git(key, SLOW)
    for title in ("runs", "waits"):
        caller.do("application.deploy", applicationId=key, title=title)
    eventually(lambda: caller.runs(key))

    process.kill()
    process.start()

    again = caller_for(process)
    runs = again.runs(key)
    assert [(run["title"], run["status"]) for run in runs] == [("runs", "cancelled")]
    assert runs[0]["finishedAt"] is None
    assert again.read("application.one", applicationId=key)["applicationStatus"] == "idle"
    assert again.read("deployment.queueList") == []
    assert again.state()["deploy_calls"] == {key: 2}


def test_a_write_that_was_answered_is_there_after_kill(process, caller_for):
    caller = caller_for(process)
    names = [f"tenant-{number}" for number in range(50)]
    for name in names:
        caller.do("project.create", name=name)

    process.kill()
    process.start()

    found = caller_for(process).read("project.all")
    assert [row["name"] for row in reversed(found)] == names


def test_job_numbers_start_again(process, caller_for):
    for _ in range(2):
        caller = caller_for(process)
        row = caller.application(image=None)
        caller.use_git(row["applicationId"], SLOW)
        caller.do("application.deploy", applicationId=row["applicationId"])
        assert [job["id"] for job in caller.read("deployment.queueList")] == ["job-1"]
        process.kill()
        process.start()


def test_terminate_is_quick_even_with_a_silent_connection(process, caller_for):
    caller = caller_for(process)
    caller.fault("silence")
    silent = caller_for(process, timeout=0.2)
    with pytest.raises(Exception, match="timed out"):
        silent.read("project.all")

    began = time.monotonic()
    status = process.kill(signal.SIGTERM)

    assert status == 0
    assert time.monotonic() - began < 10


def test_the_queue_can_be_lost_on_demand(dokploy, eventually):
    dokploy.control("speed", speed=1.0)
    row = dokploy.application(image=None)
    dokploy.use_git(row["applicationId"], SLOW)
    for _ in range(2):
        dokploy.do("application.deploy", applicationId=row["applicationId"])
    eventually(lambda: dokploy.runs(row["applicationId"]))

    assert dokploy.control("restart-queue") == {"lost": 2}

    assert [run["status"] for run in dokploy.runs(row["applicationId"])] == ["cancelled"]
    assert dokploy.read("deployment.queueList") == []
