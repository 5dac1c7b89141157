"""
What a compose file may say, so that it runs as one tenant's stack beside the others.

A stack cannot build, its host is shared by tenants, and the environment reaches only the names to
which the file refers. Whatever would reach over to another tenant or to the machine is refused with
the reason; what has a volume runs once and stops before it starts.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tenantry.errors import Invalid
from tenantry.planning import documents
from tenantry.planning.blueprint import ServiceSpec

SHARED_NETWORK = "dokploy-network"
# Layers of the environment that hold values for every service.
FOR_ALL = frozenset({"product", "tenant"})
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_REFERENCE = re.compile(
    r"\$(?:(?P<escaped>\$)|(?P<bare>[A-Za-z_][A-Za-z0-9_]*)"
    r"|\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?:(?P<how>:?[-?+])[^{}$]*)?\}|(?P<broken>))"
)
_NOT_FOR_TENANTS: Mapping[str, str] = {
    "build": "a stack cannot build: name an image that a registry holds",
    "ports": "would take a port of the machine from all tenants: the router needs none",
    "privileged": "would hand the whole machine to the tenant",
    "devices": "would hand devices of the machine to the tenant",
    "cap_add": "would hand rights over the machine to the tenant",
    "security_opt": "would lift what keeps tenants apart",
    "network_mode": "would leave the tenant's own network",
    "pid": "would show the processes of all tenants",
    "ipc": "would share memory with all tenants",
    "userns_mode": "would lift what keeps tenants apart",
    "cgroup_parent": "would lift what keeps tenants apart",
    "env_file": "is not read by a stack: name each variable as ${NAME}",
    "extends": "reads another file, which a stack does not have",
    "volumes_from": "is not known to a stack: name the volume",
    "external_links": "would reach containers of other tenants",
}
_HOST_PATH = "is a path of the machine, which all tenants share: use a named volume"
_DOCKER = "would hand the whole machine to the tenant: the engine's socket stays out"


def check(text: str, service: str, at: str) -> Mapping[str, Any]:
    """The file's content; Invalid names what in it no tenant may have, and why."""
    document = _read(text, at)
    for part in ("include", "extends"):
        if document.get(part):
            raise Invalid(f"{at}.{part}", "reads another file, which a stack does not have")
    services = document["services"]
    for name, told in services.items():
        _plain(name, f"{at}.services")
        _service(told, f"{at}.services.{name}")
    if service not in services:
        raise Invalid(at, f"has no service {service}: it has {', '.join(services)}"[:200])
    _volumes(document.get("volumes"), f"{at}.volumes")
    _networks(document.get("networks"), f"{at}.networks")
    for part in ("secrets", "configs"):
        _given_inside(document.get(part), f"{at}.{part}")
    references(document, at)
    return document


def _read(text: str, at: str) -> Mapping[str, Any]:
    try:
        document = documents.parse(text)
    except Invalid as trouble:
        where = None if trouble.field == "document" else trouble.field
        raise Invalid(at, trouble.rule, where) from None
    services = document.get("services") if isinstance(document, Mapping) else None
    if not isinstance(services, Mapping) or not services:
        raise Invalid(at, "must be a compose file with at least one service")
    return dict(document)


def references(document: Mapping[str, Any], at: str = "compose_file") -> dict[str, bool]:
    """NAME → whether every reference to it has a default; Invalid for what only looks like one."""
    found: dict[str, bool] = {}
    for text in _texts(document):
        if "${{" in text:
            raise Invalid(at, "must not contain ${{, which Dokploy reads as its own reference")
        for match in _REFERENCE.finditer(text):
            if match["broken"] is not None:
                raise Invalid(
                    at, "references are ${NAME} or ${NAME:-default}; a plain $ is written $$", text
                )
            if not match["escaped"]:
                name = match["bare"] or match["name"]
                given = bool(match["how"]) and "?" not in match["how"]
                found[name] = found.get(name, True) and given
    return found


def undefined(document: Mapping[str, Any], keys: Iterable[str]) -> list[str]:
    """References without a default to names that are not among the keys, in order of the file."""
    known = set(keys)
    return [n for n, given in references(document).items() if not given and n not in known]


def lost_keys(spec: ServiceSpec) -> list[str]:
    """
    Variables that were set for a stack and to which its file does not refer: they reach nothing.

    Those that the product or the tenant sets for all of its services are not meant.
    """
    if spec.compose is None:
        return []
    own = [layer for layer in spec.env if layer.source not in FOR_ALL]
    keys = {key for layer in own for key in (*layer.values, *layer.sealed)}
    return sorted(keys - references(_read(spec.compose.file, "compose_file")).keys())


def keeps_data(text: str) -> bool:
    """Whether any of its services has a volume."""
    document = _read(text, "compose_file")
    return any(_named_volumes(told, "") for told in document["services"].values())


def _texts(value: Any) -> Iterator[str]:
    """Every text but keys: that is where references are filled in."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)


def _plain(name: str, at: str) -> None:
    if not _NAME.fullmatch(name):
        raise Invalid(at, "names must hold letters, digits, -, _ and dots, at most 63", name)


def _service(told: Any, at: str) -> None:
    if not isinstance(told, Mapping):
        raise Invalid(at, "must be an object with named fields")
    for name, reason in _NOT_FOR_TENANTS.items():
        if told.get(name):
            raise Invalid(f"{at}.{name}", reason)
    if not isinstance(told.get("image"), str) or not told["image"]:
        raise Invalid(f"{at}.image", "must name an image: a stack cannot build")
    networks = told.get("networks")
    if "host" in (networks if isinstance(networks, list | Mapping) else ()):
        raise Invalid(f"{at}.networks", "would leave the tenant's own network")
    _rollout(told.get("deploy"), f"{at}.deploy", stateful=_named_volumes(told, f"{at}.volumes"))


def _rollout(deploy: Any, at: str, *, stateful: bool) -> None:
    deploy = deploy if isinstance(deploy, Mapping) else {}
    update = deploy.get("update_config")
    update = update if isinstance(update, Mapping) else {}
    if update.get("failure_action") not in {None, "pause", "continue"}:
        # The deployment would call the old version, which swarm went back to, a success.
        raise Invalid(f"{at}.update_config.failure_action", "must be pause, or left out")
    if not stateful:
        return
    if deploy.get("replicas") not in {None, 0, 1} or deploy.get("mode") == "global":
        raise Invalid(f"{at}.replicas", "must be 0 or 1: two processes must never share one volume")
    if update.get("order") not in {None, "stop-first"}:
        raise Invalid(
            f"{at}.update_config.order", "must be stop-first: two processes share no volume"
        )


def _named_volumes(told: Any, at: str) -> bool:
    """Whether it has any; Invalid for what is a path of the machine."""
    listed = told.get("volumes") if isinstance(told, Mapping) else None
    listed = listed if isinstance(listed, list) else []
    for entry in listed:
        kind, source = _mounted(entry)
        if "docker.sock" in str(entry):
            raise Invalid(at, _DOCKER)
        if kind not in {"volume", "tmpfs"} or source.startswith((".", "/", "~")) or "$" in source:
            raise Invalid(at, _HOST_PATH, source or kind)
    return any(_mounted(entry)[0] == "volume" for entry in listed)


def _mounted(entry: Any) -> tuple[str, str]:
    """Its kind and what is mounted; nothing is named where a path alone asks for a volume."""
    if isinstance(entry, Mapping):
        return str(entry.get("type", "volume")), str(entry.get("source") or "")
    source, colon, _ = str(entry).partition(":")
    return "volume", source if colon else ""


def _entries(told: Any, at: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if told is not None and not isinstance(told, Mapping):
        raise Invalid(at, "must be an object with named fields")
    for name, entry in (told or {}).items():
        _plain(name, at)
        if entry is not None and not isinstance(entry, Mapping):
            raise Invalid(f"{at}.{name}", "must be an object with named fields")
        yield name, entry or {}


def _volumes(told: Any, at: str) -> None:
    for name, entry in _entries(told, at):
        if entry.get("driver_opts"):
            raise Invalid(f"{at}.{name}.driver_opts", "could mount a path of the machine")
        for part in ("external", "name"):
            if entry.get(part):
                raise Invalid(f"{at}.{name}.{part}", "could name a volume of another tenant")


def _networks(told: Any, at: str) -> None:
    for name, entry in _entries(told, at):
        named = str(entry.get("name") or name)
        if named != SHARED_NETWORK and (entry.get("external") or entry.get("name")):
            raise Invalid(f"{at}.{name}", f"may be the target's own {SHARED_NETWORK} only")
        if entry.get("driver") not in {None, "overlay"}:
            raise Invalid(f"{at}.{name}.driver", "must be overlay, or left out")


def _given_inside(told: Any, at: str) -> None:
    for name, entry in _entries(told, at):
        for part in ("file", "external", "name"):
            if entry.get(part):
                raise Invalid(f"{at}.{name}.{part}", "must be given in this file, by content")
