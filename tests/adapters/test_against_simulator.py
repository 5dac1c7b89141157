"""The real target against the stand-in server, over HTTP, once through a tenant's life."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tenantry.adapters.dokploy import DokployTargets
from tenantry.config import TargetSettings
from tenantry.planning.buildphase import PHASES, phase_of
from tenantry.planning.databases import DATABASE_KINDS
from tenantry.planning.sources import Build, GitSource, ImageSource
from tenantry.ports import DatabaseWish, Running

SOURCES = Path(__file__).parents[2] / "platform"


@pytest.fixture(scope="module")
def target():
    process = subprocess.Popen(
        [sys.executable, "-m", "dokploy_simulator", "--speed", "0.05"],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(SOURCES)},
    )
    ready = json.loads(process.stdout.readline())
    url = f"http://127.0.0.1:{ready['port']}"
    targets = DokployTargets([TargetSettings("sim", url, "simulator-key")])
    yield targets("sim")
    targets.close()
    process.terminate()
    process.wait(10)
    process.stdout.close()


@pytest.fixture(scope="module")
def project(target):
    return target.create_project("tenant-acme", "tenantry:t1 Acme")


def follow(target, app, ends=1):
    """Looks until that many builds are over; the phases that were seen."""
    phases, limit = [], time.monotonic() + 20
    while time.monotonic() < limit:
        builds = target.builds(app.id)
        if builds:
            phases.append(phase_of(target.build_log(builds[0].id, 1000)))
        if len(builds) == ends and all(b.status != "running" for b in builds):
            return phases
        time.sleep(0.02)
    raise AssertionError("it never ended")


def test_an_application_from_its_creation_to_its_container(target, project):
    app = target.create_application(
        project.environment_id, "web", "acme-web", "tenantry:s1 web", None
    )
    assert app.app_name.startswith("acme-web-")
    target.settle_application(app.id, Running(args=("serve",)))
    target.attach_git(app.id, GitSource("https://git.example/ok.git", "main"))
    target.set_build(app.id, Build())
    target.set_environment(app.id, "A=1")
    assert target.builds(app.id) == []
    target.trigger_build(app.id, "ours", "words")
    phases = follow(target, app)
    assert set(phases) <= {"", *PHASES}
    assert phases[-1] == "deploying"
    time.sleep(0.3)
    assert target.builds(app.id)[0].description.startswith("Commit: ")
    assert target.application_status(app.id) == "done"
    assert "running" in {c.state for c in target.containers(app.app_name, None)}
    seen = target.project(project.id)
    assert app.id in {s.id for s in seen.services}
    made = target.create_domain(app.id, "a.demo.test", 80, https=True, certificate="none")
    assert [d.id for d in target.domains(app.id)] == [made.id]
    assert target.schedules(app.id) == []


def test_an_image_is_pulled(target, project):
    app = target.create_application(project.environment_id, "img", "acme-img", "m", None)
    target.settle_application(app.id, Running())
    target.attach_image(app.id, ImageSource("nginx:1.27"))
    target.trigger_build(app.id, "ours", "words")
    follow(target, app)
    assert [b.title for b in target.builds(app.id)] == ["ours"]
    target.delete_application(app.id)
    target.delete_application(app.id)
    assert target.application_status(app.id) is None


@pytest.mark.parametrize("kind", DATABASE_KINDS)
def test_databases_of_every_kind(target, project, kind):
    wish = DatabaseWish(kind, "db", "acme-db", f"tenantry:{kind} db", "acme", "bob", "Passw0rd")
    made = target.create_database(project.environment_id, wish, None)
    assert made.app_name.startswith("acme-db-")
    target.deploy_database(kind, made.id, deadline=20)
    assert target.database(kind, made.id).status == "done"


def test_a_project_is_found_by_its_marker_alone(target, project):
    assert [p.id for p in target.projects_marked("tenantry:t1")] == [project.id]
    assert target.projects_marked("tenantry:t") == []
    assert target.projects_marked("Acm_") == []
