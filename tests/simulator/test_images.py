"""Images: what is pulled, built, moved, lost, and what it takes to have it again."""

import pytest

URL = "https://git.example.test/ok.git"


def key(row):
    return {"applicationId": row["applicationId"]}


def names(dokploy):
    rows = dokploy.read("dockerImage.getImages")
    return {f"{row['Repository']}:{row['Tag']}" for row in rows}


@pytest.fixture
def app(dokploy):
    row = dokploy.application()
    dokploy.deploy(row["applicationId"])
    return row


@pytest.fixture
def built(dokploy):
    row = dokploy.application(image=None)
    dokploy.use_git(row["applicationId"], URL)
    dokploy.deploy(row["applicationId"])
    return row


def test_deploy_pulls_what_moved_under_the_tag_and_redeploy_does_not(dokploy, app, eventually):
    first = dokploy.service(app["appName"])["digest"]
    moved = dokploy.control("image-moved", image="nginx:1")["digest"]

    dokploy.do("application.redeploy", **key(app))
    eventually(lambda: len(dokploy.runs(app["applicationId"])) == 2)
    eventually(lambda: dokploy.read("deployment.queueList") == [])
    again = dokploy.service(app["appName"])["digest"]
    run = dokploy.deploy(app["applicationId"])

    assert again == first != moved
    assert f"Digest: {moved}" in dokploy.log(run["deploymentId"])
    assert dokploy.service(app["appName"])["digest"] == moved


def test_a_pinned_digest_is_run_as_it_is(dokploy):
    pinned = "sha256:" + "a" * 64
    row = dokploy.application(image=f"nginx@{pinned}")
    dokploy.deploy(row["applicationId"])

    assert dokploy.service(row["appName"])["digest"] == pinned


@pytest.mark.parametrize("verb", ["start", "reload"])
def test_a_suspended_service_finds_its_image_cleaned_up(dokploy, built, verb):
    dokploy.do("application.stop", **key(built))
    dokploy.do("settings.cleanUnusedImages")
    image = f"{built['appName']}:latest"
    assert image not in names(dokploy)

    more = {"appName": built["appName"]} if verb == "reload" else {}
    dokploy.do(f"application.{verb}", **key(built), **more)
    tasks = dokploy.read("docker.getServiceContainersByAppName", appName=built["appName"])
    assert dokploy.service(built["appName"])["running"] == 0
    assert f"No such image: {image}" in {task["error"] for task in tasks}

    dokploy.deploy(built["applicationId"])
    assert dokploy.service(built["appName"])["running"] == 1


def test_what_runs_keeps_its_image_through_the_night(dokploy, app, built):
    dokploy.do("application.stop", **key(app))

    assert dokploy.control("image-gone")["lost"] == ["nginx:1"]
    assert names(dokploy) == {f"{built['appName']}:latest"}
    dokploy.control("settings", enableDockerCleanup=False)
    dokploy.do("application.stop", **key(built))
    assert dokploy.control("image-gone")["lost"] == []


def test_a_built_image_outlives_its_application_until_it_is_removed(dokploy, built):
    dokploy.do("application.delete", **key(built))
    (row,) = dokploy.read("dockerImage.getImages")
    image = f"{built['appName']}:latest"

    config = dokploy.read("dockerImage.getImageConfig", imageRef=image)
    assert config["RepoTags"] == [image]
    asked = {"repository": row["Repository"], "tag": row["Tag"], "id": row["ID"]}
    assert dokploy.post("dockerImage.removeImage", **asked).content == b""
    assert dokploy.post("dockerImage.removeImage", **asked).status_code == 500
    assert dokploy.get("dockerImage.getImageConfig", imageRef=image).status_code == 500


def test_an_image_in_use_goes_only_by_force(dokploy, app):
    asked = {"repository": "nginx", "tag": "1", "id": "x"}

    assert "conflict" in dokploy.post("dockerImage.removeImage", **asked).json()["message"]
    assert dokploy.post("dockerImage.removeImage", force=True, **asked).status_code == 200
    assert dokploy.service(app["appName"])["running"] == 1


def test_a_branch_has_the_commit_it_was_told(dokploy, built, eventually):
    commit = "c" * 40
    dokploy.control("git", url=URL, branch="v1", commit=commit, message="fix: all")

    run = dokploy.deploy(built["applicationId"])
    eventually(
        lambda: (
            f"Commit: {commit}" in {r["description"] for r in dokploy.runs(run["applicationId"])}
        )
    )
    facts = {row["deploymentId"]: row for row in dokploy.state()["builds"]}
    assert facts[run["deploymentId"]]["commit"] == commit


@pytest.mark.parametrize("branch", ["v2", "d" * 40])
def test_an_unknown_branch_and_a_bare_hash_cannot_be_cloned(dokploy, built, branch):
    dokploy.control("git", url=URL, branch="v1", only=True)
    dokploy.use_git(built["applicationId"], URL, branch)

    run = dokploy.deploy(built["applicationId"])

    assert run["status"] == "error"
    assert f"Remote branch {branch} not found in upstream" in dokploy.log(run["deploymentId"])


def test_a_build_without_cache_says_so(dokploy, built):
    dokploy.do("application.update", cleanCache=True, **key(built))

    run = dokploy.deploy(built["applicationId"])

    assert "--no-cache" in dokploy.log(run["deploymentId"])
    assert [row["cleanCache"] for row in dokploy.state()["builds"]] == [False, True]
