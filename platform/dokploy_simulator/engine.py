"""
A stand-in for the Docker swarm engine.

A service keeps its current and previous version; what its tasks do is worked out from the clock
whenever someone looks, so nothing is lost when the process ends.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from dokploy_simulator.durations import CONTAINER_START, CRASH_CYCLE, ROLLBACK_WATCH
from dokploy_simulator.identity import now_iso
from dokploy_simulator.store import Row, Store
from dokploy_simulator.tasks import Task, tasks_of

NODE = "sim-node-1"


def token(*parts: object, length: int = 25) -> str:
    """A stable id in Docker's style, made from what it names."""
    return hashlib.sha256("/".join(map(str, parts)).encode()).hexdigest()[:length]


def env_fingerprint(env: list[str]) -> str:
    """A hash that moves when the environment does and gives no value away."""
    return hashlib.sha256("\n".join(sorted(env)).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """What a deploy asks the engine to run."""

    name: str
    image: str
    replicas: int = 1
    env: list[str] = field(default_factory=list)
    kind: str = "application"
    crashes: bool = False
    failure_action: str = "rollback"
    order: str = "start-first"
    volumes: list[str] = field(default_factory=list)


class Engine:
    """Services, tasks and volumes."""

    def __init__(self, store: Store, seconds: Callable[[float], float]) -> None:
        self._store = store
        self._seconds = seconds

    def apply(self, spec: ServiceSpec) -> Row:
        """Create the service or replace its version; tasks are always made anew."""
        now = time.time()
        old = self.service(spec.name)
        versions: list[Row] = old["versions"][-1:] if old else []
        number = versions[-1]["number"] + 1 if versions else 1
        versions.append(
            {
                "number": number,
                "image": spec.image,
                "env": spec.env,
                "envHash": env_fingerprint(spec.env),
                "crashes": spec.crashes,
                "born": now,
                "ready": now + self._seconds(CONTAINER_START),
                "healthFails": _health_fails(spec.env),
            },
        )
        for volume in spec.volumes:
            if self._store.get("volume", volume) is None:
                self._store.put("volume", volume, {"name": volume, "createdAt": now_iso()})
        return self._store.put(
            "service",
            spec.name,
            {
                "id": old["id"] if old else token(spec.name, now, length=25),
                "name": spec.name,
                "kind": spec.kind,
                "createdAt": old["createdAt"] if old else now_iso(),
                "updatedAt": now_iso(),
                "replicas": max(0, spec.replicas),
                "failureAction": spec.failure_action,
                "order": spec.order,
                "volumes": spec.volumes,
                "versions": versions,
                "failed": None,
            },
        )

    def scale(self, name: str, replicas: int) -> bool:
        """Set the number of tasks; False when there is no such service."""
        service = self.service(name)
        if service is None:
            return False
        values: dict[str, Any] = {"replicas": replicas, "updatedAt": now_iso()}
        if service["replicas"] == 0 and replicas:
            now = time.time()
            fresh = service["versions"][-1] | {
                "born": now,
                "ready": now + self._seconds(CONTAINER_START),
            }
            values["versions"] = [fresh]
        self._store.change("service", name, **values)
        return True

    def remove(self, name: str) -> None:
        """Remove a service; its volumes stay. Safe to repeat."""
        self._store.drop("service", name)

    def service(self, name: str) -> Row | None:
        """The service after whatever time has done to it, or None."""
        service = self._store.get("service", name)
        if service is None or not self._rollback_is_due(service):
            return service
        failed = service["versions"][-1]
        back = service["versions"][-2]
        if service["order"] == "stop-first":
            now = time.time()
            back = back | {"born": now, "ready": now + self._seconds(CONTAINER_START)}
        return self._store.change("service", name, versions=[back], failed=failed)

    def _rollback_is_due(self, service: Row) -> bool:
        versions = service["versions"]
        if len(versions) == 1 or service["failureAction"] != "rollback":
            return False
        newest = versions[-1]
        watched_until = newest["ready"] + self._seconds(ROLLBACK_WATCH)
        return bool(newest["crashes"]) and time.time() >= watched_until

    def services(self) -> list[Row]:
        """All services by name."""
        found = (self.service(name) for name in self._store.ids("service"))
        return sorted((row for row in found if row), key=lambda row: str(row["name"]))

    def tasks(self, name: str) -> list[Task]:
        """The service's tasks, newest first within a slot; none for an unknown service."""
        service = self.service(name)
        if service is None:
            return []
        return tasks_of(service, time.time(), self._seconds(CRASH_CYCLE))

    def running(self, name: str) -> int:
        """How many tasks really run."""
        return sum(task.runs for task in self.tasks(name))

    def serving(self, name: str) -> tuple[str, Row | None]:
        """What answers a request now: ``up`` with the version, or why nothing does."""
        service = self.service(name)
        if service is None:
            return "absent", None
        if service["replicas"] == 0:
            return "stopped", None
        newest = service["versions"][-1]
        now = time.time()
        if not newest["crashes"] and now >= newest["ready"]:
            return "up", newest
        older = service["versions"][-2] if len(service["versions"]) > 1 else None
        if older and not older["crashes"] and service["order"] == "start-first":
            watching = newest["crashes"] and service["failureAction"] == "rollback"
            if watching or now < newest["ready"]:
                return "up", older
        return ("broken" if newest["crashes"] else "starting"), None

    def take_health_failure(self, name: str, version: Row) -> bool:
        """Whether this request meets one of the version's announced failures; uses it up."""
        left = version["healthFails"]
        service = self._store.get("service", name)
        if left <= 0 or service is None:
            return False
        versions = [
            row | {"healthFails": left - 1} if row["number"] == version["number"] else row
            for row in service["versions"]
        ]
        self._store.change("service", name, versions=versions)
        return True

    def volumes(self) -> list[Row]:
        """All volumes, oldest first."""
        return self._store.every("volume")

    def remove_volume(self, name: str) -> str | None:
        """Remove a volume; the engine's complaint when it is unknown or in use."""
        if self._store.get("volume", name) is None:
            return f"Error response from daemon: get {name}: no such volume"
        if any(name in service["volumes"] for service in self._store.every("service")):
            return f"Error response from daemon: remove {name}: volume is in use"
        self._store.drop("volume", name)
        return None


def _health_fails(env: list[str]) -> int:
    for line in env:
        name, _, value = line.partition("=")
        if name == "SIM_HEALTH_FAILS" and value.strip().isdigit():
            return int(value)
    return 0
