"""Everything that answers HTTP: the panel, Flower behind it, and what watches us."""

from collections.abc import Callable

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from tenantry.operations.desk import Desk
from tenantry.web.database import set_up_database
from tenantry.web.door import open_door
from tenantry.web.drift_deeds import deeds
from tenantry.web.errors import set_up_errors
from tenantry.web.events import set_up_events
from tenantry.web.find import find
from tenantry.web.flower import flower
from tenantry.web.headers import set_up_headers
from tenantry.web.health import health
from tenantry.web.look import set_up_look
from tenantry.web.panel import set_up_panel
from tenantry.web.security import set_up_security
from tenantry.web.weight import set_up_weight

LARGEST_FORM = 2_000_000


def create_web(desk: Desk, broker_resting: Callable[[], bool]) -> Flask:
    """
    The Flask application over a desk; built once in a process, nothing is asked of the database.

    `broker_resting` is True shortly after the broker failed, which pages then say.
    """
    app = Flask("tenantry.web", template_folder="pages", static_folder="static")
    app.config["MAX_CONTENT_LENGTH"] = app.config["MAX_FORM_MEMORY_SIZE"] = LARGEST_FORM
    open_door(app, desk, broker_resting)
    set_up_weight(app)
    set_up_headers(app)
    set_up_database(app)
    set_up_security(app)
    set_up_errors(app)
    set_up_look(app)
    set_up_events(app)
    set_up_panel(app)
    for blueprint in (deeds, find, flower, health):
        app.register_blueprint(blueprint)
    hops = desk.settings.trusted_proxies
    if hops:
        # Only as many hops as were promised may say who asks, and for which host.
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops
        )
    return app
