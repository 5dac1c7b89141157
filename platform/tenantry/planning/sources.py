"""Where a service comes from and how it is built: plain values, shared with the ports."""

from dataclasses import dataclass
from typing import Literal

DatabaseKind = Literal["postgres", "mysql", "mariadb", "mongodb", "redis", "libsql"]


@dataclass(frozen=True, slots=True)
class GitSource:
    """A repository and a branch or tag; `ssh_key_id` names a key that the target holds."""

    url: str
    branch: str
    build_path: str = "/"
    ssh_key_id: str | None = None
    submodules: bool = False


@dataclass(frozen=True, slots=True)
class ImageSource:
    """A ready image, `name:tag` or `name@sha256:…`."""

    image: str


@dataclass(frozen=True, slots=True)
class ComposeSource:
    """A compose file; `service` names the one in it that owns the hostname and is probed."""

    file: str
    service: str


@dataclass(frozen=True, slots=True)
class Volume:
    """A named volume and where it is mounted; what has one runs once and stops before it starts."""

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Build:
    """How an application is built from its source; every field as the target wants it."""

    type: Literal[
        "dockerfile", "heroku_buildpacks", "paketo_buildpacks", "nixpacks", "static", "railpack"
    ] = "nixpacks"
    dockerfile: str = "Dockerfile"
    context_path: str = ""
    stage: str = ""
    publish_directory: str | None = None
    static_spa: bool = False
    heroku_version: str = "24"
    railpack_version: str = "0.15.4"
