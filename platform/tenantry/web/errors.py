"""
Errors, as people and programs see them.

Our own tree is translated once: Invalid 400, Denied 403, NotFound 404, Conflict 409. Nobody is
shown a traceback; the request id leads to the log.
"""

import structlog
from flask import Flask, flash, g, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from tenantry.errors import Conflict, Denied, Invalid, NotFound, TenantryError
from tenantry.web.people import member
from tenantry.web.refusals import note_refusal
from tenantry.web.security import to_login

log = structlog.get_logger(__name__)
CODES: dict[type[TenantryError], int] = {Invalid: 400, Denied: 403, NotFound: 404, Conflict: 409}
LOGGED_OUT = (
    "Your session had ended, and nothing was saved. Log in, and the form comes back; where scripts "
    "are on, with what you typed, secrets apart."
)
FRAMED = {403, 404}
TITLES = {
    400: "That request cannot be understood",
    401: "Log in first",
    403: "You may not do this",
    404: "There is nothing here",
    405: "That is not possible here",
    409: "That cannot be done now",
    413: "That is too large",
    429: "Too many requests",
    500: "Something went wrong on our side",
    503: "The database does not answer",
}


def set_up_errors(app: Flask) -> None:
    """One handler for each family."""
    app.register_error_handler(TenantryError, _ours)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(CSRFError, _stale_form)
    app.register_error_handler(OperationalError, _database)
    app.register_error_handler(PoolTimeout, _database)
    app.register_error_handler(Exception, _unexpected)


def wants_json() -> bool:
    """Whether the caller prefers JSON over a page."""
    accept = request.accept_mimetypes
    best = accept.best_match(["text/html", "application/json"], default="text/html")
    return best == "application/json"


def code_of(trouble: TenantryError) -> int:
    """The HTTP status of one of our errors."""
    return next((code for kind, code in CODES.items() if isinstance(trouble, kind)), 500)


def facts_of(trouble: TenantryError) -> dict[str, str | None]:
    """The same for programs: what is wrong, the field of bad input, the winner of a race."""
    facts: dict[str, str | None] = {"error": str(trouble)}
    if isinstance(trouble, Conflict):
        facts["winner"] = trouble.winner
    if isinstance(trouble, Invalid):
        facts["field"] = trouble.field
    return facts


def _ours(trouble: TenantryError) -> ResponseReturnValue:
    code = code_of(trouble)
    if code >= 500:  # noqa: PLR2004 — an error of ours that is no answer to a person
        return _unexpected(trouble)
    if isinstance(trouble, Denied):
        note_refusal(str(trouble))
    return answer(code, str(trouble), facts_of(trouble))


def _http(trouble: HTTPException) -> ResponseReturnValue:
    code = trouble.code or 500
    if trouble.response is not None or 300 <= code < 400:  # noqa: PLR2004 — a redirect is no error
        return trouble.get_response()
    if code == 401 and not wants_json() and "X-Live" not in request.headers:  # noqa: PLR2004
        return _log_in_first()
    if code == 403:  # noqa: PLR2004
        note_refusal(trouble.description or "")
    body, _, headers = answer(code, trouble.description or "")
    allow = dict(trouble.get_headers()).get("Allow")
    return body, code, {**headers, "Allow": allow} if allow else headers


def _log_in_first() -> ResponseReturnValue:
    """To the log-in; who sent a form is told that nothing of it was saved."""
    if request.method == "POST":
        flash(LOGGED_OUT, "info")
    return to_login()


def _stale_form(_: CSRFError) -> ResponseReturnValue:
    if member() is None and request.endpoint != "security.login":
        # A session that has ended takes its token along.
        if wants_json() or "X-Live" in request.headers:
            return answer(401, "Your session has ended.")
        return _log_in_first()
    note_refusal("without the token of a page")
    return answer(
        400, "This form is too old or was not sent by its own page. Go back, reload, retry."
    )


def _database(trouble: DBAPIError | PoolTimeout) -> ResponseReturnValue:
    # Only the driver's own short words: a statement or its values never reach a log.
    log.error("database", error=type(trouble).__name__, path=request.path, request=g.request_id)
    return answer(503, "Nothing was changed. Try again in a moment.")


def _unexpected(trouble: Exception) -> ResponseReturnValue:
    log.error("request failed", path=request.path, request=g.get("request_id"), exc_info=trouble)
    return answer(500, "It has been logged. If it happens again, tell your admin the request id.")


def answer(
    code: int, words: str, facts: dict[str, str | None] | None = None
) -> tuple[str, int, dict[str, str]]:
    """A page or JSON with the request id; where a database may be ill the page asks none."""
    request_id = g.get("request_id", "")
    if wants_json():
        body = {
            **(facts or {"error": words or TITLES.get(code, "error")}),
            "request_id": request_id,
        }
        return jsonify(body).get_data(as_text=True), code, {"Content-Type": "application/json"}
    title = TITLES.get(code, "That did not work")
    page = render_template(
        "error.html",
        code=code,
        title=title,
        words=words,
        request_id=request_id,
        framed=_framed(code),
    )
    return page, code, {"Content-Type": "text/html; charset=utf-8"}


def _framed(code: int) -> bool:
    """Whether a page that was only looked at keeps the sidebar of the one who is logged in."""
    looked = request.method == "GET" and "X-Live" not in request.headers
    return looked and code in FRAMED and member() is not None
