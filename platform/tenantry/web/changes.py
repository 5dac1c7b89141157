"""Before and after as lines that people can compare. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DEEPEST = 3


@dataclass(frozen=True, slots=True)
class Changed:
    """One value: how it was and how it is; either may not have been there at all."""

    key: str
    old: Any
    new: Any
    was_there: bool
    is_there: bool

    @property
    def moved(self) -> bool:
        """Whether it is another than before."""
        return not (self.was_there and self.is_there and self.old == self.new)


def changed(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, *, same: bool = False
) -> list[Changed]:
    """
    What differs, and with `same` also what does not; names of values inside others have dots.

    Where nothing is known of before, all of after is new, and the other way round.
    """
    old, new = _flat(before or {}), _flat(after or {})
    lines = [
        Changed(key, old.get(key), new.get(key), key in old, key in new)
        for key in [*old, *(key for key in new if key not in old)]
    ]
    return [line for line in lines if same or line.moved]


def _flat(values: Mapping[str, Any], above: str = "", depth: int = 1) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{above}{key}"
        if isinstance(value, Mapping) and value and depth < DEEPEST:
            found |= _flat(value, f"{name}.", depth + 1)
        else:
            found[name] = value
    return found
