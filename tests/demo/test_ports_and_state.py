"""Ports, the state folder, secrets and the console: what a person meets before anything runs."""

import errno
import io
import os
import re
import shutil
import socket
import stat
import subprocess
import sys
from base64 import b64decode
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from tenantry.demo import ports, state
from tenantry.demo.problems import DemoProblem
from tenantry.demo.progress import Progress
from tenantry.demo.state import KeptSecrets, State, default_folder

# Ports


def listening(address: str = "127.0.0.1") -> socket.socket:
    server = socket.create_server((address, 0))
    server.listen()
    return server


def test_free_ports_are_different_and_free() -> None:
    found = ports.free_ports(20)
    assert len(set(found)) == 20
    assert all(ports.is_free(port) for port in found)


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
def test_a_taken_port_is_said_in_one_sentence(address: str) -> None:
    with listening(address) as server:
        port = server.getsockname()[1]
        assert not ports.is_free(port)
        with pytest.raises(DemoProblem) as problem:
            ports.require_free(port)
        assert str(problem.value) == (
            f"Port {port} is taken by another program; say --port N or stop it."
        )
        with pytest.raises(DemoProblem, match="say --flower-port N or stop it"):
            ports.require_free(port, option="--flower-port")
        assert ports.preferred_or_free(port) != port
    assert ports.require_free(port) == port
    assert ports.preferred_or_free(port) == port


def test_a_port_that_needs_more_rights_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: int) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(ports, "_try_to_listen", refuse)
    with pytest.raises(DemoProblem, match=r"Port 80 needs more rights .* above 1023"):
        ports.require_free(80)


@pytest.mark.parametrize("port", [65536, -1])
def test_a_number_that_is_no_port_is_said(port: int) -> None:
    with pytest.raises(DemoProblem, match=f"Port {port} cannot be used"):
        ports.require_free(port)


# The state folder


def test_the_folder_is_the_chosen_one_then_xdgs_then_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.delenv("TENANTRY_STATE", raising=False)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    assert default_folder() == Path("/home/me/.local/state/tenantry")
    monkeypatch.setenv("XDG_STATE_HOME", "not/absolute")
    assert default_folder() == Path("/home/me/.local/state/tenantry")
    monkeypatch.setenv("XDG_STATE_HOME", "/xdg")
    assert default_folder() == Path("/xdg/tenantry")
    monkeypatch.setenv("TENANTRY_STATE", "~/mine")
    assert default_folder() == Path("/home/me/mine")


def test_it_is_private_and_its_secrets_are_found_again(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "state"
    with State.open(folder) as first:
        made = (first.secret_key, first.key_ring, first.staff_password, first.secret("other"))
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((folder / "secrets.json").stat().st_mode) == 0o600
        assert stat.S_IMODE(first.logs.stat().st_mode) == 0o700
    with State.open(folder) as second:
        again = (second.secret_key, second.key_ring, second.staff_password, second.secret("other"))
    assert again == made
    assert len(set(made)) == 4
    assert len(made[0]) >= 64
    name, _, key = made[1].partition(":")
    assert name
    assert len(b64decode(key)) == 32


def test_a_folder_that_was_open_to_others_is_closed(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o755)
    State.open(folder).close()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_two_demos_in_one_folder_refuse_and_name_the_process(
    tmp_path: Path, own_environment: dict[str, str]
) -> None:
    folder = tmp_path / "with {braces}"
    code = (
        "import sys; from pathlib import Path; from tenantry.demo.state import State\n"
        "State.open(Path(sys.argv[1])); print('open', flush=True); sys.stdin.read()\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(folder)],
        env=own_environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        sentence = (
            f"Another demo (process {other.pid}) runs in {folder}; stop it, or choose another "
            f"folder with TENANTRY_STATE."
        )
        with pytest.raises(DemoProblem, match=re.escape(sentence)):
            State.open(folder)
    finally:
        other.kill()
        other.communicate()
    State.open(folder).close()  # a killed one holds nothing


def test_a_file_in_the_way_is_said(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(DemoProblem, match="is a file, not a folder; choose another folder with"):
        State.open(tmp_path / "state")
    with pytest.raises(DemoProblem, match=r"cannot be used .*; choose another folder with"):
        State.open(tmp_path / "state" / "inner")


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EROFS, "is on a read-only disk; choose another folder with TENANTRY_STATE"),
        (errno.EACCES, "cannot be written by this account"),
        (errno.ENOSPC, "is full; make room"),
    ],
)
def test_a_folder_that_cannot_be_written_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    def refuse(**_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(state.tempfile, "TemporaryFile", refuse)
    with pytest.raises(DemoProblem, match=words):
        State.open(tmp_path / "state")


def test_a_read_only_folder_is_said_to_an_ordinary_user(as_ordinary_user, tmp_path: Path) -> None:
    done = as_ordinary_user(
        "from pathlib import Path\n"
        "from tenantry.demo.state import State; from tenantry.demo.problems import DemoProblem\n"
        "for place in ('/usr/tenantry-state', '/etc', '/proc/1'):\n"
        "    try: State.open(Path(place))\n"
        "    except DemoProblem as problem: print(problem)\n"
    )
    assert done.stderr == ""
    assert "/usr/tenantry-state cannot be written by this account; choose" in done.stdout
    assert "/etc cannot be written by this account; choose" in done.stdout
    assert len(done.stdout.splitlines()) == 3
    assert stat.S_IMODE(Path("/etc").stat().st_mode) == 0o755


def test_too_little_room_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=90_000_000))
    with pytest.raises(DemoProblem, match="has 90 MB free and the demo needs 400 MB; make room"):
        State.open(tmp_path)


@pytest.mark.parametrize("damage", ["", "{", "[]", "null"])
def test_a_damaged_file_of_secrets_is_never_replaced(tmp_path: Path, damage: str) -> None:
    file = tmp_path / "secrets.json"
    file.write_text(damage)
    with pytest.raises(DemoProblem, match="is damaged"):
        KeptSecrets(file).get("key")
    assert file.read_text() == damage


# The console


def test_plain_lines_where_there_is_no_terminal() -> None:
    out = io.StringIO()
    progress = Progress(Console(file=out, width=40))
    with progress.part("PostgreSQL"):
        pass
    with pytest.raises(ValueError, match="no"), progress.part("[red]Valkey[/red]"):
        raise ValueError("no")
    progress.ready("Web", 1.26)
    progress.note("n")
    progress.warn("web died")
    progress.show([("Panel", "http://127.0.0.1:8000/" + "x" * 60), ("Mail", "m")], title="Look")
    lines = out.getvalue().splitlines()
    assert re.fullmatch(r"PostgreSQL … ready in \d\.\d s", lines[0])
    assert re.fullmatch(r"✗ \[red\]Valkey\[/red\] … failed after \d\.\d s", lines[1])
    assert lines[2:5] == ["Web … ready in 1.3 s", "n", "! web died"]
    assert lines[-2].endswith("x" * 60), "an address stays in one piece"
    assert "\x1b" not in out.getvalue()


def test_a_terminal_gets_signs() -> None:
    out = io.StringIO()
    progress = Progress(Console(file=out, force_terminal=True, color_system=None))
    with progress.part("PostgreSQL"):
        pass
    assert "✓ PostgreSQL … ready in" in out.getvalue()
