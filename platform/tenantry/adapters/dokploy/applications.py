"""Applications. Every save sends every field: what is left out is refused, null overwrites."""

from tenantry.adapters.dokploy import rows
from tenantry.adapters.dokploy.client import DokployClient, confirmed
from tenantry.adapters.dokploy.faults import Gone
from tenantry.planning.sources import Build, GitSource, ImageSource
from tenantry.ports import Running, ServiceSeen


def create(
    client: DokployClient,
    environment_id: str,
    name: str,
    app_name: str,
    description: str,
    server_id: str | None,
) -> ServiceSeen:
    """Change: a repeat makes a second one. Its automatic deploys are ON until it is settled."""
    body = {
        "environmentId": environment_id,
        "name": name,
        "appName": app_name,
        "description": description,
        "serverId": server_id,
    }
    return client.tell("application.create", body, lambda row: rows.service(rows.APPLICATION, row))


def settle(client: DokployClient, app_id: str, running: Running) -> None:
    """Change, safe to repeat: nobody but us deploys it, and a failed update stays where it is."""
    body = {"applicationId": app_id, "autoDeploy": False, **_running(running)}
    client.tell("application.update", body, confirmed)


def configure(client: DokployClient, app_id: str, running: Running) -> None:
    """Change, safe to repeat: stored only, until the next deploy or reload."""
    body = {"applicationId": app_id, **_running(running)}
    client.tell("application.update", body, confirmed)


def _running(running: Running) -> dict[str, object]:
    return {
        "updateConfigSwarm": {
            "Parallelism": 1,
            "Order": "stop-first" if running.stop_first else "start-first",
            # Swarm would go back to the old version on its own while the status says done.
            "FailureAction": "pause",
        },
        "args": list(running.args) or None,
        "replicas": running.replicas,
        # Whole bytes and nanoCPUs in a string, or no limit: all else is misread there.
        "memoryLimit": running.limits.memory_bytes,
        "cpuLimit": running.limits.nano_cpus,
    }


def attach_git(client: DokployClient, app_id: str, source: GitSource) -> None:
    """Change, safe to repeat."""
    body: dict[str, object] = {
        "applicationId": app_id,
        "customGitUrl": source.url,
        "customGitBranch": source.branch,
        "customGitBuildPath": source.build_path,
        "customGitSSHKeyId": source.ssh_key_id,
        "enableSubmodules": source.submodules,
        "watchPaths": [],
    }
    client.tell("application.saveGitProvider", body, confirmed)


def attach_image(client: DokployClient, app_id: str, source: ImageSource) -> None:
    """Change, safe to repeat."""
    body = {
        "applicationId": app_id,
        "dockerImage": source.image,
        "username": None,
        "password": None,
        "registryUrl": None,
    }
    client.tell("application.saveDockerProvider", body, confirmed)


def set_build(client: DokployClient, app_id: str, build: Build) -> None:
    """Change, safe to repeat."""
    body = {
        "applicationId": app_id,
        "buildType": build.type,
        "dockerfile": build.dockerfile,
        "dockerContextPath": build.context_path,
        "dockerBuildStage": build.stage,
        "herokuVersion": build.heroku_version,
        "railpackVersion": build.railpack_version,
        "publishDirectory": build.publish_directory,
        "isStaticSpa": build.static_spa,
    }
    client.tell("application.saveBuildType", body, confirmed)


def set_environment(client: DokployClient, app_id: str, dotenv: str) -> None:
    """Change, safe to repeat: replaces the whole environment."""
    body = {
        "applicationId": app_id,
        "env": dotenv,
        "buildArgs": "",
        "buildSecrets": "",
        "createEnvFile": False,
    }
    client.tell("application.saveEnvironment", body, confirmed)


def status(client: DokployClient, app_id: str) -> str | None:
    """State of its last deploy; None where it is gone."""
    try:
        return client.ask(
            "application.one", lambda row: str(row["applicationStatus"]), applicationId=app_id
        )
    except Gone:
        return None


def delete(client: DokployClient, app_id: str) -> None:
    """Change, safe to repeat. A build that runs would bring its containers back."""
    try:
        client.tell("application.delete", {"applicationId": app_id}, confirmed)
    except Gone:
        return
