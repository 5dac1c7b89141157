"""
A 200 without a body is no empty list: whoever looks before making would make it twice. Nor is it
a change that was made, where the target says `true` or shows the row.
"""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tenantry.adapters.dokploy import applications, builds, compose, databases, domains, projects
from tenantry.adapters.dokploy.client import DokployClient, serve
from tenantry.errors import Transient
from tenantry.planning.sources import GitSource, ImageSource
from tests.adapters.test_faults import KEY

LOOKS: dict[str, Callable[[DokployClient], Any]] = {
    "project.all": lambda client: projects.marked(client, "tenantry:one"),
    "deployment.queueList": builds.queue,
    "deployment.all": lambda client: builds.history(client, "app"),
    "domain.byApplicationId": lambda client: domains.of_application(client, "app"),
}


@pytest.mark.parametrize("name", LOOKS)
def test_a_list_without_a_body_says_nothing(name: str) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, text=""))
    client = DokployClient(serve("main", "https://d.example/", transport), KEY)
    with pytest.raises(Transient):
        LOOKS[name](client)


CHANGES: dict[str, Callable[[DokployClient], Any]] = {
    "image": lambda client: applications.attach_image(client, "app", ImageSource("nginx:1.27")),
    "repository": lambda client: applications.attach_git(
        client, "app", GitSource("https://git.example/a.git", "main")
    ),
    "environment": lambda client: applications.set_environment(client, "app", "A=1"),
    "file": lambda client: compose.set_file(client, "stack", "services: {}"),
    "database": lambda client: databases.deploy(client, "postgres", "db", 20),
    "hostname": lambda client: domains.delete(client, "domain"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_that_nothing_is_said_of_may_have_been_made_or_not(name: str) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, text=""))
    client = DokployClient(serve("main", "https://d.example/", transport), KEY)
    with pytest.raises(Transient) as caught:
        CHANGES[name](client)
    assert caught.value.outcome_known is False
