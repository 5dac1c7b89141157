"""Reads single variables and gathers complaints, so that all of them are told at once."""

from collections.abc import Callable, Mapping
from pathlib import Path


class Reader:
    """Reads variables and gathers complaints."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.problems: list[str] = []

    def text(self, name: str, default: str | None = None) -> str:
        path = self.environ.get(f"{name}_FILE")
        if path and name not in self.environ:
            try:
                return Path(path).read_text(encoding="utf-8").strip()
            except OSError as trouble:
                self.problems.append(f"{name}_FILE cannot be read: {trouble.strerror}")
                return default or ""
        value = self.environ.get(name, "").strip()
        if value:
            return value
        if default is None:
            self.problems.append(f"{name} is missing")
        return default or ""

    def number(self, name: str, default: float, low: float, high: float) -> float:
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
        text = self.text(name, "1" if default else "0").lower()
        if text not in {"1", "0", "true", "false", "yes", "no", "on", "off"}:
            self.problems.append(f"{name} must be yes or no")
        return text in {"1", "true", "yes", "on"}

    def check(self, name: str, value: str, rule: str, holds: Callable[[str], bool]) -> None:
        if value and not holds(value):
            self.problems.append(f"{name} {rule}")
