"""
One message, one claim, one handler, one settle.

Three short transactions at most around a handler that holds none: claim, an intent for each
change, settle. What is published goes out after the commit.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import structlog
from sqlalchemy import Engine

from tenantry.clock import monotonic
from tenantry.config import Times
from tenantry.engine import breaker
from tenantry.engine.blueprints import Blueprints
from tenantry.engine.claim import Claim, Message, Refusal, claim, intend
from tenantry.engine.context import SecretDrawer, build_context
from tenantry.engine.dispatch import Dispatcher
from tenantry.engine.endings import failure_of
from tenantry.engine.fused import (
    can_fuse,
    claim_at_once,
    intend_at_once,
    is_common,
    settle_at_once,
)
from tenantry.engine.jobs import Hint
from tenantry.engine.settle import Verdict, settle
from tenantry.engine.store import DATABASE_TROUBLE, transaction
from tenantry.errors import Invalid, Lost, Permanent, SecretUnreadable, StepTrouble
from tenantry.journal import Redactor
from tenantry.ports import Ports
from tenantry.steps.context import Handler, StepContext
from tenantry.steps.outcomes import LogText, Outcome

log = structlog.get_logger(__name__)
SETTLE_TRIES = 4


def no_hook(_point: str) -> None:
    """Named points where a runner of crash tests can break things from outside."""


@lru_cache(maxsize=4)
def _redactor_of(secrets: tuple[str, ...]) -> Redactor:
    """Of the configuration's secrets, which stay the same: to build one costs more than a step."""
    return Redactor(secrets)


@dataclass(frozen=True, slots=True)
class Runner:
    """
    Runs messages. Shared by all threads of a worker.

    `addresses` are those that hostnames should have, by target, where staff stated them.
    `at` is called at named points (`before_call`, `after_call`, …) and does nothing in production.
    """

    engine: Engine
    ports: Ports
    handlers: Mapping[str, Handler]
    times: Times
    dispatcher: Dispatcher
    owner: str
    public_url: str
    always_secret: tuple[str, ...] = ()
    addresses: Mapping[str, Sequence[str]] = field(default_factory=dict)
    at: Callable[[str], None] = no_hook
    blueprints: Blueprints = field(default_factory=Blueprints)

    def run(self, deployment_id: int, step_id: int, epoch: int, *, suspect: bool = False) -> bool:
        """
        Whether the chain may go on to its next link.

        `suspect` messages alone take steps that have lost a worker.

        Never raises for what a message, a target or a lost race can do; database trouble is
        raised to the door, and the lease repairs it.
        """
        message = Message(deployment_id, step_id, epoch)
        self.at("before_claim")
        taken = self._claim(message, suspect=suspect)
        if isinstance(taken, Refusal):
            return taken is Refusal.DONE_ALREADY
        if isinstance(taken, list):
            self.dispatcher.publish(taken)
            return False
        self.at("after_claim")
        try:
            return self._work(taken)
        except Lost:
            log.info("claim lost", step=step_id, fence=taken.fence)
            return False
        finally:
            self.ports.send_until(None)

    def _claim(self, message: Message, *, suspect: bool) -> Claim | Refusal | list[Hint]:
        if can_fuse(self.engine):
            # A single statement commits by itself: this is the last moment before.
            self.at("before_claim_commit")
            at_once = claim_at_once(
                self.engine,
                message,
                owner=self.owner,
                times=self.times,
                blueprints=self.blueprints,
            )
            if at_once is not None:
                return at_once
        with transaction(self.engine) as conn:
            taken = claim(conn, message, owner=self.owner, times=self.times, suspect=suspect)
            self.at("before_claim_commit")
        return taken

    def _work(self, taken: Claim) -> bool:
        drawer = SecretDrawer(
            self.engine,
            self.ports,
            taken.deployment.tenant_id,
            taken.deployment.project_id,
            self.always_secret,
        )
        texts: list[LogText] = []
        result = self._handle(taken, drawer, texts)
        self.at("after_call")
        redactor = self._redactor(drawer, result, texts)
        verdict = self._settle(taken, result, texts, redactor)
        self.at("after_settle")
        self._afterwards(taken, result, verdict, redactor)
        self.at("after_publish")
        return verdict.goes_on

    def _handle(
        self, taken: Claim, drawer: SecretDrawer, texts: list[LogText]
    ) -> Outcome | StepTrouble:
        """The handler's answer, or its trouble as one of ours."""
        try:
            context = build_context(
                taken,
                drawer,
                self.ports,
                self.times,
                self.public_url,
                self._intent(taken),
                self.addresses,
                self.blueprints.of(taken.deployment),
            )
            context.log = texts
            return self._call(taken, context)
        except Lost:
            raise
        except StepTrouble as trouble:
            return trouble
        except (SecretUnreadable, Invalid) as trouble:
            return Permanent(str(trouble))
        except Exception as trouble:
            log.exception("handler broke", step=taken.step.step_key)
            return failure_of(trouble)

    def _call(self, taken: Claim, context: StepContext) -> Outcome:
        handler = self.handlers[taken.kind.name]
        return handler(context)

    def _intent(self, taken: Claim) -> Callable[[Mapping[str, Any]], None]:
        def begin_change(what: Mapping[str, Any]) -> None:
            self.at("before_intent")
            asked_at = monotonic()
            if not self._intend(taken, dict(what)):
                raise Lost("the claim was taken over before a change")
            self.at("after_intent")
            # The lease counts from a moment after `asked_at`: whatever is sent by this instant
            # ends, with its whole deadline, before the lease does.
            self.ports.send_until(asked_at + self.times.lease_margin)
            self.at("before_call")

        return begin_change

    def _intend(self, taken: Claim, what: dict[str, Any]) -> bool:
        if can_fuse(self.engine):
            return intend_at_once(self.engine, taken, what)
        with transaction(self.engine) as conn:
            return intend(conn, taken, what)

    def _redactor(
        self, drawer: SecretDrawer, result: Outcome | StepTrouble, texts: list[LogText]
    ) -> Redactor:
        # Our own sentences hold no secrets; whatever came from outside is searched for all.
        outside = isinstance(result, StepTrouble) or any(t.stream != "system" for t in texts)
        return drawer.redactor() if outside else _redactor_of(self.always_secret)

    def _settle(
        self,
        taken: Claim,
        result: Outcome | StepTrouble,
        texts: list[LogText],
        redactor: Redactor,
    ) -> Verdict:
        """
        Tries a few times: the outcome is known, and losing it would repeat the work.

        A connection cut during COMMIT may have committed; the fence refuses the blind repeat.
        """
        for number in range(SETTLE_TRIES):
            try:
                self.at("before_settle")
                at_once = self._settled_at_once(taken, result, texts, redactor)
                if at_once is not None:
                    return at_once
                with transaction(self.engine) as conn:
                    verdict = settle(conn, taken, result, texts, redactor, self.times)
                    self.at("before_commit")
                return verdict
            except DATABASE_TROUBLE as trouble:
                log.warning("settle failed", number=number, error=type(trouble).__name__)
                if number == SETTLE_TRIES - 1:
                    raise
                time.sleep(0.2 * 2**number * min(1.0, self.times.scale * 4))
        raise AssertionError("unreachable")

    def _settled_at_once(
        self,
        taken: Claim,
        result: Outcome | StepTrouble,
        texts: list[LogText],
        redactor: Redactor,
    ) -> Verdict | None:
        if not (can_fuse(self.engine) and is_common(taken, result)):
            return None
        # A single statement commits by itself: this is the last moment before.
        self.at("before_commit")
        return settle_at_once(self.engine, taken, result, texts, redactor, self.times)

    def _afterwards(
        self, taken: Claim, result: Outcome | StepTrouble, verdict: Verdict, redactor: Redactor
    ) -> None:
        if taken.step.gates:
            breaker.heard(self.engine, taken, result, redactor, self.times)
        self.at("before_publish")
        self.dispatcher.publish(verdict.hints)
        if verdict.ended:
            self.dispatcher.admit(taken.deployment.target_id)
