"""One installation with workers of one pool on one database, and what came of it."""

import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import redis

from tenantry.demo.postgres import Postgres
from tenantry.demo.spawning import Program
from tenantry.demo.valkey import Valkey
from tests.crash.board import Board, Cell
from tests.crash.findings import dangling, left_over
from tests.crash.fire import Fire
from tests.crash.life import Life
from tests.crash.stories import STORIES, prepare
from tests.crash.strikes import Strike
from tests.installation import Installation, servers

POSTGRESQL, SQLITE = "postgresql", "sqlite"
THREADS, PREFORK = "threads", "prefork"
POOLS, DATABASES = (THREADS, PREFORK), (POSTGRESQL, SQLITE)
# `queue:slots:processes`. SQLite has one writer at a time, so fewer write at once.
CREWS = {
    POSTGRESQL: ("steps:2:8", "slow:2:4", "suspect:1:10"),
    SQLITE: ("steps:2:4", "slow:2:2", "suspect:1:3"),
}
FEW = ("steps:2:2", "slow:2:1", "suspect:1:1")
AT_ONCE = {POSTGRESQL: 8, SQLITE: 4}


class Servers:
    """The PostgreSQL and the Valkey of all installations of a run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._made = 0
        self._one = threading.Lock()
        self.postgres: Postgres
        self.valkey: Valkey

    def __enter__(self) -> Self:
        self.postgres, self.valkey = servers(self.folder)
        return self

    def __exit__(self, *_: object) -> None:
        self.valkey.remove()
        self.postgres.remove()

    @contextlib.contextmanager
    def place(self, db: str, **more: Any) -> Iterator[tuple[Installation, redis.Redis]]:
        """An installation of its own on either database, and its broker to look inside."""
        number = self._made = self._made + 1
        folder = self.folder / f"place{number}"
        folder.mkdir()
        url = f"sqlite:///{folder}/tenantry.db"
        if db == POSTGRESQL:
            self.postgres.create_database(f"crash{number}")
            url = self.postgres.url(f"crash{number}")
        broker = redis.Redis.from_url(self.valkey.admin_url(number))
        with contextlib.ExitStack() as stack:
            # Migrations keep what they are about in globals: one at a time.
            with self._one:
                made = Installation(folder, url, self.valkey.url(number), **more)
                place = stack.enter_context(made)
            yield place, broker


@dataclass
class Scene:
    """What is to be done where; and afterwards what was found."""

    pool: str
    db: str
    board: Board
    stories: list[str] = field(default_factory=lambda: list(STORIES))
    at_once: int = 0
    kills: int = 8
    lives: int = 14
    seconds: float = 2400.0
    divisor: float = 15
    # Only so many chapters of each story; then nobody leaves, and remains are not looked for.
    chapters: int | None = None
    strikes: list[Strike] = field(default_factory=list)
    lived: list[Life] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    dangling: list[str] = field(default_factory=list)
    bad_mails: list[str] = field(default_factory=list)
    never: list[Cell] = field(default_factory=list)
    kinds: set[str] = field(default_factory=set)
    mails: int = 0
    extra_mails: int = 0
    took: float = 0.0

    @property
    def name(self) -> str:
        """Its pool and its database."""
        times = "" if self.divisor > 1 else ", shipped times"
        return f"{self.pool}, {self.db}{times}"

    def play(self, shared: Servers) -> "Scene":
        """Everything from the start of its processes to their end."""
        began = time.monotonic()
        at_once = self.at_once or AT_ONCE[self.db]
        print(f"{self.name}: {', '.join(self.stories)}", flush=True)
        chosen = {
            name: replace(STORIES[name], chapters=STORIES[name].chapters[: self.chapters])
            for name in self.stories
        }
        with shared.place(self.db, limit=at_once + 1, divisor=self.divisor) as (place, broker):
            place.environ["TARGET_MAIN_RESTORE"] = "on"
            prepare(place)
            place.supervisor.launch(crew(place, self.pool, self._crews()))
            place.start("watchdog")
            fire = Fire(
                place, broker, self.board, at_once=at_once, kills=self.kills, lives=self.lives
            )
            fire.run(chosen, self.seconds)
            self._look(place, fire)
        self.took = time.monotonic() - began
        return self

    def _crews(self) -> tuple[str, ...]:
        return CREWS[self.db] if self.divisor > 1 else FEW

    def _look(self, place: Installation, fire: Fire) -> None:
        fire.mails.look()
        fire.strikes.finish()
        self.lived = fire.lives
        self.strikes = [s for s in fire.strikes.all if s.struck]
        self.lost = [f"{life.tenant}: {life.trouble}" for life in fire.lives if life.trouble]
        self.doubled = sorted(fire.doubled)
        self.left = [] if self.chapters else left_over(place, fire.lives)
        self.dangling = dangling(place)
        self.mails = fire.mails.total
        self.extra_mails, self.bad_mails = fire.mails.extra(self.strikes)
        self.never = self.board.never()
        self.kinds = {of for kinds in fire.seen.values() for of in kinds}


def crew(place: Installation, pool: str, wanted: tuple[str, ...]) -> Program:
    """Workers that can be told to die."""
    return Program(
        name="workers",
        argv=[sys.executable, "-m", "tests.crash.worker", pool, *wanted],
        # What the killed leave behind goes with the rest.
        env={**place._env(), "TMPDIR": str(place.folder)},
        cwd=place.folder,
    )
