"""Rollbacks: a picture of the application at each deploy, and an image pushed to a registry."""

from dokploy_simulator.environment_text import UnknownReferenceError, resolved_env
from dokploy_simulator.ground import Ground
from dokploy_simulator.identity import new_id, now_iso
from dokploy_simulator.specs import ServiceSpec, limits_of
from dokploy_simulator.store import Row

_RELATIONS = ("ports", "security", "redirects", "previewDeployments")


def registry_tag(registry: Row, image: str) -> str:
    """The name an image has in a registry."""
    prefix = str(registry["imagePrefix"] or registry["username"]).lower()
    return f"{registry['registryUrl']}/{prefix}/{image.rpartition('/')[2]}"


def keep_rollback(ground: Ground, application: Row, deployment_id: str) -> Row | None:
    """Write a rollback before the build, so a failed one gets it too; None without a registry."""
    store = ground.store
    registry = store.get("registry", application["rollbackRegistryId"])
    if registry is None or not application["rollbackActive"]:
        return None
    version = int(ground.settings.get("rollbacks", 0)) + 1
    ground.change_settings(rollbacks=version)
    application_id = application["applicationId"]
    context = application | {name: [] for name in _RELATIONS}
    environment = store.get("environment", application["environmentId"]) or {}
    context |= {
        "mounts": store.where("mount", "serviceId", application_id),
        "domains": store.where("domain", "applicationId", application_id),
        "environment": environment
        | {"project": store.get("project", environment.get("projectId"))},
        "registry": None,
        "buildRegistry": None,
        "rollbackRegistry": registry,
        "server": None,
    }
    row = {
        "rollbackId": new_id(),
        "deploymentId": deployment_id,
        "version": version,
        "image": f"{application['appName']}:v{version}",
        "createdAt": now_iso(),
        "fullContext": context,
    }
    row_id = str(row["rollbackId"])
    store.change("deployment", deployment_id, rollbackId=row_id)
    return store.put("rollback", row_id, row | {"applicationId": application_id})


def push_rollback(ground: Ground, rollback: Row | None) -> None:
    """The build went well: its image is in the registry now."""
    if rollback is None:
        return
    context = rollback["fullContext"]
    docker = context["sourceType"] == "docker"
    image = context["dockerImage"] if docker else f"{context['appName']}:latest"
    known = ground.engine.images.row(image) or {"source": image}
    ground.engine.images.build(
        registry_tag(context["rollbackRegistry"], rollback["image"]), known["source"]
    )


def roll_back(ground: Ground, rollback: Row) -> None:
    """Run the picture's image with its environment; no row but the service changes."""
    context = rollback["fullContext"]
    image = registry_tag(context["rollbackRegistry"], rollback["image"])
    known = ground.engine.images.row(image) or {"source": ""}
    try:
        env = resolved_env(ground.store, context)
    except UnknownReferenceError:
        env = []
    ground.engine.apply(
        ServiceSpec(
            name=context["appName"],
            image=image,
            replicas=int(context["replicas"]),
            env=env,
            crashes="crash" in known["source"].lower(),
            volumes=[mount["volumeName"] for mount in context["mounts"] if mount["volumeName"]],
            limits=limits_of(context),
            command=context["command"],
            built=True,
        ),
    )


def shown_rollback(row: Row | None) -> Row | None:
    """A rollback without the column we keep for looking it up."""
    return row and {name: value for name, value in row.items() if name != "applicationId"}
