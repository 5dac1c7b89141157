"""Fresh rows with their defaults, and the columns that hang on services."""

from typing import Any, Final

from dokploy_simulator.identity import new_id, now_iso
from dokploy_simulator.store import Row

_SWARM: Final = (
    "healthCheckSwarm restartPolicySwarm placementSwarm updateConfigSwarm rollbackConfigSwarm"
    " modeSwarm labelsSwarm networkSwarm stopGracePeriodSwarm endpointSpecSwarm ulimitsSwarm"
).split()
_LIMITS: Final = ["memoryReservation", "memoryLimit", "cpuReservation", "cpuLimit"]
_APPLICATION_DEFAULTS: Final[dict[str, Any]] = {
    "previewPort": 3000,
    "previewHttps": False,
    "previewPath": "/",
    "previewCertificateType": "none",
    "previewLimit": 3,
    "isPreviewDeploymentsActive": False,
    "previewRequireCollaboratorPermissions": True,
    "rollbackActive": False,
    "sourceType": "github",
    "cleanCache": False,
    "buildPath": "/",
    "triggerType": "push",
    "autoDeploy": True,
    "gitlabBuildPath": "/",
    "giteaBuildPath": "/",
    "bitbucketBuildPath": "/",
    "enableSubmodules": False,
    "dockerfile": "Dockerfile",
    "replicas": 1,
    "applicationStatus": "idle",
    "buildType": "nixpacks",
    "railpackVersion": "0.15.4",
    "herokuVersion": "24",
    "createEnvFile": True,
    "detachDokployNetwork": False,
}
_APPLICATION_COLUMNS: Final = [
    *"applicationId name appName description env previewEnv watchPaths previewBuildArgs".split(),
    *"previewBuildSecrets previewLabels previewWildcard previewPort previewHttps".split(),
    *"previewPath previewCertificateType previewCustomCertResolver previewLimit".split(),
    *"isPreviewDeploymentsActive previewRequireCollaboratorPermissions rollbackActive".split(),
    *"buildArgs buildSecrets".split(),
    *_LIMITS,
    *"title enabled subtitle command args icon refreshToken sourceType cleanCache".split(),
    *"repository owner branch buildPath triggerType autoDeploy".split(),
    *"gitlabProjectId gitlabRepository gitlabOwner gitlabBranch gitlabBuildPath".split(),
    *"gitlabPathNamespace giteaRepository giteaOwner giteaBranch giteaBuildPath".split(),
    *"bitbucketRepository bitbucketRepositorySlug bitbucketOwner bitbucketBranch".split(),
    *"bitbucketBuildPath username password dockerImage registryUrl customGitUrl".split(),
    *"customGitBranch customGitBuildPath customGitSSHKeyId enableSubmodules".split(),
    *"dockerfile dockerContextPath dockerBuildStage dropBuildPath".split(),
    *_SWARM,
    *"replicas applicationStatus buildType railpackVersion herokuVersion".split(),
    *"publishDirectory isStaticSpa createEnvFile createdAt registryId".split(),
    *"rollbackRegistryId environmentId githubId gitlabId giteaId bitbucketId".split(),
    *"serverId buildServerId buildRegistryId networkIds detachDokployNetwork".split(),
]
_COMPOSE_COLUMNS: Final = [
    *"composeId name appName description env composeFile refreshToken sourceType".split(),
    *"composeType repository owner branch autoDeploy gitlabProjectId gitlabRepository".split(),
    *"gitlabOwner gitlabBranch gitlabPathNamespace bitbucketRepository".split(),
    *"bitbucketRepositorySlug bitbucketOwner bitbucketBranch giteaRepository giteaOwner".split(),
    *"giteaBranch customGitUrl customGitBranch customGitSSHKeyId command createEnvFile".split(),
    *"enableSubmodules composePath suffix randomize isolatedDeployment".split(),
    *"isolatedDeploymentsVolume triggerType composeStatus icon environmentId createdAt".split(),
    *"watchPaths githubId gitlabId bitbucketId giteaId serverId serviceNetworks".split(),
]
_MOUNT_OWNERS: Final = (
    "application", "compose", "libsql", "mariadb", "mongo", "mysql", "postgres", "redis",
)  # fmt: skip


def application_row(**values: Any) -> Row:
    """An application as it is right after its creation."""
    row = dict.fromkeys(_APPLICATION_COLUMNS) | _APPLICATION_DEFAULTS
    return (
        row
        | {
            "applicationId": new_id(),
            "refreshToken": new_id(),
            "createdAt": now_iso(),
            "networkIds": [],
        }
        | values
    )


def compose_row(**values: Any) -> Row:
    """A compose as it is right after its creation."""
    return (
        dict.fromkeys(_COMPOSE_COLUMNS)
        | {
            "composeId": new_id(),
            "composeFile": "",
            "refreshToken": new_id(),
            "sourceType": "github",
            "composeType": "docker-compose",
            "autoDeploy": True,
            "command": "",
            "createEnvFile": True,
            "enableSubmodules": False,
            "composePath": "./docker-compose.yml",
            "suffix": "",
            "randomize": False,
            "isolatedDeployment": False,
            "isolatedDeploymentsVolume": False,
            "triggerType": "push",
            "composeStatus": "idle",
            "createdAt": now_iso(),
            "serviceNetworks": [],
        }
        | values
    )


def database_row(kind: str, **values: Any) -> Row:
    """A database as it is right after its creation."""
    columns = ["command", "args", "env", *_LIMITS, "externalPort", *_SWARM]
    if kind == "libsql":
        columns = [name for name in columns if name not in {"args", "ulimitsSwarm"}]
        columns += ["externalGRPCPort", "externalAdminPort"]
    row: Row = {f"{kind}Id": new_id(), "name": None, "appName": None, "description": None}
    return (
        row
        | dict.fromkeys(columns)
        | {
            "applicationStatus": "idle",
            "replicas": 1,
            "createdAt": now_iso(),
            "environmentId": None,
            "serverId": None,
            "networkIds": [],
            "detachDokployNetwork": False,
        }
        | values
    )


def mount_row(service_type: str, service_id: str | None, **values: Any) -> Row:
    """A mount; without a service id it belongs to nothing."""
    row: Row = {
        "mountId": new_id(),
        "type": "volume",
        "hostPath": None,
        "volumeName": None,
        "filePath": None,
        "content": None,
        "serviceType": service_type,
        "mountPath": None,
    }
    row |= {f"{owner}Id": None for owner in _MOUNT_OWNERS} | values
    row[f"{service_type}Id"] = service_id
    return row | {"serviceId": service_id}


def shown_mount(row: Row) -> Row:
    """A mount without the column we keep for looking it up."""
    return {name: value for name, value in row.items() if name != "serviceId"}
