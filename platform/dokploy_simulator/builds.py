"""
The build queue: in memory, first in first out, a few slots for each server.

A restart of the process loses waiting jobs without a trace; ``drop_all`` does the same on demand.
"""

import asyncio
import time
from collections import Counter
from typing import Any

from dokploy_simulator.build_run import run_job
from dokploy_simulator.compose_run import run_compose_job
from dokploy_simulator.ground import Ground
from dokploy_simulator.jobs import Job
from dokploy_simulator.store import Row


class BuildQueue:
    """Waiting and active jobs."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._jobs: list[Job] = []
        self._runs: dict[int, asyncio.Task[None]] = {}
        self._last_number = 0

    def add(
        self,
        owner: Row,
        *,
        kind: str,
        title: str,
        description: str,
        owner_kind: str = "application",
    ) -> None:
        """Accept a job; nothing is compared with what already waits."""
        self._last_number += 1
        self._jobs.append(
            Job(
                self._last_number,
                owner_kind,
                owner[f"{owner_kind}Id"],
                title,
                description,
                kind,
                owner["serverId"],
                int(time.time() * 1000),
            ),
        )
        self.refill()

    def refill(self) -> None:
        """Start what may start, after the answer at hand is on its way."""
        asyncio.get_running_loop().call_soon(self._fill_slots)

    def slots(self, server_id: str | None) -> int:
        """How many builds may run at a time on that server."""
        server = self._ground.store.get("server", server_id)
        return int((server or self._ground.settings)["buildsConcurrency"])

    def _fill_slots(self) -> None:
        # Once through the line, however long it is: this runs at each request and each end.
        active = [job for job in self._jobs if job.processed_on is not None]
        busy = Counter(job.server_id for job in active)
        owners = {job.owner_id for job in active}
        slots: dict[str | None, int] = {}
        for job in list(self._jobs):
            if job.processed_on is not None or job.owner_id in owners:
                continue
            if job.server_id not in slots:
                slots[job.server_id] = self.slots(job.server_id)
            if busy[job.server_id] >= slots[job.server_id]:
                continue
            job.processed_on = int(time.time() * 1000)
            busy[job.server_id] += 1
            owners.add(job.owner_id)
            self._runs[job.number] = asyncio.create_task(self._run(job))

    async def _run(self, job: Job) -> None:
        try:
            run = run_job if job.owner_kind == "application" else run_compose_job
            await run(self._ground, job)
        finally:
            self._ground.store.commit()
            self._runs.pop(job.number, None)
            if job in self._jobs:
                self._jobs.remove(job)
            self._fill_slots()

    def drop_waiting(self, owner_id: str) -> None:
        """Forget the waiting jobs of an application or a compose; a running one goes on."""
        self._jobs = [
            job for job in self._jobs if job.processed_on is not None or job.owner_id != owner_id
        ]

    def drop_all(self) -> None:
        """Forget everything and stop what runs, as the end of the process would."""
        self._jobs.clear()
        self._last_number = 0
        for run in list(self._runs.values()):
            run.cancel()
        self._runs.clear()

    def listing(self) -> list[dict[str, Any]]:
        """The jobs, newest first."""
        return [self._listed(job) for job in sorted(self._jobs, key=lambda job: -job.number)]

    def _listed(self, job: Job) -> dict[str, Any]:
        listed: dict[str, Any] = {
            "id": f"job-{job.number}",
            "name": "deployments",
            "data": {
                job.id_name: job.owner_id,
                "titleLog": job.title,
                "descriptionLog": job.description,
                "type": job.kind,
                "applicationType": job.owner_kind,
                "server": job.server_id is not None,
            },
            "timestamp": job.timestamp,
        }
        if job.processed_on is not None:
            listed["processedOn"] = job.processed_on
        listed["state"] = "waiting" if job.processed_on is None else "active"
        listed["servicePath"] = {"href": self._link(job), "label": job.owner_kind.capitalize()}
        return listed

    def _link(self, job: Job) -> str | None:
        store = self._ground.store
        owner = store.get(job.owner_kind, job.owner_id)
        environment = owner and store.get("environment", owner["environmentId"])
        if not owner or not environment:
            return None
        return (
            f"/dashboard/project/{environment['projectId']}"
            f"/environment/{environment['environmentId']}"
            f"/services/{job.owner_kind}/{job.owner_id}"
        )
