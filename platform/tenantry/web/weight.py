"""
Answers go out as gzip where the browser takes it: a page of a list is a tenth of its size then.

Pages hold a token and repeat what was searched for, so that their size alone could tell the token
to whoever may read the wire and have a person's browser search (BREACH). A random number of bytes
in the header of each page hides that. Our own files hold no secrets: each is squeezed once.
"""

import gzip
import io
import secrets
from functools import lru_cache

from flask import Flask, request
from werkzeug.wrappers import Response

from tenantry.web.assets import STATIC

TEXT = frozenset(
    "text/html text/css text/plain text/csv text/javascript application/javascript "
    "application/json image/svg+xml".split()
)
SMALLEST = 800
LEVEL = 6
MOST_PADDING = 100


def set_up_weight(app: Flask) -> None:
    """For every answer that is a text and no stream."""
    app.after_request(_squeezed)


def _squeezed(response: Response) -> Response:
    own = request.endpoint == "static"
    if response.mimetype not in TEXT or response.status_code != 200:  # noqa: PLR2004
        return response
    if (response.is_streamed and not own) or "Content-Encoding" in response.headers:
        return response
    response.vary.add("Accept-Encoding")
    if not request.accept_encodings["gzip"]:
        return response
    if own:
        body = _file(request.path.removeprefix("/static/"), request.args.get("v", ""))
        response.response.close()  # type: ignore[union-attr]
        response.direct_passthrough = False
    else:
        plain = response.get_data()
        if len(plain) < SMALLEST:
            return response
        body = _gzip(plain, "a" * secrets.randbelow(MOST_PADDING))
    response.set_data(body)
    response.headers["Content-Encoding"] = "gzip"
    return response


@lru_cache(maxsize=64)
def _file(name: str, _version: str) -> bytes:
    # What is asked under an address with a version never changes while this process lives.
    return _gzip((STATIC / name).read_bytes(), "")


def _gzip(plain: bytes, name: str) -> bytes:
    packed = io.BytesIO()
    with gzip.GzipFile(name, "wb", LEVEL, packed, mtime=0) as stream:
        stream.write(plain)
    return packed.getvalue()
