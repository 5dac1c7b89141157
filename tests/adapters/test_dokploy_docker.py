"""The engine behind a target: what its reads say, and when they say nothing."""

from datetime import UTC, datetime

import httpx
import pytest

from tenantry.errors import Permanent, TargetDown, Transient
from tenantry.ports import ContainerTimes, ImageSeen, NodeAppSeen
from tests.adapters.dokploy_server import Server, target

READS = {
    "swarm.getNodes": lambda t: t.nodes(None),
    "swarm.getNodeApps": lambda t: t.node_apps(None),
    "dockerVolume.getVolumes": lambda t: t.volumes(None),
    "dockerImage.getImages": lambda t: t.images(None),
    "docker.getContainersByAppLabel": lambda t: t.container_times("a", None),
    "docker.getServiceContainersByAppName": lambda t: t.containers("a", None),
}


def failed(reason):
    message = f"Command execution failed: Command failed: docker rm x\n{reason}\n"
    data = {"code": "INTERNAL_SERVER_ERROR", "httpStatus": 500, "path": "x.y", "zodError": None}
    body = {"message": message, "code": "INTERNAL_SERVER_ERROR", "data": data}
    return httpx.Response(500, json=body)


@pytest.mark.parametrize("call", READS)
@pytest.mark.parametrize("answer", [[], httpx.Response(200)], ids=["empty-list", "no-body"])
def test_trap_52_a_silent_engine_reads_as_empty(call, answer):
    assert not READS[call](target(Server(**{call: answer})))


def test_machines_and_services_of_the_swarm():
    app = {"ID": "f2", "Image": "acme/web:1", "Mode": "replicated", "Name": "acme-web-4k"}
    server = Server(
        swarm__getNodes=[{"ID": "n", "Hostname": "one", "Status": "Ready"}],
        swarm__getNodeApps=[
            {**app, "Replicas": "2/3"},
            {**app, "Name": "b", "Replicas": "0/1 (max 1 per node)"},
        ],
    )
    t = target(server)
    assert list(t.nodes("s1")) == ["one"]
    assert list(t.node_apps("s1")) == [
        NodeAppSeen("acme-web-4k", "acme/web:1", 2, 3),
        NodeAppSeen("b", "acme/web:1", 0, 1),
    ]
    assert server.sent("swarm.getNodes") == server.sent("swarm.getNodeApps") == {"serverId": "s1"}


def config(given):
    running = given["containerId"] == "c1"
    return {
        "Id": f"{given['containerId']}-long",
        "State": {
            "Running": running,
            "StartedAt": "2026-11-20T09:34:42.314123456Z",
            "FinishedAt": "0001-01-01T00:00:00Z" if running else "2026-11-20T10:00:00Z",
        },
    }


LISTED = [
    {"containerId": "c1", "name": "acme.web.1.task1", "state": "running"},
    {"containerId": "c2", "name": "acme.web.2.task2", "state": "exited"},
    {"containerId": "c3", "name": "standalone", "state": "running"},
]


def test_times_by_the_id_of_the_task():
    server = Server(docker__getContainersByAppLabel=LISTED, docker__getConfig=config)
    started = datetime(2026, 11, 20, 9, 34, 42, 314123, tzinfo=UTC)
    assert target(server).container_times("acme.web", "s1") == {
        "task1": ContainerTimes("c1-long", started, None),
        "task2": ContainerTimes("c2-long", started, datetime(2026, 11, 20, 10, tzinfo=UTC)),
    }
    assert server.sent("docker.getContainersByAppLabel") == {
        "appName": "acme.web",
        "type": "swarm",
        "serverId": "s1",
    }


@pytest.mark.parametrize(
    "answer",
    [httpx.Response(200), {"no": "State"}, httpx.Response(400, json={"message": "no"})],
    ids=["elsewhere", "other-shape", "refused"],
)
def test_a_container_that_cannot_be_inspected_is_absent(answer):
    server = Server(docker__getContainersByAppLabel=LISTED, docker__getConfig=answer)
    assert target(server).container_times("acme.web", None) == {}


def test_an_outage_is_not_an_absent_container():
    server = Server(docker__getContainersByAppLabel=LISTED, docker__getConfig=httpx.Response(502))
    with pytest.raises(TargetDown):
        target(server).container_times("acme.web", None)


def test_volumes_and_images():
    server = Server(
        dockerVolume__getVolumes=[{"Name": "acme-data", "Driver": "local"}],
        dockerImage__getImages=[{"ID": "i1", "Repository": "<none>", "Tag": "<none>"}],
    )
    assert list(target(server).volumes(None)) == ["acme-data"]
    assert list(target(server).images(None)) == [ImageSeen("i1", "<none>", "<none>")]


IMAGE = ImageSeen("i1", "acme-web", "latest")
REMOVALS = [
    (
        "dockerVolume.removeVolume",
        lambda t, s: t.remove_volume("acme-data", s),
        {"volumeName": "acme-data"},
    ),
    (
        "dockerImage.removeImage",
        lambda t, s: t.remove_image(IMAGE, s),
        {"repository": "acme-web", "tag": "latest", "id": "i1"},
    ),
]


@pytest.mark.parametrize(("call", "deed", "body"), REMOVALS)
def test_trap_46_removals_leave_out_a_server_that_is_the_targets_own(call, deed, body):
    for server_id, more in ((None, {}), ("s1", {"serverId": "s1"})):
        server = Server(**{call: httpx.Response(200)})
        deed(target(server), server_id)
        assert server.sent(call) == {**body, **more}


@pytest.mark.parametrize(("call", "deed"), [removal[:2] for removal in REMOVALS])
def test_removing_again_is_harmless_and_in_use_is_permanent(call, deed):
    for reason in (
        "Error response from daemon: get acme-data: no such volume",
        "Error response from daemon: No such image: acme-web:latest",
    ):
        deed(target(Server(**{call: failed(reason)})), None)
    for reason in (
        "Error response from daemon: remove acme-data: volume is in use - [abc]",
        "Error response from daemon: conflict: unable to remove repository reference (must force)",
    ):
        with pytest.raises(Permanent, match="Error response from daemon"):
            deed(target(Server(**{call: failed(reason)})), None)
    with pytest.raises(Transient):
        deed(target(Server(**{call: failed("no space left on device")})), None)
