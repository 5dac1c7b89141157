"""A 200 without a body is no empty list: whoever looks before making would make it twice."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tenantry.adapters.dokploy import builds, domains, projects
from tenantry.adapters.dokploy.client import DokployClient, serve
from tenantry.errors import Transient
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
