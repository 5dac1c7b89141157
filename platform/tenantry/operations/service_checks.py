"""What a service's document may say of how it runs: replicas, limits, volumes, compose files."""

import re
from collections.abc import Mapping
from typing import Any

from tenantry.errors import Invalid
from tenantry.planning import compose_file, inputs, limits

VOLUME = re.compile(r"[a-z0-9][a-z0-9_-]{0,40}")
PATH = re.compile(r"/[A-Za-z0-9._-]{1,100}(?:/[A-Za-z0-9._-]{1,100}){0,10}")
COMPOSE_SERVICE = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,62}")


def source(service: dict[str, Any], at: str) -> None:
    """Exactly one of repository, image and compose file, each of a plain shape."""
    given = [name for name in ("repo_url", "image", "compose_file") if service[name]]
    if len(given) != 1:
        raise Invalid(f"{at}.repo_url", "a service needs one of repo_url, image and compose_file")
    if service["repo_url"]:
        inputs.repo_url(service["repo_url"], f"{at}.repo_url")
        service["repo_branch"] = inputs.branch(
            service["repo_branch"] or "main", f"{at}.repo_branch"
        )
        return
    if service["image"]:
        inputs.image(service["image"], f"{at}.image")
    else:
        compose(service, at)
    if service["repo_branch"]:
        raise Invalid(f"{at}.repo_branch", "only a repository has branches")


def running(service: dict[str, Any], at: str) -> None:
    """Checks and normalises replicas, limits and volumes in place; Invalid names the field."""
    paths = [volume["path"] for volume in service["volumes"]]
    for place, volume in enumerate(service["volumes"]):
        _volume(volume, f"{at}.volumes[{place}]")
    if len(set(paths)) != len(paths):
        raise Invalid(f"{at}.volumes", "paths must be unique")
    stateful = bool(service["volumes"]) or service["stop_first"]
    service["replicas"] = limits.replicas(service["replicas"], f"{at}.replicas", stateful=stateful)
    checked = limits.limits(service["limits"], field=f"{at}.limits")
    plain = {"cpu_cores": checked.cpu_cores, "memory_mb": checked.memory_mb}
    service["limits"] = {name: value for name, value in plain.items() if value is not None}


def _volume(volume: Mapping[str, str], at: str) -> None:
    if not VOLUME.fullmatch(volume["name"]):
        raise Invalid(f"{at}.name", "must hold a-z, 0-9, - and _, at most 41", volume["name"])
    if not PATH.fullmatch(volume["path"]) or ".." in volume["path"].split("/"):
        raise Invalid(f"{at}.path", "must be an absolute path inside the container", volume["path"])


def compose(service: dict[str, Any], at: str) -> None:
    """A compose service: its file, and which of its services is reached and probed."""
    name = service["compose_service"] or ""
    if not COMPOSE_SERVICE.fullmatch(name):
        raise Invalid(f"{at}.compose_service", "must name the service in the file that is reached")
    compose_file.check(service["compose_file"], name, f"{at}.compose_file")
    for name in ("volumes", "limits"):
        if service[name]:
            raise Invalid(f"{at}.{name}", "a compose file says this itself")
    if service["replicas"] != 1:
        raise Invalid(f"{at}.replicas", "a compose file says this itself", service["replicas"])


def reaches(service: Mapping[str, Any], default_env: Mapping[str, str], at: str) -> None:
    """Every name to which a compose file refers has a value: the product's, the service's or its
    own default. A tenant may set others, but none may have to.
    """
    if not service["compose_file"]:
        return
    document = compose_file.check(service["compose_file"], service["compose_service"], at)
    missing = compose_file.undefined(document, {*default_env, *service["env"]})
    if missing:
        raise Invalid(
            f"{at}.compose_file", "refers to a name that env does not set; add it", missing[0]
        )
