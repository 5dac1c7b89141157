"""
Random lives: deaths, lost and doubled messages, bad answers, cancels and resumes in any order.

Each seed is one life. While it lasts the rows keep the rules; when the storm is over everything
ends, and the target holds one of each. `TENANTRY_SEEDS=200` tries more of them.
"""

import os
import random
from collections import Counter
from contextlib import suppress
from typing import Any

import pytest

from tenantry.clock import monotonic
from tenantry.errors import Conflict, KeyRefused, Permanent, TargetDown, Transient
from tests.engine.scenes import broken_rules
from tests.stage import ME, Killed, Stage
from tests.twin_breaks import Breakable

SEEDS = range(int(os.environ.get("TENANTRY_SEEDS", "1")))
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
CHANGES = frozenset(
    "create_project create_application settle_application attach_image set_environment "
    "trigger_build create_database deploy_database create_domain send post".split()
)
FREEZES = ("after_claim", "before_intent", "after_call", "before_settle")


class Storm:
    """One life under one seed."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self.stage, self.dice = stage, random.Random(seed)
        self.twins: tuple[Breakable, ...] = (
            stage.twins.target,
            stage.twins.web,
            stage.twins.mailer,
        )
        for twin in self.twins:
            twin.break_if_asked = self._break  # type: ignore[method-assign]
        self.deeds = {
            self.deliver: 50,
            self.stray: 10,
            self.wait: 25,
            self.watch: 25,
            self.lose: 2,
            self.sick: 2,
            self.cancel: 1,
            self.resume: 6,
            self.touch_step: 4,
        }

    def _break(self, method: str, when: str) -> None:
        """Any call may go wrong: refused before, or with its answer lost behind."""
        luck = self.dice.random()
        if when == "after" and method in CHANGES and luck < 0.1:
            raise Transient("lost", outcome_known=False)
        if when == "before" and luck < 0.08:
            troubles = [Transient("502"), TargetDown("away"), KeyRefused("401"), KeyError("ours")]
            raise self.dice.choice([*troubles, Permanent("404")] if luck < 0.005 else troubles)

    def _at(self, name: str) -> None:
        luck = self.dice.random()
        if luck < 0.02:
            raise Killed(name)
        if luck < 0.04 and name in FREEZES:
            # It stands still while the world goes on, and then says what it has to say.
            self.stage.pass_time(700)
            self.watch()
            self.deliver()
            self.stage.ports.send_until(monotonic() - 1)

    def act(self) -> None:
        (deed,) = self.dice.choices(list(self.deeds), list(self.deeds.values()))
        with suppress(Conflict, Killed):
            deed()

    def deliver(self) -> None:
        sent = self.stage.sent
        if not sent:
            return
        chain = sent.pop(self.dice.randrange(len(sent)))
        if self.dice.random() < 0.2:
            sent.append(chain)
        self.stage.run_chain(chain, self.stage.runner(f"w{self.dice.random()}", self._at))

    def stray(self) -> None:
        """A message of any step, of any age."""
        step = self.dice.choice(self.stage.steps())
        epoch = self.stage.deployment().epoch - (self.dice.random() < 0.2)
        suspect = self.dice.random() < 0.3
        runner = self.stage.runner("stray", self._at)
        runner.run(step.deployment_id, step.id, epoch, suspect=suspect)

    def lose(self) -> None:
        self.stage.sent.clear()

    def wait(self) -> None:
        self.stage.pass_time(self.dice.choice([5, 20, 60, 130, 700]))

    def watch(self) -> None:
        self.stage.watchdog.repair()
        self.stage.watchdog.sweep()

    def sick(self) -> None:
        self.stage.twins.web.answers("storm", *[503] * self.dice.randint(1, 12))

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
        for twin in self.twins:
            del twin.break_if_asked
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
    for turn in range(600):
        storm.act()
        if stage.deployment().status == "succeeded":
            break
        if turn % 10 == 0:
            assert broken_rules(stage.engine) == [], turn
    storm.calm()
    target = stage.twins.target
    assert len(target.project_rows) == 1
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
    names = {letter.message_id for letter in stage.twins.mailer.outbox}
    assert sum(name.endswith(".succeeded@tenantry>") for name in names) <= 1
