"""The ports in memory, breakable on demand. Each twin counts its calls; nothing waits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tenantry.adapters.vault import Vault
from tenantry.adapters.wire import send_until
from tenantry.errors import Permanent
from tenantry.ports import (
    Answer,
    CertificateSeen,
    HttpAnswer,
    Letter,
    Ports,
    Target,
    TextAnswer,
)
from tests.twin_breaks import Breakable, change, read
from tests.twin_target import TargetTwin
from tests.twin_world import AppRow

__all__ = [
    "AppRow",
    "Breakable",
    "CertificatesTwin",
    "MailerTwin",
    "OpenTwin",
    "ResolverTwin",
    "SecretStoreTwin",
    "TargetTwin",
    "Twins",
    "WebTwin",
    "ports_of_twins",
]


class ResolverTwin(Breakable):
    """
    ports.Resolver: every name is known to every resolver, unless a test says otherwise.

    `unknown(name, looks)` hides a name for that many lookups (None: for good). `records` are TXT
    records by name; there are none otherwise.
    """

    def __init__(
        self,
        resolvers: Sequence[str] = ("192.0.2.53", "198.51.100.53"),
        address: str = "203.0.113.10",
    ) -> None:
        super().__init__()
        self.resolvers = tuple(resolvers)
        self.address = address
        self.records: dict[str, tuple[str, ...]] = {}
        self._hidden: dict[str, tuple[str, int | None]] = {}

    def unknown(self, hostname: str, looks: int | None = None, problem: str = "NXDOMAIN") -> None:
        self._hidden[hostname] = problem, looks

    @read
    def lookup(self, hostname: str) -> Sequence[Answer]:
        problem, left = self._hidden.get(hostname, ("", 0))
        if not problem:
            return [Answer(resolver, (self.address,)) for resolver in self.resolvers]
        if left is not None:
            if left <= 1:
                del self._hidden[hostname]
            else:
                self._hidden[hostname] = problem, left - 1
        return [Answer(resolver, (), problem) for resolver in self.resolvers]

    @read
    def texts(self, hostname: str) -> Sequence[TextAnswer]:
        found = self.records.get(hostname, ())
        problem = "" if found else "NXDOMAIN: the name does not exist"
        return [TextAnswer(resolver, found, problem) for resolver in self.resolvers]


@dataclass(frozen=True)
class Asked:
    """One request that a WebTwin saw."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, object] = field(default_factory=dict)


class WebTwin(Breakable):
    """
    ports.Web: everything answers 200, unless a test says otherwise.

    `answers(part, *given)`: requests whose URL contains `part` get these one after the other, then
    200 again; each is a status, a word (trouble: no answer) or an HttpAnswer.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Asked] = []
        self._given: list[tuple[str, HttpAnswer]] = []

    def answers(self, part: str, *given: HttpAnswer | int | str) -> None:
        for one in given:
            if isinstance(one, int):
                self._given.append((part, HttpAnswer(one, 5)))
            elif isinstance(one, str):
                self._given.append((part, HttpAnswer(None, 5, one)))
            else:
                self._given.append((part, one))

    @read
    def get(self, url: str, *, deadline: float) -> HttpAnswer:
        return self._answer(Asked("GET", url))

    @change
    def post(
        self, url: str, *, headers: Mapping[str, str], body: Mapping[str, object], deadline: float
    ) -> HttpAnswer:
        return self._answer(Asked("POST", url, dict(headers), dict(body)))

    def _answer(self, asked: Asked) -> HttpAnswer:
        self.seen.append(asked)
        for place, (part, answer) in enumerate(self._given):
            if part in asked.url:
                del self._given[place]
                return answer
        return HttpAnswer(200, 5, body="ok")


class CertificatesTwin(Breakable):
    """ports.Certificates: all of them hold for long, unless `shown` has another for a name."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: dict[str, CertificateSeen] = {}

    @read
    def expiry(self, hostname: str, deadline: float) -> CertificateSeen:
        plain = CertificateSeen(datetime(2099, 1, 1, tzinfo=UTC), "Twin CA")
        return self.shown.get(hostname, plain)


class MailerTwin(Breakable):
    """ports.Mailer: an outbox. A letter that is sent twice stands there twice."""

    def __init__(self) -> None:
        super().__init__()
        self.outbox: list[Letter] = []

    @change
    def send(self, letter: Letter) -> None:
        self.outbox.append(letter)


class SecretStoreTwin(Vault):
    """The real vault under a key that everybody knows: it needs no twin."""

    def __init__(self) -> None:
        super().__init__({"twin": b"twin" * 8})


class OpenTwin:
    """ports.OpenTarget: the same twin for every name, or one of `named`; keys are noted."""

    def __init__(self, target: TargetTwin, named: Mapping[str, Target] | None = None) -> None:
        self.target = target
        self.named = dict(named or {})
        self.opened: list[tuple[str, str | None]] = []

    def __call__(self, name: str, api_key: str | None = None) -> Target:
        self.opened.append((name, api_key))
        if self.named and name not in self.named:
            raise Permanent(f"Target {name} is not configured")
        return self.named.get(name, self.target)


@dataclass
class Twins:
    """All twins of one test, with the Ports made of them."""

    target: TargetTwin = field(default_factory=TargetTwin)
    resolver: ResolverTwin = field(default_factory=ResolverTwin)
    web: WebTwin = field(default_factory=WebTwin)
    certificates: CertificatesTwin = field(default_factory=CertificatesTwin)
    mailer: MailerTwin = field(default_factory=MailerTwin)
    secrets: SecretStoreTwin = field(default_factory=SecretStoreTwin)

    def ports(self) -> Ports:
        return ports_of_twins(self)


def ports_of_twins(twins: Twins | None = None) -> Ports:
    """Ports of these twins, or of fresh ones. `send_until` is the real one; twins obey it."""
    twins = twins or Twins()
    return Ports(
        target=OpenTwin(twins.target),
        resolver=twins.resolver,
        web=twins.web,
        certificates=twins.certificates,
        mailer=twins.mailer,
        secrets=twins.secrets,
        send_until=send_until,
    )
