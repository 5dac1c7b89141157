"""
`make soak`: half an hour at half of what this machine can, and what grows meanwhile.

Our workers, watchdog and panel as shipped, with handlers that call an API that does nothing. Every
ten seconds: memory and open files of each process, connections, queues, the oldest deployment, and
what tables and indexes weigh by row. Prints the slope of each series for each hour after a warm-up
and says against its limit whether it is flat. Exit 1 where one is not.
"""

import argparse
import json
import sys
import threading
import time
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import redis
from sqlalchemy import create_engine

from benchmarks import contest, slopes, soak_samples, tables
from benchmarks.entrants import Entrant, Running, ours
from benchmarks.ground import Ground
from benchmarks.peers.call import STEPS
from benchmarks.rows import Pattern, drain
from tenantry.app import Workshop
from tenantry.engine.store import DATABASE_TROUBLE
from tests.installation import quiet_ports

EVERY = 10.0
PAGES = ("livez", "readyz", "login")
NAMES = ("worker-1", "worker-2", "watchdog", "web")


def main(argv: Sequence[str]) -> int:
    """Prints the table; with `--json`, keeps every sample too."""
    asked = _parsed(argv)
    with Ground() as ground:
        (port,) = quiet_ports(1)
        entrant = _with_web(port)
        running = Running(entrant, ground, ground.folder / "soak.log")
        try:
            able = _able(ground, running, asked.calibrate)
            rate = able * asked.share / STEPS
            print(f"able: {able:.0f} steps/s; load: {rate * STEPS:.0f} steps/s", flush=True)
            samples, done = _soak(ground, running, port, rate, asked.minutes * 60)
        finally:
            running.stop()
    warm_up = min(asked.minutes * 60 * 0.2, 360.0)
    found = slopes.verdicts(samples, warm_up)
    print(table(found))
    print(f"\n{done} steps in {asked.minutes:g} min, the first {warm_up:.0f} s left out")
    if asked.json:
        kept = {"minutes": asked.minutes, "able": able, "steps": done, "series": found}
        asked.json.write_text(json.dumps({**kept, "samples": samples}, indent=1) + "\n")
    return 0 if all(one["flat"] for one in found.values()) else 1


def _parsed(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--share", type=float, default=0.5, help="of what the machine can")
    parser.add_argument("--calibrate", type=int, default=100, help="deployments to learn that from")
    parser.add_argument("--json", type=Path)
    return parser.parse_args(argv)


def _with_web(port: int) -> Entrant:
    plain = ours("soak")
    web = ("work", "web", "--bind", f"127.0.0.1:{port}", "--workers", "1")
    return replace(plain, beside=(*plain.beside, web))


def _able(ground: Ground, running: Running, deployments: int) -> float:
    """Steps for each second, all at once."""
    contest.bulk(ground, running, 4)
    return contest.bulk(ground, running, deployments)["steps/s"]


def _soak(
    ground: Ground, running: Running, port: int, rate: float, seconds: float
) -> tuple[list[dict[str, float]], int]:
    """All samples, and the steps that were called."""
    shop = Workshop(ground.settings("soak"))
    engine = create_engine(ground.settings("soak")["BENCH_DATABASE"], pool_size=1)
    broker = redis.Redis.from_url(ground.settings("soak")["BENCH_REDIS"])
    roots = dict(zip(NAMES, running.pids, strict=True))
    roots |= dict(zip(("postgres", "valkey"), ground.server_pids, strict=True))
    drain(shop.engine, draining=False)
    ground.api.ask("_take")
    stop = threading.Event()
    load = [
        threading.Thread(target=_ask_for_deployments, args=(shop, rate, stop)),
        threading.Thread(target=_ask_for_pages, args=(port, stop)),
    ]
    for thread in load:
        thread.start()
    samples, done = [], 0
    began = time.monotonic()
    try:
        while (t := time.monotonic() - began) < seconds:
            samples.append({"t": t, **soak_samples.take(roots, engine, broker)})
            done += len(ground.api.ask("_take"))
            time.sleep(max(0.0, EVERY - (time.monotonic() - began - t)))
    finally:
        stop.set()
        for thread in load:
            thread.join()
        engine.dispose()
        shop.engine.dispose()
    return samples, done


def _ask_for_deployments(shop: Workshop, rate: float, stop: threading.Event) -> None:
    """So many each second, whether the ones before are done or not."""
    pattern = Pattern(shop)
    began, made = time.monotonic(), 0
    while not stop.wait(1.0):
        number = int((time.monotonic() - began) * rate) - made
        if number > 0:
            pattern.copies(number, tell_planner=False)
            made += number
            try:
                shop.dispatcher.admit(pattern.target)
            except DATABASE_TROUBLE as trouble:  # the watchdog admits them
                print(f"not admitted: {type(trouble).__name__}", file=sys.stderr)


def _ask_for_pages(port: int, stop: threading.Event) -> None:
    """Two pages each second; one that fails is what a log is for."""
    number = 0
    while not stop.wait(0.5):
        number += 1
        try:
            url = f"http://127.0.0.1:{port}/{PAGES[number % len(PAGES)]}"
            with urllib.request.urlopen(url, timeout=10) as answer:
                answer.read()
        except OSError as trouble:
            print(f"{url}: {trouble}", file=sys.stderr)


def table(found: Mapping[str, Mapping[str, Any]]) -> str:
    """A line for each series."""
    head = ["series", "first", "median", "last", "per hour", "limit", ""]
    rows = [head]
    for name, one in found.items():
        values = [f"{one[key]:,.2f}" for key in ("first", "median", "last", "per hour")]
        most = f"{one['limit per hour']:,.2f} {one['unit']}"
        rows.append([name, *values, most, "flat" if one["flat"] else "GROWS"])
    return tables.aligned(rows)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
