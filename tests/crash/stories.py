"""The stories of `make crash-life`: between them every kind of step of the years after."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tenantry.clock import utcnow
from tenantry.operations import (
    backups,
    hostnames,
    leaving,
    rollbacks,
    scaling,
    templates,
    tenants,
)
from tenantry.operations.adoption import Adoption
from tenantry.operations.desk import MakeWish
from tenantry.operations.found_projects import Found, kinds_of, look
from tenantry.operations.scaling import Scale
from tenantry.operations.wishes import Wish
from tenantry.planning.actions import RESTART, SUSPEND, UNSUSPEND
from tenantry.planning.limits import Capabilities
from tenantry.planning.sources import ImageSource
from tenantry.ports import DatabaseWish
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
# What the stand-in makes up by itself, and what a clean end leaves.
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

STACKS = PLAIN | {
    "name": "Stacks",
    "slug": "stacks",
    "base_domain": f"stacks.{DOMAIN}",
    "db_required": True,
    "db_type": "keydb",
    "services": [
        {
            "name": "front",
            "service_type": "frontend",
            "compose_service": "web",
            "compose_file": (
                "services:\n"
                "  web:\n"
                "    image: nginx:${TAG}\n"
                "    environment:\n"
                "      DATABASE_URL: ${DATABASE_URL}\n"
            ),
            "env": {"TAG": "1.27", "DATABASE_URL": "${DATABASE_URL}"},
        }
    ],
}
FILES = PLAIN | {
    "name": "Files",
    "slug": "files",
    "base_domain": f"files.{DOMAIN}",
    "db_required": True,
    "db_type": "redis",
    "services": [
        {
            "name": "store",
            "service_type": "frontend",
            "image": "nginx:1.27",
            "volumes": [{"name": "files", "path": "/files"}],
        }
    ],
}


@dataclass(frozen=True)
class Chapter:
    """One deployment of a story; `before` sets its scene, `fire` says whether workers die."""

    title: str
    wish: Wish | MakeWish | None
    before: Callable[[Installation, str], None] | None = None
    fire: bool = True
    adopts: bool = False


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


def back_to_the_newest_before(session: Any, tenant: Any) -> Wish:
    """A rollback to the roll-out before the one that runs."""
    newest = rollbacks.candidates(session, tenant)[0]
    return rollbacks.prepare(session, tenant, str(newest.public_id)).wish


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


def _row(place: Installation, subdomain: str, name: str) -> Any:
    with place.shop.desk.reading() as session:
        found = tenants.find(session, subdomain)
        return next(row for row in found.services if row.name == name)


def a_schedule(place: Installation, subdomain: str) -> None:
    """Somebody has made a schedule for the first service, by hand."""
    row = {
        "name": f"nightly of {subdomain}",
        "applicationId": _row(place, subdomain, "api").app_id,
        "cronExpression": "0 3 * * *",
        "command": "true",
        "scheduleType": "application",
        "shellType": "bash",
        "enabled": True,
    }
    place.control("drift", {"kind": "schedule", "add": row})


def a_registry(place: Installation, subdomain: str) -> None:
    """The first service keeps images of its own for the target's rollback."""
    place.control(
        "seed",
        {
            "kind": "registry",
            "row": {
                "registryId": "reg",
                "registryUrl": "r.test",
                "registryName": "r",
                "username": "u",
                "password": "p",
                "imagePrefix": "x",
            },
        },
    )
    fields = {"rollbackActive": True, "rollbackRegistryId": "reg"}
    app_id = _row(place, subdomain, "api").app_id
    place.control("drift", {"kind": "application", "id": app_id, "fields": fields})


def a_commit(place: Installation, subdomain: str) -> None:
    """The branch of the first service has moved on."""
    url = SHOP["services"][0]["repo_url"]
    commit = hashlib.sha1(f"{subdomain} {time.monotonic()}".encode()).hexdigest()
    place.control("git", {"url": url, "branch": "main", "commit": commit})


def aliases(place: Installation, subdomain: str) -> None:
    """Two more hostnames, proven; one sends its visitors to the primary."""

    def act(session: Any) -> None:
        tenant = tenants.find(session, subdomain)
        for name, redirect in (
            (f"{subdomain}.also.{DOMAIN}", False),
            (f"www.{subdomain}.also.{DOMAIN}", True),
        ):
            made = hostnames.add(session, ME, tenant, "web", name, redirect=redirect)
            made.verified_at = utcnow()

    place.shop.desk.do(act)


def a_found_project(place: Installation, subdomain: str) -> None:
    """Somebody has made a project by hand, in the shape of the product."""
    target = place.shop.ports.target("main")
    project = target.create_project(f"by hand {subdomain}", "")
    for name in ("api", "web"):
        made = target.create_application(
            project.environment_id, name, f"{subdomain}-{name}", "", None
        )
        target.attach_image(made.id, ImageSource("nginx:1.27"))
        target.create_domain(
            made.id, f"{subdomain}-{name}.hand.{DOMAIN}", 80, https=False, certificate="none"
        )
        target.trigger_build(made.id, "by hand", "")
    wish = DatabaseWish(
        "postgres", "db", f"{subdomain}-db", "", "shop", "shop", "Passw0rd", "postgres:17.6"
    )
    database = target.create_database(project.environment_id, wish, None)
    target.deploy_database("postgres", database.id, deadline=30)


def adoption(place: Installation, subdomain: str) -> tuple[Adoption, Found]:
    """That project as a tenant."""
    target = place.shop.ports.target("main")
    project = next(p for p in target.projects() if p.name == f"by hand {subdomain}")
    with place.shop.desk.reading() as session:
        kinds = kinds_of(templates.find(session, "shop"))
    named = {s.name: s.id for s in project.services}
    wanted = Adoption(
        "shop", subdomain, subdomain, db_name="shop", db_user="shop", password="Passw0rd"
    )
    return wanted, look(target, project.id, kinds, named)


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
            Chapter("suspend", Wish(action=SUSPEND, with_database=True), before=a_schedule),
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
            Chapter("keep images", Wish(force=True), before=a_registry, fire=False),
            Chapter("go on", Wish(force=True), before=a_commit, fire=False),
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
            Chapter("upgrade", Wish(refs={"web": "1.28"}), fire=False),
            Chapter("roll back", back_to_the_first),
            LAST,
        ),
    ),
}


def prepare(place: Installation) -> None:
    """Products, and a destination for backups."""
    place.control("seed", {"kind": "destination", "row": DESTINATION})
    for document in (SHOP, STACKS, FILES):
        place.product(document)
