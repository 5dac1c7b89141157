"""Where an application's code comes from, how it is built and what its environment is."""

from typing import Any, Final

from dokploy_simulator.answers import failed_query, server_error
from dokploy_simulator.nouns.listing import need
from dokploy_simulator.routes import mutation
from dokploy_simulator.world import World

_TYPES: Final = "{dockerfile,heroku_buildpacks,paketo_buildpacks,nixpacks,static,railpack}"


def _save(world: World, asked: dict[str, Any], source: str, key: str | None = None) -> bool:
    application_id = asked.pop("applicationId")
    need(world, "application", application_id, "Application")
    values = asked | {"sourceType": source, "applicationStatus": "idle"}
    table = "sshKey" if key == "customGitSSHKeyId" else "gitProvider"
    if key and values.get(key) and world.store.get(table, values[key]) is None:
        # An unknown foreign key is the database's error, told with the statement in clear.
        message = failed_query("update", "application", values | {"applicationId": application_id})
        raise server_error(message)
    world.store.change("application", application_id, **values)
    return True


@mutation(
    "application.saveGitProvider",
    "applicationId:str customGitBuildPath:str~! customGitUrl:str~! watchPaths:list~!"
    " enableSubmodules:bool? customGitBranch:branch customGitSSHKeyId:str?~",
)
def save_git(world: World, asked: dict[str, Any]) -> Any:
    """Take the code from any Git address."""
    return _save(world, asked, "git", "customGitSSHKeyId")


@mutation(
    "application.saveGithubProvider",
    "applicationId:str repository:str~! owner:str~! buildPath:str~! githubId:str~! branch:branch"
    " triggerType:{push,tag} enableSubmodules:bool? watchPaths:list?~",
)
def save_github(world: World, asked: dict[str, Any]) -> Any:
    """Take the code from GitHub."""
    return _save(world, asked, "github", "githubId")


@mutation(
    "application.saveGitlabProvider",
    "applicationId:str gitlabBuildPath:str~! gitlabOwner:str~! gitlabRepository:str~!"
    " gitlabId:str~! gitlabProjectId:num~! gitlabPathNamespace:str~! gitlabBranch:branch"
    " enableSubmodules:bool? watchPaths:list?~",
)
def save_gitlab(world: World, asked: dict[str, Any]) -> Any:
    """Take the code from GitLab."""
    return _save(world, asked, "gitlab", "gitlabId")


@mutation(
    "application.saveGiteaProvider",
    "applicationId:str giteaBuildPath:str~! giteaOwner:str~! giteaRepository:str~! giteaId:str~!"
    " giteaBranch:branch enableSubmodules:bool? watchPaths:list?~",
)
def save_gitea(world: World, asked: dict[str, Any]) -> Any:
    """Take the code from Gitea."""
    return _save(world, asked, "gitea", "giteaId")


@mutation(
    "application.saveBitbucketProvider",
    "bitbucketBuildPath:str~! bitbucketOwner:str~! bitbucketRepository:str~!"
    " bitbucketRepositorySlug:str~! bitbucketId:str~! applicationId:str bitbucketBranch:branch"
    " enableSubmodules:bool? watchPaths:list?~",
)
def save_bitbucket(world: World, asked: dict[str, Any]) -> Any:
    """Take the code from Bitbucket."""
    return _save(world, asked, "bitbucket", "bitbucketId")


@mutation(
    "application.saveDockerProvider",
    "dockerImage:str~! applicationId:str username:str~! password:str~! registryUrl:str~!",
)
def save_docker(world: World, asked: dict[str, Any]) -> Any:
    """Run an image instead of building one."""
    return _save(world, asked, "docker")


@mutation(
    "application.saveBuildType",
    f"applicationId:str buildType:{_TYPES} dockerfile:str~! dockerContextPath:str~!"
    " dockerBuildStage:str~! herokuVersion:str~! railpackVersion:str~! publishDirectory:str?~"
    " isStaticSpa:bool?~",
)
def save_build_type(world: World, asked: dict[str, Any]) -> Any:
    """How to build; a null takes the place of the default."""
    application_id = asked.pop("applicationId")
    need(world, "application", application_id, "Application")
    world.store.change("application", application_id, **asked)
    return True


@mutation(
    "application.saveEnvironment",
    "applicationId:str env:str~! buildArgs:str~! buildSecrets:str~! createEnvFile:bool!",
)
def save_environment(world: World, asked: dict[str, Any]) -> Any:
    """Replace the whole environment text."""
    application_id = asked.pop("applicationId")
    need(world, "application", application_id, "Application")
    world.store.change("application", application_id, **asked)
    return True
