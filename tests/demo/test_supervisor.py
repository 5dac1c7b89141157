"""The supervisor: starts, restarts, stops in time, and leaves nothing behind however it ends."""

import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tenantry.demo import processes
from tenantry.demo.problems import DemoProblem
from tenantry.demo.spawning import Program, spawn
from tenantry.demo.supervisor import Supervisor

pytestmark = pytest.mark.processes
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="the system's own tie is Linux's")

SLEEPS = "import time; time.sleep(60)"
# Says both ids, then sleeps, as a server with a worker does.
WITH_A_WORKER = (
    "import os, subprocess, sys, time\n"
    "w = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
    "print(os.getpid(), w.pid, flush=True)\n"
    "time.sleep(60)\n"
)
DEAF = (
    "import signal, time\n"
    "for s in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP): signal.signal(s, signal.SIG_IGN)\n"
    "print('deaf', flush=True)\n"
    "time.sleep(60)\n"
)


def program(name: str, code: str, **more: object) -> Program:
    return Program(name=name, argv=[sys.executable, "-c", code], **more)  # type: ignore[arg-type]


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(tmp_path: Path, said: list[str]) -> Iterator[Supervisor]:
    with Supervisor(tmp_path / "logs", said.append, log_cap=20_000) as running:
        yield running


# Looking


def test_without_proc_the_same_is_read_from_ps(
    supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, eventually
) -> None:
    log = tmp_path / "logs" / "web.log"
    supervisor.launch(program("web", WITH_A_WORKER))
    eventually(lambda: log.exists() and log.read_text().strip())
    leader, worker = map(int, log.read_text().split())
    with monkeypatch.context() as without:
        without.setattr(processes, "_PROC", tmp_path)
        family = processes.family(leader)
        assert {one.pid for one in family} == {leader, worker}
        assert processes.still_running(family) == family
        name = Path(sys.executable).name
        assert {leader, worker} <= set(processes.titled(name, "time.sleep(60)"))


# Starting


def test_a_program_is_ready_when_it_says_so(supervisor: Supervisor, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    code = f"import time; time.sleep(0.3); open({str(flag)!r}, 'w'); time.sleep(60)"
    seconds = supervisor.start(program("slow", code, ready=flag.exists))
    assert 0.3 <= seconds < 5
    assert [(one.name, one.ready, one.restarts) for one in supervisor.status()] == [
        ("slow", True, 0)
    ]


def test_a_program_that_dies_at_its_start_is_told_with_its_last_words(
    supervisor: Supervisor,
) -> None:
    with pytest.raises(DemoProblem) as problem:
        supervisor.start(program("broken", "raise SystemExit('no such luck')"))
    first, last = str(problem.value).splitlines()
    assert first.startswith("broken died. ")
    assert first.endswith("broken.log ends:")
    assert last == "no such luck"
    assert supervisor.status() == []


def test_a_program_that_does_not_exist_is_told(supervisor: Supervisor) -> None:
    with pytest.raises(DemoProblem, match="/no/such/program cannot be started: No such file"):
        supervisor.start(Program(name="missing", argv=["/no/such/program"]))


def test_a_program_that_never_gets_ready_is_stopped_and_told(
    supervisor: Supervisor, runs: Callable[[int], bool]
) -> None:
    seen: list[int] = []

    def never() -> bool:
        seen.append(supervisor.pid("idle") or 0)
        raise ConnectionRefusedError

    with pytest.raises(DemoProblem, match="was not ready in 1 s"):
        supervisor.start(program("idle", SLEEPS, ready=never, ready_within=1.0))
    assert seen
    assert not runs(seen[-1])


def test_the_environment_the_folder_and_the_log_are_the_given_ones(
    supervisor: Supervisor, tmp_path: Path, eventually
) -> None:
    code = (
        "import os, sys, time; print(dict(os.environ), os.getcwd(), flush=True)\n"
        "print('bad', file=sys.stderr, flush=True); time.sleep(60)"
    )
    supervisor.launch(program("shows", code, env={"A": "ß"}, cwd=tmp_path))
    log = tmp_path / "logs" / "shows.log"
    eventually(lambda: log.exists() and "bad" in log.read_text())
    text = log.read_text()
    assert "'A': 'ß'" in text
    assert "HOME" not in text
    assert str(tmp_path) in text
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_each_program_leads_a_session_of_its_own(supervisor: Supervisor) -> None:
    supervisor.start(program("one", SLEEPS))
    pid = supervisor.pid("one")
    assert pid is not None
    assert os.getsid(pid) == os.getpgid(pid) == pid


def test_inherited_deafness_to_signals_is_cured(tmp_path: Path, own_environment) -> None:
    """As when a shell started the demo with `&`: SIGINT ignored, which programs would inherit."""
    code = (
        "import signal, sys; from pathlib import Path\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "from tenantry.demo.spawning import Program, spawn\n"
        "p = spawn(Program(name='x', argv=['sleep', '60']), Path(sys.argv[1]) / 'x.log')\n"
        "import time; time.sleep(0.3); p.send_signal(signal.SIGINT); print(p.wait(5))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        env=own_environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{-signal.SIGINT}\n"


def test_two_programs_of_one_name_are_refused(supervisor: Supervisor) -> None:
    supervisor.launch(program("one", SLEEPS))
    with pytest.raises(ValueError, match="one runs already"):
        supervisor.launch(program("one", SLEEPS))


# Restarting


def test_a_killed_program_is_started_again_and_it_is_said(
    supervisor: Supervisor, said: list[str], eventually
) -> None:
    supervisor.start(program("web", SLEEPS))
    first = supervisor.pid("web")
    assert first is not None
    os.kill(first, signal.SIGKILL)
    eventually(lambda: supervisor.pid("web") not in {None, first})
    eventually(lambda: supervisor.status()[0].ready)
    assert supervisor.status()[0].restarts == 1
    assert said[0].startswith("web was killed by SIGKILL after 0 s; it starts again in 0.5 s.")
    eventually(lambda: "web is back." in said)


def test_each_death_waits_longer_up_to_a_limit(
    supervisor: Supervisor, said: list[str], eventually
) -> None:
    supervisor.launch(program("flaky", "raise SystemExit(3)"))
    eventually(lambda: len(said) >= 3)
    waits = [line.split("again in ")[1].split(" s")[0] for line in said[:3]]
    assert waits == ["0.5", "1.0", "2.0"]
    assert "ended with code 3" in said[0]
    life = supervisor._lives["flaky"]
    life.deaths = 500
    assert life.put_off() == 30.0


def test_what_a_dead_program_left_in_its_group_is_ended(
    supervisor: Supervisor, tmp_path: Path, runs, eventually
) -> None:
    log = tmp_path / "logs" / "web.log"
    supervisor.launch(program("web", WITH_A_WORKER))
    eventually(lambda: log.exists() and log.read_text().strip())
    leader, worker = map(int, log.read_text().split())
    os.kill(leader, signal.SIGKILL)
    eventually(lambda: not runs(worker))


def test_before_runs_ahead_of_each_start_and_may_fail(
    supervisor: Supervisor, said: list[str], eventually
) -> None:
    calls: list[int] = []

    def before() -> None:
        calls.append(1)
        if len(calls) == 2:
            raise OSError("not yet")

    supervisor.start(program("web", SLEEPS, before=before))
    os.kill(supervisor.pid("web") or 0, signal.SIGKILL)
    eventually(lambda: len(calls) == 3 and supervisor.pid("web"))
    assert any("web cannot be started (not yet); again in 1.0 s" in line for line in said)


def test_a_broken_console_does_not_stop_the_restarts(tmp_path: Path, eventually) -> None:
    def gone(_: str) -> None:
        raise BrokenPipeError

    with Supervisor(tmp_path, gone) as supervisor:
        supervisor.start(program("web", SLEEPS))
        first = supervisor.pid("web")
        os.kill(first or 0, signal.SIGKILL)
        eventually(lambda: supervisor.pid("web") not in {None, first})


def test_a_log_is_kept_small_and_its_older_part_beside_it(
    supervisor: Supervisor, tmp_path: Path, eventually
) -> None:
    code = "import time\nwhile True: print('x' * 999, flush=True); time.sleep(0.01)"
    supervisor.launch(program("chatty", code))
    older = tmp_path / "logs" / "chatty.log.1"
    eventually(older.exists)
    eventually(lambda: 0 < (tmp_path / "logs" / "chatty.log").stat().st_size < 20_000)
    assert b"\0" not in (tmp_path / "logs" / "chatty.log").read_bytes()


# Stopping


def test_all_are_stopped_last_first_and_the_ground_floor_after_the_rest(tmp_path: Path) -> None:
    order = tmp_path / "order"
    code = (
        "import signal, time\n"
        "def end(*_):\n"
        "    time.sleep({0}); open({1!r}, 'a').write('{2} '); raise SystemExit\n"
        "signal.signal(signal.SIGTERM, end); open({3!r}, 'w'); time.sleep(60)\n"
    )
    with Supervisor(tmp_path, lambda _: None) as supervisor:
        for name, wait, floor in (("db", 0, 0), ("web", 0.6, 1), ("beat", 0.2, 1)):
            flag = tmp_path / f"{name}.up"
            text = code.format(wait, str(order), name, str(flag))
            supervisor.start(program(name, text, floor=floor, ready=flag.exists))
        began = time.monotonic()
        assert supervisor.stop_all() == []
        assert time.monotonic() - began < 2
    assert order.read_text().split() == ["beat", "web", "db"]


def test_nothing_is_left_within_5_seconds_of_the_deaf_and_their_children(
    tmp_path: Path, runs, eventually
) -> None:
    supervisor = Supervisor(tmp_path, lambda _: None)
    logs = []
    for number in range(4):
        supervisor.launch(program(f"deaf-{number}", DEAF, floor=number % 2))
        logs.append(tmp_path / f"deaf-{number}.log")
    supervisor.launch(program("web", WITH_A_WORKER))
    supervisor.launch(
        program("wanderer", WITH_A_WORKER.replace("60)'])", "60)'], start_new_session=True)"))
    )
    logs += [tmp_path / "web.log", tmp_path / "wanderer.log"]
    eventually(lambda: all(log.exists() and log.read_text().strip() for log in logs))
    workers = [int(pid) for log in logs[-2:] for pid in log.read_text().split()]
    leaders = [status.pid for status in supervisor.status()]
    assert all(runs(pid) for pid in [*workers, *leaders])
    began = time.monotonic()
    killed = supervisor.stop_all()
    assert time.monotonic() - began < 5
    assert sorted(killed) == ["deaf-0", "deaf-1", "deaf-2", "deaf-3"]
    assert not [pid for pid in [*workers, *leaders] if runs(pid)]
    assert supervisor.stop_all() == []


def test_a_program_can_be_stopped_alone(supervisor: Supervisor, runs) -> None:
    supervisor.start(program("one", SLEEPS))
    supervisor.start(program("two", SLEEPS))
    pid = supervisor.pid("one")
    supervisor.stop("one")
    assert not runs(pid)
    assert [status.name for status in supervisor.status()] == ["two"]
    supervisor.stop("one")


def test_a_waiting_restart_does_not_outlive_the_stop(
    supervisor: Supervisor, said: list[str], eventually
) -> None:
    supervisor.launch(program("flaky", "raise SystemExit(3)"))
    eventually(lambda: said)
    supervisor.stop_all()
    time.sleep(0.8)
    assert len(said) == 1
    with pytest.raises(RuntimeError, match="was stopped"):
        supervisor.launch(program("late", SLEEPS))


# When the demo itself is killed

DEMO = f"""
import sys, time, os
from pathlib import Path
from tenantry.demo.spawning import Program
from tenantry.demo.supervisor import Supervisor
s = Supervisor(Path(sys.argv[1]))
def run(name, code, **more): s.launch(Program(name=name, argv=[sys.executable, "-c", code], **more))
run("deaf", {DEAF!r})
run("web", {WITH_A_WORKER!r})
run("plain", {SLEEPS!r})
while not all((Path(sys.argv[1]) / f"{{n}}.log").read_text() for n in ("deaf", "web")):
    time.sleep(0.02)
pids = [one.pid for one in s.status()]
print(s._guardian._process.pid, *pids, flush=True)
time.sleep(60)
"""


@pytest.fixture
def demo(tmp_path: Path, own_environment: dict[str, str]) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-c", DEMO, str(tmp_path)],
        env=own_environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def test_kill_9_of_the_demo_leaves_nothing(
    demo: "subprocess.Popen[str]", tmp_path: Path, runs, eventually
) -> None:
    assert demo.stdout is not None
    guardian, *pids = map(int, demo.stdout.readline().split())
    pids += map(int, (tmp_path / "web.log").read_text().split())
    assert all(map(runs, pids))
    demo.kill()
    eventually(lambda: not any(map(runs, [*pids, guardian])), within=6)


@linux_only
def test_the_systems_own_tie_holds_without_the_guardian(
    demo: "subprocess.Popen[str]", runs, eventually
) -> None:
    assert demo.stdout is not None
    guardian, *pids = map(int, demo.stdout.readline().split())
    os.kill(guardian, signal.SIGKILL)
    demo.kill()
    eventually(lambda: not any(map(runs, pids)), within=2)
    worker = [one for one in processes.running().values() if one.group in pids]
    for left in worker:  # a grandchild is the guardian's business, whom we killed
        os.kill(left.pid, signal.SIGKILL)


@linux_only
def test_a_program_started_from_a_short_lived_thread_lives_on(tmp_path: Path, runs) -> None:
    started: list[subprocess.Popen[bytes]] = []
    one = Program(name="x", argv=["sleep", "60"])
    thread = threading.Thread(target=lambda: started.append(spawn(one, tmp_path / "x.log")))
    thread.start()
    thread.join()
    time.sleep(0.3)
    assert runs(started[0].pid)
    started[0].kill()
    started[0].wait()


@linux_only
def test_a_server_started_without_a_supervisor_is_tied_too(
    tmp_path: Path, own_environment: dict[str, str], runs, eventually
) -> None:
    code = (
        "import sys, time; from pathlib import Path\n"
        "from tenantry.demo.valkey import Valkey\n"
        "from tenantry.demo.postgres import Postgres\n"
        "servers = [Valkey(Path(sys.argv[1]), durable=False),"
        " Postgres(Path(sys.argv[1]), durable=False)]\n"
        "for s in servers: s.start()\n"
        "print(*[s.pid for s in servers], *[s._data for s in servers], flush=True)\n"
        "time.sleep(60)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        env=own_environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    valkey, postgres, *_folders = process.stdout.readline().split()
    assert runs(int(valkey))
    assert runs(int(postgres))
    process.kill()
    process.wait()
    process.stdout.close()
    eventually(lambda: not runs(int(valkey)) and not runs(int(postgres)))
    from tenantry.demo.postgres import Postgres  # noqa: PLC0415 - to tidy up what was left
    from tenantry.demo.valkey import Valkey  # noqa: PLC0415

    for server in (Valkey(tmp_path, durable=False), Postgres(tmp_path, durable=False)):
        server.remove()
