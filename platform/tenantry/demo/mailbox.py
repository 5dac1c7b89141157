"""
A mailbox for a machine without mail: catches what is sent by SMTP and shows it on a web page.

    python -m tenantry.demo.mailbox --smtp-port 2525 --http-port 8025 --dir mail

The page is at `/`, everything as JSON at `/messages.json` (newest first). Tests make it misbehave
with `POST /_control {"fault": "refuse" | "silent" | "fail-after-dot" | "lost-answer" | "none",
"times": N | null, "clear": true | false}`; see Fault.
"""

import argparse
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from tenantry.demo.mail_catcher import Fault, MailCatcher, Misbehaviour
from tenantry.demo.mail_store import CAP, MailStore, Message
from tenantry.demo.mail_web import MailWeb
from tenantry.demo.ports import LOOPBACK, free_port, require_free
from tenantry.demo.problems import DemoProblem


class Mailbox:
    """
    Both servers of a mailbox, in threads of this process; `with Mailbox(folder) as mailbox:`.

    Ports left out are free ones. Messages of an earlier run in the same folder are there again.
    """

    def __init__(
        self,
        folder: Path,
        smtp_port: int | None = None,
        http_port: int | None = None,
        *,
        fault: Fault | str = Fault.NONE,
        cap: int = CAP,
    ) -> None:
        self._misbehaviour = Misbehaviour()
        self._misbehaviour.choose(Fault(fault))
        self._store = MailStore(folder, cap=cap)
        self.smtp_port = require_free(smtp_port, option="--smtp-port") if smtp_port else free_port()
        self.http_port = require_free(http_port, option="--http-port") if http_port else free_port()
        self._catcher: MailCatcher | None = None
        self._web: MailWeb | None = None

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"http://{LOOPBACK}:{self.http_port}/"

    @property
    def messages(self) -> list[Message]:
        """All messages, oldest first."""
        return self._store.newest_first()[::-1]

    def start(self) -> None:
        """Listen on both ports."""
        self._catcher = MailCatcher(self._store, self._misbehaviour, self.smtp_port)
        self._catcher.start()
        try:
            self._web = MailWeb(self._store, self._misbehaviour, self.http_port)
        except OSError:
            self._catcher.stop()
            raise
        threading.Thread(
            target=self._web.serve_forever, args=(0.05,), name="mailbox", daemon=True
        ).start()

    def stop(self) -> None:
        """Free both ports; the messages stay on disk."""
        if self._catcher is not None:
            self._catcher.stop()
            self._catcher = None
        if self._web is not None:
            self._web.shutdown()
            self._web.server_close()
            self._web = None

    def misbehave(self, fault: Fault | str, times: int | None = None) -> None:
        """Choose a fault from now on; `Fault.NONE` takes it back."""
        self._misbehaviour.choose(Fault(fault), times)

    def wait_for(self, count: int = 1, timeout: float = 10.0) -> list[Message]:
        """Wait until there are so many messages, and give them, oldest first; fewer on time-out."""
        self._store.await_count(count, timeout)
        return self.messages

    def clear(self) -> None:
        """Forget all messages."""
        self._store.clear()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


def main(arguments: list[str] | None = None, say: Callable[[str], None] = print) -> None:
    """Run a mailbox until a signal ends it."""
    parser = argparse.ArgumentParser(prog="python -m tenantry.demo.mailbox", description=__doc__)
    parser.add_argument("--smtp-port", type=int, default=2525)
    parser.add_argument("--http-port", type=int, default=8025)
    parser.add_argument("--dir", type=Path, required=True)
    chosen = parser.parse_args(arguments)
    asked = threading.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: asked.set())
    try:
        mailbox = Mailbox(chosen.dir, chosen.smtp_port, chosen.http_port)
    except DemoProblem as problem:
        sys.exit(str(problem))
    with mailbox:
        say(f"Mail to {LOOPBACK}:{mailbox.smtp_port} is shown on {mailbox.url}")
        while not asked.wait(0.5):
            pass


if __name__ == "__main__":
    main()
