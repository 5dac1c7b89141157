"""What is said of a hostname: where it points to, and until when its certificate holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

WARN_DAYS = (21, 7, 1)
DAY = 86_400
# What a resolver says where the name itself is at fault, and not the way to it.
ABSENT = ("NXDOMAIN", "the name has no address")


@dataclass(frozen=True, slots=True)
class DnsVerdict:
    """`state` is one of DNS_STATES; `words` are a sentence for people, empty where all is well."""

    state: str
    addresses: tuple[str, ...] = ()
    words: str = ""

    @property
    def bad(self) -> bool:
        """Whether somebody must do something."""
        return self.state in {"wrong", "missing"}


def judge_dns(
    hostname: str,
    found: Sequence[tuple[tuple[str, ...], str]],
    expected: Sequence[str],
    *,
    answers: bool,
    ours: bool,
) -> DnsVerdict:
    """
    What the resolvers' answers (addresses, problem) mean.

    `expected` are the addresses it should have, empty where nobody knows; `answers` says that the
    service behind the name is up: then another address is no fault. `ours` says that the name lies
    under the product's own domain, so that no client is to be asked.
    """
    addresses = tuple(sorted({address for some, _ in found for address in some}))
    if not addresses:
        return _without_address(hostname, [problem for _, problem in found], expected, ours=ours)
    if not expected or set(addresses) & set(expected):
        return DnsVerdict("ok", addresses)
    there, wanted = _listed(addresses), _listed(expected)
    if answers:
        words = f"{hostname} points to {there}, not to {wanted}, and answers all the same"
        return DnsVerdict("elsewhere", addresses, words)
    words = f"{hostname} points to {there}, should be {wanted}; {_deed(ours=ours)}"
    return DnsVerdict("wrong", addresses, words)


def _without_address(
    hostname: str, problems: Sequence[str], expected: Sequence[str], *, ours: bool
) -> DnsVerdict:
    if not any(problem.startswith(ABSENT) for problem in problems):
        why = next((problem for problem in problems if problem), "no resolver is configured")
        return DnsVerdict("unknown", words=f"{hostname} could not be looked up: {why}")
    should = f", should be {_listed(expected)}" if expected else ""
    return DnsVerdict(
        "missing", words=f"{hostname} points to no address{should}; {_deed(ours=ours)}"
    )


def _deed(*, ours: bool) -> str:
    if ours:
        return "correct the record of your own domain"
    return "ask the client to correct the record at their DNS provider"


def _listed(addresses: Sequence[str]) -> str:
    return " and ".join(addresses) if len(addresses) < 3 else ", ".join(addresses)  # noqa: PLR2004 — a pair is joined by a word


@dataclass(frozen=True, slots=True)
class CertificateVerdict:
    """
    `state` is one of CERTIFICATE_STATES. `warning` names the warning that is due, the same as long
    as nothing gets worse; empty where none is.
    """

    state: str
    words: str = ""
    warning: str = ""


def judge_certificate(
    hostname: str, until: datetime | None, problem: str, now: datetime
) -> CertificateVerdict:
    """What a handshake means: `until` is the end of the certificate, `problem` why it failed."""
    if until is None:
        return CertificateVerdict("unknown", f"{hostname} showed no certificate: {problem}")
    day = f"{until:%Y-%m-%d}"
    level = warning_level(until, now)
    if level == 0:
        words = f"The certificate of {hostname} has expired on {day}"
        return CertificateVerdict("expired", words, f"{day}.0")
    if problem:
        words = f"The certificate of {hostname} is not trusted: {problem}"
        return CertificateVerdict("untrusted", words, f"{day}.untrusted")
    if level is None:
        return CertificateVerdict("ok")
    left = days_left(until, now)
    words = (
        f"The certificate of {hostname} expires on {day}, in {left} day{'' if left == 1 else 's'}"
    )
    return CertificateVerdict("expiring", words, f"{day}.{level}")


def warning_level(until: datetime, now: datetime) -> int | None:
    """The last of 21, 7, 1 and 0 days before the end that has been reached; None before all."""
    left = (until - now).total_seconds()
    if left <= 0:
        return 0
    reached = [days for days in WARN_DAYS if left <= days * DAY]
    return min(reached) if reached else None


def days_left(until: datetime, now: datetime) -> int:
    """Whole days left, the begun one counted."""
    return -int(-(until - now).total_seconds() // DAY)
