"""A simulator for each test, and a caller that speaks to it."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from dokploy_simulator import Simulator
from dokploy_simulator.running import Addresses


class Caller:
    """Calls procedures of one simulator."""

    def __init__(self, simulator: Addresses, *, timeout: float = 10.0) -> None:
        self.simulator = simulator
        self.http = httpx.Client(
            base_url=simulator.url,
            headers={"x-api-key": simulator.api_key},
            timeout=timeout,
        )

    def post(self, path: str, /, **asked: Any) -> httpx.Response:
        return self.http.post(f"/api/{path}", json=asked)

    def get(self, path: str, /, **asked: Any) -> httpx.Response:
        return self.http.get(f"/api/{path}", params=asked)

    def do(self, path: str, /, **asked: Any) -> Any:
        """A write that must go well."""
        answer = self.post(path, **asked)
        assert answer.status_code == 200, answer.text
        return answer.json() if answer.content else None

    def read(self, path: str, /, **asked: Any) -> Any:
        """A read that must go well."""
        answer = self.get(path, **asked)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def control(self, name: str, /, **asked: Any) -> Any:
        answer = self.http.post(f"/_sim/{name}", json=asked)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def state(self) -> Any:
        return self.http.get("/_sim/state").json()

    def fault(self, mode: str, **plan: Any) -> None:
        self.control("faults", mode=mode, **plan)

    def environment(self) -> str:
        return str(self.do("project.create", name="tenant")["environment"]["environmentId"])

    def application(
        self, environment_id: str | None = None, *, image: str | None = "nginx:1", **more: Any
    ) -> Any:
        """An application with an image to run, or without a source."""
        place = environment_id or self.environment()
        row = self.do("application.create", name="web", environmentId=place, **more)
        if image:
            self.use_image(row["applicationId"], image)
        return row

    def use_image(self, application_id: str, image: str) -> None:
        self.do(
            "application.saveDockerProvider",
            applicationId=application_id,
            dockerImage=image,
            username=None,
            password=None,
            registryUrl=None,
        )

    def use_git(self, application_id: str, url: str, branch: str = "v1") -> None:
        self.do(
            "application.saveGitProvider",
            applicationId=application_id,
            customGitUrl=url,
            customGitBranch=branch,
            customGitBuildPath="/",
            watchPaths=[],
        )

    def set_env(self, application_id: str, env: str) -> None:
        self.do(
            "application.saveEnvironment",
            applicationId=application_id,
            env=env,
            buildArgs="",
            buildSecrets="",
            createEnvFile=False,
        )

    def runs(self, application_id: str) -> list[Any]:
        return list(self.read("deployment.all", applicationId=application_id))

    def deploy(self, application_id: str, **asked: Any) -> Any:
        """Deploy and wait for the end of the newest run."""
        before = {row["deploymentId"] for row in self.runs(application_id)}
        self.do("application.deploy", applicationId=application_id, **asked)

        def ended() -> Any:
            fresh = [row for row in self.runs(application_id) if row["deploymentId"] not in before]
            return fresh and fresh[0]["status"] != "running" and fresh[0]

        return wait_for(ended)

    def service(self, name: str) -> Any:
        """The engine's service of that name as the control door shows it."""
        found = [row for row in self.state()["services"] if row["name"] == name]
        assert found, name
        return found[0]

    def log(self, deployment_id: str) -> str:
        return str(self.read("deployment.readLogs", deploymentId=deployment_id, tail=1000))

    def database(self, kind: str = "postgres", **more: Any) -> Any:
        """A deployed database of a kind that says its row."""
        asked = {"databaseName": "shop", "databaseUser": "ann", "databasePassword": "pw1"}
        row = self.do(f"{kind}.create", name="db", environmentId=self.environment(), **asked | more)
        self.do(f"{kind}.deploy", **{f"{kind}Id": row[f"{kind}Id"]})
        return row

    def destination(self, **more: Any) -> Any:
        asked = {
            "name": "s3",
            "provider": "Other",
            "accessKey": "AKEY",
            "secretAccessKey": "SKEY",
            "bucket": "vault",
            "region": "eu-1",
            "endpoint": "https://s3.example.test",
            "additionalFlags": [],
        }
        return self.do("destination.create", **asked | more)

    def backup(self, row: Any, destination: Any, kind: str = "postgres", **more: Any) -> Any:
        """A backup of a database; its row is found where the database carries it."""
        asked = {"schedule": "0 3 * * *", "prefix": "daily", "database": "shop", "enabled": True}
        key = {f"{kind}Id": row[f"{kind}Id"]}
        place = {"destinationId": destination["destinationId"], "databaseType": kind}
        self.do("backup.create", **asked | key | place | more)
        return self.read(f"{kind}.one", **key)["backups"][-1]

    def listen(self, path: str, **asked: Any) -> list[str]:
        """The lines a subscription tells."""
        answer = self.http.get(f"/api/trpc/{path}", params={"input": json.dumps({"json": asked})})
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("text/event-stream")
        told = [line[6:] for line in answer.text.split("\n") if line.startswith('data: {"json"')]
        return [json.loads(line)["json"] for line in told]

    def visit(self, host: str, path: str = "/", method: str = "GET", **headers: str) -> Any:
        return httpx.request(
            method,
            self.simulator.apps_url + path,
            headers={"Host": host} | {k.replace("_", "-"): v for k, v in headers.items()},
            timeout=10,
        )


def wait_for(found: Callable[[], Any], seconds: float = 15.0) -> Any:
    """What ``found`` says once it says something."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = found()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError("it did not come to pass in time")


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(speed=0) as running:
        yield running


@pytest.fixture
def dokploy(simulator: Simulator) -> Iterator[Caller]:
    caller = Caller(simulator)
    with caller.http:
        yield caller


@pytest.fixture
def eventually() -> Callable[..., Any]:
    return wait_for


@pytest.fixture
def caller_for() -> Iterator[Callable[..., Caller]]:
    """Callers for simulators a test starts itself."""
    made: list[Caller] = []

    def make(simulator: Addresses, **options: Any) -> Caller:
        made.append(Caller(simulator, **options))
        return made[-1]

    yield make
    for caller in made:
        caller.http.close()
