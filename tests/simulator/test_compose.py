"""Compose: rows, stacks, what reaches them and what stays of them."""

import pytest

FILE = """
services:
  web:
    image: acme/web:${TAG:-1}
    environment:
      URL: ${URL}
      PLAIN: fixed
    volumes:
      - data:/data
    deploy:
      replicas: 2
      resources:
        limits: {memory: 128M, cpus: "0.5"}
  worker:
    image: acme/worker:1
    command: ["work", "--name", "$NAME"]
volumes:
  data:
"""


@pytest.fixture
def make(dokploy):
    def made(text=FILE, kind="stack", **more):
        return dokploy.do(
            "compose.create",
            name="shop",
            appName="shop",
            environmentId=dokploy.environment(),
            composeType=kind,
            sourceType="raw",
            composeFile=text,
            **more,
        )

    return made


@pytest.fixture
def deploy(dokploy, eventually):
    def deployed(row):
        key = {"composeId": row["composeId"]}
        count = len(dokploy.read("deployment.allByCompose", **key))
        told = dokploy.do("compose.deploy", title="first", **key)
        assert told["success"]

        def ended():
            runs = dokploy.read("deployment.allByCompose", **key)
            return len(runs) > count and runs[0]["status"] != "running" and runs[0]

        return eventually(ended)

    return deployed


def services(dokploy):
    return {row["name"]: row for row in dokploy.state()["services"]}


def test_a_stack_gets_what_its_file_names_and_no_more(dokploy, make, deploy):
    row = make()
    env = "URL=postgres://x\nTAG=7\nNAME=n1\nHIDDEN=secret"
    dokploy.do("compose.saveEnvironment", composeId=row["composeId"], env=env)
    run = deploy(row)

    web = services(dokploy)[f"{row['appName']}_web"]
    worker = services(dokploy)[f"{row['appName']}_worker"]
    assert (run["status"], run["title"]) == ("done", "first")
    assert (web["image"], web["replicas"], web["running"]) == ("acme/web:7", 2, 2)
    assert (web["limits"]["memoryLimit"], web["limits"]["cpuLimit"]) == (128 << 20, 500_000_000)
    assert web["volumes"] == [f"{row['appName']}_data"]
    assert worker["args"] == ["work", "--name", "n1"]
    (container, _) = dokploy.read(
        "docker.getContainersByAppLabel", appName=web["name"], type="swarm"
    )
    env = dokploy.read("docker.getConfig", containerId=container["containerId"])["Config"]["Env"]
    assert sorted(env) == ["PLAIN=fixed", "URL=postgres://x"]


def test_a_stack_is_read_by_its_name(dokploy, make, deploy):
    row = make()
    deploy(row)
    key = {"appName": row["appName"]}

    tasks = dokploy.read("docker.getStackContainersByAppName", **key)
    running = dokploy.read("docker.getContainersByAppNameMatch", appType="stack", **key)

    assert {task["name"] for task in tasks} == {
        f"{row['appName']}_{end}" for end in ("web.1", "web.2", "worker.1")
    }
    assert [task["state"] for task in running] == ["running"] * 3


def test_start_brings_no_stack_back_and_stop_removes_it(dokploy, make, deploy):
    row = make()
    deploy(row)
    key = {"composeId": row["composeId"]}

    assert dokploy.do("compose.stop", **key) is True
    assert services(dokploy) == {}
    assert dokploy.read("compose.one", **key)["composeStatus"] == "idle"
    assert dokploy.do("compose.start", **key) is True
    assert services(dokploy) == {}
    assert dokploy.read("compose.one", **key)["composeStatus"] == "done"


def test_docker_compose_stops_and_starts_and_may_lose_its_volumes(dokploy, make, deploy):
    row = make(kind="docker-compose")
    deploy(row)
    key = {"composeId": row["composeId"]}
    web = f"{row['appName']}_web"

    dokploy.do("compose.stop", **key)
    assert services(dokploy)[web]["replicas"] == 0
    dokploy.do("compose.start", **key)
    assert services(dokploy)[web]["replicas"] == 2

    dokploy.do("compose.delete", deleteVolumes=True, **key)
    assert (services(dokploy), dokploy.state()["volumes"]) == ({}, [])


def test_a_deleted_stack_leaves_its_volumes_and_may_run_on(dokploy, make, deploy, eventually):
    row = make()
    deploy(row)
    dokploy.control("settings", stack_lingers=0.2)

    dokploy.do("compose.delete", composeId=row["composeId"], deleteVolumes=True)

    assert dokploy.get("compose.one", composeId=row["composeId"]).status_code == 404
    assert len(services(dokploy)) == 2
    eventually(lambda: services(dokploy) == {})
    left = dokploy.http.get("/_sim/remains", params={"of": row["appName"]}).json()
    assert set(left) == {"volumes"}


def test_a_stack_may_run_on_for_ever(dokploy, make, deploy):
    row = make()
    deploy(row)
    dokploy.control("settings", stack_lingers=True)

    dokploy.do("compose.delete", composeId=row["composeId"], deleteVolumes=False)

    assert len(services(dokploy)) == 2


def test_a_file_that_lost_a_service_loses_it_at_the_next_deploy(dokploy, make, deploy):
    row = make()
    deploy(row)
    text = "services:\n  web:\n    image: acme/web:1\n"
    dokploy.do("compose.update", composeId=row["composeId"], composeFile=text)
    deploy(row)

    assert set(services(dokploy)) == {f"{row['appName']}_web"}
    assert dokploy.read("compose.loadServices", composeId=row["composeId"]) == ["web"]
    assert dokploy.read("compose.getConvertedCompose", composeId=row["composeId"]) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("services: [", "yaml: "),
        ("volumes: {}", "no services"),
        ("services: {web: {build: .}}", "no image specified"),
        ("services: {web: {image: '${X:?give it}'}}", "required variable X"),
    ],
)
def test_files_that_cannot_run_fail_with_the_reason(dokploy, make, deploy, text, words):
    run = deploy(make(text))

    assert run["status"] == "error"
    assert words in dokploy.log(run["deploymentId"])


def test_an_image_nobody_has_is_a_done_deploy_with_rejected_tasks(dokploy, make, deploy):
    row = make("services: {web: {image: 'acme/pullfail:1'}, sick: {image: 'acme/crash:1'}}")

    assert deploy(row)["status"] == "done"
    assert {name: told["running"] for name, told in services(dokploy).items()} == {
        f"{row['appName']}_web": 0,
        f"{row['appName']}_sick": 0,
    }


def test_a_domain_waits_for_the_next_deploy(dokploy, make, deploy):
    row = make()
    deploy(row)
    domain = dokploy.do(
        "domain.create",
        host="c.demo.test",
        composeId=row["composeId"],
        serviceName="web",
        domainType="compose",
    )
    assert dokploy.visit("c.demo.test").status_code == 404
    deploy(row)
    assert dokploy.visit("c.demo.test").json()["service"] == f"{row['appName']}_web"

    told = dokploy.do("domain.toggleEnable", domainId=domain["domainId"])
    assert told["requiresRedeploy"]
    assert dokploy.visit("c.demo.test").status_code == 200
    deploy(row)
    assert dokploy.visit("c.demo.test").status_code == 404


def test_a_domain_of_an_unknown_service_breaks_the_deploy(dokploy, make, deploy):
    row = make()
    key = {"composeId": row["composeId"]}
    dokploy.do("domain.create", host="c.demo.test", serviceName="db", domainType="compose", **key)

    run = deploy(row)

    assert run["status"] == "error"
    assert "does not exist in the compose" in dokploy.log(run["deploymentId"])


def test_compose_is_listed_where_services_are(dokploy, make):
    row = make()
    environment = dokploy.state()["environments"][0]
    project = dokploy.read("project.one", projectId=environment["projectId"])

    (listed,) = project["environments"][0]["compose"]
    (shown,) = dokploy.read("overview.services")
    assert (listed["appName"], listed["composeStatus"]) == (row["appName"], "idle")
    assert (shown["type"], shown["status"]) == ("compose", "idle")


def test_without_a_source_a_compose_is_from_github_and_fails(dokploy, deploy):
    row = dokploy.do("compose.create", name="c", environmentId=dokploy.environment())

    assert (row["sourceType"], row["composeType"]) == ("github", "docker-compose")
    assert deploy(row)["status"] == "error"


def test_a_file_from_git_is_the_one_at_the_branch(dokploy, deploy):
    row = dokploy.do(
        "compose.create",
        name="c",
        environmentId=dokploy.environment(),
        composeType="stack",
        sourceType="git",
    )
    url = "https://git.example.test/shop.git"
    dokploy.do("compose.update", composeId=row["composeId"], customGitUrl=url, customGitBranch="v1")
    files = {"docker-compose.yml": "services: {web: {image: 'nginx:1'}}"}
    dokploy.control("git", url=url, branch="v1", commit="e" * 40, files=files)

    run = deploy(row)

    assert (run["status"], run["description"]) == ("done", f"Commit: {'e' * 40}")
    assert set(services(dokploy)) == {f"{row['appName']}_web"}
