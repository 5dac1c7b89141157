"""One table as text: medians, the range in brackets, and ratios to ours."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.contest import Tried

# Column → its title, its digits, and whether more is better (None: no ratio).
COLUMNS: dict[str, tuple[str, int, bool | None]] = {
    "steps/s": ("steps/s", 0, True),
    "cpu": ("CPU s/1,000", 2, False),
    "between ms": ("step to step ms p50", 2, False),
    "between p95 ms": ("p95", 1, None),
    "first ms": ("to first step ms", 1, False),
    "longest gap s": ("longest gap s", 1, None),
    "memory MB": ("workers MB", 0, None),
    "log lines": ("lines/step", 2, None),
}


def summary(tried: Mapping[str, Tried]) -> dict[str, Any]:
    """Median, least and most of every figure of every engine, for JSON."""
    return {
        name: {"trouble": one.trouble, "rounds": len(one.rounds), **_spread(one)}
        for name, one in tried.items()
    }


def _spread(one: Tried) -> dict[str, Any]:
    if not one.rounds:
        return {}
    found = {}
    for key in one.rounds[0]:
        values = [figures[key] for figures in one.rounds]
        found[key] = {
            "median": round(statistics.median(values), 3),
            "least": round(min(values), 3),
            "most": round(max(values), 3),
        }
    return found


def contest_table(tried: Mapping[str, Tried], yardstick: str = "ours") -> str:
    """A line for each engine; then how many times better the yardstick is."""
    known = summary(tried)
    head = ["engine", *(title for title, _, _ in COLUMNS.values())]
    rows = [head]
    for name, figures in known.items():
        if not figures["rounds"]:
            rows.append([name, f"did not run: {figures['trouble'][:160]}"])
            continue
        cells = [_cell(figures[key], digits) for key, (_, digits, _) in COLUMNS.items()]
        rows.append([name, *cells])
    return aligned(rows) + "\n\n" + ratios(known, yardstick)


def ratios(known: Mapping[str, Any], yardstick: str = "ours") -> str:
    """How many times better one is than each other, by the medians."""
    ours = known.get(yardstick, {})
    if not ours.get("rounds"):
        return f"no ratios: {yardstick} did not run"
    compared = {key: spec for key, spec in COLUMNS.items() if spec[2] is not None}
    rows = [[f"{yardstick} is better than", *(title for title, _, _ in compared.values())]]
    for name, figures in known.items():
        if name == yardstick or not figures["rounds"]:
            continue
        cells = []
        for key, (_, _, more) in compared.items():
            mine, other = ours[key]["median"], figures[key]["median"]
            ratio = (mine / other if more else other / mine) if mine and other else 0
            cells.append(f"{ratio:.2f} x")
        rows.append([name, *cells])
    return aligned(rows)


def _cell(spread: Mapping[str, float], digits: int) -> str:
    words = f"{spread['median']:,.{digits}f}"
    if spread["least"] != spread["most"]:
        words += f" [{spread['least']:,.{digits}f}-{spread['most']:,.{digits}f}]"
    return words


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Columns under each other."""
    full = [row for row in rows if len(row) == len(rows[0])]
    widths = [max(len(row[n]) for row in full) for n in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip()
        for row in rows
    )
