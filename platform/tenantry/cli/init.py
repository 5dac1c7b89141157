"""`tenantry init`: a .env with fresh keys."""

import base64
import os
import secrets
from pathlib import Path

import click

from tenantry.errors import Invalid

TEMPLATE = """\
# Tenantry's settings; docs/install.md explains each. Keep this file to yourself (mode 0600).
TENANTRY_MODE=production
SECRET_KEY={secret_key}
# Seals stored secrets. Keep a copy elsewhere: without it they cannot be opened.
# To rotate, put a new `id:key` in front and keep the old ones.
KEY_RING={key_id}:{key}
DATABASE_URL=postgresql://tenantry:CHANGE@127.0.0.1:5432/tenantry
REDIS_URL=redis://app:CHANGE@127.0.0.1:6379/0
PUBLIC_URL=https://tenantry.example.com
TRUSTED_PROXIES=1
# One block for each Dokploy server; make its key with rateLimitEnabled:false.
TARGETS=main
TARGET_MAIN_URL=https://dokploy.example.com
TARGET_MAIN_KEY=CHANGE
TARGET_MAIN_LIMIT=10
# The panel shows Flower to operators; this password is between the two.
FLOWER_URL=http://127.0.0.1:5555
FLOWER_PASSWORD={flower}
MAIL_SERVER=
# MAIL_PORT=587
# MAIL_USE_TLS=yes
MAIL_SENDER=tenantry@example.com
"""


@click.command()
@click.option("--dir", "folder", type=click.Path(path_type=Path), default=Path(), help="Where.")
def init(folder: Path) -> None:
    """Write .env with a fresh SECRET_KEY and key ring. Never replaces one that is there."""
    path = folder / ".env"
    text = TEMPLATE.format(
        flower=secrets.token_urlsafe(24),
        secret_key=secrets.token_urlsafe(48),
        key_id=f"k{secrets.token_hex(3)}",
        key=base64.b64encode(secrets.token_bytes(32)).decode(),
    )
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Invalid(
            "file", "exists already; its keys open what is stored, so it stays", str(path)
        ) from None
    except OSError as trouble:
        raise Invalid("file", f"cannot be written: {trouble.strerror}", str(path)) from None
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    click.echo(f"{path} is written. Fill in what says CHANGE, then: tenantry doctor")
