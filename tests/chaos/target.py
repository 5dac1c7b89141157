"""S8, S9: the target answers nonsense, or loses its queue."""

import time

from dokploy_simulator.faults import MODES
from tests.chaos.field import Field, field
from tests.chaos.scenario import How, Told, scenario
from tests.chaos.verdict import verdict

# What a step may fail at, with the target's words: whoever asked again got another answer.
MAY_FAIL = ("500", "500-with-path", "401-permission")
# `slow` alone spoils nothing.
PASSING = tuple(mode for mode in MODES if mode not in (*MAY_FAIL, "slow"))
CHANCE = 0.4
EACH = 12
LONGEST = 150.0


@scenario(
    "S8", "16 modes of fault at 40 %: nothing doubled, all succeed, refused keys fail nothing"
)
def a_target_that_answers_nonsense_gets_no_double(how: How) -> Told:
    """Half of the faults come before the work, half after it: the answer alone is lost."""
    told = Told()
    with field(how, speed=0.02) as place:
        for number, mode in enumerate((*PASSING, *MAY_FAIL)):
            failed, seconds = _mode(place, mode, number, how.seed)
            told.figures[mode] = f"{seconds:.0f} s, {failed} failed and resumed"
            told.expect(failed == 0 or mode in MAY_FAIL, f"{mode}: {failed} failed of {EACH}")
        place.finish(60)
        told.kept(verdict(place.place))
    return told


def _mode(place: Field, mode: str, number: int, seed: int) -> tuple[int, float]:
    began = time.monotonic()
    plans = [
        {"mode": mode, "probability": CHANCE / 2, "when": when, "procedure": "*.*", "delay": 0.1}
        for when in ("before", "after")
    ]
    place.place.control("faults", {"faults": plans, "seed": seed + number})
    names = [f"m{number}-{n}" for n in range(EACH)]
    place.deploy(names)
    # Some keep failing as long as the fault lasts (a refused key pauses all): it is lifted.
    place.place.until_quietly(place.over, LONGEST / 3)
    place.lift()
    place.finish(LONGEST)
    failed = place.named("failed")
    place.redeploy(failed)
    place.finish(LONGEST)
    return len(failed), time.monotonic() - began


@scenario(
    "S9", "a target that restarts and loses its queue: builds are asked for again", brief=True
)
def a_target_that_restarts_loses_no_build(how: How) -> Told:
    """Once its rows are cancelled and its queue is lost, then its whole process is killed."""
    told = Told()
    with field(how) as place:
        place.place.control("speed", {"speed": 1.5})
        place.deploy([f"t{n}" for n in range(20)])
        place.place.until(lambda: place.place.running_step("service.web.wait_deploy", "waiting"))
        time.sleep(2)
        place.place.control("restart-queue", {})
        time.sleep(3)
        place.restart_target()
        place.place.control("speed", {"speed": 0.05})
        told.figures["all ended after s"] = round(place.finish(240), 1)
        told.kept(verdict(place.place))
    return told
