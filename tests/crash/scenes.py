"""What is done before a chapter of a story, and the wishes that need a look at the tenant first."""

import hashlib
import time
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
from tenantry.planning.limits import Capabilities
from tenantry.planning.sources import ImageSource
from tenantry.ports import DatabaseWish
from tests.crash.products import SHOP
from tests.installation import DOMAIN, ME, Installation


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
