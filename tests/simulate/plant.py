"""
Plants faults in the source of a copy, and tells which test finds each, and how soon.

    python -m tests.simulate.plant

One fence comparison, one look-up, one index: each is a plain edit, as somebody might make it. An
edit whose text is not there any more is an error. Each fault must be found by the simulator and by
at least one test of the engine.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("platform", "tests", "migrations", "pyproject.toml", "docs")
SEEDS = 400
LONGEST = 900.0
# The general path is what is edited; and the simulator is asked by itself.
NOT_HERE = "not postgresql and not seed and not taken_out"


@dataclass(frozen=True)
class Edit:
    """`old` stands exactly once in the file; it becomes `new`."""

    path: str
    old: str
    new: str


@dataclass(frozen=True)
class Fault:
    """One planted fault, and the tests that look that way."""

    name: str
    edits: tuple[Edit, ...]
    tests: tuple[str, ...]


ENGINE = "platform/tenantry/engine/"
INDEX = "'one_active_per_tenant', 'deployment', ['tenant_id'], unique="
FAULTS = (
    Fault(
        "a fence comparison: the intent does not ask whose claim it is",
        (
            Edit(
                ENGINE + "statements.py",
                """        Step.fence == bindparam("b_fence"),
        Step.status == "running",
        Step.lease_until >= db_now(),""",
                """        bindparam("b_fence").is_not(None),
        Step.status == "running",
        Step.lease_until >= db_now(),""",
            ),
        ),
        ("tests/engine/test_frozen_worker.py", "tests/engine/test_simulate.py"),
    ),
    Fault(
        "a look-up: a project is not looked for by its marker before it is created",
        (
            Edit(
                "platform/tenantry/steps/project.py",
                "found = _by_id(ctx) or _by_marker(ctx)",
                "found = _by_id(ctx)",
            ),
        ),
        ("tests/steps/test_project.py", "tests/engine/test_answer_lost.py"),
    ),
    Fault(
        "an index: a tenant may have two active deployments",
        (
            Edit(
                "platform/tenantry/models/deployment.py",
                """            "tenant_id",
            unique=True,""",
                """            "tenant_id",
            unique=False,""",
            ),
            Edit("migrations/versions/0001_the_first_tables.py", INDEX + "True", INDEX + "False"),
        ),
        ("tests/engine/test_cancel_resume.py", "tests/engine/test_races.py"),
    ),
)


def plant(fault: Fault, tree: Path) -> None:
    for edit in fault.edits:
        path = tree / edit.path
        text = path.read_text(encoding="utf-8")
        if text.count(edit.old) != 1:
            raise SystemExit(f"{edit.path} has changed: the fault cannot be planted as it was")
        path.write_text(text.replace(edit.old, edit.new), encoding="utf-8")


def copy_to(tree: Path) -> None:
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, tree / name)


def called(tree: Path, *command: str) -> tuple[bool, str, float]:
    """Whether it was red, what it said, and its seconds."""
    began = perf_counter()
    done = subprocess.run(
        [sys.executable, *command],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": "platform:."},
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )
    return done.returncode != 0, done.stdout + done.stderr, perf_counter() - began


def by_simulator(tree: Path) -> tuple[str, float]:
    """The seed and the invariant that found it; nothing where it was not found."""
    options = ("--seeds", str(SEEDS), "--no-controls", "--until-red")
    red, said, seconds = called(tree, "-m", "tests.simulate", *options)
    found = re.search(r"^seed \d+: [a-z ]+: .*$", said, re.MULTILINE)
    return (found[0][:110] if red and found else ""), seconds


def by_tests(tree: Path, tests: tuple[str, ...]) -> tuple[str, float]:
    """The first test that failed."""
    options = ("-x", "-q", "-p", "no:randomly", "-k", NOT_HERE)
    _, said, seconds = called(tree, "-m", "pytest", *options, *tests)
    found = re.search(r"^FAILED (\S+)", said, re.MULTILINE)
    return (found[1] if found else ""), seconds


def main() -> int:
    missed = 0
    for fault in FAULTS:
        with tempfile.TemporaryDirectory() as folder:
            tree = Path(folder)
            copy_to(tree)
            plant(fault, tree)
            sys.stdout.write(f"{fault.name}\n")
            for who, (found, seconds) in (
                ("simulator", by_simulator(tree)),
                ("tests", by_tests(tree, fault.tests)),
            ):
                missed += not found
                sys.stdout.write(f"  {who:<10}{seconds:7.1f} s  {found or 'NOT FOUND'}\n")
                sys.stdout.flush()
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
