"""
Random lives: deaths, lost and doubled messages, bad answers, cancels and resumes in any order.

Each seed is one life. While it lasts the rows keep the rules; when the storm is over everything
ends, and the target holds one of each. `TENANTRY_SEEDS=200` tries more of them.
"""

import os
import random
from collections import Counter
from typing import Any

import pytest

from tenantry.errors import Conflict, KeyRefused, Permanent, TargetDown, Transient
from tests.engine.scenes import broken_rules, then_freeze
from tests.engine.test_crash_matrix import POINTS
from tests.stage import ME, Killed, Stage, die_at

SEEDS = range(int(os.environ.get("TENANTRY_SEEDS", "5")))
PRODUCT: dict[str, Any] = {
    "name": "Storm",
    "slug": "storm",
    "base_domain": "storm.example.com",
    "db_required": True,
    "notify_emails": ["staff@example.com"],
    "services": [
        {"name": "web", "service_type": "frontend", "order": 2, "image": "acme/web:1"},
        {
            "name": "api",
            "service_type": "backend",
            "order": 1,
            "image": "acme/api:1",
            "internal_provision_endpoint": "setup",
        },
    ],
}
CHANGES = (
    "create_project create_application settle_application attach_image set_environment "
    "trigger_build create_database deploy_database create_domain"
).split()
READS = "projects_marked project builds queue database domains containers".split()


class Storm:
    """One life under one seed."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self.stage, self.dice = stage, random.Random(seed)
        self.target = stage.twins.target
        self.done: Counter[str] = Counter()
        self.deeds = {
            self.deliver: 30,
            self.double: 8,
            self.lose: 4,
            self.stray: 10,
            self.die: 16,
            self.wait: 15,
            self.watch: 20,
            self.freeze: 5,
            self.break_change: 16,
            self.break_read: 16,
            self.break_mail: 1,
            self.cancel: 1,
            self.resume: 4,
            self.touch_step: 3,
        }

    def act(self) -> None:
        (deed,) = self.dice.choices(list(self.deeds), list(self.deeds.values()))
        try:
            deed()
        except Conflict:
            self.done["conflict"] += 1
        self.done[deed.__name__] += 1

    def _chain(self) -> Any:
        sent = self.stage.sent
        return sent.pop(self.dice.randrange(len(sent))) if sent else None

    def deliver(self) -> None:
        if chain := self._chain():
            self.stage.run_chain(chain)

    def double(self) -> None:
        if chain := self._chain():
            self.stage.sent += [chain, chain]

    def lose(self) -> None:
        if self.dice.random() < 0.3:
            self.stage.sent.clear()
        self._chain()

    def die(self) -> None:
        chain = self._chain()
        if chain is None:
            return
        hook = die_at(self.dice.choice(POINTS), self.dice.randint(1, 4))
        try:
            self.stage.run_chain(chain, self.stage.runner("doomed", hook))
        except Killed:
            self.done["killed"] += 1

    def stray(self) -> None:
        """A message of any step, of any age."""
        step = self.dice.choice(self.stage.steps())
        epoch = self.stage.deployment().epoch - (self.dice.random() < 0.2)
        suspect = self.dice.random() < 0.3
        self.stage.runner("stray").run(step.deployment_id, step.id, epoch, suspect=suspect)

    def freeze(self) -> None:
        """A worker stands still while the world goes on, and then says what it has to say."""
        chain = self._chain()
        if chain is None:
            return

        def meanwhile() -> None:
            self.stage.pass_time(700)
            self.watch()
            if other := self._chain():
                self.stage.run_chain(other, self.stage.runner("other"))

        points = ("after_claim", "before_intent", "after_call", "before_settle")
        hook = then_freeze(self.dice.choice(points), meanwhile, self.dice.randint(1, 3))
        self.stage.run_chain(chain, self.stage.runner("frozen", hook))

    def wait(self) -> None:
        self.stage.pass_time(self.dice.choice([1, 5, 20, 60, 300]))

    def watch(self) -> None:
        self.stage.watchdog.repair()
        self.stage.watchdog.sweep()

    def break_change(self) -> None:
        after = self.dice.random() < 0.5
        trouble: Exception = Transient("lost", outcome_known=not after)
        if not after:
            trouble = self.dice.choice([trouble, TargetDown("away"), KeyRefused("401")])
        for method in self.dice.sample(CHANGES, 3):
            self.target.fail(method, trouble, when="after" if after else "before")

    def break_read(self) -> None:
        troubles = [Transient("502"), TargetDown("away"), KeyRefused("401"), KeyError("ours")]
        if self.dice.random() < 0.1:
            troubles = [Permanent("404")]
        for method in self.dice.sample(READS, 3):
            self.target.fail(method, self.dice.choice(troubles))
        if self.dice.random() < 0.3:
            self.stage.twins.web.answers("storm", *[503] * self.dice.randint(1, 12))

    def break_mail(self) -> None:
        self.stage.twins.mailer.fail(
            "send", Transient("451"), self.dice.choice(["before", "after"])
        )

    def cancel(self) -> None:
        self.stage.desk.cancel(ME, str(self.stage.deployment().public_id))

    def resume(self) -> None:
        self.stage.desk.resume(ME, str(self.stage.deployment().public_id))

    def touch_step(self) -> None:
        step = self.dice.choice(self.stage.steps())
        deed = self.dice.choice(["run_now", "retry", "run_now"])
        self.stage.desk.step(ME, str(step.public_id), deed, "because")

    def calm(self) -> None:
        """The weather turns: all that is left must end well."""
        self.target.mend()
        self.stage.twins.mailer.mend()
        self.stage.twins.web._given.clear()
        for _ in range(12):
            self.stage.finish(rounds=80, seconds=130)
            if self.stage.deployment().status == "succeeded":
                return
            self.stage.desk.resume(ME, str(self.stage.deployment().public_id))
        raise AssertionError(f"never succeeded: {self.stage.deployment().summary}")


@pytest.mark.parametrize("seed", SEEDS)
def test_a_life_in_a_storm_ends_well_and_leaves_one_of_each(shipped: Stage, seed: int) -> None:
    stage = shipped.ready(PRODUCT)
    storm = Storm(stage, seed)
    stage.deploy()
    for turn in range(110):
        storm.act()
        if stage.deployment().status == "succeeded":
            break
        if turn % 5 == 0:
            assert broken_rules(stage.engine) == [], turn
    storm.calm()
    target = stage.twins.target
    assert len(target.projects) == 1
    assert sorted(s.name for s in target.services()) == ["api", "web"]
    assert len(target.services("postgres")) == 1
    hosts = Counter(domain.host for _, domain in target.domain_rows.values())
    assert set(hosts.values()) == {1}
    for name in ("api", "web"):
        titles = [build.title for build in target.app(name).history]
        assert len(titles) == len(set(titles))
        assert {title.rsplit(" ", 1)[1] for title in titles} == {"t1"}
    assert len({a.headers["Idempotency-Key"] for a in stage.twins.web.seen if a.body}) == 1
    assert stage.tenant_row().status == "running"
    names = Counter(letter.message_id for letter in stage.twins.mailer.outbox)
    assert sum(name.endswith(".succeeded@tenantry>") for name in names) == 1
