"""A bounded part of `make simulate`: seeds, their replay, and one guard taken out."""

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.engine.scenes import elsewhere, message, then_freeze
from tests.simulate.bench import bench
from tests.simulate.clockwork import Clock
from tests.simulate.controls import CONTROLS
from tests.simulate.run import run
from tests.simulate.trials import try_out
from tests.stage import IMAGE_ONLY, Killed, Stage, die_at

ROOT = Path(__file__).resolve().parents[2]
QUICK = ("the order in the claim", "the index of one active deployment", "the watchdog")


def trace_of(seed: int, hash_seed: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "tests.simulate", "--seed", str(seed), "--trace"],
        cwd=ROOT,
        env={"PYTHONPATH": "platform:.", "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_a_seed_is_one_schedule_to_the_last_byte() -> None:
    first = trace_of(7, "1")
    assert len(first.splitlines()) > 100
    assert first == trace_of(7, "2")
    assert first.endswith("seed 7: no violation\n")


def test_a_few_seeds_break_no_invariant_and_see_every_fault() -> None:
    with bench(None) as own:
        verdicts = [run(own.store, own.clock, seed) for seed in range(100, 106)]
    assert [v.violations for v in verdicts] == [[]] * 6
    for fault in ("kills", "pauses", "strays", "clock steps", "claims"):
        assert sum(v.counted[fault] for v in verdicts) > 0


@pytest.mark.parametrize("name", QUICK)
def test_a_guard_taken_out_is_caught(name: str) -> None:
    (control,) = [c for c in CONTROLS if c.name == name]
    with bench(None) as own:
        caught = try_out(own.store, own.clock, control, 0)
    assert caught.good, str(caught)
    assert caught.by in control.breaks


def test_the_clock_of_a_run_is_not_the_machines() -> None:
    with bench(None) as own:
        clock: Clock = own.clock
        clock.seconds = 5.0
        with own.store.engine.begin() as conn:
            text = conn.exec_driver_sql("SELECT strftime('%Y-%m-%d %H:%M:%f','now')").scalar_one()
    assert text == "2026-09-08 12:00:05.000"


def test_an_intent_is_refused_while_another_worker_holds_the_step(shipped: Stage) -> None:
    """Its lease is good and the step runs, but neither is of this claim: the fence alone tells."""
    stage = shipped.ready(IMAGE_ONLY)
    stage.deploy()

    def taken_and_held() -> None:
        stage.pass_time(700)
        stage.watchdog.repair()
        with suppress(Killed):
            other = stage.runner("other", die_at("after_claim"))
            message(stage, stage.step("project.create"), other, suspect=True)

    old = stage.runner("old", then_freeze("before_intent", lambda: elsewhere(taken_and_held)))
    assert not message(stage, stage.step("project.create"), old)
    assert stage.step("project.create").owner == "other"
    assert stage.twins.target.calls["create_project"] == 0
