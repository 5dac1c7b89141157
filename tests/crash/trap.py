"""
What makes a worker die where it is told, set from outside: nothing in the product knows of it.

The runner's hook gives eight of the points. The other two are on the wire: the connection, the
mail and the name service are wrapped, so that the process goes right before the bytes of the first
change after the intent are written, or after they were and before the answer is read.
"""

import os
import signal
import threading
import time
from typing import Any

import dns.query
import redis

from tenantry import app
from tenantry.adapters import streams
from tenantry.adapters.dns import DnsResolver
from tenantry.adapters.smtp import TimedSmtp
from tenantry.engine.runner import Runner
from tests.crash import points
from tests.crash.points import BEFORE_CALL, IN_CALL, KILL, Order, Struck, unpacked

# Within the shortest lease at a fifteenth, with time left to work.
LONGEST_HOLD = 1.5


class At:
    """Which step a thread is at, and what was ordered for it."""

    def __init__(self, step_id: int, order: Order | None, *, held: bool) -> None:
        self.step_id = step_id
        self.order = order
        self.held = held
        self.claimed = False
        self.intended = False
        self.came_back = False


class _Here(threading.local):
    at: At | None = None


class Trap:
    """One for a process; a forked child opens a connection of its own."""

    def __init__(self, workshop: app.Workshop) -> None:
        self._broker = redis.Redis.from_url(workshop.settings.redis_url)
        self._here = _Here()
        # A name is asked for by threads of the resolver's own.
        self._asking: At | None = None
        workshop.hook = self.hook

    def set(self) -> None:
        """Wraps the runner and the wire of this process."""
        self._wrap_runner()
        self._wrap_http()
        self._wrap_mail()
        self._wrap_names()

    def hook(self, name: str) -> None:
        """The runner's."""
        at = self._here.at
        if at is None:
            return
        if at.held and name == "after_claim":
            self._hold(at.step_id)
        at.claimed = at.claimed or name == "after_claim"
        # The last moment before the handler sends what it has just committed to.
        at.intended = at.intended or name == "before_call"
        if at.order and points.HOOKS[at.order.point] == name:
            self._strike(at)

    def _hold(self, step_id: int) -> None:
        """Whoever stood still is to come back while the step runs here."""
        until = time.monotonic() + LONGEST_HOLD
        while time.monotonic() < until:
            if self._broker.exists(points.BACK.format(step_id)):
                self._broker.set(points.MET.format(step_id), 1)
                break
            time.sleep(0.03)
        self._broker.delete(points.HOLD.format(step_id))

    def _wire(self, point: str, *, change: bool) -> None:
        at = self._here.at
        if at is None or at.order is None or at.order.point != point:
            return
        ready = at.claimed and not change if at.order.looks else at.intended and change
        if ready:
            self._strike(at)

    def _strike(self, at: At) -> None:
        order, at.order = at.order, None
        if order is None or not self._taken(at.step_id):
            return
        group = os.getpgid(0)
        struck = Struck(time.time(), os.getpid(), group, order.whole)
        self._broker.set(points.STRUCK.format(at.step_id), struck.packed())
        at.came_back = order.signal != KILL
        number = signal.SIGKILL if order.signal == KILL else signal.SIGSTOP
        if order.whole:
            os.killpg(group, number)
        else:
            os.kill(os.getpid(), number)
        # The system may stop us a moment later, on another thread: nothing may be done until then.
        time.sleep(0.3)

    def _taken(self, step_id: int) -> bool:
        """One of all who come: in one move, since a neighbour may kill this process any moment."""
        try:
            self._broker.rename(points.ORDER.format(step_id), points.STRUCK.format(step_id))
        except redis.ResponseError:
            return False
        return True

    def _wrap_runner(self) -> None:
        plain = Runner.run

        def run(runner: Runner, deployment_id: int, step_id: int, epoch: int, **more: Any) -> bool:
            keys = [points.ORDER.format(step_id), points.HOLD.format(step_id)]
            found, held = self._broker.mget(keys)
            order = unpacked(found) if found else None
            at = self._here.at = At(step_id, order, held=bool(held))
            said = "went on"
            try:
                goes_on = plain(runner, deployment_id, step_id, epoch, **more)
                said = "went on" if goes_on else "stopped"
                return goes_on
            except Exception as trouble:
                said = type(trouble).__name__
                raise
            finally:
                if at.came_back:
                    self._broker.set(points.BACK.format(step_id), said)

        Runner.run = run  # type: ignore[assignment, method-assign]

    def _wrap_http(self) -> None:
        stream = streams.DeadlineStream
        write, read = stream.write, stream.read

        def writing(one: Any, buffer: bytes, timeout: float | None = None) -> None:
            self._wire(BEFORE_CALL, change=streams.now.change)
            write(one, buffer, timeout)

        def reading(one: Any, max_bytes: int, timeout: float | None = None) -> bytes:
            if streams.now.wrote:
                self._wire(IN_CALL, change=streams.now.change)
            return read(one, max_bytes, timeout)

        stream.write, stream.read = writing, reading  # type: ignore[assignment, method-assign]

    def _wrap_mail(self) -> None:
        data, send = TimedSmtp.data, TimedSmtp.send

        def sending_data(smtp: TimedSmtp, msg: Any) -> tuple[int, bytes]:
            self._mail(BEFORE_CALL)
            return data(smtp, msg)

        def sending(smtp: TimedSmtp, s: Any) -> None:
            send(smtp, s)
            if smtp.after_dot:
                self._mail(IN_CALL)

        TimedSmtp.data, TimedSmtp.send = sending_data, sending  # type: ignore[assignment, method-assign]

    def _mail(self, point: str) -> None:
        at = self._here.at
        if at is not None and at.order is not None and at.order.point == point:
            self._strike(at)

    def _wrap_names(self) -> None:
        lookup, send_udp = DnsResolver.lookup, dns.query.send_udp

        def looking(resolver: DnsResolver, hostname: str) -> Any:
            self._wire(BEFORE_CALL, change=False)
            self._asking = self._here.at
            return lookup(resolver, hostname)

        def sending(*args: Any, **more: Any) -> Any:
            sent = send_udp(*args, **more)
            at, self._asking = self._asking, None
            if at is not None and at.order is not None and at.order.point == IN_CALL:
                self._strike(at)
            return sent

        DnsResolver.lookup = looking  # type: ignore[assignment, method-assign]
        dns.query.send_udp = sending
