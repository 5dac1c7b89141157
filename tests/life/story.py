"""What the chapters share: the installation, its one tenant, and looks at the target."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select

from tenantry.models import DeploymentStep
from tenantry.operations import deployments, tenants
from tenantry.operations.desk import Desk, MakeWish
from tenantry.operations.wishes import Wish
from tenantry.ports import Target
from tests.installation import ME, Installation

TENANT = "acme"
LONGEST = 300.0


@dataclass
class Story:
    """`stand_in` says whether the target can be looked into through its control door."""

    place: Installation
    base_domain: str
    https: bool = False
    destination: str | None = None
    stand_in: bool = True
    first: str = ""
    names: list[str] = field(default_factory=list)

    @property
    def desk(self) -> Desk:
        """Operations of the product."""
        return self.place.shop.desk

    @property
    def target(self) -> Target:
        """The target as the product sees it."""
        return self.place.shop.ports.target("main")

    def do(self, wish: Wish | MakeWish) -> str:
        """Starts a deployment and waits for its end; AssertionError where it does not succeed."""
        public_id = self.desk.deploy(ME, TENANT, wish=wish)
        self.place.until(lambda: self._ended(public_id), seconds=LONGEST)
        ended = self.deployment(public_id)
        assert ended.status == "succeeded", ended.summary
        return public_id

    def _ended(self, public_id: str) -> bool:
        return self.deployment(public_id).status in {"succeeded", "failed", "cancelled"}

    def deployment(self, public_id: str) -> Any:
        """Its row."""
        with self.desk.reading() as session:
            return deployments.find(session, public_id)

    def tenant(self) -> Any:
        """Its row."""
        with self.desk.reading() as session:
            return tenants.find(session, TENANT, away=True)

    def service(self, name: str) -> Any:
        """Its row."""
        with self.desk.reading() as session:
            found = tenants.find(session, TENANT, away=True)
            return next(row for row in found.services if row.name == name)

    def steps(self) -> int:
        """Gating steps of the newest deployment."""
        with self.desk.reading() as session:
            newest = deployments.latest(session, tenants.find(session, TENANT, away=True))
            return int(
                session.scalar(
                    select(func.count())
                    .select_from(DeploymentStep)
                    .where(DeploymentStep.deployment_id == newest.id, DeploymentStep.gates)
                )
                or 0
            )

    def seen(self, name: str) -> Any:
        """An application as the target shows it in full."""
        found = self.target.application(self.service(name).app_id)
        assert found is not None, f"{name} is not on the target"
        return found

    def until(self, what: Callable[[], Any], seconds: float = 60) -> Any:
        """The first answer that is true."""
        return self.place.until(what, seconds=seconds)

    def left(self) -> list[str]:
        """What is left on the target of this tenant, beside volumes and backup files."""
        marked = [
            f"project {p.name}" for p in self.target.projects_marked(self.tenant().external_ref)
        ]
        running = [
            f"{app.name} runs"
            for app in self.target.node_apps(None)
            if any(app.name.startswith(name) for name in self.names)
        ]
        images = [
            f"image {image.repository}"
            for image in self.target.images(None)
            if image.repository in self.names
        ]
        found = [*marked, *running, *images]
        if self.stand_in:
            found += self._remains()
        return found

    def _remains(self) -> list[str]:
        """Everything that the stand-in still knows under the tenant's names, by kind."""
        found = []
        for name in self.names:
            rows = self.place.look(f"remains?of={name}")
            found += [
                f"{kind} {ids}" for kind, ids in rows.items() if kind not in {"volumes", "files"}
            ]
        return found
