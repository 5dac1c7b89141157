"""How values look in lists, details and exports. Every value is escaped; see SECURITY M8."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from flask_admin.contrib.sqla.filters import FilterEqual
from markupsafe import Markup

from tenantry.clock import iso
from tenantry.web.assets import asset
from tenantry.web.words import Look, look, moment, pretty, sentence

DASH = Markup('<span class="none">–</span>')
Format = Callable[[Any, Any, Any, str], Any]


def icon(name: str, more: str = "") -> Markup:
    """One symbol of the sprite; hidden from screen readers, which get the word beside it."""
    return Markup('<svg class="icon {}" aria-hidden="true"><use href="{}#{}"></use></svg>').format(
        more, asset("icons.svg"), name
    )


def badge(status: str, thing: str = "") -> Markup:
    """A state: icon, word and colour."""
    return dressed(look(status, thing))


def dressed(shown: Look) -> Markup:
    """The same for a look."""
    spin = "spin" if shown.icon == "loader-circle" else ""
    return Markup('<span class="badge is-{}">{}{}</span>').format(
        shown.tone, icon(shown.icon, spin), shown.word
    )


def state(thing: str = "") -> Format:
    """For a column `status` of that thing."""

    def show(_view: Any, _context: Any, row: Any, name: str) -> Markup:
        return badge(getattr(row, name), thing)

    return show


def mono(_view: Any, _context: Any, row: Any, name: str) -> Any:
    """Ids, hosts and keys."""
    return code(getattr(row, name))


def code(value: Any) -> Markup:
    """The same for a value."""
    return DASH if value in (None, "") else Markup('<span class="mono">{}</span>').format(value)


def link(text: Any, url: str) -> Markup:
    """A link; only ever to a page of ours."""
    return Markup('<a href="{}">{}</a>').format(url, text)


def words(_view: Any, _context: Any, row: Any, name: str) -> str:
    """An enum's value, for people."""
    return sentence(str(getattr(row, name) or ""))


def ago(_view: Any, _context: Any, row: Any, name: str) -> Markup:
    """A time, relative to now; the exact one when pointed at."""
    return moment(getattr(row, name), relative=True)


def log_text(_view: Any, _context: Any, row: Any, name: str) -> Markup:
    """A line of a log: text, whatever it holds."""
    return Markup('<pre class="line">{}</pre>').format(getattr(row, name))


def clipped(_view: Any, _context: Any, row: Any, name: str) -> Any:
    """Long words in one line; whole when pointed at, and on the row's own page."""
    value = getattr(row, name)
    return Markup('<span class="clip" title="{}">{}</span>').format(value, value) if value else DASH


def _none(*_: Any) -> Markup:
    return DASH


def _flag(_view: Any, value: bool, _name: str) -> Markup:  # noqa: FBT001 — a formatter's shape
    return Markup("Yes") if value else Markup('<span class="none">No</span>')


def _time(_view: Any, value: datetime, _name: str) -> Markup:
    return moment(value)


def _text(_view: Any, value: str, _name: str) -> Any:
    return value if value != "" else DASH


def _json(_view: Any, value: Any, _name: str) -> Markup:
    if not value:
        return DASH
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return Markup(", ").join(value)
    return Markup('<pre class="json" tabindex="0">{}</pre>').format(pretty(value))


def _key(_view: Any, value: UUID, _name: str) -> Markup:
    return Markup('<span class="mono">{}</span>').format(str(value))


def _plain(_view: Any, value: Any, _name: str) -> str:
    return "" if value is None else str(value)


def _iso(_view: Any, value: datetime, _name: str) -> str:
    return iso(value)


def _dumped(_view: Any, value: Any, _name: str) -> str:
    return pretty(value) if value else ""


FOR_LISTS: Mapping[Any, Any] = {
    type(None): _none,
    bool: _flag,
    datetime: _time,
    str: _text,
    UUID: _key,
    dict: _json,
    list: _json,
}
FOR_DETAILS = FOR_LISTS
FOR_EXPORTS: Mapping[Any, Any] = {
    type(None): _plain,
    datetime: _iso,
    dict: _dumped,
    list: _dumped,
}


class EmptyFilter(FilterEqual):  # type: ignore[misc]
    """Yes or no: whether a column holds anything."""

    def __init__(self, column: Any, name: str) -> None:
        super().__init__(column, name, options=[("1", "Yes"), ("0", "No")])

    def apply(self, query: Any, value: str, alias: Any = None) -> Any:
        """`1` means that it does."""
        column = self.get_column(alias)
        return query.filter(column.is_not(None) if value == "1" else column.is_(None))


class FlagFilter(FilterEqual):  # type: ignore[misc]
    """Yes or no, for a column that holds exactly that."""

    def apply(self, query: Any, value: str, alias: Any = None) -> Any:
        """`1` means yes."""
        return query.filter(self.get_column(alias).is_(value == "1"))
