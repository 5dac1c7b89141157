"""Reads single variables and gathers complaints, so that all of them are told at once."""

from collections.abc import Callable, Mapping
from pathlib import Path


class Reader:
    """Reads variables and gathers complaints."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.problems: list[str] = []

    def text(self, name: str, default: str | None = None) -> str:
        """The variable, or the content of its file; an empty one counts as missing."""
        value = self.environ.get(name, "").strip()
        path = self.environ.get(f"{name}_FILE", "").strip()
        if path and not value:
            try:
                value = Path(path).read_text(encoding="utf-8").strip()
            except OSError as trouble:
                self.problems.append(f"{name}_FILE cannot be read: {trouble.strerror}")
                return default or ""
            except ValueError:
                self.problems.append(f"{name}_FILE must name a file of UTF-8 text")
                return default or ""
        if value:
            return value
        if default is None:
            self.problems.append(f"{name} is missing")
        return default or ""

    def number(self, name: str, default: float, low: float, high: float) -> float:
        """A number in its range, the default where it is none."""
        text = self.text(name, str(default))
        try:
            value = float(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            self.problems.append(f"{name} must be a number from {low:g} to {high:g}")
            return default
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Yes or no, in the usual spellings."""
        text = self.text(name, "1" if default else "0").lower()
        if text not in {"1", "0", "true", "false", "yes", "no", "on", "off"}:
            self.problems.append(f"{name} must be yes or no")
        return text in {"1", "true", "yes", "on"}

    def whole(self, name: str, default: int, low: int, high: int) -> int:
        """The same without a fraction."""
        value = self.number(name, default, low, high)
        if value != int(value):
            self.problems.append(f"{name} must be a whole number")
        return int(value)

    def words(self, name: str) -> tuple[str, ...]:
        """A list, separated by blanks or commas."""
        return tuple(self.text(name, "").replace(",", " ").split())

    def check(self, name: str, value: str, rule: str, holds: Callable[[str], bool]) -> None:
        """Complains of a value for which the rule does not hold; the value is not shown."""
        if value and not holds(value):
            self.problems.append(f"{name} {rule}")
