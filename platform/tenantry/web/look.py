"""What every page may use: words, icons, addresses of our own files, banners."""

from uuid import uuid4

from flask import Flask

from tenantry.web import changes, words
from tenantry.web.assets import asset
from tenantry.web.door import desk, door
from tenantry.web.headers import nonce
from tenantry.web.panel import formats
from tenantry.web.people import may, member, role_name


def set_up_look(app: Flask) -> None:
    """Filters and globals of all templates."""
    app.jinja_env.filters.update(
        title_of=words.title_of,
        duration=words.duration,
        roughly=words.roughly,
        sentence=words.sentence,
        pretty=words.pretty,
        plural=words.plural,
        bytes=words.size,
        deed=words.deed,
        database=words.database,
        same_pair=lambda name: (name, name),
        capitalize_first=lambda text: text[:1].upper() + text[1:],
    )
    app.jinja_env.globals.update(
        asset=asset,
        badge=formats.badge,
        banners=banners,
        changed=changes.changed,
        icon=formats.icon,
        look=words.look,
        may=may,
        member=member,
        moment=words.moment,
        new_key=lambda: uuid4().hex,
        nonce=nonce,
        role_name=role_name,
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True


def banners() -> list[str]:
    """What everybody should know about this installation right now."""
    found = []
    if door().resting():
        found.append(
            "The message broker does not answer. Deployments wait and lose nothing; they go on "
            "when it is back."
        )
    if desk().settings.sqlite:
        found.append("This installation runs on SQLite: good for trying out, not for clients.")
    return found
