"""S4: everything at once."""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable

from tenantry.demo.mail_catcher import Fault
from tests.chaos.field import Field, field
from tests.chaos.scenario import How, Told, scenario
from tests.chaos.target import PASSING
from tests.chaos.verdict import verdict

AFTER = 120.0
WORKERS = 3
EVERY = 4.0


class Storm:
    """Breaks something every few seconds, drawn by a seed, and counts what it did."""

    def __init__(self, place: Field, how: How) -> None:
        self.place = place
        self.draw = random.Random(how.seed)
        self.done: Counter[str] = Counter()
        self.until = time.monotonic() + how.storm
        # Weights: what dies often in life dies often here.
        self.deeds: list[tuple[Callable[[], None], int]] = [
            (self.kill_worker, 6),
            (self.freeze_worker, 4),
            (self.kill_suspect_child, 3),
            (self.kill_watchdog, 2),
            (self.flush, 2),
            (self.kill_broker, 1),
            (self.freeze_broker, 1),
            (self.restart_database, 1),
            (self.cut_connections, 3),
            (self.restart_target, 1),
            (self.lose_queue, 1),
            (self.silence_mail, 1),
            (self.silence_names, 1),
        ]

    def rage(self) -> None:
        """Until its time is over; the database is away once in the middle."""
        plans = [
            {"mode": mode, "probability": 0.004, "when": when, "procedure": "*.*", "delay": 0.1}
            for mode in PASSING
            for when in ("before", "after")
        ]
        self.place.place.control("faults", {"faults": plans, "seed": self.draw.randrange(10**6)})
        acts = [act for act, _ in self.deeds]
        weights = [weight for _, weight in self.deeds]
        middle = (time.monotonic() + self.until) / 2
        while time.monotonic() < self.until:
            if time.monotonic() > middle and not self.done["database away 20 s"]:
                self.database_away()
            act = self.draw.choices(acts, weights)[0]
            self.done[act.__name__.replace("_", " ")] += 1
            act()
            time.sleep(self.draw.uniform(0.5, 1.5) * EVERY)

    def calm(self) -> int:
        """Everything is mended; how many answers of the target were bad."""
        told = self.place.faults()
        self.place.lift()
        self.place.place.mailbox.misbehave(Fault.NONE)
        self.place.place.control("dns", {"nxdomain": [], "blackhole": False})
        for child in self.place.place.supervisor.status():
            self.place.signal(child.name, signal.SIGCONT)
        return told

    def _worker(self) -> str:
        names = [*(f"steps-{n}" for n in range(WORKERS)), "worker-slow", "worker-suspect"]
        return self.draw.choice(names)

    def kill_worker(self) -> None:
        """A whole worker, with everything it had taken."""
        self.place.signal(self._worker(), signal.SIGKILL)

    def freeze_worker(self) -> None:
        """Beyond every lease, then on as if nothing had been."""
        name = self._worker()
        if self.place.signal(name, signal.SIGSTOP):
            time.sleep(self.draw.uniform(3, 8))
            self.place.signal(name, signal.SIGCONT)

    def kill_suspect_child(self) -> None:
        """One process of the prefork pool."""
        children = self.place.children("worker-suspect")
        if children:
            os.kill(self.draw.choice(children), signal.SIGKILL)

    def kill_watchdog(self) -> None:
        """One of two."""
        self.place.signal(self.draw.choice(["watchdog", "watchdog-2"]), signal.SIGKILL)

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

    def database_away(self) -> None:
        """Beyond every lease."""
        self.done["database away 20 s"] += 1
        self.place.stop_postgres()
        time.sleep(20)
        self.place.start_postgres()

    def cut_connections(self) -> None:
        """Every connection to the database is cut, in the middle of whatever it does."""
        self.place.cut()

    def restart_target(self) -> None:
        """The stand-in is killed, and its supervisor starts it again."""
        self.place.restart_target()

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
    """Kills, freezes, flushes, restarts, outages and bad answers, drawn by a seed."""
    told = Told()
    with field(how, steps=WORKERS, speed=0.3) as place:
        began = time.monotonic()
        place.deploy([f"t{n}" for n in range(how.flight)])
        told.figures |= {"seed": how.seed, "deployments": how.flight}
        told.figures["asked for within s"] = round(time.monotonic() - began, 1)
        storm = Storm(place, how)
        storm.rage()
        told.figures["answers of the target spoilt"] = storm.calm()
        told.figures |= {f"storm: {name}": number for name, number in sorted(storm.done.items())}
        told.figures["still open when it ended"] = sum(
            place.statuses().get(status, 0) for status in ("pending", "running")
        )
        seconds = place.finish(AFTER * 2)
        told.figures["all ended after s"] = round(seconds, 1)
        told.expect(seconds <= AFTER, f"the last one ended {seconds:.0f} s after the storm")
        told.figures["claims lost"] = place.reaped()
        place.place.mails_at_risk = storm.done["kill worker"] + storm.done["freeze worker"]
        told.kept(verdict(place.place))
    return told
