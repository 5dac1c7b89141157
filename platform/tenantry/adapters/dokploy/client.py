"""
One method for one call: GET for what Dokploy names a query, POST for a mutation.

No retry, no judgement beyond `faults`: a call is made once, ends by its deadline, and gives plain
parsed JSON or one of our errors.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from tenantry.adapters.dokploy.faults import Call, Said, broken, refused, unreadable
from tenantry.adapters.dokploy.stream import lines_of
from tenantry.adapters.wire import CHANGE, UNTIL, USER_AGENT, WireTrouble
from tenantry.clock import monotonic

SUCCESS = range(200, 300)
UNREADABLE = (LookupError, TypeError, ValueError, AttributeError)

HEADERS = {
    "user-agent": USER_AGENT,
    "accept": "application/json",
    "accept-encoding": "identity",
}

T = TypeVar("T")


def anything(document: Any) -> None:
    """Reads an answer that carries nothing we need: empty, `true` or a row."""


def confirmed(document: Any) -> None:
    """
    Reads `true` or a row, of which nothing is needed but that it is there.

    Without a body nobody knows whether the change was made, and who takes it for made builds an
    application that has no image.
    """
    if document is None:
        raise ValueError("nothing was said")


@dataclass(slots=True)
class Server:
    """A configured server and its kept connections; `known_version` was asked once."""

    name: str
    url: str
    http: httpx.Client
    seconds: float = 20.0
    known_version: str | None = None


def serve(name: str, url: str, transport: httpx.BaseTransport, seconds: float = 20.0) -> Server:
    """A server at `url`; `seconds` is the total deadline of a call."""
    http = httpx.Client(transport=transport, headers=HEADERS, trust_env=False)
    return Server(name, url.rstrip("/"), http, seconds)


class DokployClient:
    """
    A server under one key. Threads share it; keys of one server share its connections.

    `read` turns the parsed answer into what the caller wants; what it cannot read (LookupError,
    TypeError, ValueError, AttributeError) becomes a Transient. Both methods raise StepTrouble as
    `faults` lists it; `tell` and `follow` raise Lost where the claim ran out before the change was
    sent.
    """

    def __init__(self, server: Server, key: str) -> None:
        self.server = server
        self._key = key

    def ask(self, call: str, read: Callable[[Any], T], **parameters: str | int | None) -> T:
        """A query. A parameter that is None is left out."""
        given = {name: value for name, value in parameters.items() if value is not None}
        return self._call("GET", call, read, params=given)

    def tell(
        self,
        call: str,
        body: Mapping[str, Any],
        read: Callable[[Any], T],
        *,
        seconds: float | None = None,
    ) -> T:
        """A change, sent once at most; `seconds` is its total deadline where 20 s are too short."""
        return self._call("POST", call, read, json=body, seconds=seconds)

    def follow(self, call: str, given: Mapping[str, Any], *, seconds: float) -> list[str]:
        """
        A change that the target tells of line by line, sent once at most; all its lines.

        Only on its inner mount, as a GET, and known to go on when we hang up.
        """
        told = Call(self.server.name, call, self._key, change=True)
        said = self._exchange(
            told,
            "GET",
            f"trpc/{call}",
            seconds,
            params={"input": json.dumps({"json": given})},
            headers={"accept": "text/event-stream"},
        )
        try:
            return lines_of(said.text)
        except UNREADABLE:
            raise unreadable(told, "its lines are not of the shape we know") from None

    def _call(
        self,
        method: str,
        name: str,
        read: Callable[[Any], T],
        *,
        seconds: float | None = None,
        **content: Any,
    ) -> T:
        call = Call(self.server.name, name, self._key, change=method == "POST")
        said = self._exchange(call, method, name, seconds or self.server.seconds, **content)
        if not said.is_json:
            raise unreadable(call, "it answered with something other than JSON")
        try:
            return read(said.document)
        except UNREADABLE as trouble:
            # Of the trouble only its kind is kept: its text may quote the answer.
            what = f"its answer is not of the shape we know ({type(trouble).__name__})"
            raise unreadable(call, what) from None

    def _exchange(
        self,
        call: Call,
        method: str,
        path: str,
        seconds: float,
        *,
        headers: Mapping[str, str] | None = None,
        **content: Any,
    ) -> Said:
        """One request; the answer where it is a success."""
        try:
            answer = self.server.http.request(
                method,
                f"{self.server.url}/api/{path}",
                headers={"x-api-key": self._key, **(headers or {})},
                extensions={UNTIL: monotonic() + seconds, CHANGE: call.change},
                **content,
            )
        except WireTrouble as trouble:
            raise broken(call, trouble) from trouble
        said = _said(answer)
        if said.status not in SUCCESS or said.is_html:
            raise refused(call, said)
        return said


def _said(answer: httpx.Response) -> Said:
    body = answer.content.strip()
    is_html = body[:1] == b"<" or "html" in answer.headers.get("content-type", "").lower()
    document, is_json = None, True
    if body:
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            is_json = False
    text = "" if is_json else body.decode(errors="replace")
    return Said(answer.status_code, answer.headers, document, is_json, is_html, text)
