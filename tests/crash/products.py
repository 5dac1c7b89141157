"""The products whose tenants live the stories, and their place for backups."""

from typing import Any

from tests.installation import DOMAIN

DESTINATION: dict[str, Any] = {
    "destinationId": "dst-lives",
    "name": "lives",
    "provider": None,
    "accessKey": "key-of-the-store",
    "secretAccessKey": "secret-of-the-store",
    "bucket": "lives",
    "region": "eu",
    "endpoint": "https://s3.example.com",
    "additionalFlags": [],
}
# What the stand-in makes up by itself, and what a clean end leaves.
PLAIN: dict[str, Any] = {
    "https": False,
    "certificate": "none",
    "notify_emails": ["staff@example.com"],
}
SHOP = PLAIN | {
    "name": "Shop",
    "slug": "shop",
    "base_domain": f"shop.{DOMAIN}",
    "db_required": True,
    "services": [
        {
            "name": "api",
            "service_type": "backend",
            "order": 1,
            "repo_url": "https://github.com/acme/shop-api",
            "env": {"DATABASE_URL": "${DATABASE_URL}"},
        },
        {"name": "web", "service_type": "frontend", "order": 2, "image": "nginx:1.27"},
    ],
}

STACKS = PLAIN | {
    "name": "Stacks",
    "slug": "stacks",
    "base_domain": f"stacks.{DOMAIN}",
    "db_required": True,
    "db_type": "keydb",
    "services": [
        {
            "name": "front",
            "service_type": "frontend",
            "compose_service": "web",
            "compose_file": (
                "services:\n"
                "  web:\n"
                "    image: nginx:${TAG}\n"
                "    environment:\n"
                "      DATABASE_URL: ${DATABASE_URL}\n"
            ),
            "env": {"TAG": "1.27", "DATABASE_URL": "${DATABASE_URL}"},
        }
    ],
}
FILES = PLAIN | {
    "name": "Files",
    "slug": "files",
    "base_domain": f"files.{DOMAIN}",
    "db_required": True,
    "db_type": "redis",
    "services": [
        {
            "name": "store",
            "service_type": "frontend",
            "image": "nginx:1.27",
            "volumes": [{"name": "files", "path": "/files"}],
        }
    ],
}
# Its first answers are bad ones, and what is built from a tag like `fail` never starts.
SICK: dict[str, Any] = PLAIN | {
    "name": "Sick",
    "slug": "sick",
    "base_domain": f"sick.{DOMAIN}",
    "services": [
        {
            "name": "web",
            "service_type": "frontend",
            "order": 1,
            "image": "nginx:1.27",
            "env": {"SIM_HEALTH_FAILS": "3"},
        }
    ],
}
