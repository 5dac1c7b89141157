"""`tenantry run prober` as the Procfile starts it."""

import os
import signal
import subprocess
import sys
import time

import pytest
from sqlalchemy import select

from tenantry.models import HealthCheck
from tests.conftest import ROOT, environment
from tests.stage import IMAGE_ONLY
from tests.watching.scenes import Scene

pytestmark = pytest.mark.processes


def test_it_probes_and_ends_cleanly_when_told(scene: Scene, database_url: str):
    scene.deployed(document=IMAGE_ONLY)
    path = os.pathsep.join([str(ROOT / "platform"), str(ROOT)])
    # The name leads to a port where nobody listens: a failed probe is a probe.
    outside = environment(database_url, OUTBOUND_MAP="*.example.com=127.0.0.1:1", TIME_DIVISOR="15")
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("COV_", "PYTEST"))}
    running = subprocess.Popen(
        [sys.executable, "-m", "tenantry", "run", "prober"],
        env=plain | outside | {"PYTHONPATH": path},
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        end = time.monotonic() + 30
        while not _probed(scene):
            assert running.poll() is None
            assert time.monotonic() < end
            time.sleep(0.1)
        running.send_signal(signal.SIGTERM)
        _, said = running.communicate(timeout=5)
    finally:
        running.kill()
    assert running.returncode == 0, said
    assert "round failed" not in said


def _probed(scene: Scene) -> bool:
    with scene.engine.begin() as conn:
        found = conn.execute(
            select(HealthCheck.problem).where(HealthCheck.step_id.is_(None)).limit(1)
        ).scalar()
    return found is not None and "did not answer" in found
