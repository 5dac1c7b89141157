"""From a request to the first step's call on an idle system, through the public operation."""

import argparse
import statistics
import time
from typing import Any

from benchmarks import contest
from benchmarks.entrants import Running, ours
from benchmarks.ground import Ground
from benchmarks.rows import ME, add_tenant, drain
from tenantry.app import Workshop


def measure(ground: Ground, asked: argparse.Namespace) -> tuple[str, Any]:
    """Milliseconds: the request itself, and until the first call."""
    running = Running(ours(), ground, ground.folder / "latency.log")
    shop = Workshop(ground.settings("ours"))
    request, first = [], []
    try:
        contest.bulk(ground, running, 4)
        drain(shop.engine, draining=False)
        for number in range(2 * asked.singles):
            add_tenant(shop, f"late{number}")
            time.sleep(0.3)
            ground.api.ask("_take")
            began = time.monotonic()
            shop.desk.deploy(ME, f"late{number}")
            request.append((time.monotonic() - began) * 1000)
            if not ground.api.await_calls(20, 60):
                raise RuntimeError("a deployment did not end")
            first.append((min(at for _, _, at in ground.api.ask("_take")) - began) * 1000)
    finally:
        running.stop()
        shop.engine.dispose()
    first.sort()
    figures = {
        "deployments": len(first),
        "request ms p50": round(statistics.median(request), 1),
        "to the first call ms p50": round(statistics.median(first), 1),
        "to the first call ms max": round(first[-1], 1),
    }
    return "\n".join(f"{name:28}{value}" for name, value in figures.items()), figures
