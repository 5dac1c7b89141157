"""Real processes around a stand-in Dokploy."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from tenantry.demo.valkey import Valkey
from tests.installation import Installation


@pytest.fixture
def place(tmp_path: Path, postgres_url: str, valkey: Valkey) -> Iterator[Installation]:
    """Workers and watchdog; builds take a second or so."""
    Redis.from_url(valkey.admin_url()).flushall()
    with Installation(tmp_path, postgres_url, valkey.url(), speed=0.15) as installation:
        installation.product()
        installation.tenant("acme")
        installation.start("steps", "slow", "suspect", "watchdog")
        yield installation
