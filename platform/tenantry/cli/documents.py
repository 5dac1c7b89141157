"""
Reading YAML and JSON files from people.

YAML without aliases (a few lines of them unfold to gigabytes), at most 1 MB, 32 levels and 10,000
nodes; a key that stands twice is an error, not a silent winner.
"""

from pathlib import Path
from typing import Any

import yaml

from tenantry.errors import Invalid

MOST_BYTES = 1_000_000
MOST_NODES = 10_000
DEEPEST = 32


class _Loader(yaml.SafeLoader):
    """SafeLoader with limits."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._nodes = 0
        self._depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise Invalid("document", "must not use aliases (&name, *name)")
        self._nodes += 1
        self._depth += 1
        if self._nodes > MOST_NODES or self._depth > DEEPEST:
            raise Invalid("document", f"must have at most {MOST_NODES} nodes and {DEEPEST} levels")
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise Invalid("document", "keys must be text", key)
            if key in seen:
                raise Invalid(str(key), "stands twice in the same object")
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


def read(path: Path) -> Any:
    """The document of a file; Invalid says what is wrong with it, with the line."""
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError as trouble:
        raise Invalid("file", f"cannot be read: {trouble.strerror}", str(path)) from None
    if len(raw) > MOST_BYTES:
        raise Invalid("file", f"must have at most {MOST_BYTES} bytes")
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise Invalid("file", "must be UTF-8 text") from None
    return parse(text)


def parse(text: str) -> Any:
    """The same for text."""
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 — a SafeLoader with limits
    except yaml.MarkedYAMLError as trouble:
        mark = trouble.problem_mark
        where = f" in line {mark.line + 1}" if mark else ""
        raise Invalid("document", f"is not YAML{where}: {trouble.problem}") from None
    except (yaml.YAMLError, RecursionError):
        raise Invalid("document", "is not YAML") from None
    except (ValueError, LookupError, AttributeError, TypeError):
        # What the library raises for `2024-13-45`, `!!int x`, a number of 5,000 digits.
        raise Invalid(
            "document", "holds a date, a number or a tag that YAML cannot read; quote it"
        ) from None
