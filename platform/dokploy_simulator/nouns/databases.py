"""The six kinds of databases. Their deploys do not queue: the request itself waits."""

from typing import Any, Final

from dokploy_simulator import build_log, durations
from dokploy_simulator.answers import ApiErrorAnswer, bad_request, server_error
from dokploy_simulator.database_kinds import KINDS, Kind
from dokploy_simulator.environment_text import parse_dotenv
from dokploy_simulator.identity import app_name, new_suffix
from dokploy_simulator.nouns.application_runs import container_log
from dokploy_simulator.nouns.backup_rows import shown_backups
from dokploy_simulator.nouns.listing import environment_with_project, need, search
from dokploy_simulator.nouns.project import forget_database
from dokploy_simulator.routes import mutation, query
from dokploy_simulator.rows import database_row, mount_row, shown_mount
from dokploy_simulator.specs import ServiceSpec, limits_of
from dokploy_simulator.store import Row
from dokploy_simulator.world import World

_FOUND: Final = (
    "name", "appName", "description", "environmentId", "applicationStatus", "createdAt",
)  # fmt: skip
_UPDATE: Final = (
    " name:str?+ appName:appname? databaseName:str?+ databaseUser:str?+ databasePassword:password?"
    " databaseRootPassword:password? description:str?~ dockerImage:str? command:str?~ args:list?~"
    " env:str?~ memoryReservation:str?~ memoryLimit:str?~ cpuReservation:str?~ cpuLimit:str?~"
    " externalPort:num?~ applicationStatus:{idle,running,done,error}? healthCheckSwarm:health?~"
    " restartPolicySwarm:restart?~ placementSwarm:placement?~ updateConfigSwarm:rollout?~"
    " rollbackConfigSwarm:rollout?~ modeSwarm:mode?~ labelsSwarm:obj?~ networkSwarm:list?~"
    " stopGracePeriodSwarm:num?~ endpointSpecSwarm:endpoint?~ ulimitsSwarm:list?~ replicas:num?"
    " networkIds:list?~ detachDokployNetwork:bool? replicaSets:bool? enableNamespaces:bool?"
    " sqldNode:{primary,replica}? sqldPrimaryUrl:str?~"
)


def full_database(world: World, kind: Kind, row: Row) -> Row:
    """A database with everything that hangs on it, password in clear text."""
    mounts = world.store.where("mount", "serviceId", row[kind.id_name])
    full = row | {
        "environment": environment_with_project(world, row["environmentId"]),
        "mounts": [shown_mount(mount) for mount in mounts],
        "server": world.store.get("server", row["serverId"]),
    }
    if kind.backups:
        full["backups"] = shown_backups(world, kind.name, row[kind.id_name])
    return full


async def bring_up(world: World, kind: Kind, row: Row) -> None:
    """Pull and start. Raises ApiErrorAnswer (500) after setting the status to error."""
    image = row["dockerImage"]
    slow = durations.SLOW_FACTOR if "slow" in image else 1.0
    await world.passes(durations.IMAGE_PULL * slow)
    if "fail" in image:
        world.store.change(kind.name, row[kind.id_name], applicationStatus="error")
        refusal = build_log.pull_refused(image)
        raise server_error(f"Error on deploy {kind.name}Error: {refusal}\n")
    mounts = world.store.where("mount", "serviceId", row[kind.id_name])
    environment = parse_dotenv(row["env"])
    real = image if kind.name != "libsql" else kind.image
    world.engine.images.pull(image)
    world.engine.images.pull(real)
    world.engine.apply(
        ServiceSpec(
            name=row["appName"],
            image=real,
            replicas=int(row["replicas"]),
            env=[f"{name}={value}" for name, value in environment.items()],
            kind=kind.name,
            crashes="crash" in image,
            order="stop-first",
            args=[str(word) for word in row.get("args") or []],
            command=row["command"] or None,
            limits=limits_of(row),
            pinned=True,
            volumes=[mount["volumeName"] for mount in mounts if mount["volumeName"]],
        ),
    )
    world.store.change(kind.name, row[kind.id_name], applicationStatus="done")


def _register_rows(kind: Kind) -> None:
    id_name = kind.id_name

    def create(world: World, asked: dict[str, Any]) -> Any:
        need(world, "environment", asked["environmentId"], "Environment")
        values = dict(kind.extra) | asked
        values["appName"] = app_name(kind.name, asked.get("appName"))
        values["dockerImage"] = asked.get("dockerImage") or kind.image
        values["databasePassword"] = asked["databasePassword"] or new_suffix(16)
        if kind.name in {"mysql", "mariadb"}:
            values["databaseRootPassword"] = asked.get("databaseRootPassword") or new_suffix(16)
        row = database_row(kind.name, **values)
        world.store.put(kind.name, row[id_name], row)
        mount = mount_row(
            kind.name,
            row[id_name],
            volumeName=f"{row['appName']}-data",
            mountPath=kind.folder,
        )
        world.store.put("mount", mount["mountId"], mount)
        return True if kind.name == "libsql" else row

    def one(world: World, asked: dict[str, Any]) -> Any:
        return full_database(world, kind, need(world, kind.name, asked[id_name], kind.label))

    def update(world: World, asked: dict[str, Any]) -> Any:
        database_id = asked.pop(id_name)
        asked.pop("appName", None)
        need(world, kind.name, database_id, kind.label)
        if not asked:
            raise server_error("No values to set")
        if world.store.change(kind.name, database_id, **asked) is None:
            raise bad_request(f"Update: Error updating {kind.label}")
        return True

    def save_environment(world: World, asked: dict[str, Any]) -> Any:
        need(world, kind.name, asked[id_name], kind.label)
        world.store.change(kind.name, asked[id_name], env=asked["env"])
        return True

    def find(world: World, asked: dict[str, Any]) -> Any:
        names = ("name", "appName", "description")
        return search(world.store.every(kind.name), asked, names, (id_name, *_FOUND))

    def read_logs(world: World, asked: dict[str, Any]) -> Any:
        row = need(world, kind.name, asked[id_name], kind.label)
        return container_log(world, row["appName"], asked)

    mutation(f"{kind.name}.create", kind.fields)(create)
    query(f"{kind.name}.one", f"{id_name}:str+")(one)
    mutation(f"{kind.name}.update", f"{id_name}:str+{_UPDATE}")(update)
    mutation(f"{kind.name}.saveEnvironment", f"{id_name}:str env:str~!")(save_environment)
    query(
        f"{kind.name}.search",
        "q:str? name:str? appName:str? description:str? projectId:str? environmentId:str?"
        " limit:limit offset:offset",
    )(find)
    query(f"{kind.name}.readLogs", f"{id_name}:str+ tail:tail since:since search:str?")(read_logs)


async def _scaled(world: World, kind: Kind, row: Row, replicas: int) -> Row:
    """Set the number of tasks and wait; the answer is the row as it was."""
    before = full_database(world, kind, row)
    name = row["appName"]
    known = world.engine.scale(name, replicas)
    if not known and replicas:
        raise server_error(
            f"Command execution failed: Command failed: docker service scale {name}=1 \n"
            f"{name}: Error response from daemon: service {name} not found\n",
        )
    if known:
        await world.passes(durations.SCALING)
    status = "done" if replicas else "idle"
    world.store.change(kind.name, row[kind.id_name], applicationStatus=status)
    return before


def _register_runs(kind: Kind) -> None:
    id_name = kind.id_name

    def row_of(world: World, asked: dict[str, Any]) -> Row:
        return need(world, kind.name, asked[id_name], kind.label)

    async def deploy(world: World, asked: dict[str, Any]) -> Any:
        row = row_of(world, asked)
        before = full_database(world, kind, row)
        await bring_up(world, kind, row)
        return before

    async def start(world: World, asked: dict[str, Any]) -> Any:
        return await _scaled(world, kind, row_of(world, asked), 1)

    async def stop(world: World, asked: dict[str, Any]) -> Any:
        return await _scaled(world, kind, row_of(world, asked), 0)

    async def reload(world: World, asked: dict[str, Any]) -> Any:
        row = row_of(world, asked)
        await _scaled(world, kind, row, 0)
        await _scaled(world, kind, row, 1)
        return True

    def remove(world: World, asked: dict[str, Any]) -> Any:
        row = row_of(world, asked)
        before = full_database(world, kind, row)
        world.engine.remove(row["appName"], world.settings.get("service_lingers"))
        for backup in world.store.where("backup", id_name, row[id_name]):
            world.clock.disarm(backup["backupId"])
        forget_database(world, kind.name, row[id_name])
        return before

    mutation(f"{kind.name}.deploy", f"{id_name}:str")(deploy)
    mutation(f"{kind.name}.start", f"{id_name}:str+")(start)
    mutation(f"{kind.name}.stop", f"{id_name}:str+")(stop)
    mutation(f"{kind.name}.reload", f"{id_name}:str appName:appname!")(reload)
    mutation(f"{kind.name}.remove", f"{id_name}:str+")(remove)


def _register_port(kind: Kind) -> None:
    libsql = kind.name == "libsql"

    async def save(world: World, asked: dict[str, Any]) -> Any:
        row = need(world, kind.name, asked[kind.id_name], kind.label)
        before = full_database(world, kind, row)
        port = asked.get("externalPort")
        _refuse_taken_port(world, row, port)
        changed = world.store.change(kind.name, row[kind.id_name], externalPort=port)
        await bring_up(world, kind, changed or row)
        return before

    wanted = "externalPort:num?~" if libsql else "externalPort:num~!"
    path = f"{kind.name}.saveExternalPort{'s' if libsql else ''}"
    mutation(path, f"{kind.id_name}:str {wanted}")(save)


def _refuse_taken_port(world: World, row: Row, port: int | None) -> None:
    for kind in KINDS:
        for other in world.store.every(kind.name):
            if port and other["externalPort"] == port and other["appName"] != row["appName"]:
                raise ApiErrorAnswer(
                    "CONFLICT",
                    f"Port {port} is already in use by {other['appName']}",
                )


for _kind in KINDS:
    _register_rows(_kind)
    _register_runs(_kind)
    _register_port(_kind)
