"""Imports go down, and a planted one that goes up is caught."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# How the linter marks a contract that is broken, or a room without a floor.
BROKEN = "BROKEN"
LINTER = Path(sys.executable).with_name("lint-imports")


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(LINTER), "--no-cache", "--no-logo", "--config", str(folder / "pyproject.toml")],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder / "platform")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree as it stands, to be spoiled."""
    folder = tmp_path_factory.mktemp("floors")
    shutil.copy(ROOT / "pyproject.toml", folder)
    shutil.copytree(
        ROOT / "platform",
        folder / "platform",
        ignore=shutil.ignore_patterns("__pycache__", "static", "pages", "*.egg-info"),
    )
    return folder


def test_the_floors_hold():
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        ("planning/planner.py", "import sqlalchemy", "pure"),
        ("steps/project.py", "import tenantry.engine.claim", "Floors"),
        ("steps/mail.py", "import httpx", "pure"),
        ("operations/tenants.py", "import flask", "without Flask"),
        ("cli/staff.py", "import tenantry.adapters.vault", "Only app names adapters"),
        ("demo/ports.py", "import dokploy_simulator.world", "strangers"),
        ("attic.py", "", "Floors"),
    ],
)
def test_a_planted_violation_is_caught(copy: Path, file: str, line: str, contract: str):
    path = copy / "platform" / "tenantry" / file
    before = path.read_text(encoding="utf-8") if path.exists() else None
    path.write_text(f"{before or ''}\n{line}\n", encoding="utf-8")
    try:
        done = lint(copy)
    finally:
        if before is None:
            path.unlink()
        else:
            path.write_text(before, encoding="utf-8")
    assert done.returncode != 0
    assert contract in "".join(ln for ln in done.stdout.splitlines() if BROKEN in ln), done.stdout
