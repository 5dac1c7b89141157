"""What each fault mode puts on the wire instead of the answer."""

import asyncio
import json
import socket
import struct
from typing import Final

from tornado.iostream import IOStream, StreamClosedError
from tornado.web import RequestHandler

from dokploy_simulator.answers import ApiErrorAnswer
from dokploy_simulator.faults import Fault

DRIP_SECONDS: Final = 0.5
_PAGE: Final = "<html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"
_PAGES: Final = {
    "502": (502, "502 Bad Gateway"),
    "504": (504, "504 Gateway Timeout"),
    "garbage": (200, "Dokploy"),
}
_PLAIN: Final = {"503": (503, "no available server\n"), "408": (408, "Request Timeout\n")}
_BARE: Final = json.dumps({"message": "Unauthorized"})
_SILENT: Final[set[IOStream]] = set()


async def misbehave(handler: RequestHandler, fault: Fault, path: str, body: bytes) -> None:
    """Spoil the answer. ``body`` is what would have been said, empty if nothing was done."""
    mode = fault.mode
    if mode in _PAGES:
        status, title = _PAGES[mode]
        answer(handler, status, _PAGE.format(title), "text/html; charset=utf-8")
    elif mode in _PLAIN:
        status, text = _PLAIN[mode]
        answer(handler, status, text, "text/plain; charset=utf-8")
    elif mode == "429":
        handler.set_header("Retry-After", fault.retry_after)
        answer(handler, 429, "Too Many Requests\n", "text/plain; charset=utf-8")
    elif mode == "empty":
        answer(handler, 200, "", "application/json")
    elif mode in _REFUSALS:
        _refuse(handler, mode, path)
    else:
        await _spoil_connection(handler, fault, body)


_REFUSALS: Final = {
    "500": ("INTERNAL_SERVER_ERROR", "Internal Server Error"),
    "500-with-path": ("INTERNAL_SERVER_ERROR", "Internal Server Error"),
    "401-no-code": ("UNAUTHORIZED", ""),
    "401-message-UNAUTHORIZED": ("UNAUTHORIZED", "UNAUTHORIZED"),
    "401-permission": ("UNAUTHORIZED", "You don't have access to this service"),
}


def _refuse(handler: RequestHandler, mode: str, path: str) -> None:
    if mode == "401-no-code":
        answer(handler, 401, _BARE, "application/json; charset=utf-8")
        return
    refusal = ApiErrorAnswer(*_REFUSALS[mode])
    text = json.dumps(refusal.body(path)) if mode != "500" else "Internal Server Error"
    kind = "application/json" if mode != "500" else "text/plain; charset=utf-8"
    answer(handler, refusal.status, text, kind)


def answer(handler: RequestHandler, status: int, text: str, kind: str) -> None:
    """Finish with that text."""
    handler.set_status(status, reason=None if status < 600 else "Unknown")  # noqa: PLR2004
    handler.set_header("Content-Type", kind)
    handler.finish(text)


async def _spoil_connection(handler: RequestHandler, fault: Fault, body: bytes) -> None:
    stream = handler.detach()
    assert isinstance(stream, IOStream)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % max(
        len(body), 2
    )
    if fault.mode == "reset":
        linger = struct.pack("ii", 1, 0)
        stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        stream.close()
    elif fault.mode == "half":
        await _send(stream, head + body[: len(body) // 2])
        stream.close()
    elif fault.mode == "drip":
        await _drip(stream, head + (body or b"{}"))
    else:
        _SILENT.add(stream)  # held open, so that the client has nothing but its own patience
        stream.set_close_callback(lambda: _SILENT.discard(stream))


async def _send(stream: IOStream, data: bytes) -> bool:
    try:
        await stream.write(data)
    except StreamClosedError:
        return False
    return True


async def _drip(stream: IOStream, data: bytes) -> None:
    for place in range(len(data)):
        if not await _send(stream, data[place : place + 1]):
            return
        await asyncio.sleep(DRIP_SECONDS)
    stream.close()


def hang_up() -> None:
    """Close the connections that were left without an answer."""
    for stream in list(_SILENT):
        stream.close()
