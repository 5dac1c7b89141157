"""Compose files: their services, with the environment filled into what names it."""

import re
from typing import Any, Final

import yaml

from dokploy_simulator.specs import ServiceSpec

_REFERENCE: Final = re.compile(
    r"\$(?:(?P<escaped>\$)|(?P<bare>[A-Za-z_]\w*)"
    r"|\{(?P<name>[A-Za-z_]\w*)(?:(?P<how>:?[-?+])(?P<other>[^}]*))?\})",
)
_UNITS: Final = {"b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


class ComposeFileError(Exception):
    """The file cannot be run; the text is what docker says of it."""


def parsed(text: str) -> dict[str, Any]:
    """The file's content with at least one service. Raises ComposeFileError."""
    try:
        content = yaml.safe_load(text or "")
    except yaml.YAMLError as mistake:
        raise ComposeFileError(f"yaml: {mistake}") from mistake
    if not isinstance(content, dict) or not isinstance(content.get("services"), dict):
        raise ComposeFileError("Compose file contains no services")
    return content


def filled(value: Any, env: dict[str, str]) -> Any:
    """The value with every ``${NAME}`` in it replaced; nothing else of the environment arrives."""
    if isinstance(value, dict):
        return {key: filled(part, env) for key, part in value.items()}
    if isinstance(value, list):
        return [filled(part, env) for part in value]
    return (
        _REFERENCE.sub(lambda found: _fill(found, env), value) if isinstance(value, str) else value
    )


def _fill(found: re.Match[str], env: dict[str, str]) -> str:
    if found["escaped"]:
        return "$"
    name, how, other = found["bare"] or found["name"], found["how"] or "", found["other"] or ""
    given = env.get(name)
    there = given is not None and (given != "" or not how.startswith(":"))
    if how.endswith("+"):
        return other if there else ""
    if there:
        return given or ""
    if how.endswith("?"):
        raise ComposeFileError(f"required variable {name} is missing a value: {other}")
    return other if how.endswith("-") else ""


def service_specs(
    content: dict[str, Any], app_name: str, *, stack: bool, crashes: Any
) -> list[ServiceSpec]:
    """What each service of a file asks of the engine; ``crashes`` tells it of an image."""
    return [
        _spec(name, dict(told or {}), app_name, stack=stack, crashes=crashes)
        for name, told in content["services"].items()
    ]


def _spec(
    name: str, told: dict[str, Any], app_name: str, *, stack: bool, crashes: Any
) -> ServiceSpec:
    image = told.get("image")
    if not image and stack:
        raise ComposeFileError(f"invalid image reference for service {name}: no image specified")
    built = not image or (not stack and bool(told.get("build")))
    image = str(image or f"{app_name}-{name}")
    deploy = dict(told.get("deploy") or {})
    limits = dict((deploy.get("resources") or {}).get("limits") or {})
    update = dict(deploy.get("update_config") or {})
    return ServiceSpec(
        name=f"{app_name}_{name}",
        image=image,
        replicas=int(deploy.get("replicas", 1)),
        env=_env(told.get("environment")),
        kind="compose",
        crashes=crashes(image),
        failure_action=str(update.get("failure_action", "pause")),
        order=str(update.get("order", "stop-first")),
        volumes=[f"{app_name}_{volume}" for volume in _volumes(told.get("volumes"))],
        args=_words(told.get("command")),
        limits={"memoryLimit": _bytes(limits.get("memory")), "cpuLimit": _nano(limits.get("cpus"))},
        built=built,
        stack=app_name,
    )


def _env(told: Any) -> list[str]:
    if isinstance(told, dict):
        return [f"{key}={'' if value is None else value}" for key, value in told.items()]
    return [str(line) for line in told or [] if "=" in str(line)]


def _words(told: Any) -> list[str]:
    return [str(word) for word in told] if isinstance(told, list) else str(told or "").split()


def _volumes(told: Any) -> list[str]:
    names = []
    for entry in told or []:
        source = entry.get("source") if isinstance(entry, dict) else str(entry).partition(":")[0]
        if source and not str(source).startswith((".", "/", "~")):
            names.append(str(source))
    return names


def _bytes(told: Any) -> int | None:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([bkmg]?)b?", str(told or "").strip().lower())
    return int(float(found[1]) * _UNITS[found[2] or "b"]) if found else None


def _nano(told: Any) -> int | None:
    return int(float(told) * 1_000_000_000) if told is not None else None
