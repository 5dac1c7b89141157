"""Everything outside but the target: DNS, web, mail and secrets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from tenantry.ports.target import OpenTarget


@dataclass(frozen=True, slots=True)
class Answer:
    """What one resolver said: addresses, or the reason why there are none (`NXDOMAIN` …)."""

    resolver: str
    addresses: tuple[str, ...]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class TextAnswer:
    """The TXT records that one resolver knows of a name, or the reason why there are none."""

    resolver: str
    texts: tuple[str, ...]
    problem: str = ""


class Resolver(Protocol):
    """Real DNS through every configured resolver; 3 s in all."""

    def lookup(self, hostname: str) -> Sequence[Answer]:
        """One answer for each resolver. Never raises for a name that does not exist."""

    def texts(self, hostname: str) -> Sequence[TextAnswer]:
        """The same for TXT records, each as one text; as they were written, not to be trusted."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """`status` is None where no answer came; then `problem` says why in a person's words."""

    status: int | None
    latency_ms: int
    problem: str = ""
    body: str = field(default="", repr=False)


class Web(Protocol):
    """The one outbound client for addresses that tenants control: pinned address, own table of
    forbidden networks, no redirects, 64 kB, total deadline.
    """

    def get(self, url: str, *, deadline: float) -> HttpAnswer:
        """GET. Trouble of every kind is an HttpAnswer with status None."""

    def post(
        self, url: str, *, headers: Mapping[str, str], body: Mapping[str, object], deadline: float
    ) -> HttpAnswer:
        """POST JSON. A forbidden address raises Permanent; other trouble is status None."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail. `message_id` is stable for one deployment and outcome, so a double is noticed."""

    message_id: str
    recipients: tuple[str, ...]
    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class CertificateSeen:
    """
    The certificate that a server showed, trusted or not.

    `expires_at` is None where none was seen; `problem` says in a person's words why it was not
    seen or is not trusted, and is empty where all is well.
    """

    expires_at: datetime | None
    issuer: str = ""
    problem: str = ""


class Certificates(Protocol):
    """Certificates of hostnames that tenants control, by a real handshake; rules as of Web."""

    def expiry(self, hostname: str, deadline: float) -> CertificateSeen:
        """Within `deadline` seconds in all. Trouble of every kind is in its `problem`."""


class Mailer(Protocol):
    """Sends mail with a timeout; at least once."""

    def send(self, letter: Letter) -> None:
        """Transient on connection trouble and 4xx, Permanent on 5xx."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A secret as stored. `bound_to` is the associated data: table, row, column, scope."""

    ciphertext: bytes = field(repr=False)
    key_id: str
    bound_to: str


class SecretStore(Protocol):
    """Seals and opens secrets; fails closed."""

    def seal(self, secret: str, bound_to: str) -> Sealed:
        """Encrypts under the active key, bound to its place."""

    def open(self, sealed: Sealed) -> str:
        """SecretUnreadable where key, place or content do not agree."""


class SendUntil(Protocol):
    """Fixes the last instant at which this thread may still send a change."""

    def __call__(self, instant: float | None) -> None:
        """`instant` on the monotonic clock; None lifts it. Checked in the transport, last."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything outside, in one frozen value that `app` builds and hands down."""

    target: OpenTarget
    resolver: Resolver
    web: Web
    certificates: Certificates
    mailer: Mailer
    secrets: SecretStore
    send_until: SendUntil


@dataclass(frozen=True, slots=True)
class HealthSeen:
    """One probe, as it is kept in HealthCheck."""

    ok: bool
    status: int | None
    latency_ms: int | None
    problem: str
    at: datetime | None = None
