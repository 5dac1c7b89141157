"""Products with more than applications from a repository: stacks, databases of all kinds."""

from typing import Any

from tenantry.planning.databases import FACTS

KINDS = tuple(FACTS)
FILE = """\
services:
  web:
    image: acme/shop:${TAG:-1.0}
    environment:
      DATABASE_URL: ${DATABASE_URL}
  jobs:
    image: acme/jobs:1.0
"""
STACK: dict[str, Any] = {
    "name": "shop",
    "service_type": "frontend",
    "compose_file": FILE,
    "compose_service": "web",
    "port": 80,
    "env": {"DATABASE_URL": "${DATABASE_URL}"},
}
STACKED: dict[str, Any] = {
    "name": "Stacked",
    "slug": "stacked",
    "base_domain": "stacked.example.com",
    "db_required": True,
    "notify_emails": ["staff@example.com"],
    "services": [STACK],
}
OUTSIDE: dict[str, Any] = STACKED | {
    "db_required": False,
    "db_type": "others",
    "db_url_secret": "database_url",
    "secrets": ["database_url"],
}


def of_kind(kind: str) -> dict[str, Any]:
    """A product with one image and a database of this kind."""
    web = {
        "name": "web",
        "service_type": "frontend",
        "image": "acme/tools:1.0",
        "env": {"DATABASE_URL": "${DATABASE_URL}"},
    }
    return {
        "name": "Stored",
        "slug": "stored",
        "base_domain": "stored.example.com",
        "db_required": True,
        "db_type": kind,
        "notify_emails": ["staff@example.com"],
        "services": [web],
    }
