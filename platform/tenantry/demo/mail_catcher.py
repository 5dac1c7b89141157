"""The SMTP side of the mailbox: takes every message for everyone, and can be told to misbehave."""

import asyncio
import threading
from enum import StrEnum
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from tenantry.demo.mail_store import MailStore
from tenantry.demo.ports import LOOPBACK

_LARGEST = 25_000_000


class Fault(StrEnum):
    """
    How the catcher misbehaves.

    `refuse` says no to every recipient, for good (550). `silent` takes the connection and never
    says a word. `fail-after-dot` takes the whole message, keeps nothing and answers "try later"
    (451). `lost-answer` keeps the message and hangs up before the answer: the sender cannot know.
    """

    NONE = "none"
    REFUSE = "refuse"
    SILENT = "silent"
    FAIL_AFTER_DOT = "fail-after-dot"
    LOST_ANSWER = "lost-answer"


_ONCE = {Fault.FAIL_AFTER_DOT, Fault.LOST_ANSWER}


class Misbehaviour:
    """The fault in force and how many more times it happens (None: until it is taken back)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fault = Fault.NONE
        self._times: int | None = None

    def choose(self, fault: Fault, times: int | None = None) -> None:
        """Set the fault; those that strike after the message happen once unless told otherwise."""
        with self._lock:
            self._fault = fault
            self._times = 1 if times is None and fault in _ONCE else times

    def strikes(self, fault: Fault) -> bool:
        """Say whether this fault happens now, and count it."""
        with self._lock:
            if self._fault is not fault:
                return False
            if self._times is not None:
                self._times -= 1
                if self._times <= 0:
                    self._fault, self._times = Fault.NONE, None
            return True

    @property
    def fault(self) -> Fault:
        """The fault in force."""
        with self._lock:
            return self._fault


class _Handler:
    """What aiosmtpd calls; the names are its own."""

    def __init__(self, store: MailStore, misbehaviour: Misbehaviour) -> None:
        self._store = store
        self._misbehaviour = misbehaviour

    async def handle_RCPT(  # noqa: N802
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        _options: list[str],
    ) -> str:
        if self._misbehaviour.strikes(Fault.REFUSE):
            return "550 5.7.1 Refused, as the mailbox was told to"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        if self._misbehaviour.strikes(Fault.FAIL_AFTER_DOT):
            return "451 4.3.0 Not kept, as the mailbox was told to; try later"
        content = envelope.original_content or b""
        message = self._store.add(envelope.mail_from or "", list(envelope.rcpt_tos), content)
        if self._misbehaviour.strikes(Fault.LOST_ANSWER) and isinstance(
            server.transport, asyncio.WriteTransport
        ):
            server.transport.abort()
        return f"250 2.0.0 Kept as {message.number}"


class _Silent(asyncio.Protocol):
    """Takes what comes and says nothing."""


class MailCatcher:
    """An SMTP server on loopback, in a thread of its own, without TLS; any login is accepted."""

    def __init__(self, store: MailStore, misbehaviour: Misbehaviour, port: int) -> None:
        self._store = store
        self._misbehaviour = misbehaviour
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="smtp", daemon=True)
        self._listening = threading.Event()
        self._failure: OSError | None = None

    def start(self) -> None:
        """Listen; raises OSError when the port cannot be had."""
        self._thread.start()
        self._listening.wait()
        if self._failure is not None:
            self._thread.join()
            raise self._failure

    def stop(self) -> None:
        """Hang up on everyone and free the port."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()

    def _protocol(self) -> asyncio.BaseProtocol:
        if self._misbehaviour.strikes(Fault.SILENT):
            return _Silent()
        return SMTP(
            _Handler(self._store, self._misbehaviour),
            hostname="mailbox.localhost",
            ident="Tenantry mailbox",
            data_size_limit=_LARGEST,
            enable_SMTPUTF8=True,
            auth_require_tls=False,
            authenticator=_let_in,
            loop=self._loop,
        )

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            server = self._loop.run_until_complete(
                self._loop.create_server(self._protocol, LOOPBACK, self._port)
            )
        except OSError as error:
            self._failure = error
            self._loop.close()
            self._listening.set()
            return
        self._listening.set()
        try:
            self._loop.run_forever()
        finally:
            server.close()
            left = asyncio.all_tasks(self._loop)
            for task in left:
                task.cancel()
            self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            self._loop.close()


def _let_in(*_: Any) -> AuthResult:
    return AuthResult(success=True)
