"""The API's door: keys, bodies, procedures and their answers."""

import asyncio
import inspect
import json
from typing import Any, Final

from tornado.web import RequestHandler

from dokploy_simulator import nouns
from dokploy_simulator.answers import EMPTY, TRPC_CODE, ApiErrorAnswer
from dokploy_simulator.faults import Fault
from dokploy_simulator.inputs import check_input
from dokploy_simulator.keys import KeyRefusedError, check_key, check_role
from dokploy_simulator.misbehaviour import answer, misbehave
from dokploy_simulator.routes import ROUTES, SUBSCRIPTIONS, Procedure
from dokploy_simulator.streams import tell
from dokploy_simulator.world import World

assert nouns.__all__  # the import above filled the table of procedures

LARGEST_BODY: Final = 1_000_000
_JSON: Final = "application/json"
_JSON_UTF8: Final = "application/json; charset=utf-8"
_TEXT: Final = "text/plain; charset=utf-8"
_HOOK_HEADERS: Final = ("X-GitHub-Event", "X-Gitlab-Event", "X-Gitea-Event", "X-Event-Key")


def to_text(value: Any) -> str:
    """A value as the body of an answer."""
    return "" if value is EMPTY else json.dumps(value, separators=(",", ":"), ensure_ascii=False)


class ApiHandler(RequestHandler):
    """One request to ``/api/…``."""

    def initialize(self, world: World) -> None:
        """Called by tornado for each request."""
        self.world = world

    def set_default_headers(self) -> None:
        """Say nothing of the software."""
        self.clear_header("Server")

    def compute_etag(self) -> None:
        """The API knows no conditional requests."""

    async def get(self) -> None:
        """Any verb comes here; which one fits is the procedure's matter."""
        path = self.request.path.removeprefix("/api/")
        if path == "health":
            answer(self, 200, '{"ok":true}', _JSON_UTF8)
        elif path.startswith("deploy/"):
            await self._incoming_hook(path.removeprefix("deploy/"))
        elif path.startswith("trpc/"):
            await self._wrapped(path.removeprefix("trpc/"))
        else:
            await self._procedure(path)

    post = put = patch = delete = options = head = get

    async def _procedure(self, path: str) -> None:
        self.world.calls[path] += 1
        fault = self.world.faults.pick(path)
        if fault and await self._spoilt(fault, "before", path, ""):
            return
        status, text, kind = await self._outcome(path)
        self.world.store.commit()
        if fault and await self._spoilt(fault, "after", path, text):
            return
        answer(self, status, text, kind)

    async def _spoilt(self, fault: Fault, moment: str, path: str, text: str) -> bool:
        """Let a fault happen if its moment is now; whether it took the answer's place."""
        if fault.when != moment:
            return False
        await asyncio.sleep(fault.delay)
        if fault.mode == "slow":
            return False
        await misbehave(self, fault, path, text.encode())
        return True

    async def _outcome(self, path: str) -> tuple[int, str, str]:
        """Status, body and content type of an undisturbed call."""
        if len(self.request.body) > LARGEST_BODY:
            return 413, "Body exceeded 1mb limit", _TEXT
        try:
            given = self._given()
        except ValueError:
            return 400, "Invalid JSON", _TEXT
        try:
            value = await self._call(path, given)
        except KeyRefusedError:
            return 401, '{"message":"Unauthorized"}', _JSON_UTF8
        except ApiErrorAnswer as refusal:
            known = ROUTES.get(path)
            told = path if known and known.verb == self.request.method else None
            return refusal.status, to_text(refusal.body(told)), _JSON
        return 200, to_text(value), _JSON

    def _given(self) -> Any:
        if self.request.method == "GET":
            arguments = self.request.query_arguments
            return {name: values[-1].decode() for name, values in arguments.items() if values}
        kind = self.request.headers.get("Content-Type", "")
        if not self.request.body or not kind.startswith(_JSON):
            return {}
        return json.loads(self.request.body)

    async def _call(self, path: str, given: Any, verb: str | None = None) -> Any:
        role = check_key(self.world, self.request.headers.get("x-api-key"))
        procedure = ROUTES.get(path)
        if procedure is None or procedure.verb != (verb or self.request.method):
            raise ApiErrorAnswer("NOT_FOUND", "Not found")
        kind = self.request.headers.get("Content-Type", _JSON)
        if procedure.verb == "POST" and not kind.startswith(_JSON):
            named = kind.partition(";")[0]
            raise ApiErrorAnswer("UNSUPPORTED_MEDIA_TYPE", f'Unsupported content-type "{named}')
        return await run(self.world, procedure, given, role)

    async def _wrapped(self, path: str) -> None:
        """The other mount of the same procedures, which wraps what it says."""
        if path in SUBSCRIPTIONS:
            self.world.calls[path] += 1
            fault = self.world.faults.pick(path)
            if fault and await self._spoilt(fault, "before", path, ""):
                return
        try:
            if path == "settings.health":
                value: Any = {"status": "ok"}
            elif path in SUBSCRIPTIONS:
                await self._told(path)
                return
            else:
                asked = json.loads(self.get_query_argument("input", "{}")).get("json") or {}
                value = await self._call(path, asked, "GET")
        except KeyRefusedError:
            value = ApiErrorAnswer("UNAUTHORIZED", "UNAUTHORIZED")
        except ApiErrorAnswer as refusal:
            value = refusal
        self.world.store.commit()
        if isinstance(value, ApiErrorAnswer):
            error = {
                "message": value.message,
                "code": TRPC_CODE[value.code],
                "data": value.data(path),
            }
            answer(self, value.status, to_text({"error": {"json": error}}), _JSON)
            return
        answer(self, 200, to_text({"result": {"data": {"json": value}}}), _JSON)

    async def _told(self, path: str) -> None:
        """What is told line by line; a key or an input that is refused is told at once."""
        role = check_key(self.world, self.request.headers.get("x-api-key"))
        subscription = SUBSCRIPTIONS[path]
        given = json.loads(self.get_query_argument("input", "{}")).get("json")
        asked = check_input(subscription.fields, given)
        check_role(role, path, asked)
        await tell(self, self.world, subscription, asked)

    async def _incoming_hook(self, token: str) -> None:
        """A push by a Git host: the token in the address is all that protects it."""
        found = self.world.store.where("application", "refreshToken", token)
        status, message = 404, "Application Not Found"
        if found:
            application = found[0]
            told = any(header in self.request.headers for header in _HOOK_HEADERS)
            reference = str((self._given() or {}).get("ref", "")) if told else ""
            pushed = reference.removeprefix("refs/heads/")
            if not application["autoDeploy"]:
                status, message = 400, "Automatic deployments are disabled for this application"
            elif pushed not in {application["customGitBranch"], application["branch"]} - {None}:
                status, message = 301, "Branch Not Match"
            else:
                status, message = 200, "Application deployed successfully"
                self.world.queue.add(
                    application, kind="deploy", title="Webhook deployment", description=""
                )
        self.world.store.commit()
        answer(self, status, to_text({"message": message}), _JSON_UTF8)


async def run(world: World, procedure: Procedure, given: Any, role: str) -> Any:
    """Check the input and do the work. Raises ApiErrorAnswer."""
    if isinstance(given, dict) and procedure.verb == "GET":
        given = {name: value for name, value in given.items() if value != ""}
    asked = check_input(procedure.fields, given)
    check_role(role, procedure.path, asked)
    if role != "owner" and procedure.path == "project.all":
        return []
    value = procedure.handler(world, asked)
    return await value if inspect.isawaitable(value) else value
