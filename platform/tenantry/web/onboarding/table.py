"""
A table of clients, as it comes from a spreadsheet: bytes or text in, rows with their errors out.

Pure. Values are judged by the operations' own rules; here stands what only a table can get wrong.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tenantry.errors import Invalid
from tenantry.planning import inputs
from tenantry.planning.environment import speaks_of_secret
from tenantry.web.forms import emails_of

MOST_ROWS = 100
MOST_CHARACTERS = 300_000
LONGEST_CELL = 10_000
NEEDED = ("name", "subdomain")
COLUMNS = ("product", "name", "subdomain", "client_ref", "notify_emails", "target")
# Others have rules of their own, which no formula fits.
FREE = ("name", "client_ref")
ENV = "env."
FORMULA = ("=", "+", "-", "@", "\t", "\r")
DELIMITERS = ",;\t"
SAMPLE = (
    ("product", "name", "subdomain", "client_ref", "notify_emails", "env.REGION"),
    ("{product}", "Acme Foods", "acme", "C-1001", "it@acme.example", "eu"),
    ("{product}", "Blue Courier", "blue-courier", "C-1002", "", "eu"),
)


@dataclass(slots=True)
class Row:
    """One client: its number in the file, its cells by column, its rules that are broken."""

    number: int
    cells: dict[str, str]
    errors: list[str] = field(default_factory=list)

    @property
    def product(self) -> str:
        """The slug of its product."""
        return self.cells.get("product", "")

    @property
    def subdomain(self) -> str:
        """As it will be stored."""
        return self.cells.get("subdomain", "").lower()

    @property
    def told(self) -> list[str]:
        """Its errors for people."""
        return [
            words.replace("client_ref: ", "client ref: ").replace("notify_emails", "notify emails")
            for words in self.errors
        ]

    def document(self) -> dict[str, Any]:
        """As `tenants.add` takes it."""
        cells = self.cells
        env = {
            name.removeprefix(ENV): value
            for name, value in cells.items()
            if name.startswith(ENV) and value != ""
        }
        return {
            "name": cells.get("name", ""),
            "subdomain": self.subdomain,
            "client_ref": cells.get("client_ref") or None,
            "target": cells.get("target") or None,
            "notify_emails": emails_of(cells.get("notify_emails", "").replace(";", ",")),
            "env": env,
        }


@dataclass(frozen=True, slots=True)
class Table:
    """All rows under their columns; Invalid was raised where it is no table at all."""

    columns: Sequence[str]
    rows: Sequence[Row]

    @property
    def wrong(self) -> int:
        """How many rows have errors."""
        return sum(bool(row.errors) for row in self.rows)


def text_of(raw: bytes) -> str:
    """UTF-8, with or without its mark, or UTF-16 with one, as spreadsheets write; else Invalid."""
    try:
        if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
            return raw.decode("utf-16")
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid("table", "is not UTF-8: save it as “CSV UTF-8”") from None


def read(text: str, product: str = "") -> Table:
    """
    The rows of a text; `product` is meant where a row names none.

    Invalid for what is no table: too large, no header, unknown or doubled columns.
    """
    text = text.removeprefix("\ufeff")
    if len(text) > MOST_CHARACTERS:
        raise Invalid("table", f"must have at most {MOST_CHARACTERS:,} characters")
    if "\0" in text:
        raise Invalid("table", "holds NUL characters: it is no text")
    lines = _lines(text)
    if not lines:
        raise Invalid("table", "is empty: paste a header line and a line for each client")
    header = _header(lines[0][1])
    if len(lines) == 1:
        raise Invalid("table", "has a header and no clients")
    if len(lines) - 1 > MOST_ROWS:
        raise Invalid("table", f"has {len(lines) - 1} clients: at most {MOST_ROWS} at once")
    rows = [_row(number, header, cells, product) for number, cells in lines[1:]]
    _doubles(rows, "subdomain", [row.subdomain for row in rows])
    refs = [f"{row.product} {ref}" if (ref := row.cells.get("client_ref")) else "" for row in rows]
    _doubles(rows, "client_ref", refs)
    shown = header if "product" in header else ["product", *header]
    return Table(shown, rows)


def _lines(text: str) -> list[tuple[int, list[str]]]:
    """Line number → cells, without empty lines."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    sign = max(DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=sign, strict=True)
    found = []
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                found.append((reader.line_num, cells))
            if len(found) > MOST_ROWS * 5:
                raise Invalid("table", f"has too many clients: at most {MOST_ROWS} at once")
    except csv.Error as trouble:
        raise Invalid("table", f"cannot be read in line {reader.line_num}: {trouble}") from None
    return found


def _header(cells: Iterable[str]) -> list[str]:
    names = []
    for cell in cells:
        name = cell.strip()
        if name[: len(ENV)].lower() == ENV:
            key = name[len(ENV) :].strip()
            name = ENV + inputs.env_key(key, f"column {cell.strip()}")
            if speaks_of_secret(key, ""):
                raise Invalid(
                    f"column {name}",
                    "speaks of a secret: leave it out, and set it at each tenant afterwards",
                )
        else:
            name = name.lower().replace(" ", "_").replace("-", "_")
        names.append(name)
    while names and names[-1] == "":
        names.pop()
    for name in names:
        if name not in COLUMNS and not name.startswith(ENV):
            known = ", ".join(COLUMNS)
            raise Invalid("table", f"has an unknown column “{name}”: {known} or env.KEY")
    doubled = [name for name, times in Counter(names).items() if times > 1]
    if doubled:
        raise Invalid("table", f"has the column {doubled[0]} twice")
    for name in NEEDED:
        if name not in names:
            raise Invalid("table", f"has no column {name}")
    return names


def _row(number: int, header: list[str], cells: list[str], product: str) -> Row:
    plain = {name: cells[place] if place < len(cells) else "" for place, name in enumerate(header)}
    row = Row(number, {})
    for name, cell in plain.items():
        row.cells[name] = cell if name.startswith(ENV) else " ".join(cell.split())
        if len(cell) > LONGEST_CELL:
            row.cells[name] = cell[:40] + "…"
            row.errors.append(f"{name}: must have at most {LONGEST_CELL:,} characters")
        elif name in FREE and cell.startswith(FORMULA):
            row.errors.append(f"{name}: begins like a formula; put the value itself there")
    row.cells["product"] = row.cells.get("product") or product
    extra = [cell for cell in cells[len(header) :] if cell.strip()]
    if extra:
        row.errors.append(f"has {len(header) + len(extra)} cells under {len(header)} columns")
    for name in NEEDED:
        if not row.cells[name]:
            row.errors.append(f"{name}: fill this in")
    return row


def _doubles(rows: Sequence[Row], name: str, values: Sequence[str]) -> None:
    first: dict[str, int] = {}
    for row, value in zip(rows, values, strict=True):
        if not value:
            continue
        if value in first:
            row.errors.append(f"{name}: stands in line {first[value]} already")
        first.setdefault(value, row.number)


def sample(product: str) -> str:
    """A table to begin with."""
    file = io.StringIO()
    csv.writer(file).writerows([cell.format(product=product) for cell in row] for row in SAMPLE)
    return file.getvalue()
