"""
Every page there is, found in the application's own list of addresses.

A page that is added is looked at without anybody writing it down; one that needs a thing this
module does not know is an error, so that none is left out by mistake.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from werkzeug.routing import Rule

from tests.web.conftest import World

# Not for eyes: parts, files, redirects, what machines read.
NO_PAGES = ("static", "flower.", "health.", ".export", ".live", ".events", "_sample", "log_text")
NO_PAGES += ("step_log", "overview.now", "tenants.check", "tenants.in_dokploy", "security.verify")
# Pages about what stands behind the `?`.
ASKED = {
    "failures.one": "SELECT '?cause=' || cause FROM deployment WHERE cause <> '' LIMIT 1",
    "failures.resume": "SELECT '?cause=' || cause FROM deployment WHERE cause <> '' LIMIT 1",
    "find.look_up": "SELECT '?q=clinic'",
}
REDIRECTS = frozenset({"tenants.details_view", "deployments.details_view"})
DEEDS = ("deploy", "scale", "restart", "suspend", "rollback", "teardown", "backup")
NEWEST = "SELECT public_id FROM {} ORDER BY id DESC LIMIT 1"
OLDEST = "SELECT public_id FROM {} ORDER BY id LIMIT 1"
FAILED = (
    "SELECT public_id FROM deployment WHERE status = 'failed' AND cause <> ''"
    " ORDER BY id DESC LIMIT 1"
)
STEP = (
    "SELECT s.public_id FROM deployment_step s JOIN deployment d ON d.id = s.deployment_id"
    f" WHERE d.public_id = ({FAILED}) AND s.status = 'failed' LIMIT 1"
)
# What an address with an id is about, by the first word of its endpoint.
THINGS = {
    "tenants": OLDEST.format("tenant"),
    "deployments": FAILED,
    "products": OLDEST.format("project_template"),
    "secrets": OLDEST.format("integration_secret"),
}
MORE = {
    "deployments.page": {
        "one that waits": "SELECT public_id FROM deployment WHERE status = 'running' LIMIT 1",
        "one that succeeded": "SELECT public_id FROM deployment WHERE status = 'succeeded'"
        " ORDER BY id DESC LIMIT 1",
    },
    "tenants.page": {"a fresh one": NEWEST.format("tenant")},
}


@dataclass(frozen=True, slots=True)
class Look:
    """One page: its name, as a file may be called, and its address."""

    name: str
    url: str


def every_page(world: World) -> list[Look]:
    """All of them, by name. KeyError for one whose thing is not known here."""
    found: list[Look] = []
    with world.engine.connect() as conn:

        def one(query: str) -> str | None:
            value = conn.execute(text(query)).scalar()
            return None if value is None else str(value)

        for rule in world.app.url_map.iter_rules():
            if "GET" in (rule.methods or ()) and _is_page(rule.endpoint):
                found += _looks(world, rule, one)
    return sorted(found, key=lambda look: look.name)


def _is_page(endpoint: str) -> bool:
    skipped = any(part in endpoint for part in NO_PAGES)
    return not skipped and endpoint not in REDIRECTS


def _looks(world: World, rule: Rule, one: Any) -> list[Look]:
    endpoint, noun = rule.endpoint, rule.endpoint.partition(".")[0]
    adapter = world.app.url_map.bind("")
    name = endpoint.replace(".index_view", "").replace(".", "-").replace("_", "-")
    if endpoint.endswith(".details_view"):
        row = _first_row(world, noun, one)
        url = f"{adapter.build(endpoint)}?id={row}"
        return [Look(name.replace("-view", ""), url)] if row else []
    if not rule.arguments:
        asked = one(ASKED[endpoint]) if endpoint in ASKED else ""
        return [Look(name, adapter.build(endpoint) + asked)]
    values = {
        "public_id": lambda: one(THINGS[noun]),
        "step_id": lambda: one(STEP),
        "number": lambda: 1,
    }
    if "what" in rule.arguments:
        public_id = one(THINGS[noun])
        return [
            Look(f"{name}-{deed}", adapter.build(endpoint, {"public_id": public_id, "what": deed}))
            for deed in DEEDS
        ]
    made = [Look(name, adapter.build(endpoint, {arg: values[arg]() for arg in rule.arguments}))]
    for words, query in MORE.get(endpoint, {}).items():
        url = adapter.build(endpoint, {"public_id": one(query)})
        made.append(Look(f"{name}-{words.replace(' ', '-')}", url))
    return made


def _first_row(world: World, noun: str, one: Any) -> str | None:
    views = world.app.extensions["admin"][0]._views
    view = next(view for view in views if view.endpoint == noun)
    # Rows of some lists have no page of their own; a failed step is shown as a step.
    if not view.can_view_details or noun == "failed-steps":
        return None
    model = view.model
    key = "public_id" if hasattr(model, "public_id") else "id"
    table = f'"{model.__table__.name}"'
    return str(found) if (found := one(f"SELECT {key} FROM {table} LIMIT 1")) else None
