"""
Takes known secrets out of text, in every encoding that tools print them in, and unknown ones by
their shape.

One Aho-Corasick pass over the folded text finds all encodings at once; an alternation of regular
expressions needs seconds for a megabyte where this needs hundredths. Short or common values are
not searched for: blanking "admin" would destroy every log.
"""

import base64
import html
import json
import re
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping

import ahocorasick

SHORTEST = 6
LONGEST_LINE = 8192
MASK = "[REDACTED]"
CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[@-_]|[\x00-\x08\x0b-\x1f\x7f]")
SHAPES = (
    (
        re.compile(r"([a-z][a-z0-9+.-]{1,20}://[^\s:/@]{0,128}:)[^\s@/]{1,512}@", re.IGNORECASE),
        r"\1***@",
    ),
    (
        re.compile(
            r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]{0,8000}?"
            r"(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)"
        ),
        MASK,
    ),
    (re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{20,255}|github_pat_[A-Za-z0-9_]{20,255})"), MASK),
    (re.compile(r"\b(?:glpat-[\w-]{20,64}|xox[abprs]-[\w-]{10,255}|AKIA[0-9A-Z]{16})\b"), MASK),
    (re.compile(r"\beyJ[\w-]{8,2000}\.[\w-]{8,4000}\.[\w-]{8,1000}"), MASK),
    (re.compile(r"\b(Bearer|Basic)\s+[A-Za-z0-9+/=._~-]{8,2000}", re.IGNORECASE), r"\1 " + MASK),
    (
        re.compile(
            r"(?i)([\"']?\b[\w.-]{0,40}(?:password|passwd|secret|api[_-]?key|access[_-]?key|token)"
            r"[\"']?\s{0,3}[=:]\s{0,3}[\"']?)([^\s\"',;&]{4,512})"
        ),
        r"\1" + MASK,
    ),
)


class Redactor:
    """Built once for a set of named secrets; `redact` may be called from any thread."""

    def __init__(self, secrets: Mapping[str, str] | Iterable[str] = ()) -> None:
        values = secrets.values() if isinstance(secrets, Mapping) else secrets
        self._automaton = ahocorasick.Automaton()
        self._armed = False
        for value in {v for v in values if len(v) >= SHORTEST}:
            for form in _forms(value):
                self._automaton.add_word(form, len(form))
                self._armed = True
        if self._armed:
            self._automaton.make_automaton()

    def redact(self, text: str) -> str:
        """The text without control characters, known secrets and secrets by shape."""
        plain = _plain(text)
        plain = self._by_value(plain) if self._armed else plain
        return "\n".join(_by_shape(line) for line in _blocks(plain))

    def deep(self, value: object) -> object:
        """The same for every text inside a JSON value, keys included."""
        if isinstance(value, str):
            return self.redact(value)
        if isinstance(value, Mapping):
            return {self.redact(str(k)): self.deep(v) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return [self.deep(v) for v in value]
        return value

    def _by_value(self, text: str) -> str:
        folded = _fold(text)
        spans = [(end - length + 1, end + 1) for end, length in self._automaton.iter(folded)]
        if not spans:
            return text
        out, at = [], 0
        for start, end in _merged(sorted(spans)):
            out += [text[at:start], MASK]
            at = end
        return "".join([*out, text[at:]])


def _plain(text: str) -> str:
    # Half a surrogate pair, which JSON may bring, is no text that a database can store.
    whole = text.encode("utf-8", "replace").decode()
    return CONTROL.sub("", whole.replace("\r\n", "\n").replace("\r", "\n"))


def _fold(text: str) -> str:
    # Lower-casing must keep every index; a few letters grow when they are folded. A Greek sigma
    # ends a word otherwise than it stands inside one, and a secret may stand in either place.
    folded = text.lower().replace("ς", "σ")
    return (
        folded
        if len(folded) == len(text)
        else "".join(low if len(low := _fold_one(c)) == 1 else c for c in text)
    )


def _fold_one(letter: str) -> str:
    return letter.lower().replace("ς", "σ")


def _merged(spans: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    start, end = spans[0]
    for low, high in spans[1:]:
        if low > end:
            yield start, end
            start, end = low, high
        else:
            end = max(end, high)
    yield start, end


def _forms(value: str) -> set[str]:
    raw = value.encode()
    # As it stands in a text that was made plain, too: a pasted key has other line ends.
    forms = {
        value,
        _plain(value),
        value[::-1],
        raw.hex(),
        json.dumps(value)[1:-1],
        repr(value)[1:-1],
    }
    forms |= {json.dumps(json.dumps(value)[1:-1])[1:-1], html.escape(value)}
    once = urllib.parse.quote(value, safe="")
    forms |= {once, urllib.parse.quote(once, safe=""), urllib.parse.quote_plus(value)}
    forms |= {"".join(f"%{b:02x}" for b in raw), "".join(f"\\u{ord(c):04x}" for c in value)}
    forms.add(value.replace("'", "'\\''"))
    for shift in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            text = encode(b"\0" * shift + raw).decode().rstrip("=")
            # The characters that also hold bits of a neighbour are left out at both ends.
            forms.add(text[(0, 2, 3)[shift] : len(text) - (1 if (len(raw) + shift) % 3 else 0)])
    return {_fold(form) for form in forms if len(form) >= SHORTEST}


def _blocks(text: str) -> list[str]:
    # A private key spans lines; everything else is judged line by line, in capped pieces.
    if "-----BEGIN" in text:
        return [text]
    return text.split("\n")


def _by_shape(line: str) -> str:
    head, tail = line[:LONGEST_LINE], line[LONGEST_LINE:]
    if "-----BEGIN" in line:
        head, tail = line, ""
    for shape, mask in SHAPES:
        head = shape.sub(mask, head)
    return head + ("…" if tail else "")
