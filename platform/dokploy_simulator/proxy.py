"""The proxy's door: every deployed application answers here under its hostnames."""

import html
import json
import re
from typing import Final

from tornado.web import RequestHandler

from dokploy_simulator.database_urls import WrongUrlError, reach
from dokploy_simulator.misbehaviour import answer
from dokploy_simulator.store import Row
from dokploy_simulator.world import World

ENV_DOOR: Final = "/_env"
DATABASE_DOOR: Final = "/_db"
_GROUP: Final = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_JSON: Final = "application/json"
_TEXT: Final = "text/plain; charset=utf-8"
_PAGE: Final = """<!doctype html><meta charset="utf-8"><title>{name}</title>
<body style="font-family:sans-serif;margin:4rem"><h1>{name}</h1>
<p>Version {version}, environment {env}</p></body>"""


class ProxyHandler(RequestHandler):
    """One request to an application."""

    def initialize(self, world: World) -> None:
        """Called by tornado for each request."""
        self.world = world

    def set_default_headers(self) -> None:
        """Say nothing of the software."""
        self.clear_header("Server")

    def compute_etag(self) -> None:
        """Every answer is a fresh one."""

    async def get(self) -> None:
        """The application's page, or why there is none."""
        route = self._route()
        if route is None:
            answer(self, 404, "404 page not found\n", _TEXT)
            return
        if self._redirected(route["appName"]):
            return
        state, version = self.world.engine.serving(route["appName"])
        if version is None:
            self._unavailable(state)
            return
        if self.request.path in {ENV_DOOR, DATABASE_DOOR}:
            self._tell_env(version)
            return
        if self.request.method == "POST":
            self._provision(route["appName"])
            return
        failing = self.world.engine.take_health_failure(route["appName"], version)
        self.world.store.commit()
        if failing:
            answer(self, 503, "not ready\n", _TEXT)
        else:
            self._page(route["appName"], version)

    post = put = patch = delete = options = head = get

    def _route(self) -> Row | None:
        routes = self.world.store.where("route", "host", self.request.host_name.lower())
        fitting = [row for row in routes if self.request.path.startswith(row["path"])]
        return max(fitting, key=lambda row: len(row["path"])) if fitting else None

    def _redirected(self, name: str) -> bool:
        """Follow the application's redirects; the first that changes the address wins."""
        found = self.world.store.where("application", "appName", name)
        if not found:
            return False
        rows = self.world.store.where("redirect", "applicationId", found[0]["applicationId"])
        asked = f"http://{self.request.host_name}{self.request.uri}"
        for row in rows:
            target = redirected(row, asked)
            if target is not None:
                plain = self.request.method == "GET"
                kept = (301 if plain else 308) if row["permanent"] else (302 if plain else 307)
                self.set_header("Location", target)
                answer(self, kept, "", _TEXT)
                return True
        return False

    def _tell_env(self, version: Row) -> None:
        """What the running version was given, and whether a URL among it leads to a database."""
        name = self.get_query_argument("name", "")
        env = dict(line.split("=", 1) for line in version["env"])
        if name not in env:
            answer(self, 404, json.dumps({"error": "not set", "name": name}), _JSON)
            return
        if self.request.path == ENV_DOOR:
            told = {"name": name, "value": env[name], "version": version["number"]}
            answer(self, 200, json.dumps(told), _JSON)
            return
        try:
            kind = reach(self.world.store, self.world.engine, env[name])
        except (WrongUrlError, ValueError) as wrong:
            answer(self, 502, json.dumps({"ok": False, "reason": str(wrong)}), _JSON)
            return
        answer(self, 200, json.dumps({"ok": True, "kind": kind}), _JSON)

    def _unavailable(self, state: str) -> None:
        self.world.store.commit()
        if state == "broken":
            answer(self, 502, "Bad Gateway", _TEXT)
        else:
            answer(self, 503, "no available server\n", _TEXT)

    def _page(self, name: str, version: Row) -> None:
        if "text/html" in self.request.headers.get("Accept", ""):
            page = _PAGE.format(
                name=html.escape(name), version=version["number"], env=version["envHash"]
            )
            answer(self, 200, page, "text/html; charset=utf-8")
            return
        told = {
            "service": name,
            "version": version["number"],
            "image": version["image"],
            "env": version["envHash"],
            "path": self.request.path,
        }
        answer(self, 200, json.dumps(told), _JSON)

    def _provision(self, name: str) -> None:
        """Make an account once for an idempotency key; 409 says it is there already."""
        key = self.request.headers.get("Idempotency-Key")
        if not any(map(_carries_token, self.request.headers)):
            answer(self, 401, '{"error":"no token"}', _JSON)
            return
        if not key:
            answer(self, 400, '{"error":"no Idempotency-Key"}', _JSON)
            return
        row_id = f"{name} {key}"
        row = self.world.store.get("provision", row_id)
        calls = row["calls"] + 1 if row else 1
        made = {"service": name, "key": key, "calls": calls, "path": self.request.path}
        self.world.store.put("provision", row_id, made)
        self.world.store.commit()
        told = {"service": name, "created": row is None}
        answer(self, 409 if row else 201, json.dumps(told), _JSON)


def _carries_token(header: str) -> bool:
    name = header.lower()
    return name in {"authorization", "x-api-key"} or "token" in name


def redirected(row: Row, asked: str) -> str | None:
    """Where a redirect sends a whole address to; None where it does not fit or changes nothing."""
    try:
        found = re.search(row["regex"], asked)
        if found is None:
            return None
        sent = re.sub(row["regex"], lambda fit: _expanded(row["replacement"], fit), asked)
    except (re.error, IndexError):
        return None
    return None if sent == asked else sent


def _expanded(replacement: str, fit: re.Match[str]) -> str:
    """The replacement with its ``$1`` and ``${name}`` filled in; unknown groups are empty."""

    def part(group: re.Match[str]) -> str:
        name = group[1] or group[2]
        try:
            return fit[int(name) if name.isdigit() else name] or ""
        except IndexError:
            return ""

    return _GROUP.sub(part, replacement)
