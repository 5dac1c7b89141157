"""Applications after their first day, with their volumes, redirects and schedules."""

from collections.abc import Sequence

from tenantry.adapters.dokploy import rows, rows_of_services
from tenantry.adapters.dokploy.client import DokployClient, anything, confirmed
from tenantry.adapters.dokploy.faults import Gone
from tenantry.planning.sources import Volume
from tenantry.ports import ApplicationSeen, RedirectSeen, ScheduleSeen


def one(client: DokployClient, app_id: str) -> ApplicationSeen | None:
    """In full, with its environment in clear; None where it is gone."""
    try:
        return client.ask("application.one", rows_of_services.application, applicationId=app_id)
    except Gone:
        return None


def set_fresh_build(client: DokployClient, app_id: str, *, fresh: bool) -> None:
    """Change, safe to repeat: stored, so somebody has to take it back."""
    body = {"applicationId": app_id, "cleanCache": fresh}
    client.tell("application.update", body, confirmed)


def reload(client: DokployClient, app_id: str, app_name: str) -> None:
    """Change: checks nothing, not even that there is an image to run."""
    body = {"applicationId": app_id, "appName": app_name}
    client.tell("application.reload", body, confirmed)


def stop(client: DokployClient, app_id: str) -> None:
    """Change, safe to repeat. Blocks until the containers are gone; errors of Docker are lost."""
    client.tell("application.stop", {"applicationId": app_id}, confirmed)


def create_volume(client: DokployClient, app_id: str, volume: Volume) -> None:
    """Change: a repeat mounts twice."""
    body = {
        "type": "volume",
        "volumeName": volume.name,
        "mountPath": volume.path,
        "serviceId": app_id,
        # Without it the mount belongs to nobody.
        "serviceType": rows.APPLICATION,
    }
    client.tell("mounts.create", body, confirmed)


def create_redirect(client: DokployClient, app_id: str, redirect: RedirectSeen) -> None:
    """Change: answers no id; a repeat makes a second one."""
    body = {
        "applicationId": app_id,
        "regex": redirect.regex,
        "replacement": redirect.replacement,
        "permanent": redirect.permanent,
    }
    client.tell("redirects.create", body, confirmed)


def delete_redirect(client: DokployClient, redirect_id: str) -> None:
    """Change, safe to repeat."""
    try:
        client.tell("redirects.delete", {"redirectId": redirect_id}, anything)
    except Gone:
        return


def schedules(client: DokployClient, app_id: str) -> Sequence[ScheduleSeen]:
    """Oldest first."""
    return client.ask(
        "schedule.list",
        lambda document: [rows_of_services.schedule(row) for row in rows.rows(document)],
        id=app_id,
        scheduleType=rows.APPLICATION,
    )


def enable_schedule(client: DokployClient, schedule: ScheduleSeen, *, enabled: bool) -> None:
    """Change, safe to repeat: what it does and when has to be said each time."""
    body = {
        "scheduleId": schedule.id,
        "name": schedule.name,
        "cronExpression": schedule.cron,
        "command": schedule.command,
        "enabled": enabled,
    }
    client.tell("schedule.update", body, anything)


def delete_schedule(client: DokployClient, schedule_id: str) -> None:
    """Change, safe to repeat."""
    try:
        client.tell("schedule.delete", {"scheduleId": schedule_id}, confirmed)
    except Gone:
        return


def drop_waiting(client: DokployClient, app_id: str) -> None:
    """Change, safe to repeat: deleting an application drops what waits for it, too."""
    try:
        client.tell("application.cleanQueues", {"applicationId": app_id}, anything)
    except Gone:
        return


def roll_back(client: DokployClient, rollback_id: str) -> None:
    """Change: Permanent where the target has no such rollback (any more)."""
    client.tell("rollback.rollback", {"rollbackId": rollback_id}, anything)
