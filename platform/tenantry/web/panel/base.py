"""
The one view that all models share (SECURITY M1).

Read-only: the routes by which Flask-Admin would create, edit and delete do not exist. What may be
written has a page of its own that asks an operation. Columns are listed one by one, for the list,
the details and the export alike; nothing is shown because it happens to be a column.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from flask import abort, request, session, url_for
from flask_admin.contrib.sqla import ModelView
from flask_admin.contrib.sqla.filters import BaseSQLAFilter, FilterEqual
from flask_admin.form import SecureForm
from flask_wtf.csrf import generate_csrf, validate_csrf
from wtforms import Field
from wtforms.csrf.core import CSRF

from tenantry.errors import Denied
from tenantry.web.database import db
from tenantry.web.panel import formats
from tenantry.web.panel.exports import Exports
from tenantry.web.panel.kept import KeptViews
from tenantry.web.panel.routes import expose
from tenantry.web.people import may
from tenantry.web.words import sentence

LONGEST_SEARCH = 200
MOST_PAGES = 100_000


@dataclass(frozen=True, slots=True)
class Bulk:
    """An action on ticked rows: its name, words with the rows' number in `{}`, and its symbol."""

    name: str
    words: str
    icon: str
    kind: str = ""


class _SameToken(CSRF):  # type: ignore[misc]
    """The token of the whole panel, so that its global check and a form's own agree."""

    def generate_csrf_token(self, _csrf_token_field: Field) -> str:
        return str(generate_csrf())

    def validate_csrf_token(self, _form: Any, field: Field) -> None:
        validate_csrf(field.data)


class PanelForm(SecureForm):  # type: ignore[misc]
    """Flask-Admin's SecureForm with the panel's token."""

    class Meta(SecureForm.Meta):  # type: ignore[misc]
        """Where WTForms looks for it."""

        csrf_class = _SameToken
        csrf_context = session


class ScopedSecureModelView(Exports, KeptViews, ModelView):  # type: ignore[misc]
    """Least role, explicit columns, scoped queries, public ids; see the module."""

    # Tables that grow without end are not counted for each page of their list.
    simple_list_pager = False
    role: ClassVar[str] = "viewer"
    icon: ClassVar[str] = "database"
    about: ClassVar[str] = ""
    empty: ClassVar[str] = "Nothing here yet."
    # Columns that stay on a telephone; the others need 720 pixels.
    narrow: ClassVar[Sequence[str]] = ()

    form_base_class = PanelForm
    can_create = can_edit = can_delete = False
    can_view_details = True
    can_export = True
    can_set_page_size = True
    page_size = 50
    page_size_options: ClassVar[tuple[int, ...]] = (20, 50, 100)
    named_filter_urls = True
    column_display_actions = False
    column_auto_select_related = False
    column_list: ClassVar[Sequence[str]] = ()
    column_details_list: ClassVar[Sequence[str]] = ()
    column_export_list: ClassVar[Sequence[str]] = ()
    column_sortable_list: ClassVar[Sequence[Any]] = ()
    column_formatters: ClassVar[Mapping[str, Any]] = {}
    column_formatters_detail: ClassVar[Mapping[str, Any]] = {}
    column_formatters_export: ClassVar[Mapping[str, Any]] = {}
    column_type_formatters: ClassVar[Mapping[Any, Any]] = formats.FOR_LISTS
    column_type_formatters_detail: ClassVar[Mapping[Any, Any]] = formats.FOR_DETAILS
    column_type_formatters_export: ClassVar[Mapping[Any, Any]] = formats.FOR_EXPORTS
    list_template = "list.html"
    details_template = "details.html"

    # No route: a view that writes declares it again, with its own check.
    create_view = edit_view = delete_view = ajax_lookup = ajax_update = None
    action_view: Any = None

    def __init_subclass__(cls, **more: Any) -> None:
        """A row's own page has room for exact times and whole sentences."""
        super().__init_subclass__(**more)
        if "column_formatters_detail" not in vars(cls):
            short = (formats.ago, formats.clipped)
            shown = cls.column_formatters.items()
            cls.column_formatters_detail = {name: how for name, how in shown if how not in short}

    def __init__(self, model: Any, name: str, endpoint: str, category: str) -> None:
        super().__init__(model, db, name=name, endpoint=endpoint, category=category)

    def scaffold_form(self) -> type[PanelForm]:
        """No generated form: one made from all columns would accept all columns."""
        return PanelForm

    def is_accessible(self) -> bool:
        """The gate has asked for a member of staff; this asks for the role."""
        return may(self.role)

    def inaccessible_callback(self, _name: str, **_more: Any) -> Any:
        """Says which role it takes, as every page of our own does."""
        raise Denied(f"This needs the role {self.role}.")

    def get_column_name(self, field: str) -> str:
        """`in_flight` → `In flight`, unless a label says otherwise."""
        return (self.column_labels or {}).get(field) or sentence(field)

    # The three doors to rows, each through the same scope.

    def scope(self, query: Any) -> Any:
        """Rows that this person may see at all; soft-deleted ones are left out."""
        deleted = getattr(self.model, "deleted_at", None)
        return query if deleted is None else query.filter(deleted.is_(None))

    def get_query(self) -> Any:
        """Rows of a list or an export."""
        return self.scope(super().get_query())

    def get_count_query(self) -> Any:
        """Their number."""
        return self.scope(super().get_count_query())

    def get_list(self, *args: Any, **kwargs: Any) -> tuple[int | None, list[Any]]:
        """One page of rows, with what is to be shown around them."""
        count, rows = super().get_list(*args, **kwargs)
        if rows:
            self.around(rows)
        return count, rows

    def around(self, rows: list[Any]) -> None:
        """Sets what a row shows of its neighbours, for all rows in a fixed number of queries."""

    def get_one(self, id: Any) -> Any:  # noqa: A002 — Flask-Admin's name
        """One row by its public id; None where there is none in scope."""
        try:
            key = UUID(str(id))
        except ValueError:
            return None
        query = self.get_query().filter(self.model.public_id == key)
        joined = [db.joinedload(related) for related in self.column_select_related_list or ()]
        return query.options(*joined).one_or_none()

    def get_pk_value(self, model: Any) -> str:
        """What stands in addresses; the integer key of the few tables without a public id."""
        return str(getattr(model, "public_id", model.id))

    def title(self, row: Any) -> str:
        """What a row's own page is called."""
        return str(row)

    def row_url(self, row: Any) -> str | None:
        """Where a row of the list leads."""
        return (
            url_for(".details_view", id=self.get_pk_value(row)) if self.can_view_details else None
        )

    @expose("/details/")
    def details_view(self) -> Any:
        """One row; 404 where it is not there or out of scope."""
        if not self.can_view_details:
            abort(404)
        model = self.get_one(request.args.get("id", ""))
        if model is None:
            abort(404)
        self.around([model])
        return self.render(
            self.details_template,
            model=model,
            title=self.title(model),
            details_columns=self._details_columns,
            get_value=self.get_detail_value,
        )

    def _get_list_extra_args(self) -> Any:
        """Pages and words that a database would choke on become ones that find nothing."""
        asked = super()._get_list_extra_args()
        asked.page = min(max(asked.page or 0, 0), MOST_PAGES)
        asked.search = (asked.search or "").replace("\0", "")[:LONGEST_SEARCH] or None
        return asked

    def _get_list_filter_args(self) -> list[Any] | None:
        """A filter left empty in the form is no filter, rather than a complaint."""
        chosen = super()._get_list_filter_args()
        return [item for item in chosen if item[2] != ""] if chosen is not None else None

    def _run_view(self, fn: Any, *args: Any, **kwargs: Any) -> Any:
        # Flask-Admin calls a view a second time on any TypeError, which hides the first.
        return fn(self, *args, **kwargs)

    def filters_left(self) -> list[dict[str, Any]]:
        """Every filter as one field of a plain form: name, argument, choices, current value."""
        values = {flt.name: value for _, flt, value in self._chosen()}
        return [
            {
                "name": str(flt.name),
                "arg": f"flt0_{self.get_filter_arg(place, flt)}",
                "options": flt.get_options(self),
                "value": values.get(flt.name, ""),
            }
            for place, flt in enumerate(self._filters or ())
        ]

    def chips(self) -> list[dict[str, str]]:
        """What is filtered now, each with the address that lifts it."""
        found = []
        for arg, flt, value in self._chosen():
            rest: dict[str, Any] = {
                key: text for key, text in request.args.items() if key not in {arg, "page"}
            }
            words = dict(flt.get_options(self) or ()).get(value, value)
            found.append(
                {"name": str(flt.name), "value": words, "url": url_for(".index_view", **rest)}
            )
        return found

    def _chosen(self) -> list[tuple[str, Any, str]]:
        found = []
        for arg, value in request.args.items():
            known = (self._filter_args or {}).get(arg.partition("_")[2])
            if arg.startswith("flt") and known and value and known[1].validate(value):
                found.append((arg, known[1], value))
        return found

    def is_narrow(self, column: str) -> bool:
        """Whether a column stays on a telephone."""
        return column in self.narrow

    def bulk(self) -> Sequence[Bulk]:
        """
        What this person may do with ticked rows; none means that the list has nothing to tick.

        Each posts its name as `action`, with the ticked `rowid`, to the view's own `action_view`,
        which says what would happen before anything does.
        """
        return ()

    def sizes(self) -> list[tuple[int, str, bool]]:
        """Rows on a page: number, address, whether it is the one shown."""
        rest: dict[str, Any] = {
            key: text for key, text in request.args.items() if key not in {"page", "page_size"}
        }
        now = request.args.get("page_size", type=int) or self.page_size
        return [
            (size, url_for(".index_view", **rest, page_size=size), size == now)
            for size in self.page_size_options
        ]

    def lifted_url(self) -> str:
        """The list in the same order and on the same shelf, without filters and search."""
        keep = ("sort", "desc", "page_size", "show")
        rest: dict[str, Any] = {key: request.args[key] for key in keep if key in request.args}
        return url_for(".index_view", **rest)


class PlainRows(ScopedSecureModelView):
    """Rows without a public id: a list says everything there is to them."""

    can_view_details = False

    def get_one(self, _id: Any) -> Any:
        """They have no address."""
        return None


def one_of(column: Any, name: str, values: Sequence[str]) -> FilterEqual:
    """A filter for a column of known words."""
    return FilterEqual(column, name, options=[(v, sentence(v)) for v in values])


def yes_no(column: Any, name: str) -> BaseSQLAFilter:
    """A filter for a flag."""
    return formats.FlagFilter(column, name, options=[("1", "Yes"), ("0", "No")])
