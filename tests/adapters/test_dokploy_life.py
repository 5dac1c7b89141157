"""Applications after their first day: what is sent, and what is made of a row in full."""

import pytest

from tenantry.errors import Permanent, Transient
from tenantry.planning.sources import Build, GitSource, Volume
from tenantry.ports import DomainSeen, MountSeen, RedirectSeen, ScheduleSeen
from tests.adapters.dokploy_server import APP, Server, target

SCHEDULE = ScheduleSeen("s1", "nightly", "0 4 * * *", "echo hi", enabled=True)
IN_FULL = {
    **APP,
    "env": "DB_PASSWORD=hunter2",
    "sourceType": "git",
    "dockerImage": None,
    "customGitUrl": "https://g.example/x.git",
    "customGitBranch": "main",
    "customGitBuildPath": "/",
    "customGitSSHKeyId": None,
    "enableSubmodules": False,
    "buildType": "dockerfile",
    "dockerfile": None,
    "dockerContextPath": "",
    "dockerBuildStage": None,
    "railpackVersion": None,
    "herokuVersion": "24",
    "publishDirectory": None,
    "isStaticSpa": None,
    "replicas": 2,
    "memoryLimit": "268435456",
    "cpuLimit": None,
    "args": ["serve"],
    "updateConfigSwarm": {"Parallelism": 1, "Order": "stop-first"},
    "autoDeploy": True,
    "cleanCache": False,
    "rollbackActive": True,
    "rollbackRegistryId": None,
    "domains": [
        {
            "domainId": "d1",
            "host": "acme.example.test",
            "path": "/",
            "port": 80,
            "https": True,
            "certificateType": "letsencrypt",
            "serviceName": None,
            "enabled": False,
        }
    ],
    "redirects": [{"redirectId": "r1", "regex": "^/a", "replacement": "/b", "permanent": False}],
    "mounts": [
        {"mountId": "m1", "type": "volume", "volumeName": "acme-data", "mountPath": "/data"},
        {"mountId": "m2", "type": "file", "filePath": "a.ini", "content": "x", "mountPath": "/a"},
    ],
}


def seen_of(**more):
    return target(Server(application__one={**IN_FULL, **more})).application("app1")


def test_an_application_in_full():
    seen = seen_of()
    assert (seen.id, seen.app_name, seen.status) == ("app1", "acme-web-4kdbwc", "done")
    assert seen.git == GitSource("https://g.example/x.git", "main")
    assert seen.build == Build("dockerfile", dockerfile="", railpack_version="")
    assert (seen.replicas, seen.memory, seen.cpu) == (2, "268435456", None)
    assert (seen.args, seen.stop_first, seen.auto_deploy) == (("serve",), True, True)
    assert (seen.fresh_build, seen.image) == (False, None)
    assert seen.domains == (
        DomainSeen(
            "d1", "acme.example.test", "/", 80, https=True, certificate="letsencrypt", enabled=False
        ),
    )
    assert seen.redirects == (RedirectSeen("r1", "^/a", "/b", permanent=False),)
    assert seen.mounts == (
        MountSeen("m1", "volume", "acme-data", "/data"),
        MountSeen("m2", "file", "a.ini", "/a"),
    )


def test_no_representation_shows_the_environment():
    seen = seen_of()
    assert seen.env == "DB_PASSWORD=hunter2"
    assert "hunter2" not in repr(seen)


def test_trap_11_a_rollback_needs_a_registry_too():
    assert not seen_of().rollback
    assert seen_of(rollbackRegistryId="reg1").rollback


def test_an_image_is_the_source_only_where_it_says_so():
    seen = seen_of(sourceType="docker", dockerImage="nginx:1.27")
    assert (seen.git, seen.image, seen.source_type) == (None, "nginx:1.27", "docker")
    left = seen_of(dockerImage="nginx:1.27")
    assert left.image is None
    provider = seen_of(sourceType="github", customGitUrl=None)
    assert (provider.git, provider.source_type) == (None, "github")


def test_what_somebody_never_touched_reads_as_the_targets_defaults():
    seen = seen_of(updateConfigSwarm=None, args=None, buildType=None, mounts=None, env=None)
    assert (seen.stop_first, seen.args, seen.build, seen.mounts, seen.env) == (
        False,
        (),
        None,
        (),
        "",
    )


def test_a_row_of_another_shape_is_transient_and_shows_nothing_of_itself():
    with pytest.raises(Transient) as trouble:
        seen_of(replicas="many, hunter2")
    assert "hunter2" not in str(trouble.value)


CHANGES = {
    "application.update": (
        lambda t: t.set_fresh_build("app1", fresh=True),
        {"applicationId": "app1", "cleanCache": True},
    ),
    "application.reload": (
        lambda t: t.reload_application("app1", "acme-web-4kdbwc"),
        {"applicationId": "app1", "appName": "acme-web-4kdbwc"},
    ),
    "application.stop": (lambda t: t.stop_application("app1"), {"applicationId": "app1"}),
    "mounts.create": (
        lambda t: t.create_volume("app1", Volume("acme-data", "/data")),
        {
            "type": "volume",
            "volumeName": "acme-data",
            "mountPath": "/data",
            "serviceId": "app1",
            "serviceType": "application",
        },
    ),
    "redirects.create": (
        lambda t: t.create_redirect("app1", RedirectSeen("", "^/a", "/b", permanent=True)),
        {"applicationId": "app1", "regex": "^/a", "replacement": "/b", "permanent": True},
    ),
    "redirects.delete": (lambda t: t.delete_redirect("r1"), {"redirectId": "r1"}),
    "schedule.update": (
        lambda t: t.enable_schedule(SCHEDULE, enabled=False),
        {
            "scheduleId": "s1",
            "name": "nightly",
            "cronExpression": "0 4 * * *",
            "command": "echo hi",
            "enabled": False,
        },
    ),
    "schedule.delete": (lambda t: t.delete_schedule("s1"), {"scheduleId": "s1"}),
    "application.cleanQueues": (
        lambda t: t.drop_waiting_builds("app1"),
        {"applicationId": "app1"},
    ),
    "rollback.rollback": (lambda t: t.roll_back("rb1"), {"rollbackId": "rb1"}),
    "project.remove": (lambda t: t.delete_project("p1"), {"projectId": "p1"}),
}


@pytest.mark.parametrize("call", CHANGES)
def test_a_change_sends_exactly_this(call):
    deed, body = CHANGES[call]
    server = Server(**{call: True})
    deed(target(server))
    assert server.sent(call) == body


ADOPTIONS = [
    ("project", "project.update", {"projectId": "x"}),
    ("application", "application.update", {"applicationId": "x", "autoDeploy": False}),
    ("compose", "compose.update", {"composeId": "x", "autoDeploy": False}),
    ("postgres", "postgres.update", {"postgresId": "x"}),
    ("mongodb", "mongo.update", {"mongoId": "x"}),
]


@pytest.mark.parametrize(("kind", "call", "body"), ADOPTIONS)
def test_adoption_writes_a_description_and_nothing_that_the_engine_sees(kind, call, body):
    server = Server(**{call: True})
    target(server).adopt(kind, "x", "tenantry:s1 web")
    assert server.sent(call) == {**body, "description": "tenantry:s1 web"}


def test_adopting_a_libsql_keeps_what_its_update_would_reset():
    row = {**APP, "libsqlId": "x", "dockerImage": "libsql:v1", "enableNamespaces": True}
    server = Server(libsql__one=row, libsql__update=True)
    target(server).adopt("libsql", "x", "d")
    assert server.sent("libsql.update") == {
        "libsqlId": "x",
        "dockerImage": "libsql:v1",
        "enableNamespaces": True,
        "description": "d",
    }


@pytest.mark.parametrize("enabled", [True, False])
def test_a_domain_is_switched_by_an_update_that_may_be_repeated(enabled):
    row = {"domainId": "d1", "host": "acme.example.test", "enabled": enabled}
    server = Server(domain__one=row, domain__update=row)
    target(server).enable_domain("d1", enabled=enabled)
    assert server.sent("domain.update") == {
        "domainId": "d1",
        "host": "acme.example.test",
        "enabled": enabled,
    }


def test_schedules_as_they_are_listed():
    row = {
        "scheduleId": "s1",
        "name": "nightly",
        "cronExpression": "0 4 * * *",
        "command": "echo hi",
        "enabled": True,
        "deployments": [],
    }
    server = Server(schedule__list=[row, {**row, "scheduleId": "s2", "enabled": False}])
    first, second = target(server).schedules_of("app1")
    assert first == SCHEDULE
    assert (second.id, second.enabled) == ("s2", False)
    assert server.sent("schedule.list") == {"id": "app1", "scheduleType": "application"}


def test_what_is_gone():
    t = target(Server())
    assert t.application("a") is None
    for deed in (
        lambda: t.delete_redirect("r"),
        lambda: t.delete_schedule("s"),
        lambda: t.drop_waiting_builds("a"),
        lambda: t.delete_project("p"),
    ):
        deed()
    for deed in (
        lambda: t.enable_domain("d", enabled=True),
        lambda: t.enable_schedule(SCHEDULE, enabled=True),
        lambda: t.stop_application("a"),
        lambda: t.reload_application("a", "b"),
        lambda: t.roll_back("r"),
    ):
        with pytest.raises(Permanent):
            deed()
