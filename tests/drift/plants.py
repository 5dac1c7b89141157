"""What somebody's hand does on a target, one kind for each tenant, and what must be found of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tenantry.operations import scaling, tenants
from tenantry.operations.scaling import Scale
from tenantry.planning.limits import Capabilities
from tests.drift.fleet import Fleet, Member
from tests.installation import ME

Hand = Callable[[Fleet, Member], object]


@dataclass(frozen=True)
class Plant:
    """`thing` may be a beginning: what is extra bears an id of the target's own."""

    kind: str
    hand: Hand
    thing: str
    field: str
    mover: str = "target"


def control(fleet: Fleet, body: dict[str, Any]) -> None:
    fleet.place.control("drift", body)


def on(name: str, **fields: Any) -> Hand:
    """Changes fields of an application."""
    return lambda fleet, m: control(
        fleet, {"kind": "application", "id": m.facts[name]["app_id"], "fields": fields}
    )


def on_database(**fields: Any) -> Hand:
    return lambda fleet, m: control(
        fleet, {"kind": "postgres", "id": m.facts["db"]["db_id"], "fields": fields}
    )


def on_domain(**fields: Any) -> Hand:
    return lambda fleet, m: control(
        fleet, {"kind": "domain", "id": m.facts["web"]["domain_id"], "fields": fields}
    )


def on_project(**more: Any) -> Hand:
    return lambda fleet, m: control(fleet, {"kind": "project", "id": m.tenant.project_id, **more})


def on_backup(**more: Any) -> Hand:
    def act(fleet: Fleet, m: Member) -> None:
        seen = fleet.target.database_in_full("postgres", m.facts["db"]["db_id"])
        assert seen is not None
        control(fleet, {"kind": "backup", "id": seen.backups[0].id, **more})

    return act


def delete(kind: str, service: str, key: str) -> Hand:
    return lambda fleet, m: control(
        fleet, {"kind": kind, "id": m.facts[service][key], "delete": True}
    )


def add(kind: str, make: Callable[[Member], dict[str, Any]]) -> Hand:
    return lambda fleet, m: control(fleet, {"kind": kind, "add": make(m)})


def in_project(name: str) -> Callable[[Member], dict[str, Any]]:
    return lambda m: {"name": name, "environmentId": m.tenant.environment_id, "appName": name}


def domain(host: str) -> Callable[[Member], dict[str, Any]]:
    def make(m: Member) -> dict[str, Any]:
        return {
            "host": host or m.facts["web"]["domain"],
            "applicationId": m.facts["web"]["app_id"],
            "port": 3000,
            "https": False,
            "certificateType": "none",
        }

    return make


def mount(m: Member) -> dict[str, Any]:
    return {
        "type": "bind",
        "hostPath": "/etc",
        "mountPath": "/host",
        "serviceId": m.facts["web"]["app_id"],
        "serviceType": "application",
    }


def own_replicas(fleet: Fleet, m: Member) -> None:
    """The tenant's own setting, stored and not deployed."""

    def act(session: Any) -> None:
        tenant = tenants.find(session, m.subdomain)
        scaling.store(session, ME, tenant, Scale("web", 2), Capabilities())

    fleet.shop.desk.do(act)


WEB = "web domain {host}"
ORDER = {"Parallelism": 1, "Order": "stop-first", "FailureAction": "pause"}
PLANTS: tuple[Plant, ...] = (
    Plant("replicas", on("web", replicas=3), "web", "replicas"),
    Plant("memory limit", on("web", memoryLimit="256m"), "web", "memory"),
    Plant("cpu limit", on("web", cpuLimit="1"), "web", "cpu"),
    Plant("arguments", on("web", args=["--debug"]), "web", "arguments"),
    Plant("update order", on("web", updateConfigSwarm=ORDER), "web", "update order"),
    Plant("image", on("web", dockerImage="nginx:1.19"), "web", "image"),
    Plant("repository", on("api", customGitUrl="https://github.com/x/y"), "api", "repository"),
    Plant("branch", on("api", customGitBranch="hack"), "api", "branch"),
    Plant("build path", on("api", customGitBuildPath="/app"), "api", "build path"),
    Plant("submodules", on("api", enableSubmodules=True), "api", "submodules"),
    Plant("build type", on("api", buildType="static"), "api", "build type"),
    Plant("dockerfile", on("api", dockerfile="Other"), "api", "dockerfile"),
    Plant("environment value", on("web", env="COLOUR=red"), "web", "environment"),
    Plant("environment key", on("web", env="COLOUR=green\nDEBUG=1"), "web", "environment"),
    Plant("automatic deploys", on("web", autoDeploy=True), "web", "automatic deploys"),
    Plant("build cache off", on("api", cleanCache=True), "api", "build cache"),
    Plant(
        "rollback on",
        on("web", rollbackActive=True, rollbackRegistryId="reg"),
        "web",
        "rollback",
    ),
    Plant("marker lost", on("web", description="our shop"), "web", "marker"),
    Plant("stopped", on("web", applicationStatus="idle"), "web", "state"),
    Plant("application deleted", delete("application", "web", "app_id"), "web", "missing"),
    Plant("domain port", on_domain(port=81), WEB, "port"),
    Plant("domain https", on_domain(https=True), WEB, "https"),
    Plant("domain certificate", on_domain(certificateType="letsencrypt"), WEB, "certificate"),
    Plant("domain disabled", on_domain(enabled=False), WEB, "router"),
    Plant("domain deleted", delete("domain", "web", "domain_id"), WEB, "missing"),
    Plant("domain twice", add("domain", domain("")), WEB, "objects"),
    Plant("domain added", add("domain", domain("x.example.org")), "web domain x.example", "extra"),
    Plant("mount added", add("mounts", mount), "web mount /host", "extra"),
    Plant("application added", add("application", in_project("theirs")), "application", "extra"),
    Plant("application twice", add("application", in_project("web")), "application", "doubled"),
    Plant("stack added", add("compose", in_project("stack")), "compose stack", "extra"),
    Plant("database image", on_database(dockerImage="postgres:16"), "db", "image"),
    Plant("database memory", on_database(memoryLimit="1"), "db", "memory"),
    Plant("database port open", on_database(externalPort=5433), "db", "external port"),
    Plant("database stopped", on_database(applicationStatus="idle"), "db", "state"),
    Plant("database marker", on_database(description=None), "db", "marker"),
    Plant("database deleted", delete("postgres", "db", "db_id"), "db", "missing"),
    Plant("backup disabled", on_backup(fields={"enabled": False}), "db backup", "enabled"),
    Plant("backup moved", on_backup(fields={"schedule": "0 9 * * *"}), "db backup", "schedule"),
    Plant("backup deleted", on_backup(delete=True), "db backup", "missing"),
    Plant("project marker", on_project(fields={"description": "x"}), "the project", "marker"),
    Plant("project deleted", on_project(delete=True), "the project", "missing"),
    Plant("own setting", own_replicas, "web", "tenant: replicas, limits and arguments", "tenant"),
)
