"""Replaying flows in their order against one server, with the ids it gives."""

import time
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.contract.answers import MissingVariableError, Variables, dig, filled, problems
from tests.contract.expectations import Flow, Step

PAUSE = 0.02


@dataclass
class Target:
    """A server the suite is run against. ``patience`` is in seconds, for builds and pulls."""

    url: str
    key: str
    patience: float
    variables: Variables
    is_simulator: bool
    offers: set[str] = field(default_factory=set)


class Replay:
    """One flow against one server, done once and as a whole, so that no other comes between."""

    def __init__(self, flow: Flow, target: Target, run: str) -> None:
        self._flow = flow
        self._target = target
        self._variables = target.variables | {"run": run}
        self._done: list[list[str]] = []
        self.http = httpx.Client(base_url=target.url, timeout=max(30.0, target.patience))

    def problems_of(self, step: Step) -> list[str]:
        """What was wrong with a step's answer; the first question does the whole flow."""
        if not self._done:
            self._wait_for_quiet()
            for each in self._flow.steps:
                self._done.append(self._do(each))
        return self._done[step.place]

    def _wait_for_quiet(self) -> None:
        """Builds of an earlier flow would stand in this one's way."""
        deadline = time.monotonic() + self._target.patience
        headers = self._headers("own")
        while time.monotonic() < deadline:
            if self.http.get("/api/deployment.queueList", headers=headers).json() == []:
                return
            time.sleep(1.0)

    def _do(self, step: Step) -> list[str]:
        try:
            if "control" in step.told:
                return self._control(step)
            return self._call(step)
        except MissingVariableError as missing:
            broken = [
                self._flow.steps[place].label for place, wrong in enumerate(self._done) if wrong
            ]
            return [f"an earlier step brought no <{missing}>; gone wrong before: {broken}"]
        except httpx.HTTPError as failure:
            return [f"{type(failure).__name__}: {failure}"]

    def _control(self, step: Step) -> list[str]:
        answer = self.http.post(f"/_sim/{step.told['control']}", json=step.told["input"])
        return [] if answer.status_code == 200 else [answer.text]

    def _call(self, step: Step) -> list[str]:
        deadline = time.monotonic() + self._target.patience
        while True:
            response = self._send(step)
            found = problems(step, response, self._variables)
            if not found or not step.told.get("poll") or time.monotonic() > deadline:
                break
            time.sleep(PAUSE if self._target.is_simulator else 1.0)
        found += self._keep(step, response)
        return found

    def _keep(self, step: Step, response: httpx.Response) -> list[str]:
        if response.status_code != step.told["status"]:
            return []
        missing = []
        for name, path in step.told.get("keep", {}).items():
            try:
                self._variables[name] = str(dig(response.json(), path))
            except (LookupError, TypeError, ValueError):
                missing.append(f"no {path} to keep")
        return missing

    def _send(self, step: Step) -> httpx.Response:
        told = step.told
        verb, path = told["call"].split()
        asked = filled(told.get("input"), self._variables)
        path = "/api/" + filled(path, self._variables)
        headers = self._headers(told.get("key", "own")) | told.get("headers", {})
        if "raw" in told:
            return self.http.request(verb, path, content=told["raw"], headers=headers)
        if verb == "GET":
            return self.http.get(path, params=asked, headers=headers)
        return self.http.request(verb, path, json=asked, headers=headers)

    def _headers(self, key: str) -> dict[str, str]:
        own = self._target.key
        known: dict[str, dict[str, str]] = {
            "own": {"x-api-key": own},
            "none": {},
            "wrong": {"x-api-key": "wrong"},
            "bearer": {"authorization": f"Bearer {own}"},
        }
        return known.get(key, {"x-api-key": key})

    def clean_up(self) -> None:
        """Take away what the flow made, services first. Safe to repeat."""
        headers = self._headers("own")
        if "ownerless" in self._variables:
            asked = {"domainId": self._variables["ownerless"]}
            self.http.post("/api/domain.delete", json=asked, headers=headers)
        kept = {name: value for name, value in self._variables.items() if "roject" in name}
        for project_id in kept.values():
            answer = self.http.get(
                "/api/project.one", params={"projectId": project_id}, headers=headers
            )
            if answer.status_code != 200:
                continue
            for verb, asked in removals(answer.json()):
                self.http.post(f"/api/{verb}", json=asked, headers=headers)
            self.http.post("/api/project.remove", json={"projectId": project_id}, headers=headers)


def removals(project: dict[str, Any]) -> list[tuple[str, dict[str, str]]]:
    """The calls that remove every service of a project."""
    kinds = {"applications": ("application", "delete"), "compose": ("compose", "delete")} | {
        kind: (kind, "remove")
        for kind in ("postgres", "mysql", "mariadb", "mongo", "redis", "libsql")
    }
    return [
        (f"{noun}.{verb}", {f"{noun}Id": row[f"{noun}Id"]})
        for environment in project["environments"]
        for listed, (noun, verb) in kinds.items()
        for row in environment[listed]
    ]
