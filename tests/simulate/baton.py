"""
Who has the turn. Every actor is a greenlet that gives the turn back at its points; nothing runs
at the same time, so one seed is one schedule.

A point is a hook of the runner, the beginning of a transaction, or a moment of a remote call. An
actor may stand still there, go on later than its lease, or die. Inside a transaction it may only
die: SQLite has one writer, and what a pause there would show, locks make wait.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from greenlet import getcurrent, greenlet

from tenantry.adapters.streams import now as thread
from tests.simulate.clockwork import Clock
from tests.stage import Killed


@dataclass(eq=False)
class Actor:
    """One worker's thread with its message, one copy of the watchdog, or one person."""

    name: str
    kind: str
    host: int = 0
    wake_at: float = 0.0
    dies: bool = False
    send_until: float | None = None
    slot: str = ""
    step_id: int = 0
    deployment_id: int = 0
    stands: str = ""
    made: bool = False
    in_transaction: bool = False
    greenlet: Any = field(default=None, repr=False)


@dataclass
class Weather:
    """How rough a run is: chances at one point, and what pauses look like."""

    kill: float = 0.012
    pause: float = 0.008
    dawdle: float = 0.01
    turn: float = 0.25
    commit_lost: float = 0.004
    database: float = 0.002
    # Where workers stand still beyond their lease more often than anywhere else.
    still: tuple[str, ...] = ()


OFTEN_STILL = 0.3
CALM = Weather(0.0, 0.0, 0.0, 0.25, 0.0, 0.0)


class Baton:
    """Keeps the actors, and passes the turn among them by the dice."""

    def __init__(self, clock: Clock, dice: random.Random, say: Callable[[str], None]) -> None:
        self.clock, self.dice, self.say = clock, dice, say
        self.weather = Weather()
        self.actors: list[Actor] = []
        self.mingling = False
        self.kills = self.pauses = 0
        self._on: dict[Any, Actor] = {}

    @property
    def actor(self) -> Actor | None:
        """Whose turn it is; None for the scheduler itself."""
        return self._on.get(getcurrent())

    def spawn(self, actor: Actor, act: Callable[[], None]) -> Actor:
        """A new actor that is ready to begin."""
        actor.wake_at = self.clock.seconds
        actor.greenlet = greenlet(act)
        self._on[actor.greenlet] = actor
        self.actors.append(actor)
        return actor

    def ready(self) -> list[Actor]:
        return [a for a in self.actors if a.wake_at <= self.clock.seconds]

    def next_wake(self) -> float | None:
        return min((a.wake_at for a in self.actors), default=None)

    def turn(self, actor: Actor) -> None:
        """Lets it go on to its next point, or die where it stands."""
        if actor.dies:
            self.kill(actor)
            return
        self._switch(actor)

    def kill(self, actor: Actor) -> None:
        """It dies where it stands, and everything it has not committed with it."""
        if not actor.greenlet.dead:
            self.say(f"{actor.name} dies at {actor.stands or 'its beginning'}")
            self.kills += 1
            self._switch(actor, Killed())

    def _switch(self, actor: Actor, death: BaseException | None = None) -> None:
        thread.send_until = actor.send_until
        try:
            if death is None:
                actor.greenlet.switch()
            else:
                actor.greenlet.throw(death)
        except Killed:
            pass
        finally:
            actor.send_until, thread.send_until = thread.send_until, None
        if actor.greenlet.dead:
            self.actors.remove(actor)
            del self._on[actor.greenlet]

    def point(self, name: str, *, lasts: float = 0.0) -> None:
        """Called by whoever has the turn; it comes back from here later, or never."""
        actor = self.actor
        if actor is None:
            return
        actor.stands = name
        if actor.in_transaction and self.mingling:
            return
        luck, weather = self.dice.random(), self.weather
        if luck < weather.kill * (1.0 if actor.kind == "worker" else 0.2):
            self.kills += 1
            self.say(f"{actor.name} dies at {name}")
            raise Killed(name)
        if actor.in_transaction:
            return
        if luck > 1 - weather.pause:
            self._stand_still(actor, name, self.dice.choice((60, 90, 200, 700)))
        elif name in weather.still and self.dice.random() < OFTEN_STILL:
            # So long that the step was taken by another, who may still hold it.
            self._stand_still(actor, name, self.dice.uniform(50, 120))
        elif luck > 1 - weather.pause - weather.dawdle:
            self._stand_still(actor, name, self.dice.uniform(1, 24))
        elif lasts or luck > 1 - weather.pause - weather.dawdle - weather.turn:
            self.rest(lasts)

    def _stand_still(self, actor: Actor, name: str, seconds: float) -> None:
        self.pauses += 1
        # Half of those that stand still for long never come back.
        actor.dies = seconds > 30 and self.dice.random() < 0.3
        self.say(f"{actor.name} stands still at {name} for {seconds:.1f} s")
        self.rest(seconds)

    def rest(self, seconds: float) -> None:
        """The turn passes on; this actor goes on so much later."""
        actor = self.actor
        if actor is None or (actor.in_transaction and not self.mingling):
            self.clock.seconds += seconds
            return
        actor.wake_at = self.clock.seconds + seconds
        getcurrent().parent.switch()

    def inside(self, *, is_so: bool) -> None:
        """Whether whoever has the turn is inside a transaction."""
        if (actor := self.actor) is not None:
            actor.in_transaction = is_so

    def end(self) -> None:
        """Nobody is left standing."""
        for actor in list(self.actors):
            self.kill(actor)
