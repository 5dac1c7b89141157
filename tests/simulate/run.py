"""One seed from its first deployment to its verdict."""

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace

from tests.simulate.baton import Weather
from tests.simulate.clockwork import Clock, spread
from tests.simulate.database import Store
from tests.simulate.people import People, everybody, resume_all
from tests.simulate.rules import Rules
from tests.simulate.storm import Storm
from tests.simulate.world import World

CLAIMS = 50
LONGEST_STORM = 5_000.0
# Six losses of twelve steps, each with its lease, and every wait at its longest.
LONGEST_CALM = 6 * 3600.0
RESUMES = 6
Setting = Callable[[World, Storm], AbstractContextManager[None]]


@dataclass
class Verdict:
    """What one seed has shown."""

    seed: int
    violations: list[tuple[str, str]] = field(default_factory=list)
    counted: Counter[str] = field(default_factory=Counter)


def no_setting(_world: World, _storm: Storm) -> AbstractContextManager[None]:
    """The product as it is."""
    return nullcontext()


def run(
    store: Store,
    clock: Clock,
    seed: int,
    *,
    setting: Setting = no_setting,
    say: Callable[[str], None] = lambda _line: None,
) -> Verdict:
    """Plays one seed; `setting` may take a guard away, `say` gets the whole schedule."""
    clock.reset(numbers_from=1 << 32)
    store.fresh()
    clock.reset()
    spread(seed)
    world = World(store, clock, seed, lambda words: say(f"{clock.seconds:10.3f} {words}"))
    world.baton.weather = roughness(world)
    tenants = world.dice.randint(2, 3)
    storm = Storm(world, People(world, tenants), copies=world.dice.randint(1, 3))
    rules = Rules(world)
    with world.at_transactions(), setting(world, storm):
        try:
            everybody(world, tenants)
            storm.rage(CLAIMS, LONGEST_STORM)
            _come_to_an_end(world, storm, rules)
        finally:
            world.baton.end()
    return Verdict(seed, world.violations, _totals(world, storm, rules))


def roughness(world: World) -> Weather:
    """Some runs are mild, some wild."""
    much = world.dice.choice((0.3, 1.0, 1.0, 2.0))
    plain = Weather()
    return replace(
        plain,
        kill=plain.kill * much,
        pause=plain.pause * much,
        dawdle=plain.dawdle * much,
        commit_lost=plain.commit_lost * much,
        database=plain.database * much,
    )


def _come_to_an_end(world: World, storm: Storm, rules: Rules) -> None:
    """Calm: everything ends, what had failed is resumed and succeeds, and all is looked over."""
    for _ in range(RESUMES):
        if not _calm(world, storm):
            return
        if not resume_all(world):
            break
    else:
        world.blame("everything ends", "a deployment fails again and again although all is calm")
        return
    rules.end()
    rules.reconciled(lambda: _calm(world, storm))


def _calm(world: World, storm: Storm) -> bool:
    ended = storm.calm(LONGEST_CALM, lambda: not world.open())
    if not ended and not world.violations:
        world.blame("everything ends", f"still open after hours of calm: {world.open()}")
    return not world.violations


def _totals(world: World, storm: Storm, rules: Rules) -> Counter[str]:
    counted = Counter(
        {
            "deployments": len(world.monitor.deployments),
            "claims": world.monitor.claims,
            "kills": world.baton.kills,
            "pauses": world.baton.pauses,
            "mails": len(world.twins.mailer.outbox),
            "waits for a lock": world.crossing.met,
            "virtual hours": round(world.clock.seconds / 3600),
        }
    )
    for part in (world.broker.counted, world.far.counted, storm.counted, rules.counted):
        counted.update(part)
    return counted
