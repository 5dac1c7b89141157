"""The HTTP side of the mailbox: pages for people, JSON for tests, on loopback only."""

import ipaddress
import json
import re
import secrets
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from tenantry.demo import mail_pages
from tenantry.demo.mail_catcher import Fault, Misbehaviour
from tenantry.demo.mail_store import MailStore
from tenantry.demo.ports import LOOPBACK

_MESSAGE = re.compile(r"/messages/(\d{1,9})(/raw)?")
_LARGEST_ORDER = 10_000
_LARGEST_READ = 1_000_000
_OURSELVES = re.compile(
    r"(localhost|127\.0\.0\.1|\[::1\]|[a-z0-9.-]+\.localhost)(:\d+)?", re.IGNORECASE
)


class MailWeb(ThreadingHTTPServer):
    """The server; `serve_forever` in a thread of its own."""

    daemon_threads = True

    def __init__(self, store: MailStore, misbehaviour: Misbehaviour, port: int) -> None:
        self.store = store
        self.misbehaviour = misbehaviour
        super().__init__((LOOPBACK, port), _Requests)


class _Requests(BaseHTTPRequestHandler):
    server: MailWeb
    protocol_version = "HTTP/1.1"
    server_version = "mailbox"
    sys_version = ""
    timeout = 30

    _policy: ClassVar[str] = mail_pages.POLICY

    def do_GET(self) -> None:
        path = self.path.split("?", 1)[0]
        if not self._comes_from_here():
            self._answer(HTTPStatus.FORBIDDEN, "text/plain", "This page is for this machine only.")
        elif path == "/":
            nonce = secrets.token_urlsafe(16)
            page = mail_pages.list_page(self.server.store.newest_first(), nonce)
            policy = f"{self._policy}; script-src 'nonce-{nonce}'; connect-src 'self'"
            self._answer(HTTPStatus.OK, "text/html", page, policy=policy)
        elif path == "/messages.json":
            self._answer_json(HTTPStatus.OK, self._everything())
        elif path == "/newest":
            word = mail_pages.newest(self.server.store.newest_first())
            self._answer(HTTPStatus.OK, "text/plain", word)
        elif path == "/healthz":
            self._answer(HTTPStatus.OK, "text/plain", "ok")
        elif found := _MESSAGE.fullmatch(path):
            self._show(int(found[1]), raw=found[2] is not None)
        else:
            self._answer(HTTPStatus.NOT_FOUND, "text/html", mail_pages.missing_page())

    do_HEAD = do_GET  # noqa: N815 - the name is the base class's

    def do_POST(self) -> None:
        try:
            # Read before it is judged: hanging up on unread bytes can swallow our answer.
            length = int(self.headers.get("Content-Length", "0"))
            body = self.rfile.read(max(0, min(length, _LARGEST_READ)))
            self.close_connection = length > len(body)
            # A page of another site cannot send JSON without asking first, and we never agree.
            if self.path != "/_control" or not self._comes_from_here():
                self._answer_json(HTTPStatus.FORBIDDEN, {"error": "not here"})
                return
            self._obey(self._order(body))
        except ValueError as error:
            self.close_connection = True
            self._answer_json(HTTPStatus.BAD_REQUEST, {"error": str(error)})
        else:
            self._answer_json(HTTPStatus.OK, {"fault": self.server.misbehaviour.fault})

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Keep quiet: addresses of messages are nobody's business, and tests ask often."""

    def _order(self, body: bytes) -> dict[str, Any]:
        if self.headers.get_content_type() != "application/json":
            raise ValueError("send application/json")
        if not 0 < len(body) <= _LARGEST_ORDER:
            raise ValueError("send a small JSON object")
        try:
            order = json.loads(body)
        except RecursionError:
            order = None
        if not isinstance(order, dict):
            raise ValueError("send a JSON object")  # noqa: TRY004 - all of them are bad requests
        return order

    def _obey(self, order: dict[str, Any]) -> None:
        unknown = set(order) - {"fault", "times", "clear"}
        if unknown:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
        times = order.get("times")
        if times is not None and (not isinstance(times, int) or times < 1):
            raise ValueError("times is a number from 1, or null")
        if "fault" in order:
            self.server.misbehaviour.choose(Fault(order["fault"]), times)
        if order.get("clear"):
            self.server.store.clear()

    def _everything(self) -> dict[str, Any]:
        return {
            "messages": [message.as_json() for message in self.server.store.newest_first()],
            "fault": self.server.misbehaviour.fault,
        }

    def _show(self, number: int, *, raw: bool) -> None:
        message = self.server.store.get(number)
        if message is None:
            self._answer(HTTPStatus.NOT_FOUND, "text/html", mail_pages.missing_page())
        elif raw:
            self._answer(HTTPStatus.OK, "text/plain", message.raw.decode("utf-8", "replace"))
        else:
            self._answer(HTTPStatus.OK, "text/html", mail_pages.message_page(message))

    def _comes_from_here(self) -> bool:
        """
        Say whether a program on this machine asks, by a name that is this machine's.

        The name matters: a page of another site could lead its own name to 127.0.0.1 and read our
        mail.
        """
        peer = ipaddress.ip_address(self.client_address[0])
        return peer.is_loopback and bool(_OURSELVES.fullmatch(self.headers.get("Host", "")))

    def _answer_json(self, status: HTTPStatus, value: dict[str, Any]) -> None:
        self._answer(status, "application/json", json.dumps(value))

    def _answer(self, status: HTTPStatus, kind: str, text: str, *, policy: str = "") -> None:
        body = text.encode("utf-8", "replace")
        self.send_response(status)
        for name, value in (
            ("Content-Type", f"{kind}; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Content-Security-Policy", policy or self._policy),
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "no-referrer"),
            ("Cache-Control", "no-store"),
        ):
            self.send_header(name, value)
        if self.close_connection:  # said, or the client would send its next request here
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
