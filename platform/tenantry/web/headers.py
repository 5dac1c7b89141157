"""Request ids, nonces and the headers that every answer carries (SECURITY M7)."""

import re
import secrets

from flask import Flask, g, request
from werkzeug.wrappers import Response

from tenantry.web.door import desk

REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
FOREVER = "public, max-age=31536000, immutable"


def set_up_headers(app: Flask) -> None:
    """Before everything else, so that even a refused request has an id."""
    app.before_request(_name)
    app.after_request(_dress)


def _name() -> None:
    # A proxy in front may have named it already; anything unusual is not repeated into logs.
    given = request.headers.get("X-Request-ID", "")
    g.request_id = given if REQUEST_ID.fullmatch(given) else secrets.token_hex(8)


def nonce() -> str:
    """The nonce of this answer; made when a page first asks for it."""
    if "nonce" not in g:
        g.nonce = secrets.token_urlsafe(16)
    return str(g.nonce)


def _policy() -> str:
    own = f"'self' 'nonce-{g.nonce}'" if "nonce" in g else "'self'"
    return (
        f"default-src 'none'; script-src {own}; style-src {own}; img-src 'self' data:; "
        "connect-src 'self'; font-src 'self'; form-action 'self'; frame-ancestors 'none'; "
        "base-uri 'none'"
    )


def _dress(response: Response) -> Response:
    headers = response.headers
    headers["X-Request-ID"] = g.get("request_id", "")
    headers.setdefault("Content-Security-Policy", _policy())
    headers["X-Content-Type-Options"] = "nosniff"
    headers["X-Frame-Options"] = "DENY"
    headers["Referrer-Policy"] = "same-origin"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=()"
    if desk().settings.https:
        headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    if request.endpoint == "static":
        # Addresses of our own files carry a digest of their content.
        if "v" in request.args and response.status_code == 200:  # noqa: PLR2004
            headers["Cache-Control"] = FOREVER
    elif "keep" not in g:
        headers["Cache-Control"] = "no-store"
    return response
