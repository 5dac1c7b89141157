"""Where people can go in the panel and what they can begin: sidebar, palette and keys share it."""

from collections.abc import Iterable
from dataclasses import dataclass

from flask import Flask, current_app, url_for

from tenantry.web.people import may


@dataclass(frozen=True, slots=True)
class Place:
    """
    One page or one beginning.

    `keys` are pressed one after the other; `also` are lower-case words by which it is found too.
    """

    name: str
    url: str
    icon: str
    group: str = ""
    keys: str = ""
    also: str = ""


KEY = "tenantry.places"
# Endpoint → the second key after g.
GO = {
    "overview.index": "o",
    "tenants.index_view": "t",
    "deployments.index_view": "d",
    "jobs.index_view": "j",
    "failures.index_view": "f",
    "drift.index_view": "r",
    "products.index_view": "p",
    "secrets.index_view": "s",
    "audit.index_view": "a",
    "staff.index_view": "m",
    "targets.index_view": "e",
    "flower.look": "l",
}
ALSO = {
    "overview.index": "home start dashboard",
    "tenants.index_view": "clients customers",
    "deployments.index_view": "runs timeline",
    "jobs.index_view": "scheduled retries waits",
    "failures.index_view": "errors broken",
    "products.index_view": "templates blueprints",
    "secrets.index_view": "passwords keys",
    "audit.index_view": "history who log",
    "staff.index_view": "people users members",
    "targets.index_view": "servers dokploy",
    "flower.look": "celery workers tasks queue",
    "hostnames.index_view": "domains dns addresses",
}
# Name, endpoint, role, icon, other words; in the order of the palette.
BEGINNINGS = (
    ("New tenant", "tenants.new", "operator", "plus", "add client onboard create"),
    ("New tenants from a table", "tenants.from_table", "operator", "table", "csv import bulk many"),
    ("New product", "products.new", "admin", "plus", "add template create"),
    ("New secret", "secrets.new", "admin", "key-round", "add password create"),
    ("Add a member of staff", "staff.new", "admin", "user", "new user invite person"),
    ("Change password", "security.change_password", "viewer", "lock", "account"),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the sidebar, and the least role that may open it."""

    name: str
    icon: str
    endpoint: str
    group: str
    role: str


def set_up_places(app: Flask, entries: Iterable[Entry]) -> None:
    """Remembers the pages of the panel, in the order of the sidebar."""
    app.extensions[KEY] = tuple(entries)
    app.jinja_env.globals.update(sidebar=sidebar, shortcuts=shortcuts, home_of=home_of)


def _mine() -> list[Entry]:
    known: tuple[Entry, ...] = current_app.extensions[KEY]
    return [entry for entry in known if may(entry.role)]


def sidebar() -> dict[str, list[Entry]]:
    """What this person may open, by work."""
    found: dict[str, list[Entry]] = {}
    for entry in _mine():
        found.setdefault(entry.group, []).append(entry)
    return found


def home_of(group: str) -> str:
    """Where a group's name in the breadcrumbs leads: to its first page."""
    first = next((entry for entry in _mine() if entry.group == group), None)
    return url_for(first.endpoint if first else "overview.index")


def pages() -> list[Place]:
    """Every list of the sidebar."""
    return [
        Place(
            entry.name,
            url_for(entry.endpoint),
            entry.icon,
            entry.group,
            GO.get(entry.endpoint, ""),
            ALSO.get(entry.endpoint, ""),
        )
        for entry in _mine()
    ]


def actions() -> list[Place]:
    """What this person may begin from anywhere."""
    return [
        Place(name, url_for(endpoint), icon, also=also)
        for name, endpoint, role, icon, also in BEGINNINGS
        if may(role)
    ]


def shortcuts() -> list[Place]:
    """The pages that two keys lead to, for the sheet that tells of them."""
    return [place for place in pages() if place.keys]
