"""The scheduler: whose turn it is, what goes wrong when, and how long it lasts."""

from collections import Counter
from collections.abc import Callable

from sqlalchemy.exc import OperationalError

from tests.simulate.baton import CALM, Actor
from tests.simulate.broker import Message
from tests.simulate.people import People
from tests.simulate.world import World

SLOTS = {"steps": 5, "slow": 2, "suspect": 2}
HOSTS = 3
# Mean seconds between two of each.
OFTEN = {"people": 50.0, "stray": 90.0, "flush": 700.0, "host": 500.0, "step": 600.0, "wall": 300.0}
# The database's clock may jump ahead by less than what a lease leaves for that (its grace is 5 s).
AHEAD, BACK = 2.0, 20.0
MOST_TURNS = 60_000


class Storm:
    """Runs one world. `copies` watchdogs look after it; none is a fault that must be caught."""

    def __init__(self, world: World, people: People, copies: int) -> None:
        self.world, self.people = world, people
        self.dice, self.clock, self.baton = world.dice, world.clock, world.baton
        self.counted: Counter[str] = Counter()
        self.watching = dict.fromkeys(range(copies), 0.0)
        self._naps = dict.fromkeys(self.watching, 1.0)
        self._busy: dict[int, Actor] = {}
        self._not_ahead_before = 0.0
        self._deeds: dict[str, Callable[[], None]] = {
            "people": people.act,
            "stray": self._stray,
            "flush": world.broker.flush,
            "host": self._host_dies,
            "step": self._clock_steps,
            "wall": self._wall_clock_is_off,
        }
        self.often = dict(OFTEN)
        self.agenda = {name: self.dice.expovariate(1 / OFTEN[name]) for name in self._deeds}

    def rage(self, claims: int, seconds: float) -> None:
        """Until so many claims were made, or so much time has passed."""
        while (
            self.world.monitor.claims < claims
            and self.clock.seconds < seconds
            and not self.world.violations
        ):
            for name, at in self.agenda.items():
                if at <= self.clock.seconds:
                    self.agenda[name] = at + self.dice.expovariate(1 / self.often[name])
                    self._deeds[name]()
            self._turn()

    def calm(self, seconds: float, done: Callable[[], bool]) -> bool:
        """No more faults; whether all was done in that time."""
        world, until = self.world, self.clock.seconds + seconds
        self.agenda, self.baton.weather = {}, CALM
        world.broker.rough = world.far.rough = 0.0
        while self.clock.seconds < until and not world.violations:
            if not self.baton.actors and not world.far.coming and done():
                return True
            self._turn()
        return False

    def _turn(self) -> None:
        self.counted["turns"] += 1
        assert self.counted["turns"] < MOST_TURNS, "the run does not end"
        world, now = self.world, self.clock.seconds
        world.far.land()
        for number, at in self.watching.items():
            if at <= now and number not in self._busy:
                self._watch(number)
        ready, messages = self.baton.ready(), self._deliverable()
        if ready and (not messages or self.dice.random() < 0.7):
            self.baton.turn(self.dice.choice(ready))
            self.clock.seconds += self.dice.uniform(0, 0.02)
        elif messages:
            self._deliver(self.dice.choice(messages))
        else:
            self._pass()

    def _pass(self) -> None:
        """Nobody can do anything now: on to the next moment when somebody can."""
        world = self.world
        moments = [self.baton.next_wake(), world.far.next_at(), *self.agenda.values()]
        moments += [at for number, at in self.watching.items() if number not in self._busy]
        moments += [m.at for m in world.broker.waiting]
        later = [at for at in moments if at is not None and at > self.clock.seconds]
        self.clock.seconds = min(later) if later else self.clock.seconds + 60.0

    # Messages

    def _deliverable(self) -> list[Message]:
        taken = Counter(actor.slot for actor in self.baton.actors)
        return [m for m in self.world.broker.due() if taken[m.queue] < SLOTS[m.queue]]

    def _deliver(self, message: Message) -> None:
        self.world.broker.waiting.remove(message)
        link = message.chain
        actor = Actor(self.world.name("worker"), "worker", self.dice.randrange(HOSTS))
        actor.slot, actor.step_id = message.queue, message.step_id
        actor.deployment_id = link.deployment_id
        self.baton.spawn(actor, lambda: self._work(actor, message))

    def _work(self, actor: Actor, message: Message) -> None:
        world, chain = self.world, message.chain
        suspect = message.queue == "suspect"
        epoch = self.epoch_of(chain.deployment_id, chain.epoch)
        try:
            runner = world.runner(actor.name)
            goes_on = runner.run(chain.deployment_id, message.step_id, epoch, suspect=suspect)
            if goes_on and message.place + 1 < len(chain.links):
                world.broker.put(Message(self.clock.seconds, chain, message.place + 1))
        except (OperationalError, ConnectionError):
            # The task fails in its worker, and says so in its log.
            world.say(f"{actor.name} gives up: the database or the broker")
        except Exception as trouble:  # noqa: BLE001 — the runner promises to raise nothing else
            world.blame("no crash", f"{actor.name}: {type(trouble).__name__}: {trouble}")

    def epoch_of(self, _deployment_id: int, epoch: int) -> int:
        """The epoch that a message carries."""
        return epoch

    # The watchdog

    def _watch(self, number: int) -> None:
        actor = Actor(self.world.name(f"watchdog{number}"), "watchdog")
        self._busy[number] = actor

        def look() -> None:
            done = 0
            try:
                watchdog = self.world.watchdog()
                done = sum(watchdog.repair().values()) + watchdog.sweep()
            except OperationalError:
                self.world.say(f"{actor.name} gives up: the database")
            finally:
                # Where there was something to do there will be more soon.
                nap = 1.5 if done else min(self._naps[number] * 2.5, 60.0)
                self._naps[number] = nap
                self.watching[number] = self.clock.seconds + nap
                del self._busy[number]

        self.baton.spawn(actor, look)

    # What goes wrong at any time

    def _stray(self) -> None:
        """A message of any step, of any age, at any time."""
        steps = list(self.world.monitor.steps.values())
        if not steps:
            return
        step = self.dice.choice(steps)
        epoch = self.world.monitor.deployments[step.deployment].epoch - self.dice.choice((0, 0, 1))
        queue = self.dice.choice(("steps", "suspect"))
        self.counted["strays"] += 1
        self.world.broker.stray(step.deployment, step.id, epoch, queue)

    def _host_dies(self) -> None:
        """Every thread of one worker at once, wherever it stands."""
        host = self.dice.randrange(HOSTS)
        self.world.say(f"host {host} is killed")
        self.counted["hosts killed"] += 1
        for actor in list(self.baton.actors):
            if actor.kind == "worker" and actor.host == host and not actor.in_transaction:
                self.baton.kill(actor)

    def _clock_steps(self) -> None:
        by = self.dice.choice((self.dice.uniform(0, AHEAD), -self.dice.uniform(0, BACK)))
        if by > 0 and self.clock.seconds < self._not_ahead_before:
            return
        self._not_ahead_before = self.clock.seconds + 120.0
        self.clock.stepped += by
        self.counted["clock steps"] += 1
        self.world.say(f"the database's clock steps by {by:+.3f} s")

    def _wall_clock_is_off(self) -> None:
        self.clock.wall_off = self.dice.uniform(-600, 600)
        self.counted["clock steps"] += 1
        self.world.say(f"the workers' clocks are off by {self.clock.wall_off:+.0f} s")
