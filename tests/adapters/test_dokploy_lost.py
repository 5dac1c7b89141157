"""Every change of the port when its answer is lost, and when the claim runs out before it."""

import inspect

import httpx
import pytest

from tenantry.adapters.dokploy.client import DokployClient, serve
from tenantry.adapters.dokploy.target import DokployTarget
from tenantry.adapters.streams import check_may_send
from tenantry.adapters.wire import CHANGE, WireTrouble, send_until
from tenantry.clock import monotonic
from tenantry.errors import Lost, TargetDown, Transient
from tenantry.planning.limits import Limits
from tenantry.planning.sources import Build, GitSource, ImageSource, Volume
from tenantry.ports import (
    BackupWish,
    DatabaseWish,
    ImageSeen,
    RedirectSeen,
    Running,
    ScheduleSeen,
    Target,
    VolumeBackupWish,
)
from tests.adapters.dokploy_server import APP, Server

WISH = BackupWish("dst1", "acme/", "acme", "0 3 * * *", 7)
VOLUME_WISH = VolumeBackupWish("data", "dst1", "v", "acme-data", "0 5 * * *", 3)
ROUTE = {"https": False, "certificate": "none"}
CHANGES = {
    "create_project": lambda t: t.create_project("a", "b"),
    "delete_project": lambda t: t.delete_project("p"),
    "create_application": lambda t: t.create_application("e", "a", "a", "d", None),
    "settle_application": lambda t: t.settle_application("a", Running()),
    "attach_git": lambda t: t.attach_git("a", GitSource("https://g", "main")),
    "attach_image": lambda t: t.attach_image("a", ImageSource("i:1")),
    "set_build": lambda t: t.set_build("a", Build()),
    "set_environment": lambda t: t.set_environment("a", "A=1"),
    "trigger_build": lambda t: t.trigger_build("a", "t", "d"),
    "create_database": lambda t: t.create_database(
        "e", DatabaseWish("redis", "db", "db", "d", "", "", "pw"), None
    ),
    "deploy_database": lambda t: t.deploy_database("redis", "r", deadline=1),
    "create_domain": lambda t: t.create_domain("a", "h", 80, **ROUTE),
    "update_domain": lambda t: t.update_domain("d", "h", 80, **ROUTE),
    "delete_application": lambda t: t.delete_application("a"),
    "delete_domain": lambda t: t.delete_domain("d"),
    "configure_application": lambda t: t.configure_application("a", Running()),
    "set_fresh_build": lambda t: t.set_fresh_build("a", fresh=True),
    "reload_application": lambda t: t.reload_application("a", "a"),
    "stop_application": lambda t: t.stop_application("a"),
    "adopt": lambda t: t.adopt("libsql", "x", "d"),
    "create_volume": lambda t: t.create_volume("a", Volume("v", "/v")),
    "create_redirect": lambda t: t.create_redirect("a", RedirectSeen("", "a", "b", permanent=True)),
    "delete_redirect": lambda t: t.delete_redirect("r"),
    "enable_domain": lambda t: t.enable_domain("d", enabled=True),
    "enable_schedule": lambda t: t.enable_schedule(
        ScheduleSeen("s", "n", "c", "x", enabled=True), enabled=False
    ),
    "delete_schedule": lambda t: t.delete_schedule("s"),
    "drop_waiting_builds": lambda t: t.drop_waiting_builds("a"),
    "roll_back": lambda t: t.roll_back("r"),
    "configure_database": lambda t: t.configure_database("postgres", "p", Limits()),
    "stop_database": lambda t: t.stop_database("postgres", "p"),
    "start_database": lambda t: t.start_database("postgres", "p"),
    "remove_database": lambda t: t.remove_database("postgres", "p"),
    "create_compose": lambda t: t.create_compose("e", "a", "a", "d", None),
    "set_compose_file": lambda t: t.set_compose_file("c", "services: {}"),
    "set_compose_environment": lambda t: t.set_compose_environment("c", "A=1"),
    "deploy_compose": lambda t: t.deploy_compose("c", "t", "d"),
    "stop_compose": lambda t: t.stop_compose("c"),
    "delete_compose": lambda t: t.delete_compose("c"),
    "create_compose_domain": lambda t: t.create_compose_domain("c", "web", "h", 80, **ROUTE),
    "drop_waiting_runs": lambda t: t.drop_waiting_runs("c"),
    "create_backup": lambda t: t.create_backup("postgres", "p", WISH),
    "update_backup": lambda t: t.update_backup("postgres", "b", WISH),
    "remove_backup": lambda t: t.remove_backup("b"),
    "run_backup": lambda t: t.run_backup("postgres", "b", deadline=1),
    "create_volume_backup": lambda t: t.create_volume_backup("application", "a", "a", VOLUME_WISH),
    "remove_volume_backup": lambda t: t.remove_volume_backup("v"),
    "run_volume_backup": lambda t: t.run_volume_backup("v", deadline=1),
    "restore": lambda t: t.restore("postgres", "p", "d", "dst1", "f", deadline=1),
    "remove_volume": lambda t: t.remove_volume("v", None),
    "remove_image": lambda t: t.remove_image(ImageSeen("i", "r", "t"), None),
}
# What a change may have to read before it.
READ = {
    "libsql.one": {**APP, "libsqlId": "x", "dockerImage": "i", "enableNamespaces": False},
    "domain.one": {"domainId": "d", "host": "h"},
}


class Door(httpx.BaseTransport):
    """Answers what is read before a change; a change meets `meet`, and is counted."""

    def __init__(self, meet):
        self.meet = meet
        self.server = Server(**READ)
        self.changes = 0

    def handle_request(self, request):
        if not request.extensions.get(CHANGE):
            return self.server(request)
        check_may_send()
        self.changes += 1
        return self.meet(request)


def broken(request):
    raise WireTrouble("it broke off its answer", sent=True)


def opened(meet):
    door = Door(meet)
    return door, DokployTarget(DokployClient(serve("main", "https://d", door), "k"))


def test_every_change_of_the_port_is_tried_here():
    told = {
        name
        for name, method in inspect.getmembers(Target, inspect.isfunction)
        if (inspect.getdoc(method) or "").startswith("Change")
    }
    assert told == set(CHANGES)


@pytest.mark.parametrize("name", CHANGES)
def test_a_lost_answer_leaves_the_outcome_unknown_and_nothing_is_sent_twice(name):
    door, target = opened(broken)
    with pytest.raises(Transient) as trouble:
        CHANGES[name](target)
    assert not trouble.value.outcome_known
    assert door.changes == 1


@pytest.mark.parametrize("name", CHANGES)
def test_only_the_proxy_answering_leaves_the_outcome_unknown(name):
    door, target = opened(lambda request: httpx.Response(502, text="<html>"))
    with pytest.raises(TargetDown) as trouble:
        CHANGES[name](target)
    assert not trouble.value.outcome_known
    assert door.changes == 1


@pytest.mark.parametrize("name", CHANGES)
def test_no_change_leaves_after_the_claim_has_run_out(name):
    door, target = opened(broken)
    send_until(monotonic())
    with pytest.raises(Lost):
        CHANGES[name](target)
    assert door.changes == 0
