"""
Central validators: every text that reaches a target's shell or a header is checked by fullmatch.

Targets run `git clone`, `docker pull` and the like with these texts; several of their own holes
came from exactly these fields, so nothing but plain shapes passes.
"""

import re
from collections.abc import Iterable

from tenantry.errors import Invalid
from tenantry.planning.naming import LABEL

BRANCH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,199}")
IMAGE = re.compile(
    r"(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?(?::[0-9]{1,5})?/)?"
    r"[a-z0-9]+(?:[._-]{1,2}[a-z0-9]+){0,20}(?:/[a-z0-9]+(?:[._-]{1,2}[a-z0-9]+){0,20}){0,6}"
    r"(?::[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(?:@sha256:[a-f0-9]{64})?",
)
RELATIVE_PATH = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_/-]{0,199}")
URL_PATH = re.compile(r"/[A-Za-z0-9._~/-]{0,254}")
FILE_PATH = re.compile(r"[A-Za-z0-9._][A-Za-z0-9._-]{0,99}(?:/[A-Za-z0-9._-]{1,100}){0,10}")
ENV_KEY = re.compile(r"[A-Z_][A-Z0-9_]{0,127}")
# No part of a path begins with a dash: git and ssh would read it as an option.
SSH_REPO = re.compile(
    r"git@([a-z0-9.-]{1,253}):[A-Za-z0-9._][A-Za-z0-9._-]*(?:/[A-Za-z0-9._][A-Za-z0-9._-]*){0,6}"
)
HTTPS_REPO = re.compile(r"https://([A-Za-z0-9.-]{1,253})(?:/[A-Za-z0-9._~][A-Za-z0-9._~-]*){1,7}/?")
LONGEST_REPO_URL = 300
INNER_ENDINGS = frozenset(
    "local localhost localdomain internal intranet private corp home lan svc arpa onion "
    "invalid".split()
)
EMAIL = re.compile(r"[A-Za-z0-9.!#$%&*+/=?^_{|}~-]{1,64}@([A-Za-z0-9.-]{3,190})")
BAD_IN_REF = ("..", "//", "/.", ".lock")
MOST_RECIPIENTS = 20


def branch(text: str, field: str = "repo_branch") -> str:
    """A branch or tag. A bare commit hash is refused: the target cannot clone one."""
    if not BRANCH.fullmatch(text) or any(bad in text for bad in BAD_IN_REF) or text[-1] in "/.":
        raise Invalid(field, "must be a plain branch or tag name", text)
    if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", text):
        raise Invalid(field, "must be a branch or tag: a bare commit cannot be cloned", text)
    return text


def repo_url(text: str, field: str = "repo_url") -> str:
    """`https://host/owner/name` or `git@host:owner/name`, without credentials, port or query."""
    # A whole-text match, before anything parses it: `urlsplit` drops blanks and line ends silently.
    match = SSH_REPO.fullmatch(text) or HTTPS_REPO.fullmatch(text)
    if match is None or len(text) > LONGEST_REPO_URL or ".." in text:
        if "@" in text and not text.startswith("git@"):
            # The value is not shown: it may carry a credential.
            raise Invalid(field, "must not carry a user name or password; use a git provider")
        raise Invalid(field, "must be https://host/owner/name or git@host:owner/name", text)
    _public_host(match[1].lower(), field, text)
    return text


def _public_host(host: str, field: str, text: str) -> None:
    labels = host.split(".")
    # A last label that begins with a digit is an address: resolvers read 127.1 and 0x7f.1 as one.
    named = len(labels) > 1 and labels[-1][:1].isalpha() and labels[-1] not in INNER_ENDINGS
    if not named or not all(LABEL.fullmatch(label) for label in labels):
        raise Invalid(field, "must name a public host", text)


def image(text: str, field: str = "image") -> str:
    """`[registry/]name[:tag][@sha256:…]`, nothing else."""
    if len(text) > 255 or not IMAGE.fullmatch(text):  # noqa: PLR2004 — Docker's own limit
        raise Invalid(field, "must be an image such as ghcr.io/owner/name:1.2", text)
    return text


def provision_path(text: str, field: str = "internal_provision_endpoint") -> str:
    """A relative path of plain segments, such as `auth/create-superuser-view/`."""
    if not RELATIVE_PATH.fullmatch(text) or "//" in text:
        raise Invalid(field, "must be a relative path of A-Z a-z 0-9 / _ -", text)
    return text


def health_path(text: str, field: str = "health_path") -> str:
    """An absolute URL path without a query."""
    if not URL_PATH.fullmatch(text) or ".." in text or "//" in text:
        raise Invalid(field, "must be a path such as /health, without a query", text)
    return text


def file_path(text: str, field: str) -> str:
    """A relative path inside the repository; `.` and empty mean its root."""
    if text in {"", ".", "/"}:
        return text
    if not FILE_PATH.fullmatch(text) or ".." in text.split("/"):
        raise Invalid(field, "must be a relative path inside the repository", text)
    return text


def env_key(text: str, field: str = "env") -> str:
    """`[A-Z_][A-Z0-9_]*`."""
    if not isinstance(text, str) or not ENV_KEY.fullmatch(text):
        raise Invalid(field, "keys must hold A-Z, 0-9 and _, beginning with a letter or _", text)
    return text


def email(text: str, field: str = "email") -> str:
    """Exactly one plain address, in one line, without a display name."""
    if not isinstance(text, str):
        raise Invalid(field, "must be text", text)
    match = EMAIL.fullmatch(text)
    domain = match[1].lower().split(".") if match else []
    if len(domain) < 2 or not all(LABEL.fullmatch(label) for label in domain):  # noqa: PLR2004
        raise Invalid(field, "must be one plain e-mail address", text)
    return text


def emails(texts: Iterable[str], field: str = "notify_emails") -> tuple[str, ...]:
    """At most twenty addresses, each once, in the order given."""
    if isinstance(texts, str) or not isinstance(texts, list | tuple):
        raise Invalid(field, "must be a list of addresses")
    found = tuple(dict.fromkeys(email(text, field) for text in texts))
    if len(found) > MOST_RECIPIENTS:
        raise Invalid(field, f"must name at most {MOST_RECIPIENTS} addresses", len(found))
    return found
