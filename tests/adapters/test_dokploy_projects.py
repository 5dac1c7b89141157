"""Versions, machines and projects: what is asked, and what is made of the rows."""

import httpx
import pytest

from tenantry.adapters.dokploy.client import DokployClient, serve
from tenantry.adapters.dokploy.target import DokployTarget
from tenantry.errors import Permanent, Transient
from tenantry.ports import ServerSeen
from tests.adapters.dokploy_server import (
    APP,
    ENVIRONMENT,
    NOT_FOUND,
    STACK,
    VERSION,
    Server,
    project,
    target,
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
        compose=[STACK],
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
        ("compose", "c1"),
    ]
    assert seen.services[3].status == "done"
    assert seen.services[1].app_name == "acme-web-4kdbwc"
    assert seen.services[1].status == "done"


def test_the_whole_fleet_is_two_calls():
    def row(number, kind, **more):
        return {
            "id": f"s{number}",
            "type": kind,
            "name": "web",
            "appName": f"acme-web-{number}",
            "status": "done",
            "createdAt": f"2026-11-2{number}",
            "serverId": None,
            "projectId": "p1",
            "environmentId": "env1",
            "lastDeployAt": None,
            **more,
        }

    bare = {**ENVIRONMENT, "applications": [{"applicationId": "s2", "name": "web"}]}
    listed = [
        {**project("p2", "tenantry:t2 B", "2026-11-21"), "environments": [ENVIRONMENT]},
        {**project("p1"), "environments": [bare]},
    ]
    overview = [row(2, "application"), row(1, "mongo"), row(3, "compose", status=None)]
    server = Server(project__all=listed, overview__services=overview)
    first, second = target(server).projects()
    assert (first.id, first.environment_id, second.id) == ("p1", "env1", "p2")
    assert [(s.kind, s.id, s.app_name, s.status, s.description) for s in first.services] == [
        ("mongodb", "s1", "acme-web-1", "done", ""),
        ("application", "s2", "acme-web-2", "done", ""),
        ("compose", "s3", "acme-web-3", "idle", ""),
    ]
    assert second.services == ()
    assert [call for _, call, _ in server.asked] == [VERSION, "overview.services", "project.all"]


def test_restores_are_off_unless_staff_allow_them():
    assert not target(Server()).capabilities().restore
    client = DokployClient(serve("main", "https://d", httpx.MockTransport(Server())), "k")
    able = DokployTarget(client, restore=True).capabilities()
    assert (able.restore, able.gpu, able.storage_quota) == (True, False, False)


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
