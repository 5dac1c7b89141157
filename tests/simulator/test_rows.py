"""Names, doubles and refusals as the real server has them."""

import re

import pytest


def test_app_name_gets_a_random_end_and_small_letters(dokploy):
    environment = dokploy.environment()

    first = dokploy.application(environment, appName="Acme-WEB", image=None)
    second = dokploy.application(environment, appName="Acme-WEB", image=None)

    assert re.fullmatch(r"acme-web-[a-z0-9]{6}", first["appName"])
    assert first["appName"] != second["appName"]


def test_app_name_without_a_wish_is_made_up(dokploy):
    made = dokploy.application(image=None)["appName"]

    assert re.fullmatch(r"app-[a-z]+-[a-z-]+-[a-z0-9]{6}", made)


def test_creating_twice_makes_two(dokploy):
    for _ in range(2):
        dokploy.do("project.create", name="same")

    assert [row["name"] for row in dokploy.read("project.all")] == ["same", "same"]


def test_the_list_of_all_projects_shows_each_change(dokploy):
    """It is remembered in parts."""

    def listed():
        (environment,) = dokploy.read("project.all")[0]["environments"]
        return [row["name"] for row in environment["applications"]], len(environment["postgres"])

    place = dokploy.environment()
    assert listed() == ([], 0)
    row = dokploy.application(place, image=None)
    asked = {"databaseName": "d", "databaseUser": "u", "databasePassword": "p"}
    dokploy.do("postgres.create", name="db", environmentId=place, **asked)
    assert listed() == (["web"], 1)
    dokploy.do("application.update", applicationId=row["applicationId"], name="other")
    assert listed() == (["other"], 1)
    dokploy.do("application.delete", applicationId=row["applicationId"])
    assert listed() == ([], 1)


def test_auto_deploy_is_on_unless_said_otherwise(dokploy):
    assert dokploy.application(image=None)["autoDeploy"] is True


def test_app_name_cannot_be_changed(dokploy):
    row = dokploy.application(image=None)

    answer = dokploy.post("application.update", applicationId=row["applicationId"], appName="other")

    assert answer.status_code == 500
    assert answer.json()["message"] == "No values to set"


def test_the_same_host_may_be_taken_twice(dokploy):
    row = dokploy.application(image=None)

    for _ in range(2):
        dokploy.do("domain.create", host="a.demo.test", applicationId=row["applicationId"])

    found = dokploy.read("domain.byApplicationId", applicationId=row["applicationId"])
    assert [domain["host"] for domain in found] == ["a.demo.test", "a.demo.test"]


def test_an_unknown_foreign_key_is_told_with_the_statement(dokploy):
    row = dokploy.application(image=None)

    answer = dokploy.post(
        "application.saveGitProvider",
        applicationId=row["applicationId"],
        customGitUrl="git@example.test:a/b.git",
        customGitBranch="main",
        customGitBuildPath="/",
        watchPaths=[],
        customGitSSHKeyId="nobody",
    )

    assert answer.status_code == 500
    assert "Failed query" in answer.json()["message"]
    assert "nobody" in answer.json()["message"]


def test_text_false_is_stored_as_true(dokploy):
    row = dokploy.application(image=None)

    made = dokploy.do(
        "domain.create",
        host="a.demo.test",
        applicationId=row["applicationId"],
        https="false",
        port="8080",
    )

    assert made["https"] is True
    assert made["port"] == 8080


def test_an_empty_query_value_counts_as_absent(dokploy):
    dokploy.application()

    assert dokploy.read("application.search", name="")["total"] == 1


def test_project_removal_leaves_services_behind(dokploy):
    project = dokploy.do("project.create", name="tenant")
    row = dokploy.application(project["environment"]["environmentId"])
    dokploy.deploy(row["applicationId"])

    dokploy.do("project.remove", projectId=project["project"]["projectId"])

    gone = dokploy.get("application.one", applicationId=row["applicationId"])
    assert gone.status_code == 404
    assert [service["name"] for service in dokploy.state()["services"]] == [row["appName"]]


def test_volumes_outlive_their_database(dokploy):
    place = dokploy.environment()
    row = dokploy.do(
        "postgres.create",
        name="db",
        environmentId=place,
        databaseName="a",
        databaseUser="a",
        databasePassword="x",
        dockerImage="postgres:16",
    )
    dokploy.do("postgres.deploy", postgresId=row["postgresId"])
    volume = f"{row['appName']}-data"

    in_use = dokploy.post("dockerVolume.removeVolume", volumeName=volume)
    dokploy.do("postgres.remove", postgresId=row["postgresId"])

    assert in_use.status_code == 500
    assert [found["Name"] for found in dokploy.read("dockerVolume.getVolumes")] == [volume]
    assert dokploy.do("dockerVolume.removeVolume", volumeName=volume) is None
    assert dokploy.read("dockerVolume.getVolumes") == []


@pytest.mark.parametrize(
    ("kind", "extra"),
    [
        ("postgres", {"databaseName": "a", "databaseUser": "a"}),
        ("mysql", {"databaseName": "a", "databaseUser": "a"}),
        ("mariadb", {"databaseName": "a", "databaseUser": "a"}),
        ("mongo", {"databaseUser": "a"}),
        ("redis", {}),
    ],
)
def test_a_database_lives_and_ends(dokploy, kind, extra):
    row = dokploy.do(
        f"{kind}.create",
        name="db",
        environmentId=dokploy.environment(),
        databasePassword="x",
        **extra,
    )
    key = {f"{kind}Id": row[f"{kind}Id"]}

    before = dokploy.do(f"{kind}.deploy", **key)
    assert before["applicationStatus"] == "idle"
    assert dokploy.read(f"{kind}.one", **key)["applicationStatus"] == "done"
    dokploy.do(f"{kind}.stop", **key)
    assert dokploy.read("swarm.getNodeApps")[0]["Replicas"] == "0/0"
    dokploy.do(f"{kind}.start", **key)
    assert dokploy.read("swarm.getNodeApps")[0]["Replicas"] == "1/1"
    assert dokploy.do(f"{kind}.reload", **key, appName=row["appName"]) is True
    assert dokploy.do(f"{kind}.update", **key, memoryLimit="1") is True
    assert dokploy.do(f"{kind}.saveEnvironment", **key, env="A=1") is True
    assert dokploy.do(f"{kind}.saveExternalPort", **key, externalPort=15999)["env"] == "A=1"
    assert row["appName"] in dokploy.read(f"{kind}.readLogs", **key)
    dokploy.do(f"{kind}.remove", **key)
    assert dokploy.post(f"{kind}.remove", **key).status_code == 404


def test_libsql_answers_true_instead_of_its_row(dokploy):
    made = dokploy.do(
        "libsql.create",
        name="l",
        appName="l",
        environmentId=dokploy.environment(),
        databaseUser="a",
        databasePassword="x",
        sqldNode="primary",
        description=None,
        sqldPrimaryUrl=None,
        enableNamespaces=False,
        serverId=None,
    )

    assert made is True
    assert dokploy.state()["counts"]["databases"] == 1
