"""The stories of `make crash-life`: between them every kind of step of the years after."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tenantry.operations import backups, leaving, rollbacks, scaling, tenants
from tenantry.operations.desk import MakeWish
from tenantry.operations.scaling import Scale
from tenantry.operations.wishes import Wish
from tenantry.planning.actions import RESTART, SUSPEND, UNSUSPEND
from tenantry.planning.limits import Capabilities
from tests.installation import DOMAIN, ME, Installation

DESTINATION = {
    "destinationId": "dst-lives",
    "name": "lives",
    "provider": None,
    "accessKey": "key-of-the-store",
    "secretAccessKey": "secret-of-the-store",
    "bucket": "lives",
    "region": "eu",
    "endpoint": "https://s3.example.com",
    "additionalFlags": [],
}
PLAIN: dict[str, Any] = {
    "https": False,
    "certificate": "none",
    "notify_emails": ["staff@example.com"],
}
SHOP = PLAIN | {
    "name": "Shop",
    "slug": "shop",
    "base_domain": f"shop.{DOMAIN}",
    "db_required": True,
    "services": [
        {
            "name": "api",
            "service_type": "backend",
            "order": 1,
            "repo_url": "https://github.com/acme/shop-api",
            "env": {"DATABASE_URL": "${DATABASE_URL}"},
        },
        {"name": "web", "service_type": "frontend", "order": 2, "image": "nginx:1.27"},
    ],
}


@dataclass(frozen=True)
class Chapter:
    """One deployment of a story; `before` sets its scene, `fire` says whether workers die."""

    title: str
    wish: Wish | MakeWish
    before: Callable[[Installation, str], None] | None = None
    fire: bool = True


@dataclass(frozen=True)
class Story:
    """A product and what happens to one of its tenants."""

    product: str
    chapters: tuple[Chapter, ...]


def scaled(service: str, replicas: int | None = None, **limits: Any) -> MakeWish:
    """A wish for replicas and limits."""
    wanted = Scale(service, replicas, limits or None)
    return lambda session, tenant: scaling.store(session, ME, tenant, wanted, Capabilities())


def back_to_the_first(session: Any, tenant: Any) -> Wish:
    """A rollback to the tenant's oldest roll-out."""
    oldest = rollbacks.candidates(session, tenant)[-1]
    return rollbacks.prepare(session, tenant, str(oldest.public_id)).wish


def restored(session: Any, tenant: Any) -> Wish:
    """A restore of the newest backup that somebody asked for."""
    newest = next(row for row in backups.records(session, tenant) if row.kind == "manual")
    return backups.restore(session, tenant, str(newest.public_id), tenant.subdomain, "was lost")


def policy(place: Installation, subdomain: str) -> None:
    """The tenant is backed up from now on."""
    there = {d.id: d for d in place.shop.ports.target("main").destinations()}

    def act(session: Any) -> None:
        tenant = tenants.find(session, subdomain)
        backups.set_policy(session, ME, tenant, {"destination": "lives"}, there)

    place.shop.desk.do(act)


def named_volumes(session: Any, tenant: Any) -> Wish:
    """All volumes that the teardown kept."""
    return Wish(action="remove_volumes", volumes=tuple(leaving.volumes_kept(session, tenant)))


FIRST = Chapter("onboard", Wish(), fire=False)
LAST = Chapter("tear down", lambda _s, tenant: leaving.teardown(tenant, tenant.subdomain, "left"))
STORIES: dict[str, Story] = {
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
            Chapter("suspend", Wish(action=SUSPEND, with_database=True)),
            Chapter("wake", Wish(action=UNSUSPEND)),
            LAST,
        ),
    ),
    "kept": Story(
        "shop",
        (
            Chapter("onboard", Wish(), before=policy, fire=False),
            Chapter("back up", backups.now),
            Chapter("change", Wish(refs={"web": "1.28"})),
            LAST,
        ),
    ),
    "built": Story(
        "shop",
        (
            FIRST,
            Chapter("fresh build", Wish(services=("api",), force=True, fresh_build=True)),
            Chapter("upgrade", Wish(refs={"web": "1.28"}), fire=False),
            Chapter("roll back", back_to_the_first),
            LAST,
        ),
    ),
}


def prepare(place: Installation) -> None:
    """Products, and a destination for backups."""
    place.control("seed", {"kind": "destination", "row": DESTINATION})
    for document in (SHOP,):
        place.product(document)
