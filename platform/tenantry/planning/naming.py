"""Names: what people type is checked here once, and what targets get is made here once."""

import hashlib
import re

from tenantry.errors import Invalid

LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
SLUG = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+){0,20}")
# Dokploy appends a dash and six characters; Docker refuses more than 63 in all.
LONGEST_TARGET_NAME = 56
LONGEST_LABEL = 63
LONGEST_HOSTNAME = 253
# Names that browsers, mail and certificate authorities give a meaning of their own.
RESERVED_SUBDOMAINS = frozenset(
    "www admin administrator api app apps mail smtp imap pop pop3 mx ns ns1 ns2 dns ftp sftp ssh "
    "vpn autodiscover autoconfig wpad isatap localhost root webmaster postmaster hostmaster abuse "
    "security support help status static assets cdn docs blog dokploy traefik flower tenantry "
    "panel dashboard login auth oauth sso internal test".split(),
)


def subdomain(text: str, field: str = "subdomain") -> str:
    """
    One DNS label (RFC 1035, LDH), in lower case.

    Capitals are folded; everything else that is not a plain label is refused: dots, blanks, a
    trailing newline, underscores, look-alike letters, `xn--`, and reserved names.
    """
    if not isinstance(text, str) or not text:
        raise Invalid(field, "must not be empty")
    label = text.lower() if text.isascii() else text
    if len(label) > LONGEST_LABEL:
        raise Invalid(field, f"must have at most {LONGEST_LABEL} characters", text)
    if not LABEL.fullmatch(label):
        raise Invalid(
            field,
            "must hold only a-z, 0-9 and inner dashes: one label, without dots or blanks",
            text,
        )
    if label[2:4] == "--":
        raise Invalid(field, "must not have dashes in the third and fourth place (xn--)", text)
    if label in RESERVED_SUBDOMAINS:
        raise Invalid(field, "is a reserved name", text)
    return label


def slug(text: str, field: str = "slug") -> str:
    """A short name of a-z, 0-9 and single dashes, beginning with a letter, at most 40 long."""
    if not isinstance(text, str) or not SLUG.fullmatch(text) or len(text) > 40:  # noqa: PLR2004
        raise Invalid(
            field,
            "must begin with a letter and hold a-z, 0-9 and single dashes, at most 40",
            text,
        )
    return text


def slug_from(name: str) -> str:
    """A slug made from a display name; Invalid where nothing usable is left."""
    return slug(re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40].rstrip("-"), "name")


def base_domain(text: str, field: str = "base_domain") -> str:
    """A bare DNS name of at least two labels: no scheme, wildcard, port or trailing dot."""
    if not isinstance(text, str) or not text:
        raise Invalid(field, "must not be empty")
    name = text.lower() if text.isascii() else text
    labels = name.split(".")
    plain = len(labels) > 1 and len(name) <= LONGEST_HOSTNAME - LONGEST_LABEL - 1
    if not plain or not all(LABEL.fullmatch(label) for label in labels) or labels[-1].isdigit():
        raise Invalid(field, "must be a bare domain such as example.com", text)
    return name


def hostname(tenant: str, base: str, service: str | None = None) -> str:
    """
    `tenant.base`, or `tenant-service.base` for a second exposed service.

    One label either way, so that one wildcard certificate covers every hostname.
    """
    label = tenant if service is None else f"{tenant}-{service}"
    if len(label) > LONGEST_LABEL:
        raise Invalid("subdomain", f"makes a label of more than {LONGEST_LABEL} characters", label)
    return f"{label}.{base}"


def target_name(*parts: str) -> str:
    """
    A name for the target: `[a-z0-9-]`, at most 56 long, never beginning with `dokploy-`.

    Pure: the same parts give the same name. A name that would be too long is cut and closed with
    a hash of the whole, so that two long names stay apart.
    """
    whole = "-".join(parts)
    name = re.sub(r"[^a-z0-9]+", "-", whole.lower()).strip("-") or "tenant"
    # The target's own lists hide what begins with its name.
    if name == "dokploy" or name.startswith("dokploy-"):
        name = f"t-{name}"
    if len(name) > LONGEST_TARGET_NAME or name != whole:
        digest = hashlib.sha256(whole.encode()).hexdigest()[:8]
        name = f"{name[: LONGEST_TARGET_NAME - 9].rstrip('-')}-{digest}"
    return name


def volume_name(app_name: str, name: str) -> str:
    """A volume's name on the engine: the target's own suffixed name keeps tenants apart."""
    return f"{app_name}-{name}"


def marker(public_id: object) -> str:
    """What we write into a description on the target to recognise our own: one plain word."""
    return f"tenantry:{public_id}"
