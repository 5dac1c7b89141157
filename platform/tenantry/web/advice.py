"""
From the words of a failure to what is likely behind it, and where it is put right.

Pure: a table of patterns over messages. The first that fits is taken; where none does, nothing is
guessed.
"""

import re
from dataclasses import dataclass

# Where the button of an advice leads; pages know how.
RESUME, SECRET, ENVIRONMENT, PRODUCT, TARGET, HOSTNAMES, BACKUPS, DRIFT, LOG = (
    "resume secret environment product target hostnames backups drift log".split()
)


@dataclass(frozen=True, slots=True)
class Advice:
    """The likely cause in plain words, and the place where it is mended."""

    cause: str
    place: str


# Each pattern is a list of parts, any of which may stand anywhere in the message.
_TABLE: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        TARGET,
        "The target did not take our key: it was changed there, or its limit of calls was reached.",
        (r"refused our API key", r"\b401\b.*(?:key|unauthori)", r"answered 401"),
    ),
    (
        TARGET,
        "The connection to the target is not set up as it should be.",
        (r"Target \S+ is not configured", r"CA file of target", r"is needed$", r"redirects else"),
    ),
    (
        SECRET,
        "A secret that this needs is missing or cannot be opened. Set it again, then resume.",
        (r"secret \S+ does not exist", r"does not open", r"value of the environment is gone"),
    ),
    (
        DRIFT,
        "Somebody changed this on the target by hand.",
        (r"is not what was set", r"Somebody changed it"),
    ),
    (
        PRODUCT,
        "The repository, its branch, or the key that reads it is not right.",
        (
            r"could not read Username",
            r"Authentication failed",
            r"Permission denied \(publickey",
            r"repository\b.*not found",
            r"remote branch .*not found",
            r"couldn't find remote ref",
        ),
    ),
    (
        PRODUCT,
        "The image or its tag is not in the registry, or the registry does not let the target in.",
        (r"manifest\b.*(?:unknown|not found)", r"pull access denied", r"no such image"),
    ),
    (
        TARGET,
        "The target ran out of memory or disk. Make room there, then resume.",
        (r"no space left", r"quota", r"out of memory", r"\bOOM", r"exit.*\b137\b"),
    ),
    (
        HOSTNAMES,
        "The hostname does not lead to the target yet. Set its DNS record, then resume.",
        (r"NXDOMAIN", r"\bDNS\b", r"no address", r"nameserver", r"does not (?:lead|resolve)"),
    ),
    (
        LOG,
        "The code did not build, or what was built did not start. The end of its log says why.",
        (r"build failed", r"never finished", r"no new container", r"npm ERR", r"failed to solve"),
    ),
    (
        HOSTNAMES,
        "The target did not take this hostname. Look whether it is spelled right and free.",
        (r"domain", r"hostname", r"certificate", r"is no host"),
    ),
    (
        BACKUPS,
        "The backup or its storage is not in order.",
        (r"back ?up", r"restore", r"storage", r"destination"),
    ),
    (
        TARGET,
        "Something that was made earlier is not on the target any more. See what is there.",
        (r"gone from the target", r"not on the target", r"was (?:not created|never deployed)"),
    ),
    (
        RESUME,
        "It did not answer in time. That is often over soon.",
        (
            r"\b50[234]\b",
            r"did not answer",
            r"timed? ?out",
            r"not reached",
            r"connection",
            r"only its proxy",
        ),
    ),
    (
        PRODUCT,
        "The target refused what was sent. Its words name the field; mend it in the product.",
        (r"\b40[03]\b", r"\b422\b", r"Invalid input", r"Required"),
    ),
    (
        RESUME,
        "This program was interrupted at its work.",
        (r"lost its worker", r"worker", r"database did not take", r"in this program"),
    ),
)
_PATTERNS = tuple(
    (re.compile("|".join(parts), re.IGNORECASE), Advice(words, place))
    for place, words, parts in _TABLE
)
# What fails there is a service that does not answer as it should, whatever it said.
_OF_KIND = (
    (
        "health.",
        Advice("It runs, but does not answer as it should: see its environment.", ENVIRONMENT),
    ),
    (
        "internal.provision",
        Advice("The product's own provisioning refused or did not answer.", PRODUCT),
    ),
    (
        "domains.wait_propagation",
        Advice(
            "The hostname does not lead to the target yet. Set its DNS record, then resume.",
            HOSTNAMES,
        ),
    ),
)


def advise(step_key: str, message: str) -> Advice | None:
    """What to think of a failed step; None where nothing is known."""
    found = next((advice for start, advice in _OF_KIND if step_key.startswith(start)), None)
    if found is not None:
        return found
    return next((advice for pattern, advice in _PATTERNS if pattern.search(message)), None)
