"""
What a deployment is to bring about, as plain values.

A Blueprint is frozen into its deployment when that is created (template release + tenant +
overrides), so that a later edit never changes a run. It holds references to secrets, never values.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

from tenantry.planning.actions import DEPLOY
from tenantry.planning.limits import Limits
from tenantry.planning.sources import Build, ComposeSource, GitSource, ImageSource, Volume

T = TypeVar("T")

HTTP_TYPES = frozenset({"backend", "frontend", "other"})
SERVICE_TYPES = ("backend", "frontend", "db", "worker", "cron", "other")


@dataclass(frozen=True, slots=True)
class EnvLayer:
    """
    One layer of environment values: `source` says to people where they come from.

    `sealed` are values that stand encrypted in rows of their own: KEY → the public id of the
    version, opened only where the environment is written. A key is in one of the two.
    """

    source: str
    values: Mapping[str, str]
    sealed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DatabaseSpec:
    """
    The tenant's database: `image` is pinned.

    `deeds` are what of it must be brought about; None means everything. Kinds that no target makes
    by itself (keydb, dragonfly, clickhouse) are an image with a volume.
    """

    service: str
    kind: str
    image: str
    database: str
    user: str
    limits: Limits = field(default_factory=Limits)
    deeds: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Alias:
    """One more hostname of a service; one that redirects sends visitors to the primary."""

    hostname: str
    redirect: bool


@dataclass(frozen=True, slots=True)
class BackupPlan:
    """
    How the tenant is backed up.

    Nightly runs and gates have prefixes of their own, since the target keeps a number of files for
    each; `retention_days` is converted to that number.
    """

    destination_id: str
    schedule: str
    retention_days: int
    gate: bool
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class RestorePlan:
    """One file to be restored into the tenant's database; `size` in bytes, as last seen."""

    destination_id: str
    path: str
    size: int


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """
    One application or compose stack of the tenant.

    Exactly one of `git`, `image` and `compose` is set. `deeds` are the steps that this deployment
    takes with it; None means everything. `stop_first` is for what may not run twice; what has a
    volume never does. `fresh_build` builds without a cache. `roll_back` is the id of the target's
    own rollback to be used in place of a build. `retired` are additional hostnames of ours that
    are to go.
    """

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
    compose: ComposeSource | None = None
    replicas: int = 1
    limits: Limits = field(default_factory=Limits)
    volumes: tuple[Volume, ...] = ()
    stop_first: bool = False
    aliases: tuple[Alias, ...] = ()
    deeds: tuple[str, ...] | None = None
    fresh_build: bool = False
    roll_back: str | None = None
    roll_back_commit: str | None = None
    retired: tuple[str, ...] = ()

    @property
    def once(self) -> bool:
        """Whether its old container stops before the new one starts, and it never runs twice."""
        return self.stop_first or bool(self.volumes)

    def takes(self, deed: str) -> bool:
        """Whether this deployment takes the deed with it."""
        return self.deeds is None or deed in self.deeds

    @property
    def probed_by_http(self) -> bool:
        """Whether health is an HTTP answer; otherwise its containers are looked at."""
        return self.hostname is not None and self.service_type in HTTP_TYPES


@dataclass(frozen=True, slots=True)
class Blueprint:
    """
    Everything the planner and the handlers need to know of one deployment.

    `action` says what it is (see `actions`). `gate` wants a fresh backup before anything changes.
    `with_database` is for a suspension that stops the database too. `volumes` are named by staff
    to be removed for good. `db_url_secret` names the secret that holds the URL of a database
    outside, of which nothing is planned. `secrets` are names with a mark of their version. `marks`
    names what is to carry our marker (see `adoption`).
    """

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
    action: str = DEPLOY
    backup: BackupPlan | None = None
    gate: bool = False
    with_database: bool = False
    restore: RestorePlan | None = None
    volumes: tuple[str, ...] = ()
    db_url_secret: str | None = None
    marks: tuple[str, ...] = ()

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
    known = _known(Blueprint, data)
    known |= {
        "services": tuple(_service(item) for item in data.get("services", ())),
        "database": _database(data.get("database")),
        "notify_emails": tuple(data.get("notify_emails", ())),
        "backup": _made(BackupPlan, data.get("backup")),
        "restore": _made(RestorePlan, data.get("restore")),
        "volumes": tuple(data.get("volumes", ())),
        "marks": tuple(data.get("marks", ())),
    }
    return Blueprint(**known)


def _known(shape: Any, data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: data[name] for name in shape.__dataclass_fields__ if name in data}


def _made(shape: Callable[..., T], data: Mapping[str, Any] | None) -> T | None:
    return shape(**_known(shape, data)) if data else None


def _deeds(data: Mapping[str, Any]) -> tuple[str, ...] | None:
    deeds = data.get("deeds")
    return None if deeds is None else tuple(deeds)


def _limits(data: Mapping[str, Any]) -> Limits:
    return Limits(**_known(Limits, data.get("limits") or {}))


def _database(item: Mapping[str, Any] | None) -> DatabaseSpec | None:
    if not item:
        return None
    known = _known(DatabaseSpec, item) | {"limits": _limits(item), "deeds": _deeds(item)}
    return DatabaseSpec(**known)


def _service(item: Mapping[str, Any]) -> ServiceSpec:
    known = _known(ServiceSpec, item)
    known |= {
        "git": _made(GitSource, item.get("git")),
        "image": _made(ImageSource, item.get("image")),
        "compose": _made(ComposeSource, item.get("compose")),
        "build": Build(**_known(Build, item["build"])),
        "args": tuple(item.get("args", ())),
        "env": tuple(EnvLayer(**_known(EnvLayer, layer)) for layer in item.get("env", ())),
        "limits": _limits(item),
        "volumes": tuple(Volume(**_known(Volume, v)) for v in item.get("volumes", ())),
        "aliases": tuple(Alias(**_known(Alias, a)) for a in item.get("aliases", ())),
        "retired": tuple(item.get("retired", ())),
        "deeds": _deeds(item),
    }
    return ServiceSpec(**known)
