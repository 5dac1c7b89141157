"""Views of a list that a person keeps: its filters, search and order under a name."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from flask import flash, g, redirect, request, url_for

from tenantry.errors import Conflict, Invalid
from tenantry.models import SavedView
from tenantry.operations import saved_views
from tenantry.web.database import let_go, reading
from tenantry.web.deeds import told
from tenantry.web.door import desk
from tenantry.web.panel.routes import expose
from tenantry.web.people import member
from tenantry.web.security import actor

PLAIN_ARGS = frozenset({"search", "sort", "desc", "page_size", "show"})


@dataclass(frozen=True, slots=True)
class Shown:
    """One kept view above its list; `here` where the list shows just that."""

    name: str
    url: str
    public_id: UUID
    here: bool


class KeptViews:
    """For the view of a model: what is kept is below the list's own address."""

    endpoint: str
    get_url: Any
    chips: Any

    def kept_views(self) -> Sequence[Shown]:
        """The person's own of this list; asked of the database once in a request."""
        user = member()
        if user is None:
            return ()
        if "kept_views" not in g:
            now = self.query_now()
            g.kept_views = [
                _shown(row, now) for row in saved_views.listed(reading(), user.id, self.endpoint)
            ]
        return list(g.kept_views)

    def query_now(self) -> str:
        """What a view of this page would keep; empty where nothing is filtered or sorted."""
        return cleaned(request.args.items(multi=True))

    @expose("/views/save", methods=("POST",))
    def keep_view(self) -> Any:
        """Keeps the filters that the form carries under the name that was typed."""
        query = cleaned(parse_qsl(request.form.get("query", "")[:4000]))
        name, who = request.form.get("name", ""), actor()
        let_go()
        try:
            saved = desk().do(
                lambda session: saved_views.save(session, who, self.endpoint, name, query).name
            )
            flash(f"Saved as {saved}. It stands above the list, for you alone.", "good")
        except (Conflict, Invalid) as trouble:
            flash(told(trouble), "bad")
        return redirect(_list_of(query), 303)

    @expose("/views/<uuid:public_id>/remove", methods=("POST",))
    def drop_view(self, public_id: UUID) -> Any:
        """Lets one go; the list and its rows stay as they are."""
        who = actor()
        let_go()
        name = desk().do(lambda session: saved_views.remove(session, who, self.endpoint, public_id))
        flash(f"The view {name} is deleted.", "good")
        return redirect(url_for(".index_view"), 303)


def cleaned(pairs: Any) -> str:
    """Only what filters, searches and orders a list; equal views give equal text."""
    kept = {
        key: value
        for key, value in pairs
        if value and "\0" not in value and (key in PLAIN_ARGS or key.startswith("flt"))
    }
    return urlencode(sorted(kept.items()))


def _shown(row: SavedView, now: str) -> Shown:
    return Shown(row.name, _list_of(row.query), row.public_id, row.query == now)


def _list_of(query: str) -> str:
    pairs: dict[str, Any] = dict(parse_qsl(query))
    return url_for(".index_view", **pairs)
