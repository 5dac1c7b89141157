"""``python -m dokploy_simulator``: serve until SIGTERM or SIGINT."""

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path

from dokploy_simulator.options import SimulatorOptions
from dokploy_simulator.service import Service


def read_options(arguments: list[str] | None = None) -> SimulatorOptions:
    """Options from the command line."""
    parser = argparse.ArgumentParser("dokploy_simulator", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--apps-port", type=int, default=0)
    parser.add_argument("--dns-port", type=int, default=0)
    parser.add_argument("--state", type=Path)
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--api-key", default="simulator-key")
    parser.add_argument("--base-domain", action="append")
    parser.add_argument("--dns-delay", type=float, default=0.0)
    read = parser.parse_args(arguments)
    return SimulatorOptions(
        host=read.host,
        port=read.port,
        apps_port=read.apps_port,
        dns_port=read.dns_port,
        state=read.state,
        speed=read.speed,
        api_key=read.api_key,
        base_domains=tuple(read.base_domain or ["demo.test"]),
        dns_delay=read.dns_delay,
    )


async def serve(options: SimulatorOptions) -> None:
    """Open the doors, say where they are, and wait for the signal to close them."""
    service = Service(options)
    ports = await service.open()
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, over.set)
    sys.stdout.write(json.dumps({"ready": True} | ports.to_json()) + "\n")
    sys.stdout.flush()
    await over.wait()
    await service.close()


if __name__ == "__main__":
    asyncio.run(serve(read_options()))
