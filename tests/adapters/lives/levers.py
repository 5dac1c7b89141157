"""The same deeds of other hands on the twin and on the stand-in server."""

import time

import httpx

from tenantry.adapters.dokploy import DokployTargets
from tenantry.config import TargetSettings
from tests.twins import TargetTwin

DESTINATION = {
    "name": "store",
    "provider": "Other",
    "accessKey": "AKIAEXAMPLE",
    "secretAccessKey": "s3-secret-hunter2",
    "bucket": "vault",
    "region": "eu-1",
    "endpoint": "https://s3.example.test",
    "additionalFlags": [],
}


def until(look, seconds=10.0):
    """What `look` says once it says something."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if said := look():
            return said
        time.sleep(0.02)
    raise AssertionError("it did not come to pass in time")


FILE = "services:\n  web:\n    image: nginx:1.27\n  worker:\n    image: nginx:1.27\n"


class TwinLevers:
    """A fresh twin."""

    def __init__(self):
        self.target = TargetTwin()

    def silence(self, *, silent):
        self.target.engine_silent = silent

    def linger(self):
        self.target.stack_lingers = True

    def fail_next(self, backup_id):
        self.target.plan_runs(backup_id, "error")

    def schedule(self, app_id):
        self.target.schedule(app_id, "nightly", "0 3 * * *", "true")

    def data(self, database_id, text):
        self.target.apps[database_id].data = text

    def restored_from(self, database_id):
        data = self.target.apps[database_id].data
        return data if "/" in data else None

    def close(self):
        """Nothing is open."""


class SimulatorLevers:
    """A stand-in server with one destination."""

    def __init__(self, simulator):
        headers = {"x-api-key": simulator.api_key}
        self.http = httpx.Client(base_url=simulator.url, headers=headers, timeout=10)
        settings = TargetSettings("sim", simulator.url, simulator.api_key)
        self.targets = DokployTargets([settings])
        self.target = self.targets("sim")
        self._do("/api/destination.create", DESTINATION)

    def _do(self, path, body):
        answer = self.http.post(path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json() if answer.content else None

    def silence(self, *, silent):
        self._do("/_sim/node-silent", {"silent": silent})

    def linger(self):
        self._do("/_sim/settings", {"stack_lingers": True})

    def fail_next(self, backup_id):
        self._do("/_sim/backup", {"id": backup_id, "fail": "upload failed", "times": 1})

    def schedule(self, app_id):
        body = {
            "name": "nightly",
            "cronExpression": "0 3 * * *",
            "command": "true",
            "scheduleType": "application",
            "applicationId": app_id,
            "shellType": "sh",
        }
        self._do("/api/schedule.create", body)

    def data(self, database_id, text):
        self._do("/_sim/data", {"id": database_id, "data": text})

    def restored_from(self, database_id):
        return self._do("/_sim/data", {"id": database_id})["restoredFrom"]

    def close(self):
        self.targets.close()
        self.http.close()


def build(target, app):
    before = len(target.builds(app.id))
    target.trigger_build(app.id, "ours", "words")

    def ended():
        found = target.builds(app.id)
        return len(found) > before and found[0].status != "running" and found[0]

    return until(ended)


def deploy(target, stack):
    before = len(target.compose_builds(stack.id))
    target.deploy_compose(stack.id, "ours", "words")

    def ended():
        found = target.compose_builds(stack.id)
        return len(found) > before and found[0].status != "running" and found[0]

    return until(ended)


def up(target, app_name):
    """How many tasks run."""
    return sum(
        task.state == "running" and task.wanted == "running"
        for task in target.containers(app_name, None)
    )


def swarm(target, app_name):
    return next((app for app in target.node_apps(None) if app.name == app_name), None)
