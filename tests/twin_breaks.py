"""Breaking a twin on demand: before anything happens, or after the deed with its answer lost."""

import functools
import threading
from collections import Counter
from collections.abc import Callable
from typing import Concatenate, Literal, ParamSpec, TypeVar, cast

from tenantry.adapters.streams import check_may_send

P = ParamSpec("P")
T = TypeVar("T")
B = TypeVar("B", bound="Breakable")


class Breakable:
    """Counts calls by method and breaks them: before anything happens, or with the answer lost."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.lock = threading.RLock()
        self._faults: list[tuple[str, Exception, str]] = []

    def fail(
        self,
        method: str,
        error: Exception,
        when: Literal["before", "after"] = "before",
        times: int = 1,
    ) -> None:
        """The next `times` calls of `method` (`*`: of any) raise `error`. After: the deed is done,
        its answer is lost."""
        self._faults += [(method, error, when)] * times

    def mend(self) -> None:
        """Forgets every fault that was not met."""
        self._faults.clear()

    def break_if_asked(self, method: str, when: str) -> None:
        for place, (name, error, moment) in enumerate(self._faults):
            if name in {method, "*"} and moment == when:
                del self._faults[place]
                raise error


def _door(
    method: Callable[Concatenate[B, P], T], *, change: bool
) -> Callable[Concatenate[B, P], T]:
    @functools.wraps(method)
    def call(self: B, *args: P.args, **kwargs: P.kwargs) -> T:
        name = method.__name__
        with self.lock:
            self.calls[name] += 1
            self.break_if_asked(name, "before")
            if change:
                check_may_send()
            result = method(self, *args, **kwargs)
            self.break_if_asked(name, "after")
            return result

    return cast("Callable[Concatenate[B, P], T]", call)


def read(method: Callable[Concatenate[B, P], T]) -> Callable[Concatenate[B, P], T]:
    """A method that changes nothing."""
    return _door(method, change=False)


def change(method: Callable[Concatenate[B, P], T]) -> Callable[Concatenate[B, P], T]:
    """A method that is refused with Lost after the instant of `send_until`."""
    return _door(method, change=True)
