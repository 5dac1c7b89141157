"""
The server the contract is checked against: the simulator, or a real one.

``pytest tests/contract --dokploy-url https://… --dokploy-key …`` asks a real server. It makes
projects called ``contract-…`` and ``tenant-…`` there and removes them at the end. Builds need
``--dokploy-repositories``, an address under which ``ok.git``, ``slow.git`` and ``fail.git`` lie
with a Dockerfile on branch main; without it the flows that build are skipped. Volumes of the
databases stay there, and two services that the recorded calls orphan on purpose (flows ``queue``
and ``removal``): take them away by hand.
"""

import contextlib
import secrets
from collections.abc import Callable, Iterator

import pytest

from dokploy_simulator import Simulator
from tests.contract.expectations import Flow
from tests.contract.replay import Replay, Target

SIMULATOR_SPEED = 0.05
OPTIONS = {
    "--dokploy-url": "ask this Dokploy server instead of the simulator",
    "--dokploy-key": "an API key without limits for that server",
    "--dokploy-repositories": "address of the Git repositories that server may build",
    "--dokploy-domain": "domain for the hostnames put into rows there",
    "--dokploy-crashing-image": "an image whose container ends at once",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Only called when this folder is named on the command line; else the defaults hold."""
    group = parser.getgroup("contract")
    for name, words in OPTIONS.items():
        group.addoption(name, default=None, help=words)


def asked(config: pytest.Config, name: str) -> str | None:
    """An option's value, None also where the options were never declared."""
    value = config.getoption(name, default=None)
    return str(value) if value else None


@pytest.fixture(scope="session")
def real_target(request: pytest.FixtureRequest) -> Target | None:
    """The server named on the command line, if one is."""
    url = asked(request.config, "--dokploy-url")
    if url is None:
        return None
    repositories = asked(request.config, "--dokploy-repositories")
    return Target(
        url=url.rstrip("/"),
        key=asked(request.config, "--dokploy-key") or "",
        patience=600,
        variables={
            "repositories": (repositories or "").rstrip("/"),
            "zone": asked(request.config, "--dokploy-domain") or "contract.example.test",
            "crashing": asked(request.config, "--dokploy-crashing-image") or "busybox:1",
        },
        is_simulator=False,
        offers={"repositories"} if repositories else set(),
    )


def target_of(simulator: Simulator) -> Target:
    """A simulator as a target; it offers everything."""
    return Target(
        url=simulator.url,
        key=simulator.api_key,
        patience=20,
        variables={
            "repositories": "https://git.example.test",
            "zone": "contract.example.test",
            "crashing": "acme/crash:1",
        },
        is_simulator=True,
        offers={"repositories"},
    )


@pytest.fixture(scope="session")
def replay_of(real_target: Target | None) -> Iterator[Callable[[Flow], Replay]]:
    """Replays by flow; without a real server each flow has a simulator of its own."""
    replays: dict[str, Replay] = {}
    with contextlib.ExitStack() as simulators:

        def find(flow: Flow) -> Replay:
            if flow.name not in replays:
                target = real_target or target_of(
                    simulators.enter_context(Simulator(speed=SIMULATOR_SPEED))
                )
                replays[flow.name] = Replay(flow, target, secrets.token_hex(4))
            return replays[flow.name]

        yield find
        for replay in replays.values():
            if real_target is not None:
                replay.clean_up()
            replay.http.close()
