"""
A stand-in for the Docker swarm engine.

A service keeps its current and previous version; what its tasks do is worked out from the clock
whenever someone looks, so nothing is lost when the process ends.
"""

import hashlib
import time
from collections.abc import Callable
from typing import Any, Final

from dokploy_simulator.durations import CONTAINER_START, CRASH_CYCLE, ROLLBACK_WATCH
from dokploy_simulator.identity import now_iso
from dokploy_simulator.images import Images
from dokploy_simulator.specs import ServiceSpec
from dokploy_simulator.store import Row, Store
from dokploy_simulator.tasks import Task, breaks, tasks_of
from dokploy_simulator.volumes import Volumes

NODE = "sim-node-1"
FOR_EVER: Final = -1.0
"""How long a service lingers that never goes."""


def token(*parts: object, length: int = 25) -> str:
    """A stable id in Docker's style, made from what it names."""
    return hashlib.sha256("/".join(map(str, parts)).encode()).hexdigest()[:length]


def env_fingerprint(env: list[str]) -> str:
    """A hash that moves when the environment does and gives no value away."""
    return hashlib.sha256("\n".join(sorted(env)).encode()).hexdigest()[:16]


class Engine:
    """Services, tasks, images and volumes."""

    def __init__(self, store: Store, seconds: Callable[[float], float]) -> None:
        self._store = store
        self._seconds = seconds
        self.images = Images(store)
        self.volumes = Volumes(store)
        self._containers: dict[str, str] = {}

    def _fresh(self, version: Row) -> Row:
        """The version as it starts now, on the images that are here now."""
        now = time.time()
        missing = self.images.missing(version["image"], built=version.get("built", False))
        if not missing:
            self.images.need(version["image"])
        image = self.images.row(version["image"]) or {}
        return version | {
            "born": now,
            "ready": now + self._seconds(CONTAINER_START),
            "missing": missing,
            "digest": image.get("digest"),
        }

    def apply(self, spec: ServiceSpec) -> Row:
        """Create the service or replace its version; tasks are always made anew."""
        old = self.service(spec.name)
        versions: list[Row] = old["versions"][-1:] if old else []
        number = versions[-1]["number"] + 1 if versions else 1
        if old and old["replicas"] == 0:
            versions = []  # nothing of it runs, so there is nothing to go back to
        told = {
            "number": number,
            "envHash": env_fingerprint(spec.env),
            "healthFails": _health_fails(spec.env),
        }
        versions.append(self._fresh(spec.version() | told))
        for volume in spec.volumes:
            self.volumes.need(volume)
        made = old or {"id": token(spec.name, time.time()), "createdAt": now_iso(), "placed": 0}
        row = made | {
            "name": spec.name,
            "kind": spec.kind,
            "updatedAt": now_iso(),
            "replicas": max(0, spec.replicas),
            "failureAction": spec.failure_action,
            "order": spec.order,
            "parallelism": spec.parallelism,
            "volumes": spec.volumes,
            "pinned": spec.pinned,
            "stack": spec.stack,
            "versions": versions,
            "failed": None,
            "removeAt": None,
        }
        self._store.put("service", spec.name, row)
        self.placed(row)
        return row

    def scale(self, name: str, replicas: int) -> bool:
        """Set the number of tasks; False when there is no such service."""
        service = self.service(name)
        if service is None:
            return False
        values: dict[str, Any] = {"replicas": replicas, "updatedAt": now_iso()}
        if service["replicas"] == 0 and replicas:
            values["versions"] = [self._fresh(service["versions"][-1])]
        changed = self._store.change("service", name, **values)
        self.placed(changed or service)
        return True

    def change_version(self, name: str, **values: Any) -> Row:
        """Change the running version by hand. Raises KeyError for an unknown service."""
        service = self.service(name)
        if service is None:
            raise KeyError(name)
        newest = service["versions"][-1] | values
        newest["envHash"] = env_fingerprint(newest["env"])
        versions = [*service["versions"][:-1], self._fresh(newest)]
        return self._store.put("service", name, service | {"versions": versions})

    def remove(self, name: str, lingers: float | None = None) -> None:
        """Remove a service, now or after that many seconds; volumes stay. Safe to repeat."""
        if lingers is None:
            self._store.drop("service", name)
        elif lingers != FOR_EVER:
            self._store.change("service", name, removeAt=time.time() + lingers)

    def service(self, name: str) -> Row | None:
        """The service after whatever time has done to it, or None."""
        service = self._store.get("service", name)
        if service is None:
            return None
        leaves = service.get("removeAt")
        if leaves is not None and time.time() >= leaves:
            self._store.drop("service", name)
            return None
        newest = service["versions"][-1]
        if newest.get("missing") and self.images.row(newest["image"]):
            versions = [*service["versions"][:-1], self._fresh(newest)]
            service = self._store.put("service", name, service | {"versions": versions})
        return self._rolled_back(service) if self._rollback_is_due(service) else service

    def _rolled_back(self, service: Row) -> Row:
        failed, back = service["versions"][-1], service["versions"][-2]
        if service["order"] == "stop-first":
            back = self._fresh(back)
        return self._store.put(
            "service", service["name"], service | {"versions": [back], "failed": failed}
        )

    def _rollback_is_due(self, service: Row) -> bool:
        versions = service["versions"]
        if len(versions) == 1 or service["failureAction"] != "rollback":
            return False
        watched_until = versions[-1]["ready"] + self._seconds(ROLLBACK_WATCH)
        return breaks(versions[-1]) and time.time() >= watched_until

    def services(self, stack: str | None = None) -> list[Row]:
        """All services by name, or those of a stack."""
        ids = self._store.ids("service")
        if stack is not None:
            ids = iter([row["name"] for row in self._store.where("service", "stack", stack)])
        found = (self.service(name) for name in ids)
        return sorted((row for row in found if row), key=lambda row: str(row["name"]))

    def placed(self, service: Row) -> int:
        """How many of the service's tasks have found room; who has room keeps it."""
        wanted = int(service["replicas"])
        room = (self._store.get("settings", "settings") or {}).get("room")
        held = min(int(service.get("placed", 0)), wanted)
        if room is None:
            held = wanted
        elif held < wanted:
            others = self._store.every("service")
            taken = sum(
                min(int(row.get("placed", 0)), int(row["replicas"]))
                for row in others
                if row["name"] != service["name"]
            )
            held = min(wanted, max(held, int(room) - taken))
        if held != service.get("placed"):
            self._store.change("service", service["name"], placed=held)
        return held

    def tasks(self, name: str) -> list[Task]:
        """The service's tasks, newest first within a slot; none for an unknown service."""
        service = self.service(name)
        if service is None:
            return []
        placed = self.placed(service)
        tasks = tasks_of(service, time.time(), self._seconds(CRASH_CYCLE), placed)
        for task in tasks:
            self._containers[task.container_id[:12]] = name
        return tasks

    def find_container(self, container_id: str) -> tuple[Row, Task] | None:
        """A container by the start of its id; ids someone was told of are found at once."""
        known = self._containers.get(container_id[:12])
        names = [known] if known else [row["name"] for row in self.services()]
        for name in names:
            service = self.service(name)
            for task in self.tasks(name) if service else ():
                if task.has_container and task.container_id.startswith(container_id):
                    return service or {}, task
        return None

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
        if self.placed(service) == 0:
            return "pending", None
        newest = service["versions"][-1]
        now = time.time()
        if not breaks(newest) and now >= newest["ready"]:
            return "up", newest
        older = service["versions"][-2] if len(service["versions"]) > 1 else None
        if older and not breaks(older) and service["order"] == "start-first":
            watching = breaks(newest) and service["failureAction"] == "rollback"
            if watching or now < newest["ready"]:
                return "up", older
        return ("broken" if breaks(newest) else "starting"), None

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

    def clean_images(self) -> list[str]:
        """Lose every image no running service uses, as a clean-up does; their names."""
        used = {
            row["versions"][-1]["image"] for row in self.services() if row["replicas"] > 0
        }  # fmt: skip
        lost = [row["name"] for row in self.images.every() if not self._uses(used, row["name"])]
        for name in lost:
            self.images.remove(name)
        return lost

    @staticmethod
    def _uses(used: set[str], name: str) -> bool:
        return name in used or name.removesuffix(":latest") in used


def _health_fails(env: list[str]) -> int:
    for line in env:
        name, _, value = line.partition("=")
        if name == "SIM_HEALTH_FAILS" and value.strip().isdigit():
            return int(value)
    return 0
