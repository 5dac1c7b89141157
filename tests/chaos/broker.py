"""S5, S6: the broker is emptied, killed, frozen, away."""

import os
import signal
import time
import urllib.error
import urllib.request

from tests.chaos.field import Field, field
from tests.chaos.scenario import How, Told, scenario
from tests.chaos.verdict import verdict

IN_FLIGHT = 100
BACK_WITHIN = 30.0
AFTER_LONG = 60.0


def _busy(place: Field, number: int = IN_FLIGHT, speed: float = 10.0) -> None:
    """So many deployments in the middle of their way."""
    place.place.control("speed", {"speed": speed})
    place.deploy([f"t{n}" for n in range(number)])
    place.place.until(lambda: place.in_flight() >= number, seconds=180)
    time.sleep(3)


def _gone_on(place: Field, told: Told, within: float) -> None:
    """Everything ends well, and each open deployment moved again within so many seconds."""
    at = place.db_time()
    place.place.control("speed", {"speed": 0.05})
    place.finish(180)
    slowest = place.slowest_to_go_on(at)
    told.figures["slowest to go on s"] = round(slowest, 1)
    told.expect(slowest <= within, f"slowest went on after {slowest:.1f} s")
    told.kept(verdict(place.place))


@scenario(
    "S5",
    "FLUSHALL, then kill -9, each with 100 deployments in flight: all go on within 30 s",
    brief=True,
)
def an_emptied_or_killed_broker_loses_nothing(how: How) -> Told:
    """Every hint is gone; the rows are not."""
    told = Told()
    with field(how) as place:
        _busy(place)
        told.figures["in flight"] = place.in_flight()
        told.figures["messages thrown away"] = sum(
            int(place.broker.llen(name)) for name in ("steps", "slow", "suspect")
        )
        place.broker.flushall()
        time.sleep(2)
        place.valkey.kill()
        time.sleep(3)
        place.valkey.start()
        _gone_on(place, told, BACK_WITHIN)
    return told


@scenario("S6", "without a broker pages answer within 1 s; afterwards all go on within 60 s")
def a_broker_that_is_away_stops_no_page(how: How) -> Told:
    """Away for minutes, then frozen for a while: neither hangs a page or a worker."""
    told = Told()
    with field(how, web=True) as place:
        _busy(place)
        place.valkey.kill()
        told.figures["away s"] = how.away
        slowest = _pages(place, how.away)
        told.figures["slowest page while away s"] = round(slowest, 2)
        told.expect(slowest < 1.0, f"a page took {slowest:.2f} s")
        place.valkey.start()
        back = time.monotonic()
        at = place.db_time()
        pid = place.valkey.pid
        if pid is not None:
            time.sleep(5)
            os.kill(pid, signal.SIGSTOP)
            slowest = _pages(place, 10)
            os.kill(pid, signal.SIGCONT)
            told.figures["slowest page while frozen s"] = round(slowest, 2)
            told.expect(slowest < 1.0, f"a page took {slowest:.2f} s while frozen")
            # The count starts when it can be reached again.
            back, at = time.monotonic(), place.db_time()
        place.place.control("speed", {"speed": 0.05})
        place.finish(240)
        told.figures["all ended after s"] = round(time.monotonic() - back, 1)
        slow = place.slowest_to_go_on(at)
        told.figures["slowest to go on s"] = round(slow, 1)
        told.expect(slow <= AFTER_LONG, f"slowest went on after {slow:.1f} s")
        told.kept(verdict(place.place))
    return told


def _pages(place: Field, seconds: float) -> float:
    """Asks for pages all the while; the longest answer in seconds."""
    until, slowest = time.monotonic() + seconds, 0.0
    number = 0
    while time.monotonic() < until:
        number += 1
        began = time.monotonic()
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{place.place.web}/login", timeout=20
            ) as answer:
                answer.read()
        except urllib.error.URLError:
            return float("inf")
        slowest = max(slowest, time.monotonic() - began)
        if number % 20 == 0:
            # A deployment asked for meanwhile is taken, and its chain is the watchdog's.
            began = time.monotonic()
            place.deploy([f"late{number}-{int(until)}"])
        time.sleep(0.25)
    return slowest
