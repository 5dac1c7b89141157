"""What one job of the queue does for a compose."""

from dokploy_simulator import build_log, durations
from dokploy_simulator.compose_file import ComposeFileError, filled, parsed, service_specs
from dokploy_simulator.environment_text import UnknownReferenceError, resolved_env
from dokploy_simulator.ground import Ground
from dokploy_simulator.history import (
    append_log,
    finish_deployment,
    note_fact,
    start_deployment,
)
from dokploy_simulator.jobs import Job
from dokploy_simulator.repositories import commit_of, file_of
from dokploy_simulator.store import Row


async def run_compose_job(ground: Ground, job: Job) -> None:
    """Run a job to its end; a compose deleted meanwhile gets its services all the same."""
    compose = ground.store.get("compose", job.owner_id)
    if compose is None:
        return
    row = start_deployment(ground, compose, job.title, job.description, "composeId")
    deployment_id = row["deploymentId"]
    ground.store.change("compose", job.owner_id, composeStatus="running")
    append_log(ground, deployment_id, "Initializing deployment")
    status = "done"
    try:
        text = await _fetch(ground, compose, deployment_id, fetch=job.kind == "deploy")
        await _bring_up(ground, compose, deployment_id, text)
    except (ComposeFileError, UnknownReferenceError) as failure:
        append_log(ground, deployment_id, str(failure), *build_log.FAILED)
        status = "error"
    finish_deployment(ground, deployment_id, status)
    ground.store.change("compose", job.owner_id, composeStatus=status)
    ground.store.commit()


async def _fetch(ground: Ground, compose: Row, deployment_id: str, *, fetch: bool) -> str:
    """The compose file: the row's own, or the one at the branch."""
    if compose["sourceType"] == "raw":
        append_log(ground, deployment_id, "File 'docker-compose.yml' created: ✅")
        return str(compose["composeFile"])
    if compose["sourceType"] != "git":
        name = str(compose["sourceType"]).capitalize()
        raise ComposeFileError(f"Error: ❌ {name} Provider not found")
    url, branch = compose["customGitUrl"] or "", compose["customGitBranch"] or ""
    if fetch:
        append_log(ground, deployment_id, *build_log.cloning(url, compose["appName"]))
        await ground.passes(durations.CLONING)
    commit, message = commit_of(ground.store, url, branch)
    text = file_of(ground.store, url, branch, compose["composePath"])
    if not commit:
        raise ComposeFileError(f"fatal: Remote branch {branch} not found in upstream origin")
    if text is None:
        raise ComposeFileError("Error: ❌ Compose file not found")
    if fetch:
        values = {"title": message, "description": f"Commit: {commit}"}
        ground.store.change("deployment", deployment_id, **values)
        note_fact(ground, deployment_id, commit=commit)
    return text


async def _bring_up(ground: Ground, compose: Row, deployment_id: str, text: str) -> None:
    app_name, stack = compose["appName"], compose["composeType"] == "stack"
    env = dict(line.split("=", 1) for line in resolved_env(ground.store, compose))
    content = filled(parsed(text), env)
    routes = compose_routes(ground, compose, content)
    specs = service_specs(content, app_name, stack=stack, crashes=lambda name: "crash" in name)
    command = f"stack deploy -c docker-compose.yml {app_name} --prune --with-registry-auth"
    if not stack:
        command = f"compose -p {app_name} -f docker-compose.yml up -d --build --remove-orphans"
    mounts = len(ground.store.where("mount", "serviceId", compose["composeId"]))
    box = build_log.compose_box(
        app_name, command, compose["sourceType"], compose["composeType"], mounts
    )
    append_log(ground, deployment_id, box)
    await ground.passes(durations.DEPLOYING if stack else durations.IMAGE_PULL)
    wanted = {spec.name for spec in specs}
    for row in ground.engine.services(app_name):
        if row["name"] not in wanted:
            append_log(ground, deployment_id, f"Removing service {row['name']}")
            ground.engine.remove(row["name"])
    for spec in specs:
        if spec.built:
            ground.engine.images.build(spec.image, spec.image)
        word = "Updating" if ground.engine.service(spec.name) else "Creating"
        ground.engine.apply(spec)
        append_log(ground, deployment_id, f"{word} service {spec.name}")
    _set_routes(ground, app_name, routes)
    append_log(ground, deployment_id, "Docker Compose Deployed: ✅")


def compose_routes(ground: Ground, compose: Row, content: Row) -> list[Row]:
    """The routes of the enabled domains. Raises ComposeFileError where one has no service."""
    routes = []
    for domain in ground.store.where("domain", "composeId", compose["composeId"]):
        host, service = domain["host"], domain["serviceName"]
        if not domain["enabled"]:
            continue
        if not service:
            raise ComposeFileError(f'Domain "{host}" is missing a service name')
        if service not in content["services"]:
            raise ComposeFileError(
                f'Domain "{host}" is attached to service "{service}" which does not exist in the'
                " compose",
            )
        routes.append(
            {
                "domainId": domain["domainId"],
                "host": host.lower(),
                "path": domain["path"] or "/",
                "appName": f"{compose['appName']}_{service}",
                "stack": compose["appName"],
            },
        )
    return routes


def _set_routes(ground: Ground, app_name: str, routes: list[Row]) -> None:
    drop_routes(ground, app_name)
    for route in routes:
        ground.names.learn(route["host"])
        ground.store.put("route", route["domainId"], route)


def drop_routes(ground: Ground, app_name: str) -> None:
    """The labels go with the services, and the routes with the labels."""
    for route in ground.store.where("route", "stack", app_name):
        ground.store.drop("route", route["domainId"])
