"""Settings as frozen values; nothing here reads the environment."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Times:
    """Every wait and deadline of the engine in seconds (KERNEL §2.3). `scaled` serves suites."""

    http: float = 20.0
    connect: float = 5.0
    health: float = 10.0
    dns: float = 3.0
    smtp: float = 20.0
    provision: float = 25.0
    lease_margin: float = 25.0
    reap_grace: float = 5.0
    sweep: float = 1.0
    repair: float = 5.0
    settle: float = 30.0
    hint_repeat: float = 20.0
    hint_cap: float = 120.0
    hint_grace: float = 2.0
    longest_countdown: float = 60.0
    build_lost: float = 120.0
    broker_pause: float = 10.0
    scale: float = 1.0

    def scaled(self, divisor: float) -> "Times":
        """The same times, each divided; the catalogue's own waits follow `scale`."""
        names = [n for n in self.__dataclass_fields__ if n != "scale"]
        return Times(**{n: getattr(self, n) / divisor for n in names}, scale=self.scale / divisor)


@dataclass(frozen=True, slots=True)
class Watching:
    """
    How services are watched: seconds between probes and between looks at a hostname, threads that
    probe, when an outage opens (`failures` in a row that span `seconds`) and closes, and for how
    long single probes are kept.
    """

    interval: float = 60.0
    hostname_interval: float = 3600.0
    threads: int = 64
    failures: int = 3
    seconds: float = 90.0
    recoveries: int = 2
    keep_hours: float = 48.0

    def scaled(self, divisor: float) -> "Watching":
        """The same with shorter times, for suites."""
        return replace(
            self,
            interval=self.interval / divisor,
            hostname_interval=self.hostname_interval / divisor,
            seconds=self.seconds / divisor,
        )


@dataclass(frozen=True, slots=True)
class TargetSettings:
    """
    One Dokploy server: its key never appears in a representation.

    `addresses` are those that its tenants' hostnames should have, where somebody stated them.
    `restore`: staff allow databases to be overwritten from backups there. Off unless said: the call
    is not in Dokploy's published API, and reports success for a file that does not exist.
    """

    name: str
    url: str
    key: str = field(repr=False)
    limit: int = 10
    ca_file: str | None = None
    restore: bool = False
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MailSettings:
    """Where mail goes out; `server` None means that mail is not configured."""

    server: str | None
    port: int
    sender: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    use_tls: bool = False
    use_ssl: bool = False


@dataclass(frozen=True, slots=True)
class OutboundSettings:
    """Who may be called. `allow` and `map` open doors that production keeps shut."""

    allow: tuple[str, ...] = ()
    map: Mapping[str, str] = field(default_factory=dict)
    resolvers: tuple[str, ...] = ()


# Open timelines of one process of the panel, each of which holds a thread.
STREAMS = 200


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the processes need to know before they start."""

    mode: str
    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    secret_key: str = field(repr=False)
    key_ring: Mapping[str, bytes] = field(repr=False)
    public_url: str
    trusted_proxies: int
    targets: tuple[TargetSettings, ...]
    mail: MailSettings
    outbound: OutboundSettings
    times: Times
    watching: Watching = Watching()
    flower_url: str | None = None
    flower_password: str | None = field(default=None, repr=False)
    state_dir: Path | None = None
    streams: int = STREAMS

    @property
    def production(self) -> bool:
        """Whether the strict rules hold."""
        return self.mode == "production"

    @property
    def https(self) -> bool:
        """Whether people reach the panel by https."""
        return self.public_url.startswith("https://")

    @property
    def sqlite(self) -> bool:
        """Whether the last fallback is in use."""
        return self.database_url.startswith("sqlite")

    def target(self, name: str) -> TargetSettings | None:
        """The configured target of that name, or None."""
        return next((t for t in self.targets if t.name == name), None)
