"""A target's answers by call, in rows as a real server wrote them."""

import json

import httpx

from tenantry.adapters.dokploy.client import DokployClient, serve
from tenantry.adapters.dokploy.target import DokployTarget

VERSION = "settings.getDokployVersion"
ENVIRONMENT = {
    "environmentId": "env1",
    "name": "production",
    "isDefault": True,
    "applications": [],
    "compose": [],
    "libsql": [],
    "mariadb": [],
    "mongo": [],
    "mysql": [],
    "postgres": [],
    "redis": [],
}
APP = {
    "applicationId": "app1",
    "name": "web",
    "appName": "acme-web-4kdbwc",
    "description": "tenantry:s1 web",
    "createdAt": "2026-11-20T10:00:27.076Z",
    "serverId": None,
    "applicationStatus": "done",
}
STACK = {
    "composeId": "c1",
    "name": "stack",
    "appName": "acme-stk-gse5pt",
    "description": "tenantry:s3 stack",
    "createdAt": "2026-11-20T10:00:29.000Z",
    "serverId": None,
    "composeStatus": "done",
}
NOT_FOUND = {
    "message": "Not there",
    "code": "NOT_FOUND",
    "data": {"code": "NOT_FOUND", "httpStatus": 404, "path": "x.y", "zodError": None},
}


def project(project_id="p1", description="tenantry:t1 Acme", created="2026-11-20", **lists):
    return {
        "projectId": project_id,
        "name": "tenant-acme",
        "description": description,
        "createdAt": created,
        "environments": [{**ENVIRONMENT, **lists}],
    }


class Server:
    """Answers by call; a missing answer is a 404 of the target. Remembers what it was asked."""

    def __init__(self, **answers):
        self.answers = {VERSION: "v0.30.2", **{k.replace("__", "."): v for k, v in answers.items()}}
        self.asked = []

    def __call__(self, request):
        call = request.url.path.removeprefix("/api/")
        given = json.loads(request.content) if request.content else dict(request.url.params)
        self.asked.append((request.method, call, given))
        if call not in self.answers:
            return httpx.Response(404, json=NOT_FOUND)
        answer = self.answers[call]
        answer = answer(given) if callable(answer) else answer
        if isinstance(answer, httpx.Response):
            return answer
        return httpx.Response(200, json=answer)

    def sent(self, call):
        (found,) = [given for _, name, given in self.asked if name == call]
        return found


def target(server):
    return DokployTarget(
        DokployClient(serve("main", "https://d", httpx.MockTransport(server)), "k")
    )
