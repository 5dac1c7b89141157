"""S7, S11: the database restarts, is away, is full."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.chaos.field import Field, field
from tests.chaos.scenario import How, Told, scenario
from tests.chaos.verdict import verdict
from tests.installation import ME

RESTARTS = 3
OUTAGE = 95.0
BACK_WITHIN = 30.0
FULL_SECONDS = 8.0
FULL_WITHIN = 10.0
DISK = "400m"


def _pids(place: Field) -> dict[str, int | None]:
    return {
        child.name: child.pid
        for child in place.place.supervisor.status()
        if child.name != "dokploy"
    }


@scenario("S7", "PostgreSQL killed three times and away for 95 s: no wrong state, no worker dies")
def a_database_that_restarts_and_stays_away_corrupts_nothing(how: How) -> Told:
    """Claims that were cut in the middle are recovered by their leases."""
    told = Told()
    with field(how) as place:
        place.place.control("speed", {"speed": 10.0})
        place.deploy([f"t{n}" for n in range(60)])
        before = _pids(place)
        for _ in range(RESTARTS):
            time.sleep(4)
            place.restart_postgres()
        time.sleep(3)
        told.figures["in flight"] = place.in_flight()
        place.stop_postgres()
        time.sleep(OUTAGE)
        place.start_postgres()
        at = place.db_time()
        place.place.control("speed", {"speed": 0.05})
        place.finish(180)
        slowest = place.slowest_to_go_on(at)
        told.figures |= {"restarts": RESTARTS, "away s": OUTAGE}
        told.figures["slowest to go on s"] = round(slowest, 1)
        told.expect(slowest <= BACK_WITHIN, f"slowest went on after {slowest:.1f} s")
        died = [name for name, pid in _pids(place).items() if before[name] != pid]
        told.figures["processes that died"] = len(died)
        told.expect(not died, f"died: {died}")
        told.kept(verdict(place.place))
    return told


@scenario("S11", "a full disk refuses cleanly and recovers within 10 s, nothing doubled")
def a_full_disk_is_refused_and_survived(how: How) -> Told:
    """The database's files lie in a small file system of their own, filled to the brim for 8 s."""
    told = Told()
    with field(how) as place, _small_disk(place, how.base / "disk") as disk:
        place.place.control("speed", {"speed": 0.3})
        place.deploy([f"t{n}" for n in range(40)])
        time.sleep(2)
        filler = disk / "filler"
        _run("dd", "if=/dev/zero", f"of={filler}", "bs=1M", check=False)
        refused, began = 0, time.monotonic()
        while time.monotonic() - began < FULL_SECONDS:
            try:
                place.place.tenant(f"full{refused}", "site")
                place.place.shop.desk.deploy(ME, f"full{refused}")
            except Exception:  # noqa: BLE001 — a clean refusal is what is wanted
                refused += 1
            time.sleep(0.2)
        filler.unlink()
        back = place_answers(place)
        told.figures |= {"refused while full": refused, "takes writes again after s": back}
        told.expect(refused > 0, "nothing was refused: the disk was not full")
        told.expect(back <= FULL_WITHIN, f"took writes again after {back} s")
        place.finish(180)
        # Sent, and then not written down: it is sent once more.
        place.place.mails_at_risk = 40
        told.kept(verdict(place.place))
    return told


@contextmanager
def _small_disk(place: Field, disk: Path) -> Iterator[Path]:
    """Moves the database's files into a file system of a few hundred megabytes."""
    data = place.postgres._data
    place.postgres.stop()
    disk.mkdir()
    _run("mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(disk))
    try:
        _run("cp", "-a", f"{data}/.", str(disk))
        _run("mount", "--bind", str(disk), str(data))
        try:
            place.start_postgres()
            yield disk
        finally:
            place.postgres.stop()
            _run("umount", "-l", str(data), check=False)
    finally:
        _run("umount", "-l", str(disk), check=False)


def place_answers(place: Field) -> float:
    """Seconds until a tenant can be added and deployed."""
    began = time.monotonic()

    def works() -> bool:
        place.deploy(["after"])
        return True

    place.place.until_quietly(works, 60)
    return round(time.monotonic() - began, 1)


def _run(*argv: str, check: bool = True) -> None:
    subprocess.run(argv, check=check, capture_output=True)
