"""The panel's process does not look through itself while somebody waits for a page."""

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import environment

ROOT = Path(__file__).resolve().parents[2]
ASK = "import gc, tenantry.app as a; a.application; print(gc.get_freeze_count(), gc.isenabled())"
PANEL_AT_LEAST = 100_000


def test_what_the_server_has_loaded_is_never_collected_again(tmp_path: Path) -> None:
    env = {**os.environ, **environment(f"sqlite:///{tmp_path}/one.db"), "PYTHONPATH": "platform"}
    said = subprocess.run(
        [sys.executable, "-c", ASK], cwd=ROOT, env=env, capture_output=True, text=True, check=True
    )
    kept, collecting = said.stdout.split()
    assert int(kept) > PANEL_AT_LEAST
    assert collecting == "True"
