"""How many tasks, of what size, with which words: what the engine is really given."""

import pytest


@pytest.fixture
def app(dokploy):
    row = dokploy.application()
    dokploy.deploy(row["applicationId"])
    return row


def change(dokploy, row, **fields):
    if fields:
        dokploy.do("application.update", applicationId=row["applicationId"], **fields)
    dokploy.do("application.reload", applicationId=row["applicationId"], appName=row["appName"])
    return dokploy.service(row["appName"])


def test_update_and_reload_scale_in_every_direction(dokploy, app):
    assert [change(dokploy, app, replicas=count)["running"] for count in (3, 2, 0)] == [3, 2, 0]

    dokploy.do("application.start", applicationId=app["applicationId"])
    assert dokploy.service(app["appName"])["replicas"] == 1

    dokploy.do("application.update", applicationId=app["applicationId"], replicas=3)
    dokploy.do("application.stop", applicationId=app["applicationId"])
    assert dokploy.service(app["appName"])["replicas"] == 0
    assert change(dokploy, app)["running"] == 3


def test_reload_of_what_was_never_built_says_true_and_runs_nothing(dokploy):
    row = dokploy.application(image=None)
    dokploy.use_git(row["applicationId"], "https://git.example.test/ok.git")

    assert change(dokploy, row)["broken"]
    (task, *_) = dokploy.read("docker.getServiceContainersByAppName", appName=row["appName"])[1:]
    assert task["error"] == f"No such image: {row['appName']}:latest"


@pytest.mark.parametrize(
    ("text", "number"),
    [("268435456", 268435456), ("256m", 256), ("0.5", 0), ("abc", None), ("1", 1)],
)
def test_limits_are_what_parse_int_makes_of_them(dokploy, app, text, number):
    limits = change(dokploy, app, memoryLimit=text, cpuLimit=text)["limits"]

    assert (limits["memoryLimit"], limits["cpuLimit"]) == (number, number)


def test_words_and_the_order_of_updates_reach_the_service(dokploy, app):
    rollout = {"Parallelism": 1, "Order": "stop-first", "FailureAction": "pause"}

    service = change(
        dokploy, app, args=["--requirepass", "x"], command="serve", updateConfigSwarm=rollout
    )

    assert (service["args"], service["command"]) == (["--requirepass", "x"], "serve")
    assert (service["order"], service["failureAction"]) == ("stop-first", "pause")


def test_defaults_are_start_first_and_rollback_and_a_mount_pins(dokploy, app):
    plain = dokploy.service(app["appName"])
    dokploy.do(
        "mounts.create",
        type="volume",
        volumeName="files",
        mountPath="/files",
        serviceId=app["applicationId"],
        serviceType="application",
    )
    pinned = change(dokploy, app)

    assert (plain["order"], plain["failureAction"], plain["pinned"]) == (
        "start-first", "rollback", False,
    )  # fmt: skip
    assert (pinned["pinned"], pinned["volumes"]) == (True, ["files"])
    assert [row["name"] for row in dokploy.state()["volumes"]] == ["files"]


def test_beyond_the_room_tasks_wait_with_the_reason(dokploy, app):
    dokploy.control("room", room=2)
    service = change(dokploy, app, replicas=3)

    waiting = dokploy.read("docker.getServiceContainersByAppName", appName=app["appName"])[-1]
    apps = dokploy.read("swarm.getNodeApps")
    assert service["running"] == 2
    assert waiting["error"].startswith("no suitable node (insufficient resources")
    assert waiting["currentState"].startswith("Pending")
    assert [row["Replicas"] for row in apps] == ["2/3"]

    dokploy.control("room", room=None)
    assert dokploy.service(app["appName"])["running"] == 3


def test_a_newcomer_finds_no_room_and_nobody_loses_his(dokploy, app):
    dokploy.control("room", room=1)
    other = dokploy.application()
    dokploy.do("domain.create", host="b.demo.test", applicationId=other["applicationId"])
    dokploy.deploy(other["applicationId"])

    assert dokploy.service(other["appName"])["running"] == 0
    assert dokploy.service(app["appName"])["running"] == 1
    assert dokploy.visit("b.demo.test").status_code == 503

    dokploy.do("application.delete", applicationId=app["applicationId"])
    assert dokploy.service(other["appName"])["running"] == 1


def test_limits_of_a_database_come_with_its_deploy_alone(dokploy):
    row = dokploy.database()
    key = {"postgresId": row["postgresId"]}
    dokploy.do("postgres.update", memoryLimit="536870912", **key)

    dokploy.do("postgres.reload", appName=row["appName"], **key)
    before = dokploy.service(row["appName"])
    dokploy.do("postgres.deploy", **key)
    after = dokploy.service(row["appName"])

    assert before["limits"]["memoryLimit"] is None
    assert after["limits"]["memoryLimit"] == 536870912
    assert after["order"] == "stop-first"


def test_libsql_runs_its_own_version_and_remove_leaves_the_volume(dokploy):
    dokploy.do(
        "libsql.create",
        name="l",
        appName="l",
        environmentId=dokploy.environment(),
        databaseUser="u",
        databasePassword="p",
        sqldNode="primary",
        dockerImage="ghcr.io/tursodatabase/libsql-server:latest",
        description=None,
        sqldPrimaryUrl=None,
        enableNamespaces=False,
        serverId=None,
    )
    (row,) = dokploy.state()["databases"]
    dokploy.do("libsql.deploy", libsqlId=row["id"])

    assert dokploy.service(row["appName"])["image"].endswith(":v0.24.32")
    dokploy.do("libsql.remove", libsqlId=row["id"])
    assert [v["name"] for v in dokploy.state()["volumes"]] == [f"{row['appName']}-data"]
