"""Compose: rows and settings. Running them is in ``compose_runs``."""

from typing import Any, Final

import yaml

from dokploy_simulator.answers import not_found
from dokploy_simulator.compose_file import ComposeFileError, parsed
from dokploy_simulator.compose_run import compose_routes, drop_routes
from dokploy_simulator.identity import app_name
from dokploy_simulator.nouns.backup_rows import shown_backups
from dokploy_simulator.nouns.listing import environment_with_project, need, search
from dokploy_simulator.nouns.project import forget_compose
from dokploy_simulator.repositories import file_of
from dokploy_simulator.routes import mutation, query
from dokploy_simulator.rows import compose_row, shown_mount
from dokploy_simulator.store import Row
from dokploy_simulator.world import World

_SOURCES: Final = "{git,github,gitlab,bitbucket,gitea,raw}"
_TYPES: Final = "{docker-compose,stack}"
_TEXTS: Final = (
    "description env refreshToken repository owner branch gitlabRepository gitlabOwner"
    " gitlabBranch gitlabPathNamespace bitbucketRepository bitbucketRepositorySlug bitbucketOwner"
    " bitbucketBranch giteaRepository giteaOwner giteaBranch customGitUrl customGitBranch"
    " customGitSSHKeyId icon githubId gitlabId bitbucketId giteaId"
)
_UPDATE: Final = " ".join(
    [
        "composeId:str name:str?+ appName:appname?",
        *(f"{name}:str?~" for name in _TEXTS.split()),
        f"composeFile:str? sourceType:{_SOURCES}? composeType:{_TYPES}? autoDeploy:bool?~",
        "gitlabProjectId:num?~ command:str? createEnvFile:bool? enableSubmodules:bool?",
        "composePath:str?+ suffix:str? randomize:bool? isolatedDeployment:bool?",
        "isolatedDeploymentsVolume:bool? triggerType:{push,tag}?~ environmentId:str?",
        "composeStatus:{idle,running,done,error}? watchPaths:list?~ serviceNetworks:list?~",
    ],
)
_NOTHING: Final = ("github", "gitlab", "bitbucket", "gitea")


def full_compose(world: World, row: Row) -> Row:
    """A compose with everything that hangs on it."""
    compose_id = row["composeId"]
    mounts = world.store.where("mount", "serviceId", compose_id)
    return (
        row
        | {
            "environment": environment_with_project(world, row["environmentId"]),
            "deployments": world.store.where("deployment", "composeId", compose_id),
            "mounts": [shown_mount(mount) for mount in mounts],
            "domains": world.store.where("domain", "composeId", compose_id),
        }
        | dict.fromkeys(_NOTHING)
        | {
            "server": world.store.get("server", row["serverId"]),
            "backups": shown_backups(world, "compose", compose_id),
        }
    )


@mutation(
    "compose.create",
    f"name:str+ description:str?~ environmentId:str composeType:{_TYPES}? appName:appname?"
    f" serverId:str?~ composeFile:str? sourceType:{_SOURCES}?",
)
def create(world: World, asked: dict[str, Any]) -> Any:
    """Always a new compose, from GitHub unless another source is named."""
    need(world, "environment", asked["environmentId"], "Environment")
    row = compose_row(**asked | {"appName": app_name("compose", asked.get("appName"))})
    return world.store.put("compose", row["composeId"], row)


@query("compose.one", "composeId:str+")
def one(world: World, asked: dict[str, Any]) -> Any:
    """All columns, environment in clear text included."""
    row = need(world, "compose", asked["composeId"], "Compose")
    return full_compose(world, row) | {"hasGitProviderAccess": True, "unauthorizedProvider": None}


@query(
    "compose.search",
    "q:str? name:str? appName:str? description:str? projectId:str? environmentId:str?"
    " limit:limit offset:offset",
)
def find(world: World, asked: dict[str, Any]) -> Any:
    """Compose by part of a name."""
    names = ("name", "appName", "description")
    shown = ("composeId", *names, "environmentId", "composeStatus", "sourceType", "createdAt")
    return search(world.store.every("compose"), asked, names, shown)


@mutation("compose.update", _UPDATE)
def update(world: World, asked: dict[str, Any]) -> Any:
    """Change what was given, appName excepted; it takes effect at the next deploy."""
    compose_id = asked.pop("composeId")
    asked.pop("appName", None)
    need(world, "compose", compose_id, "Compose")
    return world.store.change("compose", compose_id, **asked)


@mutation("compose.saveEnvironment", "composeId:str env:str~! createEnvFile:bool?")
def save_environment(world: World, asked: dict[str, Any]) -> Any:
    """Replace the whole environment text."""
    compose_id = asked.pop("composeId")
    need(world, "compose", compose_id, "Compose")
    world.store.change("compose", compose_id, **asked)
    return True


def _file(world: World, row: Row) -> str:
    if row["sourceType"] == "raw":
        return str(row["composeFile"])
    url, branch = row["customGitUrl"] or "", row["customGitBranch"] or ""
    return file_of(world.store, url, branch, row["composePath"]) or ""


@query("compose.loadServices", "composeId:str+ type:{fetch,cache}?")
def load_services(world: World, asked: dict[str, Any]) -> Any:
    """The names of the file's services."""
    row = need(world, "compose", asked["composeId"], "Compose")
    try:
        return list(parsed(_file(world, row))["services"])
    except ComposeFileError as failure:
        raise not_found("Services") from failure


@query("compose.getConvertedCompose", "composeId:str+")
def converted(world: World, asked: dict[str, Any]) -> Any:
    """The file as it would be deployed, with the labels of its domains; null without one."""
    row = need(world, "compose", asked["composeId"], "Compose")
    try:
        content = parsed(_file(world, row))
        routes = compose_routes(world, row, content)
    except ComposeFileError:
        return "null\n"
    for route in routes:
        name = route["appName"].removeprefix(f"{row['appName']}_")
        key = f"{row['appName']}-{route['domainId'][:4]}"
        service = content["services"][name]
        holder = service.setdefault("deploy", {}) if row["composeType"] == "stack" else service
        labels = holder.setdefault("labels", [])
        labels += [
            "traefik.enable=true",
            f"traefik.http.routers.{key}.rule=Host(`{route['host']}`)",
        ]
    return yaml.safe_dump(content, sort_keys=False)


@mutation("compose.delete", "composeId:str+ deleteVolumes:bool")
def delete(world: World, asked: dict[str, Any]) -> Any:
    """
    Forget the compose, then take its services down. 200 says nothing of the services: a stack
    may run on. Volumes go only with docker-compose, and only if asked.
    """
    row = need(world, "compose", asked["composeId"], "Compose")
    answer = full_compose(world, row)
    world.queue.drop_waiting(row["composeId"])
    forget_compose(world, row["composeId"])
    lingers = world.settings.get("stack_lingers") if row["composeType"] == "stack" else None
    for service in world.engine.services(row["appName"]):
        world.engine.remove(service["name"], lingers)
        if asked["deleteVolumes"] and row["composeType"] == "docker-compose":
            for volume in service["volumes"]:
                world.engine.volumes.drop(volume)
    if lingers is None:
        drop_routes(world, row["appName"])
    return answer
