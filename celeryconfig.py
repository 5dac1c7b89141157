"""For Celery tools that want a configuration module; the settings live in `tenantry.tasks`."""

import os

from tenantry.tasks import settings_of

globals().update(settings_of(os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")))
