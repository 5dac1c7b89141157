"""
Plants faults in the source of a copy, and tells which test finds each, and how soon.

    python -m tests.simulate.plant

Fence comparisons in the general way and in PostgreSQL's single statements, one look-up, one index:
each is a plain edit, as somebody might make it. An edit whose text is not there any more is an
error. Each fault must be found by at least one test of the engine, on the database that runs what
was edited, and by the simulator there, but for what another guard covers.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from tests.simulate.bench import base_of_commit, spent

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("platform", "tests", "migrations", "pyproject.toml", "docs")
SEEDS = {"sqlite": 400, "postgresql": 120}
LONGEST = 900.0
# Only where the edited text is run; and the simulator is asked by itself.
HERE = {
    "sqlite": "not postgresql and not seed and not taken_out",
    "postgresql": "not sqlite and not seed and not taken_out",
}


@dataclass(frozen=True)
class Edit:
    """`old` stands exactly once in the file; it becomes `new`."""

    path: str
    old: str
    new: str


@dataclass(frozen=True)
class Fault:
    """
    One planted fault, the tests that look that way, and the database that runs what is edited.

    `still`: where workers stand still while seeds are run, for a guard against that. `covered_by`:
    by what the engine holds without it, so that no seed need find it.
    """

    name: str
    edits: tuple[Edit, ...]
    tests: tuple[str, ...]
    on: str = "sqlite"
    still: tuple[str, ...] = ()
    covered_by: str = ""


ENGINE = "platform/tenantry/engine/"
AT_ONCE = ENGINE + "fused/statements.py"
SETTLE_AT_ONCE = ENGINE + "fused/settle_sql.py"
SAME_MOMENT = "AND h.next_seq = v.next_seq "
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
        ("tests/engine/test_simulate.py", "tests/engine/test_frozen_worker.py"),
        still=("before_intent",),
    ),
    Fault(
        "the same comparison in PostgreSQL's single statement",
        (
            Edit(
                AT_ONCE,
                " WHERE id = %(step)s AND fence = %(fence)s AND status = 'running'\n",
                " WHERE id = %(step)s AND status = 'running'\n",
            ),
        ),
        ("tests/engine/test_simulate.py", "tests/engine/test_frozen_worker.py"),
        on="postgresql",
        still=("before_intent",),
    ),
    Fault(
        "a fence comparison: a settle in one statement does not ask whose claim it is",
        (Edit(SETTLE_AT_ONCE, " AND s.fence = %(fence)s AND s.status", " AND s.status"),),
        ("tests/engine/test_fused.py",),
        on="postgresql",
        still=("before_settle",),
    ),
    Fault(
        "a single statement does not ask who moved on while it waited (ADR 0014)",
        (
            Edit(AT_ONCE, f"{SAME_MOMENT}AND h.epoch", "AND h.epoch"),
            Edit(SETTLE_AT_ONCE, f"{SAME_MOMENT}AND {{may}}", "AND {may}"),
        ),
        ("tests/engine/test_fused.py",),
        on="postgresql",
        covered_by="the order and the status, read at the same moment",
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


def by_simulator(tree: Path, on: str, still: tuple[str, ...], base: int) -> tuple[str, float]:
    """The seed and the invariant that found it; nothing where it was not found."""
    options = ["--on", on, "--base", str(base), "--rough", "--no-controls", "--until-red"]
    options += ["--still", *still]
    options += ["--seeds", str(SEEDS[on]), "--seeds-on-postgresql", str(SEEDS[on])]
    red, said, seconds = called(tree, "-m", "tests.simulate", *options)
    found = re.search(r"^seed \d+ on \w+: [a-z ]+: .*$", said, re.MULTILINE)
    return (found[0][:110] if red and found else ""), seconds


def by_tests(tree: Path, on: str, tests: tuple[str, ...]) -> tuple[str, float]:
    """The first test that failed."""
    options = ("-x", "-q", "-p", "no:randomly", "-k", HERE[on])
    _, said, seconds = called(tree, "-m", "pytest", *options, *tests)
    found = re.search(r"^FAILED (\S+)", said, re.MULTILINE)
    return (found[1] if found else ""), seconds


def tell(who: str, found: str, seconds: float) -> bool:
    """Prints one line; whether it was found."""
    sys.stdout.write(f"  {who:<10}{seconds:7.1f} s  {found or 'NOT FOUND'}\n")
    sys.stdout.flush()
    return bool(found)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulate.plant")
    parser.add_argument("--base", type=int)
    parser.add_argument("--only", default="", help="faults with this in their name")
    given = parser.parse_args()
    base, good = base_of_commit() if given.base is None else given.base, True
    began = perf_counter()
    sys.stdout.write(f"seeds from base {base}\n")
    for fault in (fault for fault in FAULTS if given.only in fault.name):
        with tempfile.TemporaryDirectory() as folder:
            tree = Path(folder)
            copy_to(tree)
            plant(fault, tree)
            sys.stdout.write(f"{fault.name} ({fault.on})\n")
            if fault.covered_by:
                sys.stdout.write(f"  covered by {fault.covered_by}: no seeds\n")
            else:
                good &= tell("simulator", *by_simulator(tree, fault.on, fault.still, base))
            good &= tell("tests", *by_tests(tree, fault.on, fault.tests))
    sys.stdout.write(f"{perf_counter() - began:.0f} s, {spent()}, {'green' if good else 'red'}\n")
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
