"""The mails of an installation, each by its Message-ID: one for each end of a deployment."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from tenantry.models import Deployment, DeploymentStep, StepAttempt
from tenantry.planning.states import ENDED_DEPLOYMENT
from tests.installation import Installation

Step = DeploymentStep
# The product's own words for a server that fell silent.
NO_ANSWER = "no answer within"
# A deployment's public id and its epoch.
End = tuple[str, int]


@dataclass(frozen=True)
class Letters:
    """
    What came, beside what had to come.

    `missing` are ends nobody was told of, `strange` mails that belong to no end, `unsent` rows that
    are still due. `again` counts all copies beyond the first. Whether a mail was taken is not known
    where its worker was lost, or where the server did not answer in time: it is sent once more for
    each of these, as its own row and attempts tell. `unexcused` are the copies beyond that.
    """

    missing: list[End]
    strange: list[str]
    unsent: int
    again: int
    unanswered: int
    unexcused: list[str]


def letters(place: Installation) -> Letters:
    """Counts the mailbox against the rows."""
    came = Counter(message.header("Message-ID") for message in place.mailbox.messages)
    told = {_end_of(name) for name in came}
    due, rows, silent = _rows(place)
    sent = {_end(row) for row in rows if row.status == "success"}
    lost = {_end(row): row.lost for row in rows}
    again = {name: number - 1 for name, number in came.items() if number > 1}
    return Letters(
        missing=sorted((due | sent) - told),
        strange=sorted(name for name in came if _end_of(name) not in lost),
        unsent=sum(row.status != "success" for row in rows),
        again=sum(again.values()),
        unanswered=silent.total(),
        unexcused=[
            f"{name} came {number + 1} times"
            for name, number in again.items()
            if number > lost.get(_end_of(name), 0) + silent[_end_of(name)]
        ],
    )


def _rows(place: Installation) -> tuple[set[End], Sequence[Any], Counter[End]]:
    """Ends that somebody is to be told of, the mails that were ever due, and vain tries of them."""
    ended = select(Deployment.public_id, Deployment.epoch).where(
        Deployment.status.in_(ENDED_DEPLOYMENT), Deployment.started_at.is_not(None)
    )
    mails = (
        select(Deployment.public_id, Step.epoch, Step.status, Step.lost)
        .join(Deployment, Deployment.id == Step.deployment_id)
        .where(Step.gates.is_(False), Step.due_at.is_not(None), Step.status != "skipped")
    )
    silent = (
        select(Deployment.public_id, Step.epoch)
        .join(Deployment, Deployment.id == Step.deployment_id)
        .join(StepAttempt, StepAttempt.step_id == Step.id)
        .where(Step.gates.is_(False), StepAttempt.message.contains(NO_ANSWER))
    )
    with place.shop.desk.reading() as session:
        return (
            {_end(row) for row in session.execute(ended)},
            session.execute(mails).all(),
            Counter(_end(row) for row in session.execute(silent)),
        )


def _end(row: Any) -> End:
    return str(row.public_id), row.epoch


def _end_of(message_id: str) -> End:
    """`<public id.epoch.outcome@tenantry>`, as the product promises."""
    public_id, epoch, *_ = [*message_id.strip("<>").split("."), "", ""]
    return public_id, int(epoch) if epoch.isdecimal() else -1
