"""The control door for tests and demos, on loopback only: look inside, break things, reset."""

import json
from collections.abc import Callable
from typing import Any, Final

from tornado.web import RequestHandler

from dokploy_simulator.control_engine import ENGINE_ACTIONS
from dokploy_simulator.drift import drift
from dokploy_simulator.keys import add_key
from dokploy_simulator.state import remains, state
from dokploy_simulator.world import World

_LOOPBACK: Final = ("127.0.0.1", "::1")
_SEEDS: Final = {
    "server": "serverId",
    "sshKey": "sshKeyId",
    "gitProvider": "gitProviderId",
    "registry": "registryId",
    "destination": "destinationId",
}


def set_faults(world: World, asked: dict[str, Any]) -> Any:
    """Add plans: ``{"faults": [...], "seed": 1}`` or one plan alone."""
    plans = asked.get("faults", [asked] if "mode" in asked else [])
    world.faults.add(plans, asked.get("seed"))
    return world.faults.listing()


def set_speed(world: World, asked: dict[str, Any]) -> Any:
    """Change the factor on simulated durations."""
    world.speed = float(asked["speed"])
    return {"speed": world.speed}


def set_dns(world: World, asked: dict[str, Any]) -> Any:
    """Change delay (seconds), refused names, silence; or make hosts known at once."""
    names = world.names
    names.delay = float(asked.get("delay", names.delay))
    names.nxdomain = {host.lower() for host in asked.get("nxdomain", names.nxdomain)}
    names.blackhole = bool(asked.get("blackhole", names.blackhole))
    for host in asked.get("hosts", []):
        names.learn(host)
    return {
        "delay": names.delay,
        "nxdomain": sorted(names.nxdomain),
        "blackhole": names.blackhole,
    }


def reset(world: World, asked: dict[str, Any]) -> Any:  # noqa: ARG001 - every action's shape
    """Forget everything."""
    world.reset()
    return {"ok": True}


def restart_queue(world: World, asked: dict[str, Any]) -> Any:  # noqa: ARG001 - see reset
    """Lose the queue and cancel running rows, as a restart of the server would."""
    lost = len(world.queue.listing())
    world.queue.drop_all()
    world.cancel_running_rows()
    return {"lost": lost}


def seed(world: World, asked: dict[str, Any]) -> Any:
    """Put a row into one of ``_SEEDS``: ``{"kind": …, "row": {…}}``."""
    kind, row = asked["kind"], dict(asked["row"])
    row_id = row[_SEEDS[kind]]
    if kind == "server":
        row = {"buildsConcurrency": 1, "serverStatus": "active", "name": row_id} | row
    world.store.put(kind, row_id, row)
    return row


def keys(world: World, asked: dict[str, Any]) -> Any:
    """Add an API key: ``{"key": …, "role": "member", "limit": 10}``."""
    add_key(world, asked["key"], asked.get("role", "owner"), asked.get("limit"))
    return {"ok": True}


_ACTIONS: Final[dict[str, Callable[[World, dict[str, Any]], Any]]] = {
    "faults": set_faults,
    "speed": set_speed,
    "dns": set_dns,
    "reset": reset,
    "restart-queue": restart_queue,
    "seed": seed,
    "keys": keys,
    "drift": drift,
} | ENGINE_ACTIONS


class ControlHandler(RequestHandler):
    """One request to ``/_sim/…``."""

    def initialize(self, world: World) -> None:
        """Called by tornado for each request."""
        self.world = world

    def prepare(self) -> None:
        """Loopback only."""
        if self.request.remote_ip not in _LOOPBACK:
            self._tell(403, {"error": "loopback only"})

    def get(self, name: str) -> None:
        """Look at the state or the faults."""
        if name == "state":
            self._tell(200, state(self.world))
        elif name == "remains":
            self._tell(200, remains(self.world, self.get_query_argument("of", "")))
        elif name == "faults":
            self._tell(200, self.world.faults.listing())
        else:
            self._tell(404, {"error": "unknown"})

    def post(self, name: str) -> None:
        """Do something."""
        action = _ACTIONS.get(name)
        if action is None:
            self._tell(404, {"error": "unknown"})
            return
        try:
            asked = json.loads(self.request.body or b"{}")
            if isinstance(asked, list):
                asked = {"faults": asked}
            told = action(self.world, asked)
        except (ValueError, KeyError, TypeError) as mistake:
            self._tell(400, {"error": f"{type(mistake).__name__}: {mistake}"})
            return
        self.world.store.commit()
        self._tell(200, told)

    def delete(self, name: str) -> None:
        """Lift the faults."""
        if name == "faults":
            self.world.faults.clear()
        self._tell(200 if name == "faults" else 404, {})

    def _tell(self, status: int, told: Any) -> None:
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(told))
