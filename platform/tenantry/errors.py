"""
Our error tree. Doors translate it once; nothing below a door knows HTTP or exit codes.

    TenantryError
    ├── Invalid            bad input: names the field and the rule       (400, exit 2)
    ├── Denied             the person may not do this                    (403)
    ├── NotFound           no such thing, or not in the person's scope   (404)
    ├── Conflict           somebody else won, or the state forbids it    (409)
    │   └── NothingToDo    everything is as it should be already
    ├── SettingsInvalid    every bad setting of the environment at once  (exit 2)
    ├── SecretUnreadable   a stored secret does not open with our keys
    ├── Lost               this worker's claim is no longer valid
    └── StepTrouble        what a handler or a port may raise
        ├── Permanent      trying again cannot help
        ├── Transient      trying again may help
        │   └── TargetDown the target was not reached, or only its proxy answered
        └── KeyRefused     the target refused our key as a whole: a breaker's business
"""

from collections.abc import Sequence


class TenantryError(Exception):
    """Base of everything we raise on purpose."""


class Invalid(TenantryError):
    """Bad input. Names the field and the rule; changes nothing. Never carries a secret value."""

    def __init__(self, field: str, rule: str, value: object = None) -> None:
        shown = "" if value is None else f" (got {_shown(value)})"
        super().__init__(f"{field}: {rule}{shown}")
        self.field = field
        self.rule = rule


class Denied(TenantryError):
    """The person is known but may not do this."""


class NotFound(TenantryError):
    """No such thing, or it lies outside the person's scope: both read the same."""


class Conflict(TenantryError):
    """The state forbids it, or another request won. `winner` is the public id of what won."""

    def __init__(self, message: str, winner: str | None = None) -> None:
        super().__init__(message)
        self.winner = winner


class NothingToDo(Conflict):
    """Everything is as it should be already; nothing was written."""


class SettingsInvalid(TenantryError):
    """Every bad environment variable, in one error."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("Settings are not usable:\n" + "\n".join(f"  - {p}" for p in problems))
        self.problems = tuple(problems)


class SecretUnreadable(TenantryError):
    """A stored secret does not open: wrong key ring, or its row was tampered with."""


class Lost(TenantryError):
    """The claim was taken over. Read nothing further, write nothing, stop."""


class StepTrouble(TenantryError):
    """
    What a step handler or a port may raise.

    `outcome_known` is False where a request may have been sent and its effect may still appear
    later; such a step keeps its intent and waits for the settle time before it looks again.
    """

    outcome_known = True


class Permanent(StepTrouble):
    """Trying again cannot help: the step fails with these words."""


class Transient(StepTrouble):
    """
    Trying again may help.

    `retry_after` is the server's wish in seconds, already clamped; `most_tries` lowers the number
    of tries below the catalogue's where more would be pointless.
    """

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        outcome_known: bool = True,
        most_tries: int | None = None,
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.outcome_known = outcome_known
        self.most_tries = most_tries


class TargetDown(Transient):
    """The target was not reached at all, or its proxy answered for it: counts as an outage."""


class KeyRefused(StepTrouble):
    """401 without a code: the key check itself failed. Pauses the target, fails nothing."""

    def __init__(self, message: str, *, outcome_known: bool = True) -> None:
        super().__init__(message)
        self.outcome_known = outcome_known


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "…"  # noqa: PLR2004 — one line in a terminal
