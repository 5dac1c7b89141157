"""
The negative controls, by name: which guard is taken out, and what must be noticed then.

A guard that another one covers is run alone as well: it says which, and nothing may be noticed;
but its pair must be.
"""

from tests.simulate import removals
from tests.simulate.guards import mingled
from tests.simulate.trials import control

# A quarter of all changes, in rough weather.
LATE = 0.1
CONTROLS = (
    # First of all, and the longest: the weather that the others are out in.
    control("nothing", covered_by="the engine as it is"),
    control(
        "nothing, while staff press all the time",
        covered_by="the engine as it is",
        pressed=("run_now", "cancel", "resume"),
    ),
    control(
        "nothing, while workers stand still before they intend or settle",
        covered_by="the engine as it is",
        still=("before_intent", "before_settle"),
    ),
    control(
        "nothing, while calls without an answer take effect later",
        covered_by="the engine as it is",
        late=LATE,
        pressed=("run_now",),
    ),
    control(
        "the fence",
        removals.fence,
        breaks="fence, sent by the holder, one of each",
        still=("before_settle",),
    ),
    control("the look before a create", removals.look_up, breaks="one of each"),
    control("the settle time", removals.settle_time, breaks="one of each", late=LATE),
    control(
        "the intent kept while unknown",
        removals.intent_kept,
        breaks="one of each",
        late=LATE,
        pressed=("run_now",),
    ),
    control("the transport's last check", removals.last_check, breaks="sent by the holder"),
    control(
        "the fence in the intent",
        removals.fence_at_intent,
        breaks="sent by the holder",
        still=("before_intent",),
    ),
    control("the lease in the intent", removals.lease_at_intent, covered_by="the fence"),
    control(
        "the lease and the fence in the intent",
        removals.lease_at_intent,
        removals.fence_at_intent,
        breaks="sent by the holder, one of each",
        still=("before_intent",),
    ),
    control("the lease in the reap", removals.lease_at_reap, breaks="sent by the holder"),
    control("the watchdog", removals.watchdog, breaks="everything ends"),
    control("the order in the claim", removals.order, breaks="order"),
    control(
        "the look at the status in the claim",
        removals.look_at_status,
        breaks="no crash, history, fence",
    ),
    control("the table of moves", removals.legal_moves, breaks="history, no crash"),
    control(
        "the look at the status and the table of moves",
        removals.look_at_status,
        removals.legal_moves,
        breaks="history, fence, ended, order",
    ),
    control(
        "the compare-and-set of the claim",
        removals.compare_and_set,
        covered_by="the look at the status, under the lock",
    ),
    control(
        "dedupe: the look at the status and the compare-and-set",
        removals.look_at_status,
        removals.compare_and_set,
        breaks="history, fence, order, no crash",
    ),
    control(
        "dedupe: both, and the table of moves",
        removals.look_at_status,
        removals.compare_and_set,
        removals.legal_moves,
        breaks="history, fence, order, ended",
    ),
    control(
        "the look whether others moved on (ADR 0014)",
        removals.same_moment,
        covered_by="the order and the status, read at the same moment",
        pressed=("skip", "run_now", "retry", "resume"),
        on="postgresql",
    ),
    control(
        "the look whether others moved on and the order",
        removals.same_moment,
        removals.order,
        breaks="order",
        on="postgresql",
    ),
    control(
        "the line of a skip", removals.line_of_a_skip, breaks="noticed", pressed=("skip", "resume")
    ),
    control(
        "the epoch of messages", removals.message_epoch, covered_by="the order and the mail row"
    ),
    control(
        "the epoch of messages and of mail rows",
        removals.message_epoch,
        removals.row_epoch,
        breaks="one mail, everything ends",
    ),
    control("the index of one active deployment", removals.active_index, breaks="one active"),
    control(
        "the index of one open job", removals.job_index, covered_by="closing the old one first"
    ),
    control("closing the old job", removals.old_job, breaks="no crash, one job"),
    control(
        "closing the old job and the index", removals.old_job, removals.job_index, breaks="one job"
    ),
    control("the count of admission", removals.admission, breaks="admission"),
    control("the look for a running step in a cancel", removals.running_step, breaks="ended"),
    control(
        "the lock of the deployment",
        mingled,
        breaks="ended",
        pressed=("cancel", "resume"),
        # One thread runs all: no two transactions of PostgreSQL are ever open here together.
        on="sqlite",
    ),
)


def without_pair() -> list[str]:
    """Controls that are covered by another guard, with no control that takes both."""
    return [
        one.name
        for one in CONTROLS
        if one.covered_by
        and one.out
        and not any(
            set(one.out) < set(other.out) and other.breaks and set(one.on) <= set(other.on)
            for other in CONTROLS
        )
    ]
