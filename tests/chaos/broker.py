"""S5, S6: the broker is emptied, killed, frozen, away."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tenantry.demo.spawning import Program
from tests.chaos.field import Field, field
from tests.chaos.letters import letters
from tests.chaos.panel import PAGES, Panel
from tests.chaos.place import Place
from tests.chaos.scenario import How, Told, scenario
from tests.chaos.timed import longest_held
from tests.chaos.verdict import verdict

IN_FLIGHT, SPARE = 100, 20
# Of the target: a build takes more than a minute, few end while the broker is away.
SLOW = 40.0
BACK_WITHIN = 30.0
AFTER_LONG = 60.0
ANSWER_WITHIN = 1.0
HELD_AT_MOST = 5.0
# The panel tries the broker again ten seconds after it failed, and says nothing while it tries.
TOLD_WITHIN = 20.0
FROZEN = 40.0
PRESS_EVERY, LOOK_EVERY = 4.0, 0.4
QUEUES = ("steps", "slow", "suspect")


def _busy(place: Field, speed: float = 10.0) -> None:
    """So many deployments in the middle of their way, and some more for the builds that end."""
    place.place.control("speed", {"speed": speed})
    place.deploy([f"t{n}" for n in range(IN_FLIGHT + SPARE)])
    place.place.until(lambda: place.in_flight() >= IN_FLIGHT, seconds=60)
    time.sleep(3)


def _went_on(place: Field, told: Told, after: str, within: float) -> None:
    """Each deployment that is open now moves again within so many seconds."""
    at, number = place.db_time(), place.in_flight()
    told.figures[f"in flight after {after}"] = number
    told.expect(number >= IN_FLIGHT, f"only {number} in flight after {after}")
    slowest = place.all_moved(at, 2 * within)
    told.figures[f"slowest to go on after {after} s"] = round(slowest, 1)
    told.expect(slowest <= within, f"slowest went on {slowest:.1f} s after {after}")


@scenario(
    "S5",
    "FLUSHALL, and kill -9, each with 100 deployments in flight: all go on within 30 s",
    brief=True,
)
def an_emptied_or_killed_broker_loses_nothing(how: How) -> Told:
    """Every hint is gone; the rows are not."""
    told = Told()
    with field(how) as place:
        _busy(place)
        with place.standing("steps-0", "steps-1"):
            place.place.until(lambda: _messages(place), seconds=20)
            told.figures["messages thrown away"] = _messages(place)
            place.broker.flushall()
        _went_on(place, told, "FLUSHALL", BACK_WITHIN)
        place.valkey.kill()
        time.sleep(3)
        place.valkey.start()
        _went_on(place, told, "kill -9", BACK_WITHIN)
        place.place.control("speed", {"speed": 0.05})
        place.finish(180)
        told.kept(verdict(place.place))
    return told


def _messages(place: Field) -> int:
    return sum(int(place.broker.llen(name)) for name in QUEUES)


@scenario(
    "S6",
    "without a broker pages and buttons answer within 1 s and say so, no thread is held for 5 s;"
    " afterwards all go on within 60 s",
)
def a_broker_that_is_away_stops_no_page(how: How) -> Told:
    """Away for minutes, then frozen for a while: an operator looks around and deploys meanwhile."""
    told = Told()

    def timed(place: Place) -> list[Program]:
        more = ("--concurrency", "20")
        return [
            place.worker(f"steps-{n}", "steps", *more, entry="tests.chaos.timed") for n in (0, 1)
        ]

    with field(how, web=True, steps=0, workers=timed) as place:
        panel = Panel(place.place)
        presses = int((how.away + FROZEN) / PRESS_EVERY) + 2
        late = [f"late{n}" for n in range(presses)]
        for name in late:
            place.place.tenant(name, "site")
        _busy(place, SLOW)
        place.valkey.kill()
        _without(place, panel, told, "away", how.away, late)
        place.valkey.start()
        _went_on(place, told, "its return", AFTER_LONG)
        with _frozen(place):
            _without(place, panel, told, "frozen", FROZEN, late)
        _went_on(place, told, "the thaw", AFTER_LONG)
        place.place.control("speed", {"speed": 0.05})
        told.figures["all ended after s"] = round(place.finish(240), 1)
        told.kept(verdict(place.place))
        mail = letters(place.place)
        told.figures["mails sent again, tries unanswered"] = f"{mail.again}, {mail.unanswered}"
    return told


@contextmanager
def _frozen(place: Field) -> Iterator[None]:
    """The broker takes connections and says nothing."""
    pid = place.valkey.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def _without(
    place: Field, panel: Panel, told: Told, how_so: str, seconds: float, late: list[str]
) -> None:
    """An operator looks around and deploys for so many seconds."""
    began = said = pressed = time.monotonic()
    longest, number = 0.0, 0
    panel.begin()
    since = time.time()
    started: list[str] = []
    while (now := time.monotonic()) - began < seconds:
        number += 1
        if now - pressed >= PRESS_EVERY and late:
            pressed, name = now, late.pop()
            page = panel.deploy(name, as_program=len(late) % 2 == 0)
            started += [page] if page else []
        path = started[-1] if started and number % 2 else PAGES[number % len(PAGES)]
        if panel.look(path):
            said = time.monotonic()
        longest = max(longest, time.monotonic() - said)
        time.sleep(LOOK_EVERY)
    told.figures |= {
        f"{how_so} s": seconds,
        f"{how_so}: buttons pressed, pages seen": f"{panel.asked['press']}, {panel.asked['look']}",
        f"{how_so}: slowest button, page s": f"{panel.slowest['press']:.2f},"
        f" {panel.slowest['look']:.2f}",
        f"{how_so}: longest without a banner s": round(longest, 1),
    }
    slowest = max(panel.slowest.values())
    told.expect(slowest < ANSWER_WITHIN, f"{how_so}: an answer took {slowest:.2f} s")
    told.expect(not panel.wrong, f"{how_so}: {len(panel.wrong)} wrong answers: {panel.wrong[:3]}")
    held, where = longest_held(place.place.folder, since, time.time())
    told.figures[f"{how_so}: longest a thread was held s"] = round(held, 1)
    words = f"{how_so}: a worker's thread was held for {held:.1f} s in {where}"
    told.expect(held <= HELD_AT_MOST, words)
    told.expect(len(started) > 0, f"{how_so}: no deployment was taken")
    told.expect(longest <= TOLD_WITHIN, f"{how_so}: {longest:.0f} s without a banner")
