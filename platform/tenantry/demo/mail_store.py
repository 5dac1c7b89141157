"""The caught messages: in memory to be shown, and as .eml files for any mail program."""

import contextlib
import re
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from functools import cached_property
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

CAP = 500
_LINK = re.compile(r"https?://[^\s<>\"')\]]+")


@dataclass(frozen=True)
class Message:
    """
    One caught message, byte for byte, with the envelope it came in.

    `raw` begins with two trace lines of ours, Return-Path and X-Envelope-To. Reading never fails:
    what is malformed is shown as far as it can be understood.
    """

    number: int
    received_at: datetime
    sender: str
    recipients: tuple[str, ...]
    raw: bytes

    @cached_property
    def parsed(self) -> EmailMessage:
        """The message taken apart."""
        return BytesParser(policy=policy.default).parsebytes(self.raw)

    def header(self, name: str) -> str:
        """Give a header as people read it; empty when it is missing or cannot be read."""
        try:
            return str(self.parsed.get(name, ""))
        except Exception:  # noqa: BLE001 - the email package raises all kinds on broken headers
            return ""

    @property
    def subject(self) -> str:
        """The subject, empty when there is none."""
        return self.header("Subject")

    @cached_property
    def text(self) -> str:
        """The plain text; empty when there is none."""
        return self._body("plain")

    @cached_property
    def html(self) -> str:
        """The HTML; empty when there is none."""
        return self._body("html")

    @property
    def attachments(self) -> list[str]:
        """The file names of what is attached."""
        with contextlib.suppress(Exception):
            return [part.get_filename() or "unnamed" for part in self.parsed.iter_attachments()]
        return []

    @property
    def links(self) -> list[str]:
        """All web addresses in the message, each once, those of the text first."""
        reader = _Links()
        with contextlib.suppress(Exception):
            reader.feed(self.html)
        found = [link.rstrip(".,;:!?") for link in _LINK.findall(self.text)] + reader.found
        return list(dict.fromkeys(found))

    def as_json(self) -> dict[str, Any]:
        """Give everything a test may want to look at."""
        return {
            "id": self.number,
            "received_at": self.received_at.isoformat(timespec="milliseconds").replace(
                "+00:00", "Z"
            ),
            "subject": self.subject,
            "from": self.header("From"),
            "to": self.header("To"),
            "envelope_from": self.sender,
            "envelope_to": list(self.recipients),
            "text": self.text,
            "html": self.html,
            "links": self.links,
            "attachments": self.attachments,
            "size": len(self.raw),
        }

    def _body(self, kind: str) -> str:
        with contextlib.suppress(Exception):
            part = self.parsed.get_body(preferencelist=(kind,))
            if part is not None:
                return str(part.get_content())
        return ""


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [
            value
            for name, value in attrs
            if tag == "a" and name == "href" and value and _LINK.fullmatch(value)
        ]


class MailStore:
    """
    The last 500 messages; older ones are forgotten, their files too.

    Files of an earlier run are found again. May be used from any thread.
    """

    def __init__(self, folder: Path, *, cap: int = CAP) -> None:
        self._folder = folder
        self._cap = cap
        self._changed = threading.Condition()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        files = sorted(path for path in folder.glob("*.eml") if path.stem.isdigit())
        self._last = max((int(path.stem) for path in files), default=0)
        self._messages = {int(path.stem): _read(path) for path in files[-cap:]}

    def add(self, sender: str, recipients: list[str], content: bytes) -> Message:
        """Keep a message, on disk first."""
        trace = f"Return-Path: <{sender}>\r\nX-Envelope-To: {', '.join(recipients)}\r\n"
        raw = trace.encode("utf-8", "replace") + content
        with self._changed:
            self._last += 1
            message = Message(self._last, datetime.now(UTC), sender, tuple(recipients), raw)
            path = self._path(message.number)
            path.touch(mode=0o600)
            path.write_bytes(raw)
            self._messages[message.number] = message
            while len(self._messages) > self._cap:
                self._forget(min(self._messages))
            self._changed.notify_all()
        return message

    def newest_first(self) -> list[Message]:
        """List all messages."""
        with self._changed:
            return sorted(self._messages.values(), key=lambda each: -each.number)

    def get(self, number: int) -> Message | None:
        """Find one message."""
        with self._changed:
            return self._messages.get(number)

    def clear(self) -> None:
        """Forget all messages and delete their files; numbers go on."""
        with self._changed:
            for number in list(self._messages):
                self._forget(number)

    def await_count(self, count: int, timeout: float) -> bool:
        """Wait until there are at least so many messages; False when the time is over."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self._messages) >= count, timeout)

    def _forget(self, number: int) -> None:
        del self._messages[number]
        self._path(number).unlink(missing_ok=True)

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:06d}.eml"


def _read(path: Path) -> Message:
    raw = path.read_bytes()
    when = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    lines = raw.split(b"\r\n", 2)[:2]
    sender, _, recipients = (b"\n".join(lines)).decode("utf-8", "replace").partition("\n")
    return Message(
        number=int(path.stem),
        received_at=when,
        sender=sender.removeprefix("Return-Path: <").removesuffix(">"),
        recipients=tuple(
            each for each in recipients.removeprefix("X-Envelope-To: ").split(", ") if each
        ),
        raw=raw,
    )
