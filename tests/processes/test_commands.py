"""The `tenantry` command as a person types it, against real processes."""

import subprocess
import sys

import pytest
from redis import Redis

from tenantry.cli.processes import HEARTBEAT
from tests.installation import PRODUCT, Installation

pytestmark = pytest.mark.processes


def tenantry(place: Installation, *argv: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "tenantry", *argv],
        env=dict(place._env()),
        cwd=place.folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_deploy_watch_shows_each_step_and_ends_with_0(place: Installation) -> None:
    done = tenantry(place, "deploy", "acme", "--watch")
    assert done.returncode == 0, done.stdout + done.stderr
    for words in (
        "Create project",
        "Start database",
        "Wait for build (backend)",
        "succeeded after",
    ):
        assert words in done.stdout
    again = tenantry(place, "status", "acme")
    assert "Provision inside the product (backend)" in again.stdout


def test_a_failed_build_ends_with_1_and_resume_repairs_it(place: Installation) -> None:
    broken = PRODUCT | {
        "name": "Broken",
        "slug": "broken",
        "base_domain": "broken.demo.test",
        "services": [PRODUCT["services"][1] | {"repo_branch": "fail"}],
        "db_required": False,
        "secrets": [],
    }
    place.product(broken)
    place.tenant("oops", "broken")
    done = tenantry(place, "deploy", "oops", "--watch")
    assert done.returncode == 1
    assert "The build failed" in done.stdout
    place.until(lambda: any("failed" in m.subject for m in place.mailbox.messages), seconds=20)
    # The product is mended, and a new deployment takes its newest release.
    place.product(broken | {"services": [PRODUCT["services"][1]]})
    assert tenantry(place, "deploy", "oops", "--watch").returncode == 0
    assert place.doubles() == []


def test_a_second_deploy_is_refused_and_names_the_first(place: Installation) -> None:
    # Each command takes seconds to start on a busy machine: builds must outlast two of them.
    place.control("speed", {"speed": 3.0})
    first = place.deploy("acme")
    second = tenantry(place, "deploy", "acme")
    assert second.returncode == 3
    assert first in second.stderr
    cancelled = tenantry(place, "cancel", "acme")
    assert cancelled.returncode == 0
    place.control("speed", {"speed": 0.15})
    assert place.until(lambda: place.ended("acme")) == "cancelled"
    resumed = tenantry(place, "resume", "acme", "--watch")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert place.doubles() == []


def test_doctor_finds_everything_in_order(place: Installation) -> None:
    # The watchdog's first beat comes with its first round of repairs.
    place.until(lambda: Redis.from_url(place.shop.settings.redis_url).exists(HEARTBEAT))
    found = tenantry(place, "doctor")
    assert found.returncode == 0, found.stdout + found.stderr
    for name in ("database", "broker", "watchdog", "target main", "mail"):
        assert f"✓ {name}" in found.stdout
