"""The layers of a service's environment, from the product's up to one deployment's."""

from collections.abc import Mapping
from typing import Any

from tenantry.planning.blueprint import EnvLayer

TENANT = "tenant"

Sealed = Mapping[int | None, Mapping[str, str]]


def of_service(
    frozen: Mapping[str, Any],
    item: Mapping[str, Any],
    row_id: int,
    sealed: Sealed,
    overrides: Mapping[str, str],
) -> tuple[EnvLayer, ...]:
    """
    Lowest first. `frozen` is the product, `item` its service, `row_id` the tenant's own row of it,
    `sealed` what is set for the tenant (None) and for each row.
    """
    name = item["name"]
    return (
        EnvLayer("build settings", _commands(item["build_config"])),
        EnvLayer("product", frozen["default_env"]),
        EnvLayer(f"service {name} of the product", item["env"]),
        EnvLayer(TENANT, {}, sealed.get(None, {})),
        EnvLayer(own_layer(name), {}, sealed.get(row_id, {})),
        EnvLayer("this deployment", overrides),
    )


def own_layer(service: str) -> str:
    """What the layer of a tenant's own service is called."""
    return f"service {service} of the tenant"


def _commands(config: Mapping[str, Any]) -> dict[str, str]:
    # Each of the two builders that take commands reads them under its own name.
    prefix = "RAILPACK" if config.get("type") == "railpack" else "NIXPACKS"
    commands = {
        f"{prefix}_BUILD_CMD": config.get("build_command"),
        f"{prefix}_START_CMD": config.get("start_command"),
    }
    return {name: command for name, command in commands.items() if command}
