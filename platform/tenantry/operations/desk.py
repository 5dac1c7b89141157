"""
What every door shares: transactions around operations, and what follows their commit.

A door asks, the desk opens one transaction, the operation works in it, and only after the commit
chains are published and waiting deployments let in.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from tenantry.config import Settings
from tenantry.engine.dispatch import Dispatcher
from tenantry.engine.jobs import Hint
from tenantry.engine.store import READS_ONLY
from tenantry.errors import Conflict, NotFound
from tenantry.models import Tenant
from tenantry.operations import (
    deployments,
    hostnames,
    onboarding,
    previews,
    resuming,
    targets,
    tenants,
)
from tenantry.operations import steps as step_operations
from tenantry.operations.actors import Actor
from tenantry.operations.onboarding import Client, Onboarded
from tenantry.operations.previews import Preview
from tenantry.operations.wishes import Wish
from tenantry.ports import DestinationSeen, Resolver, SecretStore

T = TypeVar("T")
MakeWish = Callable[[Session, Tenant], Wish]
Destinations = Callable[[str], Sequence[DestinationSeen]]


def nowhere(_target: str) -> Sequence[DestinationSeen]:
    """No place for backups."""
    return ()


@dataclass(frozen=True, slots=True)
class Desk:
    """Built once in a process by `app`; safe to share between threads."""

    settings: Settings
    engine: Engine
    sessions: sessionmaker[Session]
    secrets: SecretStore
    dispatcher: Dispatcher
    resolver: Resolver
    destinations: Destinations = nowhere

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session for reading; whatever is changed in it is thrown away."""
        with self.sessions() as session:
            session.connection(execution_options={READS_ONLY: True})
            yield session

    def do(self, act: Callable[[Session], T]) -> T:
        """One transaction around one operation; its rows stay readable afterwards."""
        with self.sessions.begin() as session:
            return act(session)

    def rehearse(self, act: Callable[[Session], T]) -> T:
        """One transaction around one operation that is thrown away: what it says, nothing done."""
        with self.sessions() as session:
            try:
                targets.sync(session, self.settings.targets)
                return act(session)
            finally:
                session.rollback()

    def onboard(
        self, actor: Actor, clients: Sequence[Client], key: UUID, *, deploy: bool
    ) -> list[Onboarded]:
        """Adds all clients or none, and lets their deployments in as far as there is room."""

        def act(session: Session) -> list[Onboarded]:
            targets.sync(session, self.settings.targets)
            return onboarding.add_all(session, actor, self.secrets, clients, key, deploy=deploy)

        done = self.do(act)
        for target_id in sorted({one.target_id for one in done if one.target_id is not None}):
            self.dispatcher.admit(target_id)
        return done

    def deploy(
        self,
        actor: Actor,
        subdomain: str,
        *,
        wish: Wish | MakeWish = deployments.DEPLOYMENT,
        request_key: str | None = None,
    ) -> str:
        """
        Starts a deployment of any action and lets it in if there is room; its public id.

        `wish` may be made in the same transaction, so that what it stores is kept only where the
        deployment is. NothingToDo where nothing differs, before anything is written.
        """

        def start(session: Session) -> tuple[str, int]:
            tenant = tenants.find(session, subdomain, away=True)
            if request_key and (again := deployments.by_request(session, tenant, request_key)):
                # Before the wish is made: it may store what stands there already.
                return str(again.public_id), again.target_id
            targets.sync(session, self.settings.targets)
            wanted = wish if isinstance(wish, Wish) else wish(session, tenant)
            made = deployments.create(
                session, actor, tenant, self.secrets, wish=wanted, request_key=request_key
            )
            return str(made.public_id), made.target_id

        public_id, target_id = self.do(start)
        self.dispatcher.admit(target_id)
        return public_id

    def verify_hostname(self, actor: Actor, subdomain: str, hostname: str) -> None:
        """
        Asks the world for the proof of an additional hostname, and notes it where it is there.

        No transaction is open meanwhile. Conflict, with what was seen, where it is not.
        """
        with self.reading() as session:
            found = hostnames.find(session, tenants.find(session, subdomain), hostname)
            proof = hostnames.proof_of(found)
        if proof is None:
            raise Conflict(f"{hostname} needs no proof")
        answers = self.resolver.texts(proof.name)
        self.do(
            lambda session: hostnames.verify(
                session, actor, tenants.find(session, subdomain), hostname, proof, answers
            )
        )

    def preview(
        self, actor: Actor, subdomain: str, wish: Wish | MakeWish = deployments.DEPLOYMENT
    ) -> Preview:
        """What that deployment would do, in words; writes nothing."""
        with self.sessions() as session:
            try:
                tenant = tenants.find(session, subdomain, away=True)
                wanted = wish if isinstance(wish, Wish) else wish(session, tenant)
                return previews.of(session, actor, tenant, self.secrets, wanted)
            finally:
                session.rollback()

    def resume(
        self,
        actor: Actor,
        public_id: str,
        *,
        only_failed: bool = False,
        reason: str = "",
        epoch: int | None = None,
    ) -> None:
        """Puts a deployment back in line, and lets it in if there is room."""

        def again(session: Session) -> int:
            found = deployments.find(session, public_id)
            resuming.resume(
                session, actor, found, only_failed=only_failed, reason=reason, epoch=epoch
            )
            return found.target_id

        self.dispatcher.admit(self.do(again))

    def cancel(self, actor: Actor, public_id: str) -> None:
        """Asks for a cancel; the place that it frees is given to the next one."""

        def stop(session: Session) -> tuple[list[Hint], int]:
            found = deployments.find(session, public_id)
            return deployments.cancel(session, actor, found), found.target_id

        hints, target_id = self.do(stop)
        self.dispatcher.publish(hints)
        self.dispatcher.admit(target_id)

    def postpone(self, actor: Actor, public_id: str, seconds: float) -> None:
        """Gives a waiting step another time."""

        def later(session: Session) -> None:
            step = step_operations.find(session, public_id)
            step_operations.postpone(session, actor, step, seconds)

        self.do(later)

    def step(self, actor: Actor, public_id: str, deed: str, reason: str = "") -> None:
        """One of retry, run_now, skip, mark_done on a step."""
        deeds: dict[str, Callable[[Session, Any], list[Hint]]] = {
            "retry": lambda s, step: step_operations.retry(s, actor, step),
            "run_now": lambda s, step: step_operations.run_now(s, actor, step),
            "skip": lambda s, step: step_operations.skip(s, actor, step, reason),
            "mark_done": lambda s, step: step_operations.mark_done(s, actor, step, reason),
        }
        if deed not in deeds:
            raise NotFound(f"There is no action {deed}")

        def act(session: Session) -> tuple[list[Hint], int]:
            step = step_operations.find(session, public_id)
            target_id = step.deployment.target_id
            return deeds[deed](session, step), target_id

        hints, target_id = self.do(act)
        self.dispatcher.publish(hints)
        self.dispatcher.admit(target_id)
