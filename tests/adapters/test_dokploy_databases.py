"""Databases of every kind: what is sent, and how one is found that answers nothing."""

import pytest

from tenantry.adapters.dokploy.client import DokployClient, serve
from tenantry.adapters.dokploy.target import DokployTarget
from tenantry.adapters.wire import DeadlineTransport
from tenantry.errors import Permanent, Transient
from tenantry.planning.databases import DATABASE_KINDS
from tenantry.planning.limits import Limits
from tenantry.ports import DatabaseWish
from tests.adapters.dokploy_server import (
    APP,
    Server,
    project,
    target,
)


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


IN_FULL = {
    **APP,
    "dockerImage": "postgres:17.2",
    "databasePassword": "hunter2",
    "env": "TOKEN=hunter2",
    "memoryLimit": "536870912",
    "cpuLimit": None,
    "externalPort": 5433,
    "mounts": [
        {"mountId": "m1", "type": "volume", "volumeName": "acme-db-data", "mountPath": "/data"},
        {"mountId": "m2", "type": "bind", "hostPath": "/srv", "mountPath": "/srv"},
    ],
    "backups": [{"backupId": "b1", "destinationId": "dst1", "keepLatestCount": 7}],
}


@pytest.mark.parametrize("kind", DATABASE_KINDS)
def test_a_database_in_full_without_its_secrets(kind):
    router = "mongo" if kind == "mongodb" else kind
    server = Server(**{f"{router}.one": {**IN_FULL, f"{router}Id": "db1"}})
    seen = target(server).database_in_full(kind, "db1")
    assert (seen.id, seen.kind, seen.image) == ("db1", kind, "postgres:17.2")
    assert (seen.memory, seen.cpu, seen.external_port) == ("536870912", None, 5433)
    assert seen.volumes == ("acme-db-data",)
    assert [b.id for b in seen.backups] == ["b1"]
    assert "hunter2" not in repr(seen)
    assert target(Server()).database_in_full(kind, "db1") is None


@pytest.mark.parametrize("kind", ["postgres", "mongodb"])
def test_limits_arrive_as_exact_strings_or_null(kind):
    router = "mongo" if kind == "mongodb" else kind
    server = Server(**{f"{router}.update": True})
    target(server).configure_database(kind, "db1", Limits(1.5, 1024))
    assert server.sent(f"{router}.update") == {
        f"{router}Id": "db1",
        "memoryLimit": "1073741824",
        "cpuLimit": "1500000000",
    }
    server.asked.clear()
    target(server).configure_database(kind, "db1", Limits())
    assert server.sent(f"{router}.update")["memoryLimit"] is None


@pytest.mark.parametrize(
    ("call", "deed"),
    [
        ("mongo.stop", lambda t: t.stop_database("mongodb", "db1")),
        ("mongo.start", lambda t: t.start_database("mongodb", "db1")),
        ("mongo.remove", lambda t: t.remove_database("mongodb", "db1")),
    ],
)
def test_stopping_starting_and_removing_send_the_id_alone(call, deed):
    server = Server(**{call: IN_FULL})
    deed(target(server))
    assert server.sent(call) == {"mongoId": "db1"}


def test_removing_again_is_harmless_and_stopping_what_is_gone_is_not():
    t = target(Server())
    t.remove_database("postgres", "db1")
    with pytest.raises(Permanent):
        t.stop_database("postgres", "db1")


def test_starting_a_database_has_its_own_deadline(door):
    server = door(
        lambda talk: (
            talk.say(b'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n"v0.30.2"')
            if talk.number == 1
            else talk.silence()
        )
    )
    t = DokployTarget(DokployClient(serve("main", server.url, DeadlineTransport(), 20), "k"))
    with pytest.raises(Transient, match=r"within 0\.3") as trouble:
        t.deploy_database("postgres", "pg1", deadline=0.3)
    assert not trouble.value.outcome_known
