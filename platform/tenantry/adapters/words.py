"""
Words of other programs, made fit for a person's eyes: one line, short, without secret material.

Dokploy puts raw SQL with its parameters, whole shell scripts and storage keys into its messages.
What is known by value is masked later, at the write; here goes what is known by its shape.
"""

import re

LONGEST = 500
MASK = "***"

_QUERY = re.compile(r"Failed query:.*", re.DOTALL)
_COMMAND = re.compile(r"(?:Command execution failed: *)?Command failed:.*", re.DOTALL)
# What programs say when a command failed, whatever the command was.
_REASON = re.compile(r"(?:Error response from daemon|fatal): [^\n]{1,300}")
_CREDENTIALS = re.compile(r"(?<=://)[^\s/@]+@")
_NAMED = re.compile(
    r"((?:pass(?:word|wd|phrase)?|secret|token|api[_-]?key|access[_-]?key(?:[_-]?id)?)"
    r"[\w-]{0,40}[\"']?\s{0,4}[:=]\s{0,4})(?!\*{3})[^\s,;&]+",
    re.IGNORECASE,
)
_BEARER = re.compile(r"(\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE)


def fit(text: str, *keys: str) -> str:
    """`text` in one line of at most 500 characters; each of `keys` is masked wherever it stands."""
    for key in keys:
        if key:
            text = text.replace(key, MASK)
    text = _QUERY.sub("a query of its database failed", text)
    command = _COMMAND.search(text)
    if command:
        reasons = _REASON.findall(command[0])
        reason = reasons[-1] if reasons else "a command failed on its server"
        text = f"{text[: command.start()]}{reason}"
    # The patterns below look around at each place: what nobody will read is cut off before.
    text = text[: 4 * LONGEST]
    text = _CREDENTIALS.sub(f"{MASK}@", text)
    text = _NAMED.sub(rf"\g<1>{MASK}", text)
    text = _BEARER.sub(rf"\g<1>{MASK}", text)
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
