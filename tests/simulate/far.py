"""
The far side of every port: a twin behind a line that loses requests and answers, and is late.

A change is checked by the transport as in the product; then the sender may still be frozen before
it reaches the wire, which no check can see (KERNEL R19): what such a sender makes is marked, and
must be found by the reconciler. Everything else must stand there once.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from tenantry.adapters.streams import check_may_send
from tenantry.adapters.streams import now as thread
from tenantry.errors import KeyRefused, Permanent, StepTrouble, TargetDown, Transient
from tests.simulate.baton import Actor, Baton

# A call that was accepted takes effect within its deadline of 20 s, or never.
LATEST = 19.5
READ_TROUBLE: tuple[Callable[[], StepTrouble], ...] = (
    lambda: Transient("it answered 500"),
    lambda: TargetDown("502"),
    lambda: KeyRefused("401"),
)


def _sent_trouble() -> StepTrouble:
    """No answer, or one that says nothing: the outcome is unknown."""
    return Transient("it broke off its answer", outcome_known=False)


def _proxy_trouble() -> StepTrouble:
    return TargetDown("only its proxy answered (504)", outcome_known=False)


SENT_TROUBLE = (_sent_trouble, _proxy_trouble)


@dataclass(frozen=True)
class Made:
    """One thing that a change has brought about; `frozen`: by a sender beyond its last instant."""

    kind: str
    key: str
    id: str
    frozen: bool


@dataclass
class Send:
    """One request on its way."""

    method: str
    args: tuple[Any, ...]
    actor: Actor | None
    frozen: bool


@dataclass
class Far:
    """What all doors of one run share."""

    baton: Baton
    dice: random.Random
    twins: Any
    on_send: Callable[[Send], None] = lambda _send: None
    on_made: Callable[[Made, list[Made]], None] = lambda _made, _all: None
    rough: float = 1.0
    late: float = 0.04
    checks: bool = True
    blind: bool = False
    coming: list[tuple[float, Callable[[], None]]] = field(default_factory=list)
    made: dict[tuple[str, str], list[Made]] = field(default_factory=lambda: defaultdict(list))
    counted: Counter[str] = field(default_factory=Counter)

    def land(self) -> None:
        """Late requests whose time has come take effect."""
        due = [item for item in self.coming if item[0] <= self.baton.clock.seconds]
        self.coming = [item for item in self.coming if item not in due]
        for _, apply in due:
            apply()

    def next_at(self) -> float | None:
        return min((at for at, _ in self.coming), default=None)

    def note(self, send: Send, result: Any) -> None:
        """Keeps what was made, and asks whether it stands there twice."""
        named = _named(send, result)
        if named is None:
            return
        made = Made(*named, send.frozen)
        same = self.made[made.kind, made.key]
        same.append(made)
        if send.actor is not None:
            send.actor.made = True
        self.on_made(made, [m for m in same if self.stands(m)])

    def stands(self, made: Made) -> bool:
        target = self.twins.target
        rows = {"project": target.project_rows, "domain": target.domain_rows}
        return made.kind == "build" or made.id in rows.get(made.kind, target.apps)

    def doubles(self) -> list[list[Made]]:
        """Whatever stands there more than once now."""
        found = ([m for m in same if self.stands(m)] for same in self.made.values())
        return [same for same in found if len(same) > 1]


def _named(send: Send, result: Any) -> tuple[str, str, str] | None:
    args = send.args
    match send.method:
        case "create_project":
            return "project", args[1].split()[0], result.id
        case "create_application":
            return "application", args[3].split()[0], result.id
        case "create_database":
            return "database", args[1].description.split()[0], result.id
        case "create_domain":
            return "domain", f"{args[0]} {args[1]}", result.id
        case "trigger_build":
            return "build", f"{args[0]} {args[1]}", f"{args[0]} {args[1]}"
    return None


class Door:
    """A port whose calls go over the line. Which methods change anything, the twin says itself."""

    def __init__(self, far: Far, twin: Any) -> None:
        self._far, self._twin = far, twin

    def __getattr__(self, method: str) -> Any:
        real = getattr(self._twin, method)
        code = getattr(real, "__code__", None)
        if code is None or "change" not in code.co_freevars:
            return real
        cells = dict(zip(code.co_freevars, real.__func__.__closure__, strict=True))
        call = self._change if cells["change"].cell_contents else self._read
        return partial(call, method, real)

    def _read(self, method: str, real: Callable[..., Any], *args: Any, **more: Any) -> Any:
        far = self._far
        far.baton.point(f"read {method}", lasts=far.dice.uniform(0.01, 0.6))
        if far.baton.actor and far.dice.random() < 0.015 * far.rough:
            trouble = far.dice.choice(READ_TROUBLE)()
            raise trouble
        seen = real(*args, **more)
        return _nothing(method, seen, far.baton.actor) if far.blind else seen

    def _change(self, method: str, real: Callable[..., Any], *args: Any, **more: Any) -> Any:
        far, baton = self._far, self._far.baton
        baton.point(f"call {method}", lasts=far.dice.uniform(0.01, 0.3))
        luck = far.dice.random()
        if luck < 0.01 * far.rough:
            raise far.dice.choice((TargetDown("it was not reached"), KeyRefused("401")))
        if luck < 0.012 * far.rough:
            raise Permanent("it answered 400")
        if far.checks:
            check_may_send()
        until = thread.send_until
        baton.point(f"sending {method}")
        late = until is not None and baton.clock.monotonic() >= until
        send = Send(method, args, baton.actor, frozen=late and far.checks)
        if send.frozen:
            far.counted["frozen senders"] += 1
            baton.say(f"{baton.actor.name if baton.actor else '?'} sends {method} although frozen")
        far.on_send(send)
        apply = partial(self._apply, send, real, args, more)
        return self._fate(method, apply, far.dice.random())

    def _fate(self, method: str, apply: Callable[[], Any], luck: float) -> Any:
        far, baton = self._far, self._far.baton
        rough = far.rough if baton.actor else 0.0
        if luck < 0.02 * rough:
            baton.say(f"{method}: the request is lost on its way")
        elif luck < (0.02 + far.late) * rough:
            after = far.dice.uniform(0.5, LATEST)
            baton.say(f"{method}: will take effect {after:.1f} s later")
            far.counted["late calls"] += 1
            far.coming.append((baton.clock.seconds + after, apply))
        else:
            result = apply()
            baton.point(f"answer {method}", lasts=far.dice.uniform(0.01, 0.8))
            if luck > 1 - 0.05 * rough:
                baton.say(f"{method}: its answer is lost")
                far.counted["lost answers"] += 1
                trouble = far.dice.choice(SENT_TROUBLE)()
                raise trouble
            return result
        baton.point(f"answer {method}", lasts=far.dice.choice((0.1, 5.0, 19.9)))
        trouble = far.dice.choice(SENT_TROUBLE)()
        raise trouble

    def _apply(self, send: Send, real: Callable[..., Any], args: Any, more: Any) -> Any:
        # The twin asks the transport's question, too; here it was asked before the wire.
        kept, thread.send_until = thread.send_until, None
        try:
            result = real(*args, **more)
        except Permanent as trouble:
            if self._far.baton.actor is send.actor:
                raise
            # Nobody is there any more to hear it.
            self._far.baton.say(f"{send.method} comes late and is refused: {trouble}")
            return None
        finally:
            thread.send_until = kept
        self._far.note(send, result)
        return result


def _nothing(method: str, seen: Any, actor: Actor | None) -> Any:
    """A look before the claim has made anything finds nothing: the guard that a control takes."""
    if actor is None or actor.made:
        return seen
    if method == "project" and seen is not None:
        return replace(seen, services=())
    return [] if method in {"projects_marked", "domains"} else seen
