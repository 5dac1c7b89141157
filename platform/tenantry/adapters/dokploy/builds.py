"""Builds: the queue in the target's memory, the history of about ten runs, and their logs."""

from collections.abc import Sequence
from typing import Any

from tenantry.adapters.dokploy import rows
from tenantry.adapters.dokploy.client import DokployClient, anything
from tenantry.adapters.dokploy.faults import Gone
from tenantry.ports import BuildSeen, QueuedBuild

LONGEST_TAIL = 10_000


def history(client: DokployClient, app_id: str) -> Sequence[BuildSeen]:
    """Newest first. A build is listed from its start on; one that waits is not."""
    return client.ask("deployment.all", _newest_first, applicationId=app_id)


def queue(client: DokployClient) -> Sequence[QueuedBuild]:
    """Jobs of applications, of every organization, in the order in which they will run."""

    def in_order(document: Any) -> list[QueuedBuild]:
        jobs = sorted(
            rows.rows(document),
            key=lambda job: (job.get("state") != "active", job.get("timestamp") or 0),
        )
        return [job for job in map(rows.queued, jobs) if job is not None]

    return client.ask("deployment.queueList", in_order)


def trigger(client: DokployClient, app_id: str, title: str, description: str) -> None:
    """Change: each call is one more build; nothing is put together. The answer is empty."""
    body = {"applicationId": app_id, "title": title, "description": description}
    client.tell("application.deploy", body, anything)


def log(client: DokployClient, build_id: str, tail: int) -> str:
    """The last lines of a log; empty where the target has pruned it."""
    try:
        return client.ask(
            "deployment.readLogs",
            _text,
            deploymentId=build_id,
            tail=max(1, min(tail, LONGEST_TAIL)),
        )
    except Gone:
        return ""


def scheduled_runs(client: DokployClient, app_id: str) -> Sequence[BuildSeen]:
    """Runs of all schedules of an application, newest first."""

    def runs(document: Any) -> list[BuildSeen]:
        listed = [run for row in rows.rows(document) for run in row.get("deployments") or ()]
        return _newest_first(listed)

    return client.ask("schedule.list", runs, id=app_id, scheduleType="application")


def _newest_first(document: Any) -> list[BuildSeen]:
    found = [rows.build(row) for row in rows.rows(document)]
    # Rows of one millisecond keep the target's own order.
    return sorted(found, key=lambda build: build.created_at, reverse=True)


def _text(document: Any) -> str:
    if document is None:
        return ""
    if not isinstance(document, str):
        raise TypeError("not a text")
    return document
