"""Lists as files: CSV for spreadsheets, JSON for programs; the same rows, columns and limits."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID

from flask import Response, abort

from tenantry.clock import iso
from tenantry.web.panel.routes import expose
from tenantry.web.people import may

FORMULA = ("=", "+", "-", "@", "\t", "\r")
LONGEST_EXPORT = 10_000
KINDS = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
PLAIN = (str, int, float, bool, type(None))


class Exports:
    """For the view of a model: what leaves the house as a file."""

    export_role: ClassVar[str | None] = "operator"
    export_types: ClassVar[list[str]] = list(KINDS)
    export_max_rows = LONGEST_EXPORT

    endpoint: str
    _export_columns: Any
    _export_data: Any
    _get_list_value: Any
    column_formatters_export: ClassVar[Mapping[str, Any]]
    column_type_formatters_export: ClassVar[Mapping[Any, Any]]

    def may_export(self) -> bool:
        """Whole tables leave the house only with operators."""
        return self.export_role is not None and may(self.export_role)

    @expose("/export/<export_type>/")
    def export(self, export_type: str) -> Response:
        """What the list shows under its filters and in its order, at most 10,000 rows."""
        if not self.may_export():
            abort(403, "Your role may not export this.")
        if export_type not in self.export_types:
            abort(404)
        _, rows = self._export_data()
        pieces = self._as_csv(rows) if export_type == "csv" else self._as_json(rows)
        name = f"{self.endpoint}-{datetime.now(UTC):%Y-%m-%d}.{export_type}"
        # Bounded, and sent whole: a stream would hold a connection as long as its reader likes.
        return Response(
            "".join(pieces),
            content_type=KINDS[export_type],
            headers={"Content-Disposition": f"attachment; filename={name}"},
        )

    def get_export_value(self, model: Any, name: Any) -> str:
        """Text that no spreadsheet takes for a formula."""
        text = str(self._exported(model, name))
        return f"'{text}" if text.startswith(FORMULA) else text

    def _exported(self, model: Any, name: Any) -> Any:
        shown = self.column_formatters_export, self.column_type_formatters_export
        return self._get_list_value(None, model, name, *shown)

    def _as_csv(self, rows: Any) -> Iterator[str]:
        file = io.StringIO()
        writer = csv.writer(file)
        writer.writerow([words for _, words in self._export_columns])
        for row in rows:
            writer.writerow([self.get_export_value(row, name) for name, _ in self._export_columns])
        yield file.getvalue()

    def _as_json(self, rows: Any) -> Iterator[str]:
        """Numbers and truths stay what they are; the rest is text as in the other file."""
        yield "["
        for number, row in enumerate(rows):
            values = {name: self._plain(row, name) for name, _ in self._export_columns}
            yield f"{',' if number else ''}\n{json.dumps(values, ensure_ascii=False)}"
        yield "\n]\n"

    def _plain(self, row: Any, name: str) -> Any:
        value = getattr(row, name, None)
        if isinstance(value, datetime):
            return iso(value)
        if isinstance(value, UUID):
            return str(value)
        told = name in (self.column_formatters_export or {})
        return value if isinstance(value, PLAIN) and not told else str(self._exported(row, name))
