"""
Who may come in, and who may do what.

Default deny: every endpoint needs a member of staff who holds one of our roles, except the few
in PUBLIC. Roles are steps of one ladder: an admin may what an operator may, who may what a viewer
may. Flask-Security does the log-in, the passwords and their change, in our own pages.
"""

import hashlib
import hmac
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, abort, g, redirect, request, session, url_for
from flask_security import (
    LoginForm,
    MailUtil,
    Security,
    SQLAlchemyUserDatastore,
    user_authenticated,
)
from flask_security.mail_util import EmailValidateException
from flask_security.utils import logout_user
from flask_wtf.csrf import CSRFProtect
from werkzeug.wrappers import Response

from tenantry.clock import utcnow
from tenantry.config import Settings
from tenantry.errors import Denied, Invalid
from tenantry.journal import audited
from tenantry.models import Role, User
from tenantry.operations.actors import Actor
from tenantry.planning import inputs
from tenantry.web.database import db
from tenantry.web.door import desk, desk_of
from tenantry.web.people import ROLES, member, rank

PUBLIC = frozenset({"static", "security.login", "health.livez", "health.readyz", "health.metrics"})
LONGEST_SESSION = timedelta(hours=12)
SINCE = "since"
csrf = CSRFProtect()


class StaffLogin(LoginForm):
    """Without "remember me": a session ends after twelve hours, whatever is posted."""

    remember = None


def set_up_security(app: Flask) -> None:
    """Sessions, log-in, CSRF tokens and the gate in front of every endpoint."""
    settings = desk_of(app).settings
    app.config.update(_session(settings))
    app.config.update(_flask_security(settings))
    datastore = SQLAlchemyUserDatastore(db, User, Role)
    Security(app, datastore, login_form=StaffLogin, mail_util_cls=OurAddresses)
    csrf.init_app(app)
    user_authenticated.connect(_came_in, app)
    app.before_request(_same_site)
    app.before_request(_gate)


class OurAddresses(MailUtil):
    """
    Judges addresses as `planning.inputs` does, where staff are added.

    The library's own rule refuses inside names (`.test`, `.local`), so an account that exists
    could never log in.
    """

    def normalize(self, email: str) -> str:
        """In lower case, as it is stored."""
        try:
            return inputs.email(email.strip()).lower()
        except Invalid as trouble:
            raise EmailValidateException(trouble.rule) from None

    def validate(self, email: str) -> str:
        """The same: nothing is asked of the network."""
        return self.normalize(email)


def _session(settings: Settings) -> dict[str, Any]:
    return {
        "SECRET_KEY": settings.secret_key,
        # The prefix makes browsers refuse the cookie from anywhere but this very host by https.
        "SESSION_COOKIE_NAME": "__Host-tenantry" if settings.https else "tenantry",
        "SESSION_COOKIE_SECURE": settings.https,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_PATH": "/",
        "SESSION_REFRESH_EACH_REQUEST": False,
        "PERMANENT_SESSION_LIFETIME": LONGEST_SESSION,
        # A token lives as long as its session: a form left open over lunch still works.
        "WTF_CSRF_TIME_LIMIT": None,
        # Behind a proxy that ends https the referrer is not ours to judge; _same_site is stricter.
        "WTF_CSRF_SSL_STRICT": False,
    }


def _flask_security(settings: Settings) -> dict[str, Any]:
    salt = hmac.new(settings.secret_key.encode(), b"password salt", hashlib.sha256).hexdigest()
    chosen = {
        "PASSWORD_HASH": "argon2",
        "PASSWORD_SALT": salt,
        "PASSWORD_SCHEMES": ["argon2"],
        "PASSWORD_LENGTH_MIN": 12,
        "REGISTERABLE": False,
        "RECOVERABLE": False,
        "CHANGEABLE": True,
        "TRACKABLE": True,
        "SEND_REGISTER_EMAIL": False,
        "SEND_PASSWORD_CHANGE_EMAIL": False,
        "RETURN_GENERIC_RESPONSES": True,
        "FLASH_MESSAGES": False,
        "LOGIN_URL": "/login",
        "LOGOUT_URL": "/logout",
        "CHANGE_URL": "/password",
        "POST_LOGOUT_VIEW": "/login",
        "LOGIN_USER_TEMPLATE": "login.html",
        "CHANGE_PASSWORD_TEMPLATE": "password.html",
        "VERIFY_TEMPLATE": "verify.html",
        # Tokens belong to the API of a later day; here only a session counts.
        "API_ENABLED_METHODS": ["session"],
        "DATETIME_FACTORY": utcnow,
        "STATIC_FOLDER": None,
        "REDIRECT_ALLOW_SUBDOMAINS": False,
    }
    return {f"SECURITY_{name}": value for name, value in chosen.items()}


def _came_in(_app: Flask, user: User, **_: Any) -> None:
    """Written in Flask-Security's own transaction, which its view commits."""
    session.permanent = True
    session[SINCE] = utcnow().timestamp()
    audited(
        db.session.connection(),
        actor=user.email,
        user_id=user.id,
        action="staff.login",
        object_type="User",
        object_id=str(user.public_id),
        object_name=user.email,
        address=address(),
        request_id=g.get("request_id", ""),
    )


def _same_site() -> None:
    """
    Refuses changes that another site's page sends, before any token is looked at.

    Browsers say where a request comes from in Sec-Fetch-Site; older ones in Origin.
    """
    if request.method in {"GET", "HEAD", "OPTIONS"}:
        return
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None and site not in {"same-origin", "none"}:
        abort(403, "This request came from another site.")
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc not in _own_hosts():
        abort(403, "This request came from another site.")


def _own_hosts() -> set[str]:
    return {request.host, urlsplit(desk().settings.public_url).netloc}


def _gate() -> Response | None:
    if request.endpoint in PUBLIC or request.endpoint is None:
        return None
    if session.get(SINCE, 0) < (utcnow() - LONGEST_SESSION).timestamp() and member():
        logout_user()
    if not member():
        abort(401)
    if rank() == 0:
        raise Denied("Your account holds no role yet; ask an admin for one.")
    return None


def to_login() -> Response:
    """Where a person without a session is sent; back to the same page, or form, afterwards."""
    if request.method == "GET":
        back: str | None = request.full_path.rstrip("?")
    else:
        came = urlsplit(request.referrer or "")
        back = f"{came.path}?{came.query}".rstrip("?") if came.netloc == request.host else None
    return redirect(url_for("security.login", next=None if back == "/" else back))


def actor() -> Actor:
    """Who asks, for audit rows and deployments. Only behind the gate."""
    user = member()
    assert user is not None
    return Actor(user.email, user_id=user.id, address=address(), request_id=g.get("request_id", ""))


def address() -> str:
    """The client's address, as far as the trusted proxies vouch for it."""
    return request.remote_addr or ""


__all__ = ["ROLES", "actor", "address", "csrf", "set_up_security", "to_login"]
