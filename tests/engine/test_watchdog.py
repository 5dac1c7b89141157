"""The watchdog: what it publishes again, what it repairs, and what it leaves alone."""

import time
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import update

from tenantry.engine import hinting
from tenantry.engine.jobs import Hint
from tenantry.engine.progress import lock_deployment
from tenantry.engine.store import LOCK_TIMEOUT_MS
from tenantry.engine.transitions import move
from tenantry.errors import Permanent, Transient
from tenantry.models import Deployment, DeploymentStep
from tenantry.steps.outcomes import Wait
from tests.engine.scenes import message, quiet, then_freeze
from tests.stage import IMAGE_ONLY, ME, Killed, Stage, die_at

KEY = "project.create"
Step = DeploymentStep


def fresh(stage: Stage, scripts: Any = None) -> Stage:
    quiet(stage, scripts).ready(IMAGE_ONLY).deploy()
    return stage


def dies(stage: Stage, key: str = KEY, *, suspect: bool = False) -> None:
    runner = stage.runner("doomed", die_at("after_claim"))
    with pytest.raises(Killed):
        message(stage, stage.step(key), runner, suspect=suspect)


def write(stage: Stage, key: str, **values: Any) -> None:
    with stage.engine.begin() as conn:
        conn.execute(update(Step).where(Step.step_key == key).values(**values))


# Standing still


def crowd(stage: Stage) -> Stage:
    """Five deployments whose first messages are gone."""
    fresh(stage)
    for n in range(4):
        stage.tenant(f"t{n}", "tools")
        stage.deploy(f"t{n}")
    stage.sent.clear()
    stage.pass_time(60)
    return stage


def test_a_frozen_transaction_holds_up_nobody_else(shipped: Stage) -> None:
    """Whoever stands still inside a transaction keeps its deployment locked, and only that one."""
    if shipped.engine.dialect.name != "postgresql":
        pytest.skip("one writer at a time: nobody can hold a row meanwhile")
    stage = fresh(shipped)
    dies(stage)
    stage.tenant("beta", "tools")
    stage.deploy("beta")
    with pytest.raises(Killed):
        stage.run_chain(stage.sent.pop(), stage.runner("doomed", die_at("after_claim")))
    stage.pass_time(600)
    stage.sent.clear()
    began = time.monotonic()
    with stage.engine.begin() as conn:
        frozen = stage.steps()[0].deployment_id
        lock_deployment(conn, frozen)
        conn.execute(update(Step).where(Step.deployment_id == frozen).values(hints=0))
        assert stage.watchdog.repair()["reaped"] == 1
        stage.watchdog.sweep()
    assert time.monotonic() - began < LOCK_TIMEOUT_MS / 1000
    assert {chain.deployment_id for chain in stage.sent} == {frozen + 1}
    assert stage.watchdog.repair()["reaped"] == 1
    stage.finish()


# Publishing again


def test_a_step_out_of_order_is_held_up_no_longer_than_what_waits_behind_it(
    shipped: Stage,
) -> None:
    """Nothing of ours leaves rows so; whatever does, the sweep finds its way out."""
    stage = fresh(shipped, {KEY: [Wait(30, "not yet")]})
    stage.play()
    first, second = stage.steps()[:2]
    write(stage, KEY, status="pending", due_at=first.started_at, hinted_at=None, hints=0)
    write(stage, second.step_key, status="waiting", due_at=first.due_at)
    stage.sent.clear()
    assert stage.watchdog.sweep() == 0
    stage.pass_time(31)
    assert stage.watchdog.sweep() == 1
    assert stage.sent[0].links[0].step_id == first.id
    write(stage, KEY, status="waiting")
    write(stage, second.step_key, status="pending")
    stage.finish()


def test_a_queue_that_was_thrown_away_is_filled_again_from_the_rows(shipped: Stage) -> None:
    stage = fresh(shipped)
    names = [f"t{n}" for n in range(4)]
    for name in names:
        stage.tenant(name, "tools")
        stage.deploy(name)
    stage.run_chain(stage.sent.pop(0))
    stage.sent.clear()
    assert stage.watchdog.sweep() == 0
    stage.pass_time(21)
    # FLUSHALL: four deployments and a mail have lost their messages.
    assert stage.watchdog.sweep() == 5
    for chain in stage.sent[:]:
        stage.run_chain(chain)
    stage.sent.clear()
    stage.finish()
    with stage.desk.reading() as session:
        ended = {row.status for row in session.query(Deployment)}
    assert ended == {"succeeded"}


def test_two_watchdogs_hint_a_step_once(shipped: Stage) -> None:
    """Each reads what is due before either has marked it."""
    stage = fresh(shipped)
    stage.sent.clear()
    stage.pass_time(60)

    def meanwhile() -> dict[str, int]:
        assert stage.watchdog.sweep() == 1
        return {}

    late = replace(stage.watchdog, queue_lengths=meanwhile)
    assert late.sweep() == 0
    assert len(stage.sent) == 1


def test_what_is_sent_behind_many_others_is_marked_when_its_turn_comes(
    shipped: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it would count as lost while it waits to be sent, and a second watchdog sent it too."""
    monkeypatch.setattr(hinting, "AT_ONCE", 2)
    stage = crowd(shipped)
    marked: list[int] = []

    def send(chain: Any) -> None:
        stage.sent.append(chain)
        marked.append(sum(row.hints > 0 for row in stage.steps()))

    stage.watchdog.dispatcher._send = send
    assert stage.watchdog.sweep() == 5
    assert marked == [2, 2, 4, 4, 5]


def test_hints_are_repeated_ever_more_seldom(shipped: Stage) -> None:
    stage = fresh(shipped)
    stage.sent.clear()
    waited = 0
    hinted = []
    for second in range(0, 500, 10):
        if stage.watchdog.sweep():
            hinted.append(second - waited)
            waited = second
            stage.sent.clear()
        stage.pass_time(10)
    # The deploy itself was the first hint.
    assert hinted == [20, 40, 80, 120, 120]


def test_nothing_is_hinted_while_the_queue_is_longer_than_what_runs(shipped: Stage) -> None:
    stage = fresh(shipped)
    stage.sent.clear()
    stage.pass_time(60)
    for lengths in ({"steps": 11}, {"steps": 5000}, None):
        stage.waiting = lengths
        assert stage.watchdog.sweep() == 0
    # A queue that nobody empties silences no other.
    stage.waiting = {"steps": 10, "slow": 5000, "suspect": 5000}
    assert stage.watchdog.sweep() == 1


def test_a_queue_may_be_as_long_as_what_is_due_there(
    shipped: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two hundred copies of four suspects took the slots that the four were waiting for."""
    monkeypatch.setattr(hinting, "FEW", 1)
    stage = crowd(shipped)
    stage.waiting = {"steps": 4, "slow": 0, "suspect": 0}
    assert stage.watchdog.sweep() == 2
    stage.waiting = {"steps": 6, "slow": 0, "suspect": 0}
    assert stage.watchdog.sweep() == 0
    write(stage, KEY, lost=1)
    stage.waiting = {"steps": 0, "slow": 0, "suspect": 6}
    assert stage.watchdog.sweep() == 0
    stage.waiting = {"steps": 5000, "slow": 0, "suspect": 3}
    assert stage.watchdog.sweep() == 3


def test_heads_that_have_no_room_stand_before_no_others(
    shipped: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A queue that nobody empties, longer than one round reads, hid the suspects behind it."""
    monkeypatch.setattr(hinting, "FEW", 1)
    monkeypatch.setattr(hinting, "BATCH", 2)
    stage = crowd(shipped)
    newest = max(step.id for step in stage.steps() if step.step_key == KEY)
    with stage.engine.begin() as conn:
        conn.execute(update(Step).where(Step.id == newest).values(lost=1))
    stage.waiting = {"steps": 5000, "slow": 0, "suspect": 0}
    assert stage.watchdog.sweep() == 1
    assert stage.sent[0].links[0].step_id == newest


def test_only_heads_that_are_due_are_hinted(shipped: Stage) -> None:
    stage = fresh(shipped, {"service.create": [Wait(3000, "later")]})
    stage.play()
    stage.pass_time(60)
    assert stage.watchdog.sweep() == 0
    stage.pass_time(3000)
    assert stage.watchdog.sweep() == 1
    (chain,) = stage.sent
    assert chain.links[0].step_id == stage.step("service.web.create").id
    # The head that waits keeps its job's name.
    assert chain.task_id == stage.jobs()[0].job_id


def test_nothing_is_hinted_beside_a_running_step_or_right_behind_one(shipped: Stage) -> None:
    stage = fresh(shipped)
    stage.sent.clear()
    seen: list[int] = []

    def look() -> None:
        write(stage, "service.web.create", hinted_at=None)
        seen.append(stage.watchdog.sweep())

    message(stage, stage.step(KEY), stage.runner(at=then_freeze("after_call", look)))
    # It has just ended: its own chain hands over.
    seen.append(stage.watchdog.sweep())
    stage.pass_time(3)
    seen.append(stage.watchdog.sweep())
    assert seen == [0, 0, 1]


def test_nothing_is_hinted_for_what_waits_in_line_or_is_being_cancelled(shipped: Stage) -> None:
    stage = fresh(shipped)
    stage.sent.clear()
    stage.pass_time(500)
    with stage.engine.begin() as conn:
        conn.execute(update(Deployment).values(cancel_requested=True))
    assert stage.watchdog.sweep() == 0
    assert stage.watchdog.repair()["cancelled"] == 1
    assert stage.watchdog.repair()["cancelled"] == 0
    stage.pass_time(500)
    stage.sent.clear()
    # The mail that tells of it.
    assert stage.watchdog.sweep() == 1


def test_a_broker_that_refuses_is_no_error_and_the_next_round_publishes(shipped: Stage) -> None:
    stage = shipped
    refusals = 2

    def refuse(chain: Any) -> None:
        nonlocal refusals
        if refusals:
            refusals -= 1
            raise ConnectionError("no broker")
        stage.sent.append(chain)

    stage.dispatcher._send = refuse
    fresh(stage)
    assert stage.deployment().status == "running"
    stage.pass_time(60)
    assert stage.watchdog.sweep() == 0
    stage.pass_time(60)
    assert stage.watchdog.sweep() == 1
    stage.finish()
    assert stage.deployment().status == "succeeded"


def test_a_deployment_that_is_gone_has_no_chain(shipped: Stage) -> None:
    stage = fresh(shipped)
    assert stage.dispatcher.chain_of(Hint(999)) is None
    stage.finish()
    assert stage.dispatcher.chain_of(Hint(stage.deployment().id)) is None


# Lost workers


def test_a_step_is_not_taken_back_before_its_lease_and_a_grace_are_over(shipped: Stage) -> None:
    stage = fresh(shipped)
    dies(stage)
    stage.pass_time(45 + 4)
    assert stage.watchdog.repair()["reaped"] == 0
    stage.pass_time(2)
    assert stage.watchdog.repair()["reaped"] == 1
    step = stage.step(KEY)
    assert (step.status, step.lost, step.owner, step.lease_until) == ("pending", 1, None, None)
    assert step.message == "its worker was lost (loss 1)"


def test_a_step_that_lost_a_worker_runs_in_the_suspect_queue_alone(shipped: Stage) -> None:
    stage = fresh(shipped)
    dies(stage)
    stage.sent.clear()
    stage.pass_time(60)
    stage.watchdog.repair()
    stage.watchdog.sweep()
    (chain,) = stage.sent
    assert [link.queue for link in chain.links][:2] == ["suspect", "steps"]
    assert not message(stage, stage.step(KEY))
    assert stage.step(KEY).status == "pending"
    assert message(stage, stage.step(KEY), suspect=True)
    stage.finish()


def test_at_the_sixth_loss_the_step_and_its_deployment_fail(shipped: Stage) -> None:
    stage = fresh(shipped, {KEY: [Wait(1, "so that it has a job")]})
    stage.play()
    for number in range(1, 7):
        stage.pass_time(60)
        dies(stage, suspect=number > 1)
        stage.pass_time(60)
        stage.watchdog.repair()
        assert stage.step(KEY).lost == number
        assert stage.jobs()[0].status == ("failed" if number == 6 else "scheduled")
    assert (stage.step(KEY).status, stage.deployment().status) == ("failed", "failed")
    stage.finish()
    # A resume forgets the losses.
    stage.desk.resume(ME, str(stage.deployment().public_id))
    stage.finish()
    assert stage.deployment().status == "succeeded"


def test_losses_cost_no_budget(shipped: Stage) -> None:
    stage = fresh(shipped, {KEY: [Transient("x", most_tries=2)] * 9})
    for number in range(3):
        dies(stage, suspect=number > 0)
        stage.pass_time(60)
        stage.watchdog.repair()
    message(stage, stage.step(KEY), suspect=True)
    assert stage.step(KEY).status == "waiting"
    stage.pass_time(60)
    message(stage, stage.step(KEY), suspect=True)
    assert (stage.step(KEY).status, stage.step(KEY).attempts) == ("failed", 5)
    stage.finish()


def test_a_lost_step_of_a_cancelled_deployment_ends_it(shipped: Stage) -> None:
    stage = fresh(shipped)
    dies(stage)
    stage.desk.cancel(ME, str(stage.deployment().public_id))
    assert stage.deployment().status == "running"
    stage.pass_time(60)
    stage.watchdog.repair()
    assert (stage.deployment().status, stage.step(KEY).status) == ("cancelled", "cancelled")
    stage.finish()


def test_lost_mail_is_sent_again_and_of_an_old_epoch_skipped(shipped: Stage) -> None:
    stage = fresh(shipped, {KEY: [Permanent("no")]})
    stage.run_chain(stage.sent.pop(0))
    stage.sent.clear()
    mail = "email.notify_failure"
    dies(stage, mail)
    stage.pass_time(60)
    stage.watchdog.repair()
    assert (stage.step(mail).status, stage.jobs()[0].status) == ("pending", "scheduled")
    dies(stage, mail, suspect=True)
    stage.desk.resume(ME, str(stage.deployment().public_id))
    stage.pass_time(60)
    stage.watchdog.repair()
    assert (stage.step(mail).status, stage.jobs()[0].status) == ("skipped", "cancelled")
    stage.finish()
    assert stage.deployment().status == "succeeded"


def test_mail_that_loses_six_workers_gives_up_alone(shipped: Stage) -> None:
    stage = fresh(shipped)
    while stage.deployment().status == "running":
        stage.run_chain(stage.sent.pop(0))
    for number in range(6):
        dies(stage, "email.notify_success", suspect=number > 0)
        stage.pass_time(60)
        stage.watchdog.repair()
    assert stage.step("email.notify_success").status == "failed"
    assert stage.deployment().status == "succeeded"


# Deployments


def test_a_running_deployment_with_nothing_left_to_do_is_completed(shipped: Stage) -> None:
    stage = fresh(shipped)
    with stage.engine.begin() as conn:
        gating = (Step.gates, Step.status == "pending")
        move(conn, "step", "skipped", *gating, reason="as if its end had been lost")
    assert stage.watchdog.repair()["completed"] == 1
    assert stage.deployment().status == "succeeded"
    assert stage.watchdog.repair()["completed"] == 0
    stage.finish()


def test_one_bad_row_does_not_stop_the_rest(shipped: Stage) -> None:
    stage = fresh(shipped)
    dies(stage)
    stage.pass_time(60)
    watchdog = stage.watchdog
    rows = [object(), *watchdog._expired(), object()]
    assert watchdog._each(rows, watchdog._reap) == 1
    assert stage.step(KEY).status == "pending"
    stage.finish()


def test_a_second_watchdog_with_old_news_does_nothing(shipped: Stage) -> None:
    stage = fresh(shipped)
    dies(stage)
    stage.pass_time(60)
    (row,) = stage.watchdog._expired()
    stage.watchdog.repair()
    assert stage.watchdog._reap(row) is None
    assert stage.watchdog._cancel(row.deployment_id) is None
    assert stage.watchdog._complete(row.deployment_id) is None
    assert stage.watchdog._cancel(999) is None
    stage.finish()
