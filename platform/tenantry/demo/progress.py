"""What the person at the console sees while the demo comes up and runs."""

import contextlib
import time
from collections.abc import Iterator

from rich.console import Console
from rich.text import Text


class Progress:
    """
    One line for each part of the start, with its seconds: "PostgreSQL … ready in 1.3 s".

    On a terminal a part that is on its way shows a spinner; anywhere else there are plain lines
    without colours or movement, so that a log stays readable. Text is shown as it is, never read as
    markup. Methods may be called from any thread.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)

    @contextlib.contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Time the block; an exception is reported as a failed part and goes on."""
        began = time.monotonic()
        waiting: contextlib.AbstractContextManager[object] = contextlib.nullcontext()
        if self._console.is_terminal:
            waiting = self._console.status(Text(f"{name} …"))
        try:
            with waiting:
                yield
        except BaseException:
            self._line("✗", "red", f"{name} … failed after {time.monotonic() - began:.1f} s")
            raise
        self._line("✓", "green", f"{name} … ready in {time.monotonic() - began:.1f} s")

    def ready(self, name: str, seconds: float) -> None:
        """Report a part that was timed elsewhere."""
        self._line("✓", "green", f"{name} … ready in {seconds:.1f} s")

    def note(self, sentence: str) -> None:
        """Say something worth knowing."""
        self._line("·", "dim", sentence)

    def warn(self, sentence: str) -> None:
        """Say something that asks for attention, such as a program that died."""
        self._line("!", "yellow", sentence)

    def show(self, rows: list[tuple[str, str]], *, title: str = "") -> None:
        """Show names and values under each other: where to look, and how to sign in."""
        if title:
            self._console.print(Text(f"\n{title}", style="bold"))
        width = max((len(name) for name, _ in rows), default=0)
        for name, value in rows:
            # soft_wrap: an address must stay in one piece to be clicked or copied.
            self._console.print(Text(f"  {name:<{width}}  {value}"), soft_wrap=True)

    def _line(self, sign: str, style: str, text: str) -> None:
        if self._console.is_terminal:
            line = Text.assemble((f"{sign} ", style), text)
        else:
            line = Text(text if sign in "✓·" else f"{sign} {text}")
        self._console.print(line, soft_wrap=True)
