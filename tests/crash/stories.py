"""The stories of `make crash`: between them every kind of step of the catalogue."""

from collections.abc import Callable
from dataclasses import dataclass

from tenantry.operations import backups, leaving
from tenantry.operations.desk import MakeWish
from tenantry.operations.wishes import Wish
from tenantry.planning.actions import RESTART, SUSPEND, UNSUSPEND
from tests.crash.products import DESTINATION, FILES, SHOP, SICK, STACKS
from tests.crash.scenes import (
    a_commit,
    a_found_project,
    a_registry,
    a_schedule,
    aliases,
    back_to_the_first,
    back_to_the_newest_before,
    named_volumes,
    policy,
    restored,
    scaled,
)
from tests.installation import PRODUCT, Installation


@dataclass(frozen=True)
class Chapter:
    """One deployment of a story; `before` sets its scene, `ends` says how it has to end."""

    title: str
    wish: Wish | MakeWish | None
    before: Callable[[Installation, str], None] | None = None
    ends: str = "succeeded"
    adopts: bool = False


@dataclass(frozen=True)
class Story:
    """A product and what happens to one of its tenants."""

    product: str
    chapters: tuple[Chapter, ...]


FIRST = Chapter("onboard", Wish())
LAST = Chapter("tear down", lambda _s, tenant: leaving.teardown(tenant, tenant.subdomain, "left"))
STORIES: dict[str, Story] = {
    "first": Story("dms", (FIRST, LAST)),
    "sick": Story(
        "sick",
        (
            FIRST,
            Chapter("break", Wish(refs={"web": "fail"}), ends="failed"),
            Chapter("mend", Wish(refs={"web": "1.28"})),
            LAST,
        ),
    ),
    "scaled": Story(
        "shop",
        (
            FIRST,
            Chapter("scale", scaled("web", 3, memory_mb=512)),
            Chapter("limits of the database", scaled("db", None, memory_mb=1024)),
            Chapter("restart", Wish(action=RESTART)),
            LAST,
            Chapter("remove volumes", named_volumes),
        ),
    ),
    "rested": Story(
        "shop",
        (
            FIRST,
            Chapter("suspend", Wish(action=SUSPEND, with_database=True), before=a_schedule),
            Chapter("wake", Wish(action=UNSUSPEND)),
            LAST,
        ),
    ),
    "kept": Story(
        "shop",
        (
            Chapter("onboard", Wish(), before=policy),
            Chapter("back up", backups.now),
            Chapter("change", Wish(refs={"web": "1.28"})),
            Chapter("restore", restored),
            LAST,
        ),
    ),
    "named": Story(
        "shop",
        (FIRST, Chapter("more hostnames", Wish(), before=aliases), LAST),
    ),
    "rolled": Story(
        "shop",
        (
            FIRST,
            Chapter("keep images", Wish(force=True), before=a_registry),
            Chapter("go on", Wish(force=True), before=a_commit),
            Chapter("roll back", back_to_the_newest_before),
            LAST,
        ),
    ),
    "stacked": Story(
        "stacks",
        (
            Chapter("onboard", Wish()),
            Chapter("restart", Wish(action=RESTART)),
            Chapter("suspend", Wish(action=SUSPEND)),
            Chapter("wake", Wish(action=UNSUSPEND)),
            LAST,
        ),
    ),
    "filed": Story(
        "files",
        (
            Chapter("onboard", Wish(), before=policy),
            Chapter("back up", backups.now),
            LAST,
        ),
    ),
    "found": Story("shop", (Chapter("adopt", None, before=a_found_project, adopts=True), LAST)),
    "built": Story(
        "shop",
        (
            FIRST,
            Chapter("fresh build", Wish(services=("api",), force=True, fresh_build=True)),
            Chapter("upgrade", Wish(refs={"web": "1.28"})),
            Chapter("roll back", back_to_the_first),
            LAST,
        ),
    ),
}


def prepare(place: Installation) -> None:
    """Products, and a destination for backups."""
    place.control("seed", {"kind": "destination", "row": DESTINATION})
    for document in (PRODUCT, SHOP, STACKS, FILES, SICK):
        place.product(document)
