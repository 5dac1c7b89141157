"""
What a deployment is to bring about, as plain values.

A Blueprint is frozen into its deployment when that is created (template release + tenant +
overrides), so that a later edit never changes a run. It holds references to secrets, never values.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

from tenantry.planning.sources import Build, GitSource, ImageSource

T = TypeVar("T")

HTTP_TYPES = frozenset({"backend", "frontend", "other"})
SERVICE_TYPES = ("backend", "frontend", "db", "worker", "cron", "other")


@dataclass(frozen=True, slots=True)
class EnvLayer:
    """One layer of environment values: `source` says to people where they come from."""

    source: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class DatabaseSpec:
    """The tenant's database: `image` is pinned."""

    service: str
    kind: str
    image: str
    database: str
    user: str


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """One application of the tenant."""

    name: str
    service_type: str
    order: int
    rank: int
    expose_domain: bool
    hostname: str | None
    git: GitSource | None
    image: ImageSource | None
    build: Build
    port: int
    health_path: str
    expected_status: str
    health_retries: int
    provision_endpoint: str | None = None
    provision_secret: str | None = None
    args: tuple[str, ...] = ()
    env: tuple[EnvLayer, ...] = ()

    @property
    def probed_by_http(self) -> bool:
        """Whether health is an HTTP answer; otherwise its containers are looked at."""
        return self.hostname is not None and self.service_type in HTTP_TYPES


@dataclass(frozen=True, slots=True)
class Blueprint:
    """Everything the planner and the handlers need to know of one deployment."""

    template_name: str
    template_slug: str
    base_domain: str
    tenant_name: str
    subdomain: str
    tenant_id: str
    target: str
    server_id: str | None
    project_name: str
    https: bool
    certificate: str
    api_key_secret: str | None = None
    notify_emails: tuple[str, ...] = ()
    database: DatabaseSpec | None = None
    services: tuple[ServiceSpec, ...] = ()
    secrets: Mapping[str, str] = field(default_factory=dict)

    def service(self, name: str) -> ServiceSpec | None:
        """The service of that name, or None."""
        return next((s for s in self.services if s.name == name), None)

    def ordered(self) -> tuple[ServiceSpec, ...]:
        """By (order, rank): rank is the template's own id order and breaks ties."""
        return tuple(sorted(self.services, key=lambda s: (s.order, s.rank)))

    def primary(self) -> ServiceSpec | None:
        """
        The service that owns the bare `{subdomain}.<domain>`, if any is exposed.

        Only the label is compared: hostnames stay as they were reserved when the product's base
        domain changes later.
        """
        return next(
            (s for s in self.services if (s.hostname or "").partition(".")[0] == self.subdomain),
            None,
        )


def to_json(blueprint: Blueprint) -> dict[str, Any]:
    """Plain JSON, to be frozen into a deployment."""
    return asdict(blueprint)


def from_json(data: Mapping[str, Any]) -> Blueprint:
    """The inverse of `to_json`; unknown keys of a newer version are left aside."""
    services = tuple(_service(item) for item in data.get("services", ()))
    known = _known(Blueprint, data)
    known |= {"services": services, "database": _made(DatabaseSpec, data.get("database"))}
    known["notify_emails"] = tuple(data.get("notify_emails", ()))
    return Blueprint(**known)


def _known(shape: Any, data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: data[name] for name in shape.__dataclass_fields__ if name in data}


def _made(shape: Callable[..., T], data: Mapping[str, Any] | None) -> T | None:
    return shape(**_known(shape, data)) if data else None


def _service(item: Mapping[str, Any]) -> ServiceSpec:
    known = _known(ServiceSpec, item)
    known["git"] = _made(GitSource, item.get("git"))
    known["image"] = _made(ImageSource, item.get("image"))
    known["build"] = Build(**_known(Build, item["build"]))
    known["args"] = tuple(item.get("args", ()))
    known["env"] = tuple(EnvLayer(**_known(EnvLayer, layer)) for layer in item.get("env", ()))
    return ServiceSpec(**known)
