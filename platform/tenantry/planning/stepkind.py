"""What the engine knows of a kind of step: its queue, its deadlines and its patience."""

from dataclasses import dataclass

from tenantry.planning.backoff import TRANSIENT, Backoff

STEPS_QUEUE = "steps"
SLOW_QUEUE = "slow"
SUSPECT_QUEUE = "suspect"
QUEUES = (STEPS_QUEUE, SLOW_QUEUE, SUSPECT_QUEUE)


@dataclass(frozen=True, slots=True)
class StepKind:
    """
    What the engine knows of a kind.

    `call_deadline` is the longest outside call in seconds (the lease is that and a margin);
    `attempts` the tries that may fail before the step does; `patience` the seconds that a polling
    step waits from its start, without those in which nobody could look (`engine.patience`);
    `poll_seconds` how soon it looks again; `retry_key` the key of the rows that follow a failed try
    instead of a back-off of the same row, `retries` how many.
    """

    name: str
    title: str
    help: str
    queue: str = STEPS_QUEUE
    call_deadline: float = 20.0
    attempts: int = 12
    patience: float | None = None
    poll_seconds: float = 5.0
    retry_key: str | None = None
    retries: int = 0
    gates: bool = True
    job_type: str = "retry"
    backoff: Backoff = TRANSIENT
