"""With an API that takes 50 ms the pool decides: one process of threads against prefork."""

import argparse
from dataclasses import replace
from typing import Any

from benchmarks import contest, tables
from benchmarks.entrants import ours
from benchmarks.ground import Ground

DELAY_MS = 50


def measure(ground: Ground, asked: argparse.Namespace) -> tuple[str, Any]:
    """Ours with one process of 40 threads, and with a prefork pool of two, in turn."""
    ground.api.ask(f"_delay/{DELAY_MS}")
    entrants = [
        ours("threads_40", processes=1),
        # It would take fifteen times as long.
        replace(ours("prefork_2", processes=1, prefork=True), share=0.1),
    ]
    work = contest.Work(max(80, asked.deployments), 1)
    tried = contest.compete(ground, entrants, work, min(2, asked.rounds))
    ground.api.ask("_delay/0")
    return tables.contest_table(tried, "threads_40"), tables.summary(tried)
