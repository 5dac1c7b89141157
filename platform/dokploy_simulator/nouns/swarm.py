"""The swarm: its nodes and what runs on them."""

from typing import Any, Final

from dokploy_simulator.answers import EMPTY
from dokploy_simulator.engine import NODE, token
from dokploy_simulator.nouns.silence import is_silent, unless_silent
from dokploy_simulator.routes import query
from dokploy_simulator.world import World

_SHORT: Final = 12
_ID: Final = token("node", NODE)
_VERSION: Final = "28.5.2"


@query("swarm.getNodes", "serverId:str?")
def nodes(world: World, asked: dict[str, Any]) -> Any:  # noqa: ARG001 - a handler's shape
    """
    The one node: the sign that the engine answered at all. Of a silent one v0.30.2 tells no
    byte, where a test asks for that by ``nodeSilent`` "bytes"; else an empty list.
    """
    if is_silent(world):
        return EMPTY if world.settings["nodeSilent"] == "bytes" else []
    return [
        {
            "Availability": "Active",
            "EngineVersion": _VERSION,
            "Hostname": NODE,
            "ID": _ID,
            "ManagerStatus": "Leader",
            "Self": True,
            "Status": "Ready",
            "TLSStatus": "Ready",
        },
    ]


@query("swarm.getNodeInfo", "nodeId:str serverId:str?")
def node_info(world: World, asked: dict[str, Any]) -> Any:
    """The node's inspection; no bytes at all for an unknown one."""
    if is_silent(world) or not asked["nodeId"] or not _ID.startswith(asked["nodeId"]):
        return EMPTY
    made = world.settings["createdAt"]
    return {
        "ID": _ID,
        "Version": {"Index": 9},
        "CreatedAt": made,
        "UpdatedAt": made,
        "Spec": {"Labels": {}, "Role": "manager", "Availability": "active"},
        "Description": {
            "Hostname": NODE,
            "Platform": {"Architecture": "x86_64", "OS": "linux"},
            "Resources": {"NanoCPUs": 4_000_000_000, "MemoryBytes": 8_589_934_592},
            "Engine": {"EngineVersion": _VERSION},
        },
        "Status": {"State": "ready", "Addr": "127.0.0.1"},
        "ManagerStatus": {"Leader": True, "Reachability": "reachable", "Addr": "127.0.0.1:2377"},
    }


@query("swarm.getNodeApps", "serverId:str?")
@unless_silent
def node_apps(world: World, asked: dict[str, Any]) -> Any:  # noqa: ARG001 - a handler's shape
    """Every service with how many of its tasks run."""
    return [
        {
            "ID": row["id"][:_SHORT],
            "Image": row["versions"][-1]["image"],
            "Mode": "replicated",
            "Name": row["name"],
            "Ports": "",
            "Replicas": f"{world.engine.running(row['name'])}/{row['replicas']}",
        }
        for row in world.engine.services()
    ]
