"""The target in our words: what is sent, and what is made of rows as a real server wrote them."""

import json

import httpx
import pytest

from tenantry.adapters.dokploy.client import DokployClient, serve
from tenantry.adapters.dokploy.target import DokployTarget
from tenantry.errors import Permanent, Transient
from tenantry.planning.databases import DATABASE_KINDS
from tenantry.planning.sources import Build, GitSource, ImageSource
from tenantry.ports import DatabaseWish, ServerSeen

VERSION = "settings.getDokployVersion"
ENVIRONMENT = {
    "environmentId": "env1",
    "name": "production",
    "isDefault": True,
    "applications": [],
    "compose": [{"composeId": "c1", "name": "not ours"}],
    "libsql": [],
    "mariadb": [],
    "mongo": [],
    "mysql": [],
    "postgres": [],
    "redis": [],
}
APP = {
    "applicationId": "app1",
    "name": "web",
    "appName": "acme-web-4kdbwc",
    "description": "tenantry:s1 web",
    "createdAt": "2026-11-20T10:00:27.076Z",
    "serverId": None,
    "applicationStatus": "done",
}
NOT_FOUND = {
    "message": "Not there",
    "code": "NOT_FOUND",
    "data": {"code": "NOT_FOUND", "httpStatus": 404, "path": "x.y", "zodError": None},
}


def project(project_id="p1", description="tenantry:t1 Acme", created="2026-11-20", **lists):
    return {
        "projectId": project_id,
        "name": "tenant-acme",
        "description": description,
        "createdAt": created,
        "environments": [{**ENVIRONMENT, **lists}],
    }


class Server:
    """Answers by call; a missing answer is a 404 of the target. Remembers what it was asked."""

    def __init__(self, **answers):
        self.answers = {VERSION: "v0.30.2", **{k.replace("__", "."): v for k, v in answers.items()}}
        self.asked = []

    def __call__(self, request):
        call = request.url.path.removeprefix("/api/")
        given = json.loads(request.content) if request.content else dict(request.url.params)
        self.asked.append((request.method, call, given))
        if call not in self.answers:
            return httpx.Response(404, json=NOT_FOUND)
        answer = self.answers[call]
        answer = answer(given) if callable(answer) else answer
        if isinstance(answer, httpx.Response):
            return answer
        return httpx.Response(200, json=answer)

    def sent(self, call):
        (found,) = [given for _, name, given in self.asked if name == call]
        return found


def target(server):
    return DokployTarget(
        DokployClient(serve("main", "https://d", httpx.MockTransport(server)), "k")
    )


def test_the_version_is_asked_once():
    server = Server(server__all=[], deployment__queueList=[])
    t = target(server)
    t.servers()
    t.queue()
    assert [call for _, call, _ in server.asked].count(VERSION) == 1
    assert t.version() == "v0.30.2"


@pytest.mark.parametrize(
    "text", ["v0.30.2", "0.30.2", "v0.30.2-51-g772b76821", "v0.31.0", "v1.0.0"]
)
def test_supported_versions(text):
    assert target(Server(**{VERSION: text})).version() == text


@pytest.mark.parametrize("text", ["v0.30.1", "v0.29.9", "canary", "", "v0.3", "v0.30.2222222222"])
def test_older_versions_are_refused_and_nothing_is_changed(text):
    server = Server(**{VERSION: text, "project.create": {}})
    with pytest.raises(Permanent, match=r"at least 0\.30\.2"):
        target(server).create_project("a", "b")
    assert [call for _, call, _ in server.asked] == [VERSION]


def test_an_unreadable_version_is_transient():
    with pytest.raises(Transient):
        target(Server(**{VERSION: {"no": 1}})).version()


def test_its_own_host_comes_first():
    rows = [
        {"serverId": "s2", "name": "b", "serverStatus": "inactive", "serverType": "deploy"},
        {"serverId": "s1", "name": "a", "serverStatus": "active", "serverType": "deploy"},
        {"serverId": "s3", "name": "builder", "serverStatus": "active", "serverType": "build"},
    ]
    own, first, second = target(Server(server__all=rows)).servers()
    assert own.id is None
    assert first == ServerSeen("s1", "a", active=True)
    assert second == ServerSeen("s2", "b", active=False)


def test_projects_are_found_by_whole_words_and_oldest_first():
    listed = [
        project("p3", "tenantry:t1 newer", "2026-11-21"),
        project("p1", "tenantry:t1"),
        project("p2", "tenantry:t10 other"),
        project("p4", None),
        project("p5", "x-tenantry:t1 glued"),
        project("p6", "tenantry:t1 gone since"),
    ]
    ones = {p["projectId"]: p for p in listed[:5]}
    server = Server(
        project__all=listed,
        project__one=lambda q: ones.get(q["projectId"], httpx.Response(404, json=NOT_FOUND)),
    )
    found = target(server).projects_marked("tenantry:t1")
    assert [p.id for p in found] == ["p1", "p3"]
    assert not any("search" in call for _, call, _ in server.asked)


def test_a_project_lists_the_services_of_all_its_environments():
    row = project(
        applications=[APP],
        mongo=[{**APP, "mongoId": "m1", "createdAt": "2026-11-20T09:00:00Z", "name": "db"}],
    )
    staging = {**ENVIRONMENT, "environmentId": "env2", "isDefault": False}
    row["environments"].insert(0, {**staging, "redis": [{**APP, "redisId": "r1"}]})
    seen = target(Server(project__one=row)).project("p1")
    assert seen.environment_id == "env1"
    assert [(s.kind, s.id) for s in seen.services] == [
        ("mongodb", "m1"),
        ("application", "app1"),
        ("redis", "r1"),
    ]
    assert seen.services[1].app_name == "acme-web-4kdbwc"
    assert seen.services[1].status == "done"


def test_what_is_gone_reads_as_none_or_empty():
    t = target(Server())
    assert t.project("p1") is None
    assert t.application_status("a") is None
    assert t.database("mongodb", "m") is None
    assert t.build_log("b", 100) == ""
    t.delete_application("a")
    t.delete_domain("d")


def test_a_project_is_created_with_its_environment():
    row = project()
    answer = {"project": row, "environment": ENVIRONMENT}
    server = Server(project__create=answer)
    made = target(server).create_project("tenant-acme", "tenantry:t1 Acme")
    assert (made.id, made.environment_id, made.services) == ("p1", "env1", ())
    assert server.sent("project.create") == {
        "name": "tenant-acme",
        "description": "tenantry:t1 Acme",
    }


def test_trap_1_the_name_that_counts_is_the_one_with_the_suffix():
    server = Server(application__create=APP)
    made = target(server).create_application("env1", "web", "acme-web", "tenantry:s1 web", None)
    assert made.app_name == "acme-web-4kdbwc"
    assert server.sent("application.create") == {
        "environmentId": "env1",
        "name": "web",
        "appName": "acme-web",
        "description": "tenantry:s1 web",
        "serverId": None,
    }


def test_trap_10_and_55_automatic_deploys_are_off_and_a_failed_update_pauses():
    server = Server(application__update=True)
    target(server).settle_application("app1", args=["serve", "--port 80"])
    assert server.sent("application.update") == {
        "applicationId": "app1",
        "autoDeploy": False,
        "updateConfigSwarm": {"Parallelism": 1, "Order": "start-first", "FailureAction": "pause"},
        "args": ["serve", "--port 80"],
    }


REQUIRED = {
    "application.saveGitProvider": (
        lambda t: t.attach_git("app1", GitSource("https://g.example/x.git", "v1.2")),
        {
            "applicationId": "app1",
            "customGitUrl": "https://g.example/x.git",
            "customGitBranch": "v1.2",
            "customGitBuildPath": "/",
            "customGitSSHKeyId": None,
            "enableSubmodules": False,
            "watchPaths": [],
        },
    ),
    "application.saveDockerProvider": (
        lambda t: t.attach_image("app1", ImageSource("nginx:1.27")),
        {
            "applicationId": "app1",
            "dockerImage": "nginx:1.27",
            "username": None,
            "password": None,
            "registryUrl": None,
        },
    ),
    "application.saveBuildType": (
        lambda t: t.set_build("app1", Build("static", publish_directory="dist", static_spa=True)),
        {
            "applicationId": "app1",
            "buildType": "static",
            "dockerfile": "Dockerfile",
            "dockerContextPath": "",
            "dockerBuildStage": "",
            "herokuVersion": "24",
            "railpackVersion": "0.15.4",
            "publishDirectory": "dist",
            "isStaticSpa": True,
        },
    ),
    "application.saveEnvironment": (
        lambda t: t.set_environment("app1", "A=1\nB=2"),
        {
            "applicationId": "app1",
            "env": "A=1\nB=2",
            "buildArgs": "",
            "buildSecrets": "",
            "createEnvFile": True,
        },
    ),
}


@pytest.mark.parametrize("call", REQUIRED)
def test_trap_13_every_save_sends_every_field(call):
    deed, body = REQUIRED[call]
    server = Server(**{call: True})
    deed(target(server))
    assert server.sent(call) == body


def test_trap_3_a_deploy_answers_nothing():
    server = Server(application__deploy=httpx.Response(200))
    target(server).trigger_build("app1", "our title", "our words")
    assert server.sent("application.deploy") == {
        "applicationId": "app1",
        "title": "our title",
        "description": "our words",
    }


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

    rows = [row(1, "done", finishedAt="x"), row(3, "running"), row(2, "cancelled")]
    seen = target(Server(deployment__all=rows)).builds("app1")
    assert [(b.id, b.status, b.finished_at) for b in seen] == [
        ("d3", "running", None),
        ("d2", "cancelled", None),
        ("d1", "done", "x"),
    ]


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
        job(3, "waiting"),
        job(2, "active"),
    ]
    seen = target(Server(deployment__queueList=rows)).queue()
    assert [(q.app_id, q.title, q.state) for q in seen] == [
        ("a2", "t2", "active"),
        ("a3", "t3", "waiting"),
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


def wish(kind, **more):
    given = {"password": "Passw0rd", "root_password": "R00t", **more}
    return DatabaseWish(kind, "db", "acme-db", "tenantry:s2 db", "acme", "bob", **given)


COMMON = {
    "environmentId": "env1",
    "name": "db",
    "appName": "acme-db",
    "description": "tenantry:s2 db",
    "databasePassword": "Passw0rd",
    "serverId": None,
}
BODIES = {
    "postgres": {"databaseName": "acme", "databaseUser": "bob"},
    "mysql": {"databaseName": "acme", "databaseUser": "bob", "databaseRootPassword": "R00t"},
    "mariadb": {"databaseName": "acme", "databaseUser": "bob", "databaseRootPassword": "R00t"},
    "mongodb": {"databaseUser": "bob", "replicaSets": False},
    "redis": {},
    "libsql": {
        "databaseUser": "bob",
        "sqldNode": "primary",
        "sqldPrimaryUrl": None,
        "enableNamespaces": False,
    },
}


@pytest.mark.parametrize("kind", DATABASE_KINDS)
def test_trap_14_databases_are_created_with_a_pinned_image(kind):
    router = "mongo" if kind == "mongodb" else kind
    row = {**APP, f"{router}Id": "db1", "description": "tenantry:s2 db"}
    answer = True if kind == "libsql" else row
    server = Server(
        **{f"{router}.create": answer},
        environment__one={"projectId": "p1"},
        project__one=project(**{router: [{**row, f"{router}Id": "older", "createdAt": "1"}, row]}),
    )
    made = target(server).create_database("env1", wish(kind), None)
    assert (made.kind, made.id, made.app_name) == (kind, "db1", "acme-web-4kdbwc")
    body = server.sent(f"{router}.create")
    image = body.pop("dockerImage")
    assert body == {**COMMON, **BODIES[kind]}
    assert ":" in image
    assert not image.endswith(("latest", "mongo:15"))


def test_a_libsql_that_is_not_listed_yet_is_unknown():
    server = Server(
        libsql__create=True, environment__one={"projectId": "p1"}, project__one=project()
    )
    with pytest.raises(Transient) as trouble:
        target(server).create_database("env1", wish("libsql"), None)
    assert not trouble.value.outcome_known


@pytest.mark.parametrize("password", ["a b", "a'b", "a$b", "a\n", "ä", "a;b"])
def test_trap_14_a_password_with_signs_is_refused_here(password):
    server = Server(redis__create={})
    with pytest.raises(Permanent, match="letters and digits"):
        target(server).create_database("env1", wish("redis", password=password), None)
    assert not any(method == "POST" for method, _, _ in server.asked)


def test_a_database_by_its_kind():
    server = Server(mongo__one={**APP, "mongoId": "m1", "applicationStatus": "running"})
    seen = target(server).database("mongodb", "m1")
    assert (seen.kind, seen.id, seen.status) == ("mongodb", "m1", "running")
    assert server.sent("mongo.one") == {"mongoId": "m1"}


def test_starting_a_database_has_its_own_deadline(door):
    server = door(
        lambda talk: (
            talk.say(b'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n"v0.30.2"')
            if talk.number == 1
            else talk.silence()
        )
    )
    from tenantry.adapters.wire import DeadlineTransport

    t = DokployTarget(DokployClient(serve("main", server.url, DeadlineTransport(), 20), "k"))
    with pytest.raises(Transient, match=r"within 0\.3") as trouble:
        t.deploy_database("postgres", "pg1", deadline=0.3)
    assert not trouble.value.outcome_known


DOMAIN = {
    "domainId": "d1",
    "host": "acme.example.test",
    "path": "/",
    "port": 80,
    "https": True,
    "certificateType": "letsencrypt",
}


def test_trap_2_a_domain_is_created_with_all_that_the_target_does_not_check():
    server = Server(
        domain__create=DOMAIN, domain__byApplicationId=[DOMAIN, {**DOMAIN, "port": None}]
    )
    t = target(server)
    made = t.create_domain("app1", "acme.example.test", 80, https=True, certificate="letsencrypt")
    assert (made.id, made.path, made.port, made.https) == ("d1", "/", 80, True)
    assert server.sent("domain.create") == {
        "applicationId": "app1",
        "domainType": "application",
        "host": "acme.example.test",
        "path": "/",
        "port": 80,
        "https": True,
        "certificateType": "letsencrypt",
    }
    assert [d.port for d in t.domains("app1")] == [80, None]


def test_deleting_is_safe_to_repeat():
    server = Server(application__delete=APP, domain__delete=DOMAIN)
    t = target(server)
    t.delete_application("app1")
    t.delete_domain("d1")
    assert server.sent("application.delete") == {"applicationId": "app1"}
    assert server.sent("domain.delete") == {"domainId": "d1"}


def test_no_answer_shows_the_environment_that_came_with_it():
    row = {"applicationId": "a", "env": "DB_PASSWORD=hunter2"}
    with pytest.raises(Transient) as trouble:
        target(Server(application__create=row)).create_application("e", "w", "w", "d", None)
    assert "hunter2" not in str(trouble.value)
    assert trouble.value.__cause__ is None
