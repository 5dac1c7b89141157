"""One file for each noun of the API; importing this package fills the table of procedures."""

from dokploy_simulator.nouns import (
    application,
    application_runs,
    application_sources,
    databases,
    deployment,
    docker,
    domain,
    environment,
    mounts,
    overview,
    project,
    schedule,
    server,
    settings,
)

__all__ = [
    "application",
    "application_runs",
    "application_sources",
    "databases",
    "deployment",
    "docker",
    "domain",
    "environment",
    "mounts",
    "overview",
    "project",
    "schedule",
    "server",
    "settings",
]
