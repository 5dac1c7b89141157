"""
Flower behind the panel's own roles (SECURITY M14, TRAPS 25).

Flower listens on loopback with a password that only we hold; operators reach it here and can only
look. Reads are passed on; every change is refused before it leaves this process. Its pages get a
policy of their own, because they style themselves.
"""

import re
from base64 import b64encode
from hashlib import sha256
from typing import Any

import httpx
from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    g,
    make_response,
    render_template,
    request,
)
from markupsafe import Markup

from tenantry.web.database import let_go
from tenantry.web.door import desk
from tenantry.web.people import need
from tenantry.web.security import csrf

flower = Blueprint("flower", __name__)
TIMEOUT = httpx.Timeout(10.0, connect=2.0)
MOST_BYTES = 20_000_000
# Flower's table of tasks asks by POST only because its question is long; it changes nothing.
LOOKS_BY_POST = "tasks/datatable"
PASSED_ON = ("accept", "accept-language", "if-none-match", "if-modified-since", "range")
# Cookies of another server would be ours here; lengths and encodings no longer fit.
KEPT_BACK = frozenset(
    "connection keep-alive proxy-authenticate proxy-authorization te trailer trailers "
    "transfer-encoding upgrade set-cookie content-encoding content-length www-authenticate "
    "server date content-security-policy".split()
)
# The one script that stands in its pages: whether the list of workers renews itself.
INLINE = ("\nvar autorefresh = 1;\n", "\nvar autorefresh = 0;\n")


def _hash(script: str) -> str:
    return f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'"


POLICY = (
    f"default-src 'none'; script-src 'self' {' '.join(map(_hash, INLINE))}; "
    "style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; form-action 'none'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
BODY = re.compile(rb"<body[^>]*>")


@flower.before_request
def _operators_only() -> None:
    need("operator")


@flower.route("/flower/", defaults={"path": ""}, methods=["GET"])
@flower.route("/flower/<path:path>", methods=["GET"])
def look(path: str) -> Response:
    """Passes a read on. HEAD comes with GET."""
    return _passed_on(path)


@flower.post(f"/flower/{LOOKS_BY_POST}")
def look_by_post() -> Response:
    """The one read that comes as POST; the check of its origin has been made."""
    return _passed_on(LOOKS_BY_POST)


csrf.exempt(look_by_post)


def _passed_on(path: str) -> Response:
    settings = desk().settings
    if not settings.flower_url:
        return _down("Flower is not part of this installation: FLOWER_URL is not set.")
    if any(part in {".", ".."} for part in path.split("/")):
        abort(404)
    let_go()
    try:
        return _answer(_asked(f"{settings.flower_url.rstrip('/')}/flower/{path}"))
    except httpx.HTTPError as trouble:
        current_app.logger.info("flower: %s", type(trouble).__name__)
        return _down("Flower does not answer. Start it with `tenantry run flower`, then reload.")


def _asked(url: str) -> httpx.Response:
    settings = desk().settings
    headers = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
    if request.content_type:
        headers["content-type"] = request.content_type
    auth = httpx.BasicAuth("tenantry", settings.flower_password or "")
    with httpx.Client(timeout=TIMEOUT, trust_env=False, follow_redirects=False) as client:
        question = client.build_request(
            request.method,
            url,
            params=list(request.args.items(multi=True)),
            content=request.get_data() if request.method == "POST" else None,
            headers=headers,
        )
        # Read whole, with a cap: no connection of ours outlives the request.
        answer = client.send(question, auth=auth, stream=True)
        body = bytearray()
        for piece in answer.iter_bytes():
            body += piece
            if len(body) > MOST_BYTES:
                raise httpx.ReadError("too much")
        answer._content = bytes(body)  # noqa: SLF001 — what `read` would have kept
        return answer


def _answer(given: httpx.Response) -> Response:
    if given.status_code in {401, 403}:
        return _down("Flower refuses our password: FLOWER_PASSWORD differs between the two.")
    body = given.content
    if "text/html" in given.headers.get("content-type", ""):
        bar = render_template("parts/flower_bar.html").encode()
        body = BODY.sub(lambda found: found[0] + bar, body, count=1)
    answer = make_response(body, given.status_code)
    for name, value in given.headers.multi_items():
        if name.lower() not in KEPT_BACK:
            answer.headers[name] = _local(value) if name.lower() == "location" else value
    answer.headers["Content-Security-Policy"] = POLICY
    if request.path.startswith("/flower/static/") and "v" in request.args:
        # A megabyte of scripts under addresses that change with their content.
        g.keep = True
        answer.headers["Cache-Control"] = "private, max-age=86400"
    return answer


def _local(location: str) -> str:
    """Redirects stay below /flower, whatever host Flower believes it has."""
    path: Any = httpx.URL(location).raw_path.decode()
    return path if path.startswith("/flower") else "/flower/"


def _down(words: str) -> Response:
    page = render_template("flower_down.html", words=Markup.escape(words))
    return make_response(page, 503)
