"""For WSGI servers: `gunicorn wsgi:app`. The application itself is `tenantry.app`."""

from tenantry.app import application as app

__all__ = ["app"]
