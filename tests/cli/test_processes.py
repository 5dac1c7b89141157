"""How the long-running processes are started."""

import os
from typing import Any

import pytest
from click.testing import CliRunner

from tenantry.cli.processes import web


@pytest.mark.parametrize(("threads", "streams"), [(240, "200"), (100, "60"), (40, "0"), (8, "0")])
def test_timelines_never_hold_all_threads_of_the_panel(
    monkeypatch: pytest.MonkeyPatch, threads: int, streams: str
) -> None:
    became: list[Any] = []
    monkeypatch.setattr(os, "execvp", lambda _program, argv: became.append(argv))
    monkeypatch.setenv("TENANTRY_STREAMS", "of somebody else")
    ended = CliRunner().invoke(web, ["--threads", str(threads)])
    assert ended.exit_code == 0, ended.output
    [argv] = became
    assert argv[argv.index("--threads") + 1] == str(threads)
    assert os.environ["TENANTRY_STREAMS"] == streams
