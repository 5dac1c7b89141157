"""
Reading YAML that came from outside, with limits.

No aliases (a few lines of them unfold to gigabytes), at most 1 MB, 32 levels and 10,000 nodes; a
key that stands twice is an error, not a silent winner.
"""

from typing import Any

import yaml

from tenantry.errors import Invalid

MOST_BYTES = 1_000_000
MOST_NODES = 10_000
DEEPEST = 32


class _Loader(yaml.SafeLoader):
    """SafeLoader with limits."""

    def __init__(self, stream: str, most_nodes: int) -> None:
        super().__init__(stream)
        self._most = most_nodes
        self._nodes = 0
        self._depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise Invalid("document", "must not use aliases (&name, *name)")
        self._nodes += 1
        self._depth += 1
        if self._nodes > self._most or self._depth > DEEPEST:
            raise Invalid("document", f"must have at most {self._most} nodes and {DEEPEST} levels")
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


def parse(text: str, *, most_bytes: int = MOST_BYTES, most_nodes: int = MOST_NODES) -> Any:
    """The document of a text of at most as many characters; Invalid says what is wrong with it."""
    if len(text) > most_bytes:
        raise Invalid("document", f"must have at most {most_bytes} characters")
    try:
        # Already this reads: it refuses what cannot be printed.
        return _Loader(text, most_nodes).get_single_data()
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
