"""Tasks, updates that go wrong, and what visitors of a hostname see."""

import pytest

from dokploy_simulator import Simulator


@pytest.fixture
def site(dokploy):
    """An application with the hostname a.demo.test."""
    row = dokploy.application()
    dokploy.do("domain.create", host="a.demo.test", applicationId=row["applicationId"])
    return row


def tasks(dokploy, row):
    return dokploy.read("docker.getServiceContainersByAppName", appName=row["appName"])


def test_a_deployed_application_answers(dokploy, site):
    dokploy.set_env(site["applicationId"], "SECRET=hunter2")
    dokploy.deploy(site["applicationId"])

    answer = dokploy.visit("a.demo.test", "/anything")

    assert answer.status_code == 200
    assert answer.json()["service"] == site["appName"]
    assert "hunter2" not in answer.text


def test_the_env_hash_moves_with_the_environment(dokploy, site):
    seen = set()
    for value in ("one", "two"):
        dokploy.set_env(site["applicationId"], f"A={value}")
        dokploy.deploy(site["applicationId"])
        seen.add(dokploy.visit("a.demo.test").json()["env"])

    assert len(seen) == 2


def test_hosts_without_a_route_or_a_service_are_not_served(dokploy, site):
    assert dokploy.visit("b.demo.test").status_code == 404
    assert dokploy.visit("a.demo.test").status_code == 503


def test_a_stopped_application_is_not_served_and_start_ignores_replicas(dokploy, site):
    dokploy.do("application.update", applicationId=site["applicationId"], replicas=3)
    dokploy.deploy(site["applicationId"])
    assert len([t for t in tasks(dokploy, site) if t["state"] == "running"]) == 3

    dokploy.do("application.stop", applicationId=site["applicationId"])
    assert dokploy.visit("a.demo.test").status_code == 503
    assert tasks(dokploy, site) == []

    dokploy.do("application.start", applicationId=site["applicationId"])
    assert len([t for t in tasks(dokploy, site) if t["state"] == "running"]) == 1
    assert dokploy.visit("a.demo.test").status_code == 200


def test_start_before_any_deploy_is_500_and_stop_is_not(dokploy, site):
    key = {"applicationId": site["applicationId"]}

    assert dokploy.post("application.stop", **key).status_code == 200
    assert dokploy.post("application.start", **key).status_code == 500


def test_every_deploy_makes_new_tasks(dokploy, site):
    seen = set()
    for _ in range(3):
        dokploy.deploy(site["applicationId"])
        seen.add(tasks(dokploy, site)[0]["containerId"])

    assert len(seen) == 3


def test_engine_reads_of_nothing_are_empty_lists(dokploy):
    assert dokploy.read("docker.getServiceContainersByAppName", appName="nobody") == []
    assert dokploy.read("docker.getContainersByAppLabel", appName="nobody", type="swarm") == []
    assert dokploy.get("docker.getConfig", containerId="nobody").content == b""


def test_a_crashing_image_is_done_with_failing_tasks_and_502(dokploy, site):
    dokploy.use_image(site["applicationId"], "acme/crash:1")

    run = dokploy.deploy(site["applicationId"])

    assert run["status"] == "done"
    listed = tasks(dokploy, site)
    assert any(task["currentState"].startswith("Failed") for task in listed)
    assert any(task["error"] == "task: non-zero exit (1)" for task in listed)
    assert dokploy.read("swarm.getNodeApps")[0]["Replicas"] == "0/1"
    assert dokploy.visit("a.demo.test").status_code == 502


def test_a_crashing_update_goes_back_by_default(dokploy, site):
    dokploy.deploy(site["applicationId"])
    before = tasks(dokploy, site)[0]["containerId"]
    dokploy.use_image(site["applicationId"], "acme/crash:1")

    assert dokploy.deploy(site["applicationId"])["status"] == "done"

    assert tasks(dokploy, site)[0]["containerId"] == before
    assert dokploy.visit("a.demo.test").json()["image"] == "nginx:1"


def test_a_crashing_update_stays_broken_with_pause(dokploy, site):
    dokploy.do(
        "application.update",
        applicationId=site["applicationId"],
        updateConfigSwarm={"Parallelism": 1, "Order": "stop-first", "FailureAction": "pause"},
    )
    dokploy.deploy(site["applicationId"])
    dokploy.use_image(site["applicationId"], "acme/crash:1")

    dokploy.deploy(site["applicationId"])

    assert dokploy.visit("a.demo.test").status_code == 502


def test_the_old_version_serves_until_the_new_one_is_up(caller_for, eventually):
    with Simulator(speed=0) as running:
        caller = caller_for(running)
        row = caller.application()
        caller.do("domain.create", host="a.demo.test", applicationId=row["applicationId"])
        caller.deploy(row["applicationId"])
        caller.control("speed", speed=0.3)
        caller.use_image(row["applicationId"], "nginx:2")

        caller.deploy(row["applicationId"])

        assert caller.visit("a.demo.test").json()["image"] == "nginx:1"
        eventually(lambda: caller.visit("a.demo.test").json()["image"] == "nginx:2")


def test_announced_health_failures_are_used_up(dokploy, site):
    dokploy.set_env(site["applicationId"], "SIM_HEALTH_FAILS=2")
    dokploy.deploy(site["applicationId"])

    assert [dokploy.visit("a.demo.test").status_code for _ in range(3)] == [503, 503, 200]


def test_provisioning_is_done_once_for_a_key(dokploy, site):
    dokploy.deploy(site["applicationId"])

    def ask(**headers):
        return dokploy.visit("a.demo.test", "/setup", "POST", **headers).status_code

    assert ask(Idempotency_Key="one") == 401
    assert ask(Authorization="Bearer x") == 400
    assert ask(Authorization="Bearer x", Idempotency_Key="one") == 201
    assert ask(Authorization="Bearer x", Idempotency_Key="one") == 409
    assert ask(Authorization="Bearer x", Idempotency_Key="two") == 201
    assert dokploy.state()["provision_calls"] == {"one": 2, "two": 1}


def test_a_container_can_be_inspected(dokploy, site):
    dokploy.deploy(site["applicationId"])
    found = dokploy.read("docker.getContainersByAppLabel", appName=site["appName"], type="swarm")

    inspected = dokploy.read("docker.getConfig", containerId=found[0]["containerId"])

    assert inspected["State"]["Running"] is True
    assert inspected["Config"]["Labels"]["com.docker.swarm.service.name"] == site["appName"]


def test_reload_applies_settings_without_a_run(dokploy, site):
    dokploy.deploy(site["applicationId"])
    dokploy.do("application.update", applicationId=site["applicationId"], replicas=2)

    dokploy.do("application.reload", applicationId=site["applicationId"], appName=site["appName"])

    assert len(dokploy.runs(site["applicationId"])) == 1
    assert dokploy.read("swarm.getNodeApps")[0]["Replicas"] == "2/2"


def test_an_application_mounts_its_volume(dokploy, site):
    dokploy.do(
        "mounts.create",
        type="volume",
        volumeName="uploads",
        mountPath="/data",
        serviceId=site["applicationId"],
        serviceType="application",
    )
    dokploy.deploy(site["applicationId"])

    assert [row["Name"] for row in dokploy.read("dockerVolume.getVolumes")] == ["uploads"]


def test_a_browser_gets_a_page(dokploy, site):
    dokploy.deploy(site["applicationId"])

    page = dokploy.visit("a.demo.test", Accept="text/html")

    assert page.headers["content-type"].startswith("text/html")
    assert site["appName"] in page.text


def test_a_scheduled_command_needs_a_running_container(dokploy, site):
    made = dokploy.do(
        "schedule.create",
        name="nightly",
        cronExpression="0 4 * * *",
        command="echo hi",
        applicationId=site["applicationId"],
    )
    key = {"scheduleId": made["scheduleId"]}

    assert dokploy.do("schedule.runManually", **key)["status"] == "error"
    dokploy.deploy(site["applicationId"])
    assert dokploy.do("schedule.runManually", **key)["status"] == "done"

    assert dokploy.post("schedule.update", **key, enabled=False).status_code == 400
    changed = dokploy.do(
        "schedule.update", **key, name="n", cronExpression="0 5 * * *", command="x", enabled=False
    )
    assert changed["enabled"] is False
