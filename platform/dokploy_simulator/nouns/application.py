"""Applications: rows and settings. Running them is in ``application_runs``."""

from typing import Any, Final

from dokploy_simulator.answers import bad_request, failed_query, server_error
from dokploy_simulator.identity import app_name, new_id
from dokploy_simulator.nouns.listing import environment_with_project, need, search
from dokploy_simulator.nouns.project import forget_application
from dokploy_simulator.routes import mutation, query
from dokploy_simulator.rows import application_row, shown_mount
from dokploy_simulator.store import Row
from dokploy_simulator.world import World

SOURCES: Final = "{github,docker,git,gitlab,bitbucket,gitea,drop}"
_FOUND: Final = (
    "applicationId", "name", "appName", "description", "environmentId", "applicationStatus",
    "sourceType", "createdAt",
)  # fmt: skip
_TEXTS: Final = (
    "description env previewEnv previewBuildArgs previewBuildSecrets previewWildcard previewPath"
    " previewCustomCertResolver buildArgs buildSecrets memoryReservation memoryLimit"
    " cpuReservation cpuLimit title subtitle command icon refreshToken repository owner branch"
    " buildPath gitlabRepository gitlabOwner gitlabBranch gitlabBuildPath gitlabPathNamespace"
    " giteaRepository giteaOwner giteaBranch giteaBuildPath bitbucketRepository"
    " bitbucketRepositorySlug bitbucketOwner bitbucketBranch bitbucketBuildPath username password"
    " dockerImage registryUrl customGitUrl customGitBranch customGitBuildPath customGitSSHKeyId"
    " dockerfile dockerContextPath dockerBuildStage dropBuildPath railpackVersion herokuVersion"
    " publishDirectory registryId rollbackRegistryId githubId gitlabId giteaId bitbucketId"
    " buildServerId buildRegistryId"
)
_UPDATE: Final = " ".join(
    [
        "applicationId:str+ name:str?+ appName:appname?",
        *(f"{name}:str?~" for name in _TEXTS.split()),
        "watchPaths:list?~ previewLabels:list?~ args:list?~ networkIds:list?~",
        "previewPort:num?~ previewLimit:num?~ gitlabProjectId:num?~ replicas:num?",
        "stopGracePeriodSwarm:num?~ previewHttps:bool? isPreviewDeploymentsActive:bool?~",
        "previewRequireCollaboratorPermissions:bool?~ rollbackActive:bool?~ enabled:bool?~",
        "cleanCache:bool?~ autoDeploy:bool?~ enableSubmodules:bool? isStaticSpa:bool?~",
        "createEnvFile:bool? detachDokployNetwork:bool?",
        f"sourceType:{SOURCES}? triggerType:{{push,tag}}?~",
        "previewCertificateType:{letsencrypt,none,custom}?",
        "applicationStatus:{idle,running,done,error}?",
        "buildType:{dockerfile,heroku_buildpacks,paketo_buildpacks,nixpacks,static,railpack}?",
        "healthCheckSwarm:health?~ restartPolicySwarm:restart?~ placementSwarm:placement?~",
        "updateConfigSwarm:rollout?~ rollbackConfigSwarm:rollout?~ modeSwarm:mode?~",
        "labelsSwarm:obj?~ networkSwarm:list?~ endpointSpecSwarm:endpoint?~ ulimitsSwarm:list?~",
    ],
)
_RELATIONS: Final[Row] = {
    "redirects": [],
    "security": [],
    "ports": [],
    "gitlab": None,
    "github": None,
    "bitbucket": None,
    "gitea": None,
    "server": None,
    "previewDeployments": [],
    "registry": None,
    "buildRegistry": None,
    "rollbackRegistry": None,
}


def full_application(world: World, row: Row) -> Row:
    """An application with everything that hangs on it."""
    application_id = row["applicationId"]
    mounts = world.store.where("mount", "serviceId", application_id)
    return (
        row
        | {
            "environment": environment_with_project(world, row["environmentId"]),
            "domains": world.store.where("domain", "applicationId", application_id),
            "deployments": world.store.where("deployment", "applicationId", application_id),
            "mounts": [shown_mount(mount) for mount in mounts],
        }
        | _RELATIONS
        | {
            "redirects": world.store.where("redirect", "applicationId", application_id),
            "server": world.store.get("server", row["serverId"]),
            "rollbackRegistry": world.store.get("registry", row["rollbackRegistryId"]),
        }
    )


@mutation(
    "application.create",
    "name:str+ appName:appname? description:str?~ environmentId:str serverId:str?~"
    f" sourceType:{SOURCES}?",
)
def create(world: World, asked: dict[str, Any]) -> Any:
    """Always a new application; its appName ends in letters nobody can foresee."""
    need(world, "environment", asked["environmentId"], "Environment")
    row = application_row(**asked | {"appName": app_name("app", asked.get("appName"))})
    return world.store.put("application", row["applicationId"], row)


@query("application.one", "applicationId:str+")
def one(world: World, asked: dict[str, Any]) -> Any:
    """All columns, environment in clear text included."""
    row = need(world, "application", asked["applicationId"], "Application")
    return full_application(world, row) | {
        "hasGitProviderAccess": True,
        "unauthorizedProvider": None,
    }


@query(
    "application.search",
    "q:str? name:str? appName:str? description:str? repository:str? owner:str? dockerImage:str?"
    " projectId:str? environmentId:str? limit:limit offset:offset",
)
def find(world: World, asked: dict[str, Any]) -> Any:
    """Applications by part of a name."""
    rows = world.store.every("application")
    if asked.get("projectId"):
        within = world.store.where("environment", "projectId", asked["projectId"])
        ids = {row["environmentId"] for row in within}
        rows = [row for row in rows if row["environmentId"] in ids]
    names = ("name", "appName", "description", "repository", "owner", "dockerImage")
    return search(rows, asked, names, _FOUND)


@mutation("application.update", _UPDATE)
def update(world: World, asked: dict[str, Any]) -> Any:
    """Change what was given, appName excepted; it takes effect at the next deploy or reload."""
    application_id = asked.pop("applicationId")
    asked.pop("appName", None)
    if not asked:
        raise server_error("No values to set")
    registry_id = asked.get("rollbackRegistryId")
    if registry_id and world.store.get("registry", registry_id) is None:
        raise bad_request(failed_query("update", "application", asked))
    if world.store.change("application", application_id, **asked) is None:
        raise bad_request("Error updating application")
    return True


@mutation("application.refreshToken", "applicationId:str+")
def refresh_token(world: World, asked: dict[str, Any]) -> Any:
    """A new token for the incoming hook; it is read from application.one."""
    need(world, "application", asked["applicationId"], "Application")
    world.store.change("application", asked["applicationId"], refreshToken=new_id())
    return True


@mutation("application.delete", "applicationId:str+")
def delete(world: World, asked: dict[str, Any]) -> Any:
    """
    Forget the application, then take its service down. Waiting jobs are dropped; a running
    build goes on and brings the service back. Volumes and the image stay.
    """
    row = need(world, "application", asked["applicationId"], "Application")
    answer = full_application(world, row)
    world.queue.drop_waiting(row["applicationId"])
    forget_application(world, row["applicationId"])
    for route in world.store.where("route", "appName", row["appName"]):
        world.store.drop("route", route["domainId"])
    world.store.drop("checkout", row["appName"])
    world.engine.remove(row["appName"], world.settings.get("service_lingers"))
    return answer
