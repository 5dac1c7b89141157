"""What happens behind the API's back: the panel, the engine, the clock, and silence."""

import pytest


@pytest.fixture
def app(dokploy):
    row = dokploy.application()
    dokploy.do("domain.create", host="a.demo.test", applicationId=row["applicationId"])
    dokploy.deploy(row["applicationId"])
    return row


READS = (
    ("docker.getServiceContainersByAppName", {"appName": "{0}"}),
    ("docker.getContainersByAppLabel", {"appName": "{0}", "type": "swarm"}),
    ("docker.getContainersByAppNameMatch", {"appName": "{0}"}),
    ("swarm.getNodes", {}),
    ("swarm.getNodeApps", {}),
    ("dockerVolume.getVolumes", {}),
    ("dockerVolume.getVolumesSize", {}),
    ("dockerImage.getImages", {}),
)


@pytest.mark.parametrize(("path", "asked"), READS, ids=[path for path, _ in READS])
def test_a_silent_engine_is_an_empty_list(dokploy, app, path, asked):
    dokploy.database()
    asked = {name: value.format(app["appName"]) for name, value in asked.items()}
    assert dokploy.read(path, **asked) != []

    dokploy.control("node-silent", silent=True)
    assert dokploy.read(path, **asked) == []

    dokploy.control("node-silent", silent=False)
    assert dokploy.read(path, **asked) != []


def test_the_node_may_say_no_byte_at_all(dokploy):
    dokploy.control("node-silent", silent="bytes")

    answer = dokploy.get("swarm.getNodes")
    assert (answer.status_code, answer.content) == (200, b"")


def test_a_node_tells_what_it_has(dokploy):
    (node,) = dokploy.read("swarm.getNodes")

    info = dokploy.read("swarm.getNodeInfo", nodeId=node["ID"])
    assert (node["Status"], info["Status"]["State"]) == ("Ready", "ready")
    assert dokploy.get("swarm.getNodeInfo", nodeId="nobody").content == b""


def test_a_container_tells_its_exact_times_and_size(dokploy, app):
    dokploy.do("application.update", applicationId=app["applicationId"], memoryLimit="1000")
    dokploy.deploy(app["applicationId"])
    (row,) = dokploy.read("docker.getContainersByAppLabel", appName=app["appName"], type="swarm")

    config = dokploy.read("docker.getConfig", containerId=row["containerId"])

    assert row["name"].startswith(f"{app['appName']}.1.")
    assert config["State"]["Running"]
    assert len(config["State"]["StartedAt"]) == len("2026-01-01T00:00:00.123456789Z")
    assert config["HostConfig"]["Memory"] == 1000


def test_volumes_are_read_and_removed(dokploy):
    row = dokploy.database()
    name = f"{row['appName']}-data"

    assert dokploy.read("dockerVolume.getVolumeConfig", volumeName=name)["Name"] == name
    assert dokploy.post("dockerVolume.removeVolume", volumeName=name).status_code == 500
    dokploy.do("postgres.remove", postgresId=row["postgresId"])
    assert dokploy.post("dockerVolume.removeVolume", volumeName=name).content == b""
    assert dokploy.get("dockerVolume.getVolumeConfig", volumeName=name).status_code == 500


def test_cleaning_volumes_takes_the_data_of_what_is_stopped(dokploy):
    row = dokploy.database()
    dokploy.do("postgres.stop", postgresId=row["postgresId"])

    dokploy.do("settings.cleanUnusedVolumes")

    assert dokploy.state()["volumes"] == []


def test_the_panel_changes_a_row_and_the_engine_is_not_told(dokploy, app):
    dokploy.control(
        "drift", kind="application", id=app["applicationId"], fields={"env": "X=1", "replicas": 5}
    )

    one = dokploy.read("application.one", applicationId=app["applicationId"])
    assert (one["env"], one["replicas"]) == ("X=1", 5)
    assert dokploy.service(app["appName"])["replicas"] == 1


def test_a_hand_at_the_engine_is_seen_there_alone(dokploy, app):
    dokploy.control("drift", kind="service", id=app["appName"], fields={"replicas": 0})
    assert dokploy.service(app["appName"])["running"] == 0
    fields = {"replicas": 2, "env": ["A=1"], "image": "nginx:2"}
    dokploy.control("drift", kind="service", id=app["appName"], fields=fields)

    service = dokploy.service(app["appName"])
    assert (service["running"], service["image"]) == (2, "nginx:2")
    one = dokploy.read("application.one", applicationId=app["applicationId"])
    assert (one["replicas"], one["dockerImage"]) == (1, "nginx:1")


@pytest.mark.parametrize(("how", "runs_on"), [(True, 0), ("row", 1)])
def test_the_panel_deletes_with_the_service_or_the_row_alone(dokploy, app, how, runs_on):
    dokploy.control("drift", kind="application", id=app["applicationId"], delete=how)

    key = {"applicationId": app["applicationId"]}
    assert dokploy.get("application.one", **key).status_code == 404
    assert dokploy.state()["counts"]["services"] == runs_on


def test_a_domain_changed_by_hand_is_routed_anew(dokploy, app):
    (domain,) = dokploy.read("domain.byApplicationId", applicationId=app["applicationId"])
    dokploy.control(
        "drift", kind="domain", id=domain["domainId"], fields={"host": "other.demo.test"}
    )

    assert dokploy.visit("a.demo.test").status_code == 404
    assert dokploy.visit("other.demo.test").status_code == 200


def test_strangers_appear_beside_ours(dokploy, app):
    environment = dokploy.read("application.one", applicationId=app["applicationId"])
    made = dokploy.control(
        "drift",
        kind="application",
        add={
            "name": "theirs",
            "environmentId": environment["environmentId"],
            "dockerImage": "theirs:1",
        },
    )
    dokploy.control("drift", kind="project", add={"name": "foreign"})

    assert dokploy.read("application.one", applicationId=made["applicationId"])["name"] == "theirs"
    assert "foreign" in {row["name"] for row in dokploy.read("project.all")}


def schedule(dokploy, app, **more):
    return dokploy.do(
        "schedule.create",
        name="nightly",
        cronExpression="0 4 * * *",
        command="echo",
        scheduleType="application",
        applicationId=app["applicationId"],
        **more,
    )


def test_what_is_armed_fires_when_asked(dokploy, app, eventually):
    row = schedule(dokploy, app)
    key = {"id": row["scheduleId"], "type": "schedule"}

    dokploy.control("fire", id=row["scheduleId"])

    eventually(
        lambda: [r["status"] for r in dokploy.read("deployment.allByType", **key)] == ["done"]
    )


def test_a_schedule_fires_on_after_its_application_is_gone(dokploy, app):
    row = schedule(dokploy, app)
    dokploy.do("application.delete", applicationId=app["applicationId"])

    (told,) = dokploy.control("fire", kind="schedule")

    assert told == {"id": row["scheduleId"], "kind": "schedule", "orphan": True}
    assert [(job["orphan"], job["fired"]) for job in dokploy.state()["cron"]] == [(True, 1)]
    left = dokploy.http.get("/_sim/remains", params={"of": app["appName"]}).json()
    assert left == {"cron": [row["scheduleId"]]}


def test_a_schedule_deleted_first_fires_no_more(dokploy, app):
    row = schedule(dokploy, app)
    dokploy.do("schedule.delete", scheduleId=row["scheduleId"])
    dokploy.do("application.delete", applicationId=app["applicationId"])

    assert dokploy.state()["cron"] == []
    left = dokploy.http.get("/_sim/remains", params={"of": app["appName"]}).json()
    assert left == {}


def test_a_service_may_outlive_its_delete(dokploy, app):
    dokploy.control("settings", service_lingers=True)

    dokploy.do("application.delete", applicationId=app["applicationId"])

    assert dokploy.service(app["appName"])["running"] == 1


def test_wrong_orders_are_refused(dokploy):
    for name, asked in (
        ("drift", {"kind": "application", "id": "nope", "fields": {}}),
        ("drift", {"kind": "service", "id": "nope", "fields": {}}),
        ("fire", {"id": "nope"}),
        ("room", {}),
    ):
        assert dokploy.http.post(f"/_sim/{name}", json=asked).status_code == 400
