"""Builds: the queue in the target's memory, the history of about ten runs, and their logs."""

import re
from collections.abc import Sequence
from typing import Any

from tenantry.adapters.dokploy import rows
from tenantry.adapters.dokploy.client import DokployClient, anything
from tenantry.adapters.dokploy.faults import Gone
from tenantry.ports import BuildSeen, QueuedBuild

LONGEST_TAIL = 10_000
# How the target hands the keys of a storage to the program that fills it.
STORAGE_KEY = re.compile(r"(--s3-(?:secret-)?access-key(?:-id)?[= ])\S+")


def history(client: DokployClient, app_id: str) -> Sequence[BuildSeen]:
    """Newest first. A build is listed from its start on; one that waits is not."""
    return client.ask("deployment.all", newest_first, applicationId=app_id)


def queue(client: DokployClient) -> Sequence[QueuedBuild]:
    """Jobs of applications and stacks of all organizations, in the order in which they run."""

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


def runs(client: DokployClient, owner_id: str, kind: str) -> Sequence[BuildSeen]:
    """Runs of a stored backup (`backup`, `volumeBackup`), newest first; empty where it is gone."""
    try:
        return client.ask("deployment.allByType", newest_first, id=owner_id, type=kind)
    except Gone:
        return []


def scheduled_runs(client: DokployClient, app_id: str) -> Sequence[BuildSeen]:
    """Runs of all schedules of an application, newest first."""

    def all_runs(document: Any) -> list[BuildSeen]:
        listed = [run for row in rows.rows(document) for run in row.get("deployments") or ()]
        return newest_first(listed)

    return client.ask("schedule.list", all_runs, id=app_id, scheduleType="application")


def newest_first(document: Any) -> list[BuildSeen]:
    """Rows of a history."""
    found = [rows.build(row) for row in rows.rows(document)]
    # Rows of one millisecond keep the target's own order.
    return sorted(found, key=lambda build: build.created_at, reverse=True)


def _text(document: Any) -> str:
    if document is None:
        return ""
    if not isinstance(document, str):
        raise TypeError("not a text")
    return STORAGE_KEY.sub(r"\1***", document)
