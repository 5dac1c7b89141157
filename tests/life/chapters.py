"""The chapters: each does one thing to the tenant, looks at the target, and says what it saw."""

from typing import Any

from tenantry.operations import (
    backups,
    drifting,
    leaving,
    rollbacks,
    scaling,
    templates,
    tenants,
)
from tenantry.operations.scaling import Scale
from tenantry.operations.wishes import Wish
from tenantry.planning.actions import SUSPEND, UNSUSPEND
from tenantry.planning.limits import Capabilities, Limits
from tenantry.ports import Running
from tests.installation import ME
from tests.life.story import TENANT, Story

SHOP: dict[str, Any] = {
    "name": "Shop",
    "slug": "shop",
    "db_required": True,
    "notify_emails": ["staff@example.com"],
    "services": [
        {
            "name": "api",
            "service_type": "backend",
            "order": 1,
            "repo_url": "https://github.com/acme/shop-api",
            "repo_branch": "v1",
            "env": {"DATABASE_URL": "${DATABASE_URL}", "GREETING": "hello"},
        },
        {"name": "web", "service_type": "frontend", "order": 2, "image": "nginx:1.27"},
    ],
}


def product(story: Story, **web: Any) -> None:
    """Saves the product, with these changes to its second service."""
    api, plain = SHOP["services"]
    document = SHOP | {
        "base_domain": story.base_domain,
        "https": story.https,
        "certificate": "letsencrypt" if story.https else "none",
        "services": [api, plain | web],
    }
    desk = story.desk
    desk.do(lambda s: templates.save(s, ME, document, desk.secrets))


def onboard(story: Story) -> str:
    """Product, tenant, backup policy, first deployment."""
    product(story)
    story.place.tenant(TENANT, "shop")
    _policy(story)
    story.first = story.do(Wish())
    story.names = [story.service(name).app_name for name in ("api", "web", "db")]
    assert story.tenant().status == "running"
    domains = [d.host for name in ("api", "web") for d in story.seen(name).domains]
    return f"{', '.join(domains)}; release {story.deployment(story.first).details['release']}"


def _policy(story: Story) -> None:
    if story.stand_in:
        bucket = {
            "destinationId": "dst-life",
            "name": "life",
            "provider": None,
            "accessKey": "key-of-the-store",
            "secretAccessKey": "secret-of-the-store",
            "bucket": "life",
            "region": "eu",
            "endpoint": "https://s3.example.com",
            "additionalFlags": [],
        }
        story.place.control("seed", {"kind": "destination", "row": bucket})
    there = {d.id: d for d in story.target.destinations()}
    wanted = {"destination": story.destination or next(iter(there)), "schedule": "daily"}

    def act(session: Any) -> None:
        backups.set_policy(session, ME, tenants.find(session, TENANT), wanted, there)

    story.desk.do(act)


def upgrade(story: Story) -> str:
    """A new image for one service: a gate, and only that service."""
    product(story, image="nginx:1.28")
    preview = story.desk.preview(ME, TENANT)
    assert preview.differing == {"web": ("source",)}, preview.differing
    done = story.do(Wish())
    assert story.seen("web").image == "nginx:1.28"
    again = story.desk.preview(ME, TENANT)
    assert again.nothing, again.differing
    return f"release {story.deployment(done).details['release']}, only web, after a gate backup"


def scale(story: Story) -> str:
    """Three containers and limits, applied and observed."""
    wanted = Scale("web", 3, {"cpu_cores": 0.5, "memory_mb": 512})
    story.do(lambda s, tenant: scaling.store(s, ME, tenant, wanted, Capabilities()))
    seen = story.seen("web")
    assert (seen.replicas, seen.memory, seen.cpu) == (3, "536870912", "500000000")
    row = story.service("web")
    assert row.running_replicas == 3
    return f"{row.target_replicas} wanted, {row.running_replicas} running, 0.5 cores, 512 MB"


def change_environment(story: Story) -> str:
    """One value; only what reads it is deployed again."""
    product(story, image="nginx:1.28", env={"COLOUR": "green"})
    story.do(Wish())
    assert "COLOUR=green" in story.seen("web").env
    return "COLOUR=green on the target"


def roll_back(story: Story) -> str:
    """To the first deployment; the database is never touched."""
    with story.desk.reading() as session:
        back = rollbacks.prepare(session, tenants.find(session, TENANT), story.first)
    story.do(lambda s, tenant: rollbacks.prepare(s, tenant, story.first).wish)
    seen = story.seen("web")
    assert str(seen.image).startswith("nginx"), seen.image
    assert "COLOUR" not in seen.env
    # Forward again, so that the years go on with the newest release.
    story.do(Wish())
    return f"and forward again; {len(back.cannot)} things were said not to come back"


def suspend(story: Story) -> str:
    """Nothing serves; the database runs on."""
    story.do(Wish(action=SUSPEND, why="the invoice is open"))
    assert story.tenant().status == "suspended"
    running = {app.name: app.running for app in story.target.node_apps(None)}
    names = dict(zip(("api", "web", "db"), story.names, strict=True))
    assert running.get(names["api"], 0) == 0
    assert running.get(names["web"], 0) == 0
    assert running[names["db"]] == 1
    return "0 containers serve, the database runs"


def wake(story: Story) -> str:
    """With the replicas of before."""
    story.do(Wish(action=UNSUSPEND))
    assert story.tenant().status == "running"
    running = {app.name: app.running for app in story.target.node_apps(None)}
    assert running[story.names[1]] == 3
    return "3 of 3 again"


def back_up(story: Story) -> str:
    """Now; its file was seen."""
    story.do(backups.now)
    with story.desk.reading() as session:
        newest = backups.records(session, tenants.find(session, TENANT))[0]
    assert newest.outcome == "done"
    return f"{newest.path}, {newest.size_bytes} bytes"


def drift(story: Story) -> str:
    """Somebody moves replicas on the target: found, attributed, put back."""
    before = _found(story)
    assert before == [], before
    seen = story.seen("web")
    story.target.configure_application(seen.id, Running(replicas=1, limits=Limits(0.5, 512)))
    found = _found(story)
    assert found == [("web", "replicas", "3", "1", "target")], found

    def wish(session: Any, tenant: Any) -> Wish:
        return drifting.revert(session, ME, tenant, drifting.open_ones(session, tenant))

    story.do(wish)
    assert story.seen("web").replicas == 3
    after = _found(story)
    assert after == [], after
    return "replicas 3 → 1, moved by the target; back to 3, and nothing differs"


def _found(story: Story) -> list[tuple[str, str, str, str, str]]:
    look = story.place.shop.auditor.tenant(story.tenant().id)
    assert look is not None, "it could not be compared"
    return [(d.thing, d.field, d.ours, d.theirs, d.mover) for d in look.found]


def tear_down(story: Story) -> str:
    """A last backup, then everything."""

    def wish(_session: Any, tenant: Any) -> Wish:
        return leaving.teardown(tenant, TENANT, "the client has left")

    story.do(wish)
    assert story.tenant().status == "archived"
    return "archived; its subdomain is free again"
