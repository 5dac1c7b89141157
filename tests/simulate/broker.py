"""The broker: a bag of messages that loses, doubles, delays and mixes them."""

import random
from collections import Counter
from dataclasses import dataclass, field
from uuid import UUID

from tenantry.engine.dispatch import Chain, Link
from tests.simulate.baton import Baton
from tests.simulate.clockwork import Clock

LATE = (30.0, 90.0, 400.0, 1500.0)


@dataclass
class Message:
    """A chain from one of its links on; later links follow when that one says so."""

    at: float
    chain: Chain
    place: int = 0

    @property
    def queue(self) -> str:
        return self.chain.links[self.place].queue

    @property
    def step_id(self) -> int:
        return self.chain.links[self.place].step_id


@dataclass
class Broker:
    """`send` is what a Dispatcher gets. With `rough` at 0 it is a broker as one wishes it."""

    clock: Clock
    dice: random.Random
    baton: Baton
    rough: float = 1.0
    waiting: list[Message] = field(default_factory=list)
    counted: Counter[str] = field(default_factory=Counter)

    def send(self, chain: Chain) -> None:
        self.put(Message(self.clock.seconds + (chain.countdown or 0.0), chain))

    def put(self, message: Message) -> None:
        """One message, with what a broker may do to it."""
        self.baton.point("publish")
        luck = self.dice.random()
        if luck < 0.03 * self.rough:
            self._note("lost", message)
            return
        if luck < 0.05 * self.rough:
            raise ConnectionError("refused")
        if luck < 0.08 * self.rough:
            self._note("doubled", message)
            self.waiting.append(Message(message.at, message.chain, message.place))
        elif luck < 0.11 * self.rough:
            message.at += self.dice.choice(LATE)
            self._note("late", message)
        self.waiting.append(message)
        if luck > 1 - 0.02 * self.rough:
            raise ConnectionError("no answer, and yet it was published")

    def _note(self, what: str, message: Message) -> None:
        self.counted[what] += 1
        self.baton.say(f"message for step {message.step_id} is {what}")

    def stray(self, deployment_id: int, step_id: int, epoch: int, queue: str) -> None:
        """A message that nobody has sent lately."""
        chain = Chain(deployment_id, epoch, (Link(step_id, queue),), UUID(int=0))
        self.waiting.append(Message(self.clock.seconds, chain))

    def flush(self) -> None:
        """Everything in the queues is gone."""
        self.counted["flushes"] += 1
        self.baton.say(f"the queues are flushed of {len(self.waiting)} messages")
        self.waiting.clear()

    def due(self) -> list[Message]:
        return [m for m in self.waiting if m.at <= self.clock.seconds]

    def next_at(self) -> float | None:
        return min((m.at for m in self.waiting), default=None)

    def lengths(self) -> dict[str, int] | None:
        """As the watchdog asks; None where the broker does not answer."""
        if self.dice.random() < 0.04 * self.rough:
            return None
        return dict(Counter(m.queue for m in self.due()))
