"""Starting simulators from tests: in a thread, or as a process that may be killed."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from dokploy_simulator.options import SimulatorOptions
from dokploy_simulator.service import Ports, Service

START_SECONDS = 20.0


class Addresses:
    """Where a running simulator is reached; raises RuntimeError before it is ready."""

    def __init__(self, options: SimulatorOptions) -> None:
        self.options = options
        self._ports: Ports | None = None

    @property
    def ports(self) -> Ports:
        """The ports really taken."""
        if self._ports is None:
            raise RuntimeError("the simulator is not running")
        return self._ports

    @property
    def url(self) -> str:
        """Of the API and the control door, without a slash at the end."""
        return f"http://{self.options.host}:{self.ports.port}"

    @property
    def apps_url(self) -> str:
        """Of the proxy; name the application by the Host header."""
        return f"http://{self.options.host}:{self.ports.apps_port}"

    @property
    def api_key(self) -> str:
        """The key with all rights."""
        return self.options.api_key


class Simulator(Addresses):
    """A simulator in a thread of this process. Starting twice is an error; stopping is not."""

    def __init__(self, options: SimulatorOptions | None = None, **values: Any) -> None:
        super().__init__(options or SimulatorOptions(**values))
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over: asyncio.Event | None = None
        self._failure: BaseException | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._main, name="dokploy-simulator", daemon=True)

    def _main(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as failure:  # noqa: BLE001 - told to the thread that waits
            self._failure = failure
            self._ready.set()

    async def _serve(self) -> None:
        service = Service(self.options)
        self._ports = await service.open()
        self._loop = asyncio.get_running_loop()
        self._over = asyncio.Event()
        self._ready.set()
        await self._over.wait()
        await service.close()

    def start(self) -> Self:
        """Wait until it answers. Raises RuntimeError if it does not come up."""
        self._thread.start()
        if not self._ready.wait(START_SECONDS) or self._failure is not None:
            raise RuntimeError("the simulator did not start") from self._failure
        return self

    def stop(self) -> None:
        """Close the doors and keep the rows."""
        if self._loop is not None and self._over is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._over.set)
            self._thread.join(START_SECONDS)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        failure: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


class SimulatorProcess(Addresses):
    """A simulator in a process of its own, for tests that kill it and start it again."""

    def __init__(self, options: SimulatorOptions | None = None, **values: Any) -> None:
        super().__init__(options or SimulatorOptions(**values))
        self._process: subprocess.Popen[str] | None = None

    def _command(self) -> list[str]:
        given = self.options
        command = [sys.executable, "-m", "dokploy_simulator", "--host", given.host]
        ports = self._ports or Ports(given.port, given.apps_port, given.dns_port)
        command += ["--port", str(ports.port), "--apps-port", str(ports.apps_port)]
        command += ["--dns-port", str(ports.dns_port), "--speed", str(given.speed)]
        command += ["--api-key", given.api_key, "--dns-delay", str(given.dns_delay)]
        for base in given.base_domains:
            command += ["--base-domain", base]
        return command + (["--state", str(given.state)] if given.state else [])

    def start(self) -> Self:
        """Start, on the ports of last time if there was one. Raises RuntimeError if it ends."""
        source = str(Path(__file__).parents[1])
        path = os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH")]))
        self._process = subprocess.Popen(
            self._command(),
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": path},
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the simulator ended before it was ready")
        told = json.loads(line)
        self._ports = Ports(told["port"], told["apps_port"], told["dns_port"])
        return self

    def kill(self, how: signal.Signals = signal.SIGKILL) -> int:
        """End the process and wait for it; its exit status."""
        if self._process is None:
            return 0
        process, self._process = self._process, None
        process.send_signal(how)
        if process.stdout is not None:
            process.stdout.close()
        return process.wait(START_SECONDS)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        failure: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill(signal.SIGTERM)
