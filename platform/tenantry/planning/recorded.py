"""
Our side of a comparison: what a target should show of a tenant, by what was really rolled out.

Each part of a service is chosen by its fingerprint: the blueprint whose part was applied says how
it should look. A part that no known blueprint explains is left out rather than guessed.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from tenantry.planning.blueprint import Blueprint, ServiceSpec
from tenantry.planning.differences import fingerprints
from tenantry.planning.drift import THE_PROJECT, Environment, Thing, fingerprint, named
from tenantry.planning.limits import MEGABYTE
from tenantry.planning.naming import volume_name

CORES = 1_000_000_000
FINE = 1_000_000
YES_NO = {True: "yes", False: "no"}
ON_OFF = {True: "on", False: "off"}
NO_LIMIT = "no limit"
# What Build calls its fields, in people's words.
BUILD_FIELDS = {
    "type": "build type",
    "dockerfile": "dockerfile",
    "context_path": "context path",
    "stage": "build stage",
    "publish_directory": "publish directory",
    "static_spa": "single page",
    "heroku_version": "heroku version",
    "railpack_version": "railpack version",
}


@dataclass(frozen=True, slots=True)
class Kept:
    """One service of a tenant as its row holds it; `object_id` None: it was never created."""

    name: str
    marker: str
    object_id: str | None
    app_name: str
    applied: Mapping[str, Any] = field(default_factory=dict)
    environment: Environment | None = None
    paused: tuple[str, ...] = ()
    is_stack: bool = False

    @property
    def schedules(self) -> Mapping[str, str]:
        """Schedules that staff have called right: thing → words."""
        return dict(self.applied.get("schedules") or {})


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was applied of a service: part → the blueprint and spec whose part it is."""

    parts: Mapping[str, tuple[Blueprint, ServiceSpec]]


def chosen(kept: Kept, blueprints: Iterable[Blueprint]) -> Chosen:
    """The blueprints are looked through in the order given, until every part is found."""
    wanted = {k: v for k, v in kept.applied.items() if isinstance(v, str)}
    parts: dict[str, tuple[Blueprint, ServiceSpec]] = {}
    for blueprint in blueprints:
        spec = blueprint.service(kept.name)
        if spec is None or wanted.keys() <= parts.keys():
            continue
        # Hostnames that were to go are gone once that was rolled out.
        for one in (spec, replace(spec, retired=())):
            for part, mark in fingerprints(blueprint, one).items():
                if part not in parts and wanted.get(part) == mark:
                    parts[part] = blueprint, one
    return Chosen(parts)


def everything(blueprint: Blueprint, spec: ServiceSpec) -> Chosen:
    """As if all of this blueprint had been applied: what an attempt may have left."""
    return Chosen(dict.fromkeys(fingerprints(blueprint, spec), (blueprint, spec)))


def project(marker: str) -> dict[str, Thing]:
    """The project itself."""
    return {THE_PROJECT: Thing({"marker": marker})}


def service(kept: Kept, what: Chosen, *, suspended: bool) -> dict[str, Thing]:
    """A service with its mounts, domains, redirects and known schedules."""
    fields: dict[str, str] = {"marker": kept.marker, "automatic deploys": "off"}
    found: dict[str, Thing] = {}
    if not kept.is_stack:
        fields |= {"build cache": "on", "rollback": "off"}
    for part, words in _WORDS.items():
        if part in what.parts:
            fields |= words(what.parts[part][1])
    if "source" in what.parts and what.parts["source"][1].replicas:
        fields["state"] = "stopped" if suspended else "running"
    if kept.environment is not None:
        fields["environment"] = "as set"
    if "volumes" in what.parts:
        found |= mounts(kept, what.parts["volumes"][1])
    routed = what.parts.get("domains") or what.parts.get("source")
    if routed and ("domains" in what.parts or routed[1].hostname is None):
        found |= domains(kept.name, *routed, suspended=suspended)
    found |= {
        thing: Thing({"schedule": words}, kept.name, kept.name)
        for thing, words in kept.schedules.items()
    }
    if suspended:
        found |= {
            named(kept.name, "paused schedule", key): Thing(
                {"enabled": "off"}, kept.name, kept.name
            )
            for key in kept.paused
        }
    return {kept.name: Thing(fields, kept.name, THE_PROJECT), **found}


def source(spec: ServiceSpec) -> dict[str, str]:
    """Where it comes from."""
    if spec.git:
        return {
            "source": "git",
            "repository": without_credentials(spec.git.url),
            "branch": spec.git.branch,
            "build path": spec.git.build_path,
            "submodules": YES_NO[spec.git.submodules],
            "ssh key": spec.git.ssh_key_id or "none",
        }
    if spec.image:
        return {"source": "image", "image": spec.image.image}
    return {"compose file": fingerprint(spec.compose.file.strip())} if spec.compose else {}


def build(spec: ServiceSpec) -> dict[str, str]:
    """How it is built; nothing of what is not built."""
    return build_words(asdict(spec.build)) if spec.git else {}


def build_words(values: Mapping[str, Any]) -> dict[str, str]:
    """Fields of a Build."""
    return {
        label: YES_NO[value] if isinstance(value := values[name], bool) else str(value or "")
        for name, label in BUILD_FIELDS.items()
    }


def running(spec: ServiceSpec) -> dict[str, str]:
    """How it runs; a stack's file says that itself."""
    if spec.compose:
        return {}
    replicas = min(spec.replicas, 1) if spec.once else spec.replicas
    return {
        "replicas": str(replicas),
        **limits(spec.limits.memory_bytes, spec.limits.nano_cpus),
        "arguments": arguments(spec.args),
        "update order": "stop first" if spec.once else "start first",
    }


def limits(memory: str | None, cpu: str | None) -> dict[str, str]:
    """A target's own strings, exactly, in words where they are round."""
    return {"memory": _memory(memory), "cpu": _cpu(cpu)}


def _memory(text: str | None) -> str:
    if text is None or not text.isdigit():
        return NO_LIMIT if text is None else f"“{text}”"
    whole, rest = divmod(int(text), MEGABYTE)
    return f"{text} bytes" if rest else f"{whole} MB"


def _cpu(text: str | None) -> str:
    if text is None or not text.isdigit():
        return NO_LIMIT if text is None else f"“{text}”"
    return f"{text} nanoCPUs" if int(text) % FINE else f"{int(text) / CORES:g} cores"


def arguments(args: Iterable[str]) -> str:
    """Their number and a fingerprint: one of them may be a password."""
    listed = list(args)
    return f"{len(listed)} {fingerprint(chr(0).join(listed))}" if listed else "none"


_WORDS: Mapping[str, Callable[[ServiceSpec], dict[str, str]]] = {
    "source": source,
    "build": build,
    "running": running,
}


def of_part(part: str, spec: ServiceSpec) -> dict[str, str]:
    """The fields of one part."""
    return _WORDS[part](spec) if part in _WORDS else {}


def mounts(kept: Kept, spec: ServiceSpec) -> dict[str, Thing]:
    """Its volumes, each under the name that keeps tenants apart."""
    return {
        named(kept.name, "mount", volume.path): Thing(
            {"type": "volume", "source": volume_name(kept.app_name, volume.name)},
            kept.name,
            kept.name,
        )
        for volume in spec.volumes
    }


def domains(
    name: str, blueprint: Blueprint, spec: ServiceSpec, *, suspended: bool = False
) -> dict[str, Thing]:
    """Its hostname and additional ones, each routed once, and the redirects of those that have."""
    if spec.hostname is None:
        return {}
    fields = {
        "port": str(spec.port),
        "https": YES_NO[blueprint.https],
        "certificate": blueprint.certificate if blueprint.https else "none",
        "objects": "1",
    }
    if not spec.compose:
        # The routers of a stack go and come with its containers.
        fields["router"] = ON_OFF[not suspended]
    hosts = (spec.hostname, *(alias.hostname for alias in spec.aliases))
    found = {named(name, "domain", host): Thing(fields, name, name) for host in hosts}
    if spec.compose:
        return found
    return found | {
        named(name, "redirect", alias.hostname): Thing({"to": spec.hostname}, name, name)
        for alias in spec.aliases
        if alias.redirect
    }


def without_credentials(url: str) -> str:
    """A repository's address as it may be shown: what stands before @ in a web address is not."""
    parts = urlsplit(url) if re.match(r"https?://", url) else None
    if parts is None or "@" not in parts.netloc:
        return url
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{fingerprint(parts.netloc)}@{host}{parts.path}"
