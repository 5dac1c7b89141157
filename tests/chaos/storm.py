"""S4: everything at once."""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from heapq import heapify, heappop, heappush

from tenantry.demo.mail_catcher import Fault
from tests.chaos.crowd import FASTEST, STILL_OPEN, ask, open_ones, paced, work_left
from tests.chaos.field import Field, field
from tests.chaos.letters import letters
from tests.chaos.pulse import pulse
from tests.chaos.scenario import How, Told, scenario
from tests.chaos.target import PASSING
from tests.chaos.verdict import verdict

AFTER = 120.0
STEPS = 3
WORKERS = (*(f"steps-{n}" for n in range(STEPS)), "worker-slow", "worker-suspect")
# What a storm of five minutes holds: what dies often in life dies often here. A shorter storm
# holds its share, and one of each.
WHOLE = 300.0
PLANNED = {
    "kill worker": 19,
    "kill suspect child": 30,
    "freeze worker": 8,
    "kill watchdog": 4,
    "flush": 3,
    "kill broker": 2,
    "freeze broker": 1,
    "restart database": 2,
    "cut connections": 6,
    "restart target": 2,
    "lose queue": 2,
    "silence mail": 2,
    "silence names": 2,
}
AWAY = 95.0
NEEDS_DATABASE = frozenset({"restart database", "cut connections"})
CHANCE = 0.004
AGAIN = 3.0
# For what has found nobody a storm goes on so much longer: a worker takes seconds to come up.
LATEST = 15.0


class Storm:
    """
    Breaks what was planned, each at a time that a seed decides, and counts what it really broke.

    The database is away once, beyond every lease; all else goes on meanwhile. `least_open` is the
    smallest number of deployments that were under way when something broke.
    """

    def __init__(self, place: Field, how: How) -> None:
        self.place = place
        self.how = how
        self.draw = random.Random(how.seed)
        self.done: Counter[str] = Counter()
        self.least_open = how.flight
        share = min(1.0, how.storm / WHOLE)
        self.planned = {name: max(1, round(share * most)) for name, most in PLANNED.items()}
        self.away = AWAY * share
        self._spoilt = 0
        self._database = True

    def timeline(self) -> list[tuple[float, str]]:
        """Seconds from the beginning, and what happens then."""
        goes = self.how.storm * self.draw.uniform(0.2, 0.5)
        events = [(goes, "lose database"), (goes + self.away, "database is back")]
        for name, number in self.planned.items():
            events += [(self._moment(name, goes), name) for _ in range(number)]
        return sorted(events)

    def _moment(self, name: str, goes: float) -> float:
        if name not in NEEDS_DATABASE:
            return self.draw.uniform(0, self.how.storm)
        # Before it goes or after it came back, each by its length.
        at = self.draw.uniform(0, self.how.storm - self.away)
        return at if at < goes else at + self.away

    def rage(self) -> None:
        """
        All of the timeline; what is late because the one before it took long follows at once.

        What finds nobody to strike comes again a little later, for as long as the storm lasts and
        some seconds more.
        """
        self._spoil()
        events = self.timeline()
        heapify(events)
        began = time.monotonic()
        while events:
            at, name = heappop(events)
            while (now := time.monotonic() - began) < at:
                self._look(began)
                time.sleep(min(1.0, at - now))
            self._look(began)
            if self._strikes(name):
                self.done[name] += 1
            elif now < self.how.storm + LATEST:
                heappush(events, (now + AGAIN, name))
        while time.monotonic() - began < self.how.storm:
            self._look(began)
            time.sleep(1)

    def _strikes(self, name: str) -> bool:
        """Whether it could be done now: a database that is away cannot be restarted."""
        if name in NEEDS_DATABASE and not self._database:
            return False
        deed: Callable[[], bool | None] = getattr(self, name.replace(" ", "_"))
        return deed() is not False

    def _look(self, began: float) -> None:
        """Counts who is under way, and keeps the target slow enough for some to be."""
        if self._database:
            left = max(0.0, 1 - (time.monotonic() - began) / self.how.storm)
            self.least_open = min(self.least_open, open_ones(self.place))
            paced(self.place, work_left(self.place), left)

    def _spoil(self) -> None:
        """The target gives bad answers from now on."""
        plans = [
            {"mode": mode, "probability": CHANCE, "when": when, "procedure": "*.*", "delay": 0.1}
            for mode in PASSING
            for when in ("before", "after")
        ]
        self.place.place.control("faults", {"faults": plans, "seed": self.draw.randrange(10**6)})

    def calm(self) -> int:
        """Everything is mended; how many answers of the target were bad."""
        self._spoilt += sum(plan["used"] for plan in self.place.faults())
        self.place.lift()
        self.place.place.mailbox.misbehave(Fault.NONE)
        self.place.place.control("dns", {"nxdomain": [], "blackhole": False})
        self.place.place.control("speed", {"speed": FASTEST})
        for child in self.place.place.supervisor.status():
            self.place.signal(child.name, signal.SIGCONT)
        return self._spoilt

    def _alive(self, *names: str) -> str:
        """One of those that run just now; empty where none does."""
        there = [name for name in names if self.place.place.supervisor.pid(name) is not None]
        return self.draw.choice(there) if there else ""

    def kill_worker(self) -> bool:
        """A whole worker, with everything it had taken."""
        return self.place.signal(self._alive(*WORKERS), signal.SIGKILL)

    def freeze_worker(self) -> bool:
        """Beyond every lease, then on as if nothing had been."""
        name = self._alive(*WORKERS)
        if not self.place.signal(name, signal.SIGSTOP):
            return False
        time.sleep(self.draw.uniform(3, 8))
        return self.place.signal(name, signal.SIGCONT)

    def kill_suspect_child(self) -> bool:
        """One process of the prefork pool."""
        children = self.place.children("worker-suspect")
        try:
            os.kill(self.draw.choice(children), signal.SIGKILL)
        except (IndexError, ProcessLookupError):
            return False
        return True

    def kill_watchdog(self) -> bool:
        """One of two."""
        return self.place.signal(self._alive("watchdog", "watchdog-2"), signal.SIGKILL)

    def flush(self) -> None:
        """All hints are gone."""
        self.place.broker.flushall()

    def kill_broker(self) -> None:
        """Gone with everything it held, back after some seconds."""
        self.place.valkey.kill()
        time.sleep(4)
        self.place.valkey.start()

    def freeze_broker(self) -> None:
        """Takes connections and says nothing."""
        pid = self.place.valkey.pid
        if pid is not None:
            os.kill(pid, signal.SIGSTOP)
            time.sleep(8)
            os.kill(pid, signal.SIGCONT)

    def restart_database(self) -> None:
        """At once, without a checkpoint."""
        self.place.restart_postgres()

    def lose_database(self) -> None:
        """Beyond every lease."""
        self._database = False
        self.place.stop_postgres()

    def database_is_back(self) -> None:
        """After its time."""
        self.place.start_postgres()
        self._database = True

    def cut_connections(self) -> None:
        """Every connection to the database is cut, in the middle of whatever it does."""
        self.place.cut()

    def restart_target(self) -> None:
        """The stand-in is killed, and its supervisor starts it again; it forgets its faults."""
        self._spoilt += sum(plan["used"] for plan in self.place.faults())
        self.place.restart_target()
        self._spoil()

    def lose_queue(self) -> None:
        """Builds in line are gone, those that run are cancelled."""
        self.place.place.control("restart-queue", {})

    def silence_mail(self) -> None:
        """The mail server says nothing for a while."""
        self.place.place.mailbox.misbehave(Fault.SILENT)
        time.sleep(4)
        self.place.place.mailbox.misbehave(Fault.NONE)

    def silence_names(self) -> None:
        """No name server answers for a while."""
        self.place.place.control("dns", {"blackhole": True})
        time.sleep(4)
        self.place.place.control("dns", {"blackhole": False})


@scenario(
    "S4", "1,000 deployments in a storm: none lost, doubled or dangling, all ended after 120 s"
)
def a_storm_loses_and_doubles_nothing(how: How) -> Told:
    """Kills, freezes, flushes, restarts, outages and bad answers, at times drawn by a seed."""
    told = Told()
    with field(how, steps=STEPS, speed=0.3) as place, pulse(place):
        began = time.monotonic()
        # Nobody may be done before it begins.
        with place.standing(*WORKERS, "watchdog", "watchdog-2"):
            ask(place, how.flight)
        told.figures |= {"seed": how.seed, "deployments": how.flight}
        told.figures["asked for within s"] = round(time.monotonic() - began, 1)
        told.figures["open when it began"] = first = open_ones(place)
        told.expect(first == how.flight, f"only {first} were open when it began")
        storm = Storm(place, how)
        began = time.monotonic()
        storm.rage()
        told.figures["storm s"] = round(time.monotonic() - began, 1)
        left, spoilt = open_ones(place), storm.calm()
        told.figures |= {f"storm: {name}": number for name, number in sorted(storm.done.items())}
        told.figures |= {"database away s": round(storm.away, 1), "answers spoilt": spoilt}
        told.figures |= {"least open in it": storm.least_open, "open when it ended": left}
        few = {name: number for name, number in storm.planned.items() if storm.done[name] < number}
        told.expect(not few, f"less happened than was planned: {few}")
        # One for each deployment of the whole storm.
        enough = how.flight * min(1.0, how.storm / WHOLE)
        told.expect(spoilt >= enough, f"only {spoilt} answers were spoilt")
        open_share = min(left, storm.least_open) / how.flight
        told.expect(open_share >= STILL_OPEN, f"it raged over finished work: {open_share:.0%} open")
        seconds = place.finish(AFTER * 2)
        told.figures["all ended after s"] = round(seconds, 1)
        told.expect(seconds <= AFTER, f"the last one ended {seconds:.0f} s after the storm")
        told.figures["claims lost"] = place.reaped()
        told.kept(verdict(place.place))
        mail = letters(place.place)
        told.figures["mails sent again, tries unanswered"] = f"{mail.again}, {mail.unanswered}"
    return told
