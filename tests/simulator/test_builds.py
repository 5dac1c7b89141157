"""Builds and the queue as the real server has them."""

import pytest

from dokploy_simulator import Simulator

OK = "https://git.example.test/ok.git"
SLOW = "https://git.example.test/slow.git"


@pytest.fixture
def unhurried(caller_for):
    """A simulator whose slow builds take about a second."""
    with Simulator(speed=0.06) as running:
        yield caller_for(running)


def test_deploy_answers_with_no_bytes(dokploy):
    row = dokploy.application()

    answer = dokploy.post("application.deploy", applicationId=row["applicationId"])

    assert (answer.status_code, answer.content) == (200, b"")


def test_a_git_deploy_takes_the_title_of_its_commit(dokploy, eventually):
    row = dokploy.application(image=None)
    dokploy.use_git(row["applicationId"], OK)

    dokploy.deploy(row["applicationId"], title="ours", description="ours too")

    def overwritten():
        newest = dokploy.runs(row["applicationId"])[0]
        return newest["description"].startswith("Commit: ") and newest

    assert eventually(overwritten)["title"] != "ours"


def test_a_redeploy_and_an_image_keep_their_title(dokploy, eventually):
    row = dokploy.application()
    assert dokploy.deploy(row["applicationId"], title="ours")["title"] == "ours"

    dokploy.do("application.redeploy", applicationId=row["applicationId"], title="again")

    eventually(
        lambda: (
            [run["title"] for run in dokploy.runs(row["applicationId"])]
            == [
                "again",
                "ours",
            ]
        )
    )


def test_a_deploy_without_a_source_is_accepted_and_fails(dokploy):
    row = dokploy.application(image=None)

    run = dokploy.deploy(row["applicationId"])

    assert (run["status"], run["errorMessage"]) == ("error", None)
    assert "Provider not found" in dokploy.read(
        "deployment.readLogs", deploymentId=run["deploymentId"]
    )


@pytest.mark.parametrize("branch", ["fail", "nobranch", "0" * 40])
def test_builds_fail_by_name(dokploy, branch):
    row = dokploy.application(image=None)
    dokploy.use_git(row["applicationId"], OK, branch)

    assert dokploy.deploy(row["applicationId"])["status"] == "error"


def test_an_unknown_reference_fails_the_deploy(dokploy):
    row = dokploy.application()
    dokploy.set_env(row["applicationId"], "A=${{project.NOPE}}")

    run = dokploy.deploy(row["applicationId"])

    log = dokploy.read("deployment.readLogs", deploymentId=run["deploymentId"])
    assert run["status"] == "error"
    assert "Invalid project environment variable: project.NOPE" in log


def test_one_build_at_a_time_and_no_row_while_waiting(unhurried, eventually):
    place = unhurried.environment()
    first, second = (unhurried.application(place, image=None) for _ in range(2))
    for row in (first, second):
        unhurried.use_git(row["applicationId"], SLOW)
        unhurried.do("application.deploy", applicationId=row["applicationId"], title="ours")

    eventually(lambda: unhurried.runs(first["applicationId"]))
    listed = unhurried.read("deployment.queueList")

    assert [job["state"] for job in listed] == ["waiting", "active"]
    assert [job["data"]["titleLog"] for job in listed] == ["ours", "ours"]
    assert "processedOn" not in listed[0]
    assert unhurried.runs(second["applicationId"]) == []
    waiting = unhurried.read("application.one", applicationId=second["applicationId"])
    assert waiting["applicationStatus"] == "idle"


def test_more_slots_run_more_builds(unhurried, eventually):
    unhurried.do("settings.updateBuildsConcurrency", buildsConcurrency=3)
    place = unhurried.environment()
    rows = [unhurried.application(place, image=None) for _ in range(2)]
    for row in rows:
        unhurried.use_git(row["applicationId"], SLOW)
        unhurried.do("application.deploy", applicationId=row["applicationId"])

    eventually(lambda: all(unhurried.runs(row["applicationId"]) for row in rows))

    assert [job["state"] for job in unhurried.read("deployment.queueList")] == ["active"] * 2


def test_jobs_of_one_application_never_run_together(unhurried, eventually):
    unhurried.do("settings.updateBuildsConcurrency", buildsConcurrency=3)
    row = unhurried.application(image=None)
    unhurried.use_git(row["applicationId"], SLOW)
    for _ in range(3):
        unhurried.do("application.deploy", applicationId=row["applicationId"])
    eventually(lambda: unhurried.runs(row["applicationId"]))

    states = [job["state"] for job in unhurried.read("deployment.queueList")]
    unhurried.do("application.cleanQueues", applicationId=row["applicationId"])

    assert states == ["waiting", "waiting", "active"]
    assert len(unhurried.read("deployment.queueList")) == 1


def test_deleting_while_it_builds_brings_the_service_back(unhurried, eventually):
    row = unhurried.application(image=None)
    unhurried.use_git(row["applicationId"], SLOW)
    unhurried.do("application.deploy", applicationId=row["applicationId"])
    eventually(lambda: unhurried.runs(row["applicationId"]))

    unhurried.do("application.delete", applicationId=row["applicationId"])
    assert unhurried.read("swarm.getNodeApps") == []

    eventually(lambda: unhurried.read("swarm.getNodeApps"))
    gone = unhurried.get("application.one", applicationId=row["applicationId"])
    assert gone.status_code == 404


def test_about_ten_runs_are_kept(dokploy):
    row = dokploy.application()
    for number in range(14):
        run = dokploy.deploy(row["applicationId"], title=f"n{number}")

    kept = [found["title"] for found in dokploy.runs(row["applicationId"])]
    assert kept == [f"n{number}" for number in range(13, 2, -1)]
    assert "Pulling" in dokploy.read("deployment.readLogs", deploymentId=run["deploymentId"])


def test_too_long_a_name_fails_at_the_engine(dokploy):
    row = dokploy.application(appName="a" * 60)

    assert dokploy.deploy(row["applicationId"])["status"] == "error"


def test_a_database_deploy_blocks_and_fails_with_its_image(dokploy):
    row = dokploy.do(
        "redis.create",
        name="r",
        environmentId=dokploy.environment(),
        databasePassword="x",
        dockerImage="acme/pullfail:1",
    )

    answer = dokploy.post("redis.deploy", redisId=row["redisId"])

    assert answer.status_code == 500
    assert "manifest unknown" in answer.json()["message"]
    found = dokploy.read("redis.one", redisId=row["redisId"])
    assert found["applicationStatus"] == "error"


def test_deploy_calls_are_counted(dokploy):
    row = dokploy.application()
    for _ in range(3):
        dokploy.do("application.deploy", applicationId=row["applicationId"])

    assert dokploy.state()["deploy_calls"] == {row["applicationId"]: 3}


@pytest.mark.parametrize(
    ("provider", "fields"),
    [
        (
            "Github",
            {"repository": "r", "owner": "o", "buildPath": "/", "branch": "main",
             "triggerType": "push", "githubId": None},
        ),
        (
            "Gitlab",
            {"gitlabBuildPath": "/", "gitlabOwner": "o", "gitlabRepository": "r",
             "gitlabId": None, "gitlabProjectId": 1, "gitlabPathNamespace": "o/r",
             "gitlabBranch": "main"},
        ),
        (
            "Gitea",
            {"giteaBuildPath": "/", "giteaOwner": "o", "giteaRepository": "r",
             "giteaId": None, "giteaBranch": "main"},
        ),
        (
            "Bitbucket",
            {"bitbucketBuildPath": "/", "bitbucketOwner": "o", "bitbucketRepository": "r",
             "bitbucketRepositorySlug": "r", "bitbucketId": None, "bitbucketBranch": "main"},
        ),
    ],
)  # fmt: skip
def test_a_provider_builds_once_it_is_known(dokploy, provider, fields):
    """Without the provider's id the deploy fails; with an unknown one saving does."""
    row = dokploy.application(image=None)
    key = {"applicationId": row["applicationId"]}
    id_name = f"{provider.lower()}Id"
    save = f"application.save{provider}Provider"

    dokploy.do(save, **key, **fields)
    assert dokploy.deploy(row["applicationId"])["status"] == "error"

    assert dokploy.post(save, **key, **fields | {id_name: "p1"}).status_code == 500
    dokploy.control("seed", kind="gitProvider", row={"gitProviderId": "p1", "name": "ours"})
    dokploy.do(save, **key, **fields | {id_name: "p1"})
    assert dokploy.deploy(row["applicationId"])["status"] == "done"


def test_marking_as_running_changes_the_status_alone(dokploy):
    row = dokploy.application()

    dokploy.do("application.markRunning", applicationId=row["applicationId"])

    found = dokploy.read("application.one", applicationId=row["applicationId"])
    assert found["applicationStatus"] == "running"
    assert found["deployments"] == []
