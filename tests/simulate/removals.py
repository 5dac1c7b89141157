"""The guards of the engine that can be taken out, each where it stands now (`guards`)."""

from dataclasses import replace
from typing import Any

from tenantry.engine import claim, transitions
from tenantry.operations import steps as staff
from tenantry.planning.states import MOVES
from tests.simulate.guards import (
    GIVEN,
    NOW,
    STILL_GIVEN,
    AtOnce,
    alone,
    index,
    patched,
    plain,
    sql,
)
from tests.simulate.storm import Storm
from tests.simulate.world import World


def _blind(world: World, _storm: Storm) -> None:
    world.far.blind = True


def _unchecked(world: World, _storm: Storm) -> None:
    world.far.checks = False


def _no_settle(world: World, _storm: Storm) -> None:
    world.times = replace(world.times, settle=0.0)


def _nobody_watches(_world: World, storm: Storm) -> None:
    storm.watching.clear()


def _any_epoch(world: World, storm: Storm) -> None:
    def current(deployment_id: int, epoch: int) -> int:
        known = world.monitor.deployments.get(deployment_id)
        return known.epoch if known else epoch

    storm.epoch_of = current  # type: ignore[method-assign]


def _any_status(deployment: Any, step: Any) -> bool:
    """What the claim asks beside the step's own state stays asked."""
    return step.due_at is not None and (deployment.status == "running") == bool(step.gates)


STEP = "deployment_step"
CLAIMING = rf"^UPDATE {STEP} SET .*attempts=\({STEP}\.attempts"
INTENDING = rf"^UPDATE {STEP} SET lease_until=.*intent="
READING_ONE = r"^SELECT .* AS (?:has_job|now)\b"
EPOCH = f"(SELECT d.epoch FROM deployment d WHERE d.id = {STEP}.deployment_id)"
# Single statements of PostgreSQL.
CLAIM, INTENT, SETTLE = "taken AS", r"SET intent_at = statement", "done AS"
HAS_FENCE, HAS_LEASE = rf"{STEP}\.fence = {GIVEN}", rf"{STEP}\.lease_until >= {NOW}"

look_at_status = patched(
    "the look at a status",
    (claim, "DONE_STEP", ()),
    (claim, "_may_run", _any_status),
    at_once=AtOnce(CLAIM, r"s\.status IN \('pending', 'waiting'\)"),
)
line_of_a_skip = patched("the line of a skip", (staff, "logged", lambda *_args: 0))
legal_moves = patched(
    "the table of moves",
    (transitions, "sources", lambda thing, _new: tuple({old for old, _ in MOVES[thing]})),
)
look_up = plain("the look before a create", _blind)
last_check = plain("the transport's last check", _unchecked)
settle_time = plain("the settle time after an unanswered call", _no_settle)
watchdog = plain("the watchdog", _nobody_watches)
message_epoch = plain("the epoch of a message", _any_epoch)
active_index = index("one_active_per_tenant")
job_index = index("one_open_job_per_step")
fence = sql(
    "the fence",
    STEP,
    HAS_FENCE,
    STILL_GIVEN,
    at_once=AtOnce(f"{INTENT}|{SETTLE}", r"(?:s\.)?fence = %\(fence\)s"),
)
fence_at_intent = sql(
    "fence at intent",
    INTENDING,
    HAS_FENCE,
    STILL_GIVEN,
    at_once=AtOnce(INTENT, r"fence = %\(fence\)s", always=True),
)
lease_at_intent = sql(
    "lease at intent",
    INTENDING,
    HAS_LEASE,
    "TRUE",
    at_once=AtOnce(INTENT, r"lease_until >= statement_timestamp\(\)", always=True),
)
order = sql(
    "the order",
    CLAIMING,
    r"NOT \(EXISTS",
    "TRUE OR NOT (EXISTS",
    at_once=AtOnce(CLAIM, r'p\."order" < s\."order"', "FALSE"),
)
compare_and_set = sql(
    "the compare",
    CLAIMING,
    rf"{STEP}\.(?:status|fence) = {GIVEN}",
    STILL_GIVEN,
    at_once=AtOnce(CLAIM, r"s\.status = b\.status"),
)
same_moment = alone(
    "the next line as seen and as locked",
    AtOnce(f"{CLAIM}|{SETTLE}", r"h\.next_seq = v\.next_seq"),
)
row_epoch = sql("the epoch of a row", READING_ONE, rf"{STEP}\.epoch,", f"{EPOCH},")
# A settle that counts the time from its own moment, and all that leave the intent as it stands.
intent_kept = sql(
    "the intent",
    rf"^UPDATE {STEP} SET .*lease_until={GIVEN}",
    rf"intent_at={NOW}|^UPDATE {STEP} SET (?!.*intent_at)",
    lambda found: f"{found[0]}intent_at=NULL, " if "SET" in found[0] else "intent_at=NULL",
)
old_job = sql(
    "the old job",
    "^UPDATE job_record",
    "WHERE ",
    "WHERE FALSE AND ",
    "completed",
    at_once=AtOnce(SETTLE, r"j\.step_id = done\.id", "FALSE"),
)
admission = sql(
    "admission",
    "FROM deployment",
    rf"^SELECT count\(\*\) (.*target_id = {GIVEN})",
    r"SELECT count(*) * 0 \1",
)
running_step = sql(
    "the look for a running step",
    rf"^SELECT EXISTS \(SELECT \* \nFROM {STEP}",
    rf"status = {GIVEN}",
    r"\g<0> AND FALSE",
)
lease_at_reap = sql(
    "lease at reap",
    STEP,
    rf"{STEP}\.lease_until < {NOW}",
    lambda found: "(TRUE OR ? IS NULL)" if "?" in found[0] else "TRUE",
)
