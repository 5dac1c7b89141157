"""One tenant and its story, chapter by chapter."""

import time
from dataclasses import dataclass, field
from typing import Any

from tenantry.operations import deployments, tenants
from tenantry.operations.adoption import adopt, wish_of
from tests.crash.scenes import adoption
from tests.crash.stories import Chapter
from tests.crash.strikes import Strike
from tests.installation import ME, Installation

# The kinds that may ask the target for a build; a database may be an image, or a stack.
BUILDS = frozenset("service.deploy service.wake db.deploy db.restart db.start".split())


@dataclass
class Life:
    """Where it stands. `strikes` are those ordered for the chapter that runs."""

    tenant: str
    story: str
    product: str
    chapters: tuple[Chapter, ...]
    place: int = -1
    public_id: str = ""
    deployment_id: int = 0
    began: float = 0.0
    trouble: str = ""
    asked: int = 0
    ordered: int = 0
    builds: int = 0
    strikes: list[Strike] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    known: set[int] = field(default_factory=set)

    @property
    def over(self) -> bool:
        """Whether it has come to its end, good or bad."""
        return bool(self.trouble) or self.place >= len(self.chapters)

    @property
    def chapter(self) -> Chapter:
        """The one that runs."""
        return self.chapters[self.place]

    def label(self, kind: str) -> str:
        """A kind's row in the table: a stack's steps do other things than those of a service."""
        return f"stack {kind}" if self.product == "stacks" else kind

    def set_scene(self, place: Installation) -> None:
        """What somebody did before the chapter that runs."""
        if self.chapter.before:
            self.chapter.before(place, self.tenant)

    def create(self, place: Installation) -> int:
        """Makes the deployment of the chapter that runs, not let in yet; its target's id."""
        chapter, desk = self.chapter, place.shop.desk
        taken = adoption(place, self.tenant) if chapter.adopts else None

        def act(session: Any) -> tuple[str, int, int]:
            if taken:
                tenant = adopt(session, ME, desk.secrets, *taken)
                wish: Any = wish_of(taken[1])
            else:
                tenant = tenants.find(session, self.tenant, away=True)
                wish = chapter.wish(session, tenant) if callable(chapter.wish) else chapter.wish
            made = deployments.create(session, ME, tenant, desk.secrets, wish=wish)
            return str(made.public_id), made.id, made.target_id

        self.public_id, self.deployment_id, target_id = desk.do(act)
        self.began = time.monotonic()
        self.known = set()
        self.strikes = []
        return target_id

    def remember(self, place: Installation) -> None:
        """What the target calls its services, to ask for them when it has left."""
        with place.shop.desk.reading() as session:
            rows = tenants.find(session, self.tenant, away=True).services
            self.names = [row.app_name for row in rows if row.app_name] or self.names
            self.ids = [i for row in rows for i in (row.app_id, row.compose_id) if i] or self.ids

    def built(self, world: dict[str, Any]) -> int:
        """How many builds the target was ever asked for."""
        return sum(world["deploy_calls"].get(one, 0) for one in self.ids)

    def built_too_often(self, world: dict[str, Any], kinds: list[str]) -> bool:
        """Whether the chapter that has ended asked for more builds than it has steps that do."""
        before, self.builds = self.builds, self.built(world)
        # What is adopted was built by somebody else.
        if self.chapter.adopts:
            return False
        return self.builds - before > sum(kind in BUILDS for kind in kinds)
