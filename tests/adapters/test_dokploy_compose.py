"""Compose stacks: always raw, always of the type stack."""

import httpx
import pytest

from tests.adapters.dokploy_server import STACK, Server, target

FILE = "services:\n  web:\n    image: nginx:alpine\n"
IN_FULL = {
    **STACK,
    "env": "TOKEN=hunter2",
    "composeFile": FILE,
    "composeType": "stack",
    "sourceType": "raw",
    "autoDeploy": True,
    "domains": [
        {
            "domainId": "d1",
            "host": "a.example.test",
            "port": 80,
            "serviceName": "web",
            "https": False,
            "enabled": True,
        }
    ],
    "mounts": [],
}
DOMAIN = IN_FULL["domains"][0]
QUEUED = {"success": True, "message": "Deployment queued", "composeId": "c1"}


def create(t):
    return t.create_compose("env1", "stack", "acme-stk", "tenantry:s3 stack", None)


def create_domain(t):
    return t.create_compose_domain(
        "c1", "web", "a.example.test", 80, https=False, certificate="none"
    )


CHANGES = {
    "compose.create": (
        create,
        STACK,
        {
            "environmentId": "env1",
            "name": "stack",
            "appName": "acme-stk",
            "description": "tenantry:s3 stack",
            "serverId": None,
            "composeType": "stack",
            "sourceType": "raw",
        },
    ),
    "compose.update": (
        lambda t: t.set_compose_file("c1", FILE),
        STACK,
        {
            "composeId": "c1",
            "composeFile": FILE,
            "sourceType": "raw",
            "composeType": "stack",
            "autoDeploy": False,
        },
    ),
    "compose.saveEnvironment": (
        lambda t: t.set_compose_environment("c1", "A=1"),
        STACK,
        {"composeId": "c1", "env": "A=1"},
    ),
    "compose.deploy": (
        lambda t: t.deploy_compose("c1", "ours", "words"),
        QUEUED,
        {"composeId": "c1", "title": "ours", "description": "words"},
    ),
    "compose.stop": (lambda t: t.stop_compose("c1"), True, {"composeId": "c1"}),
    "compose.delete": (
        lambda t: t.delete_compose("c1"),
        STACK,
        {"composeId": "c1", "deleteVolumes": False},
    ),
    "compose.cleanQueues": (lambda t: t.drop_waiting_runs("c1"), QUEUED, {"composeId": "c1"}),
    "domain.create": (
        create_domain,
        DOMAIN,
        {
            "composeId": "c1",
            "serviceName": "web",
            "domainType": "compose",
            "host": "a.example.test",
            "path": "/",
            "port": 80,
            "https": False,
            "certificateType": "none",
        },
    ),
}


@pytest.mark.parametrize("call", CHANGES)
def test_a_change_sends_exactly_this(call):
    deed, answer, body = CHANGES[call]
    server = Server(**{call: answer})
    deed(target(server))
    assert server.sent(call) == body


def test_a_new_stack_and_its_domain():
    made = create(target(Server(compose__create=STACK)))
    assert (made.kind, made.id, made.app_name, made.status) == (
        "compose",
        "c1",
        "acme-stk-gse5pt",
        "done",
    )
    domain = create_domain(target(Server(domain__create=DOMAIN)))
    assert (domain.id, domain.service, domain.enabled) == ("d1", "web", True)


def test_a_stack_in_full():
    server = Server(compose__one=IN_FULL)
    seen = target(server).compose("c1")
    assert (seen.file, seen.env, seen.stack, seen.auto_deploy) == (
        FILE,
        "TOKEN=hunter2",
        True,
        True,
    )
    assert seen.status == "done"
    assert [d.service for d in seen.domains] == ["web"]
    assert "hunter2" not in repr(seen)
    assert server.sent("compose.one") == {"composeId": "c1"}


def test_its_services_runs_containers_and_domains():
    run = {"deploymentId": "r1", "title": "ours", "status": "done", "createdAt": "1"}
    task = {
        "containerId": "t1",
        "name": "acme-stk-gse5pt_web.1",
        "state": "running",
        "currentState": "Running 3 seconds ago",
        "node": "n1",
        "error": "",
    }
    server = Server(
        compose__loadServices=["web", "db"],
        deployment__allByCompose=[run, {**run, "deploymentId": "r2", "createdAt": "2"}],
        docker__getStackContainersByAppName=[task],
        domain__byComposeId=[DOMAIN],
    )
    t = target(server)
    assert list(t.compose_services("c1")) == ["web", "db"]
    assert server.sent("compose.loadServices") == {"composeId": "c1", "type": "cache"}
    assert [r.id for r in t.compose_builds("c1")] == ["r2", "r1"]
    (seen,) = t.compose_containers("acme-stk-gse5pt", None)
    assert (seen.name, seen.state) == ("acme-stk-gse5pt_web.1", "running")
    assert server.sent("docker.getStackContainersByAppName") == {"appName": "acme-stk-gse5pt"}
    assert [d.service for d in t.compose_domains("c1")] == ["web"]


def test_what_is_gone_and_what_is_silent():
    t = target(Server())
    assert t.compose("c") is None
    for empty in (t.compose_services("c"), t.compose_builds("c"), t.compose_domains("c")):
        assert list(empty) == []
    t.delete_compose("c")
    t.drop_waiting_runs("c")
    silent = Server(docker__getStackContainersByAppName=httpx.Response(200))
    assert list(target(silent).compose_containers("a", None)) == []
