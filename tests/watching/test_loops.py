"""The prober as a process: its threads, and a clean end."""

import threading
import time
from dataclasses import replace

from tenantry.config import Watching
from tenantry.models import HealthCheck
from tenantry.ports import HttpAnswer
from tenantry.watching import loops
from tenantry.watching.crew import Crew
from tests.stage import IMAGE_ONLY
from tests.watching.scenes import Scene


def until(what, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.02)


def test_everything_goes_by_itself_and_ends_when_told(scene: Scene):
    slug = scene.stage.product(IMAGE_ONLY)
    scene.stage.tenant("acme", slug)
    scene.stage.deploy("acme")
    scene.stage.finish()
    quick = Watching(interval=1, hostname_interval=2, threads=4, failures=2, seconds=0.1)
    scene.twins.mailer.outbox.clear()
    scene.twins.web.answers("", *([502] * 3))
    stop = threading.Event()
    thread = threading.Thread(target=loops.run, args=(scene.another(quick), stop))
    thread.start()
    try:
        until(lambda: len(scene.subjects) == 2)
    finally:
        stop.set()
        began = time.monotonic()
        thread.join(5)
    assert not thread.is_alive()
    assert time.monotonic() - began < 3
    assert scene.subjects == ["Acme: web is down", "Acme: web is up again"]
    # The other threads end by themselves; the next test empties the tables under their feet.
    names = {"containers", "hostnames", "enrolment", "letters", "tidying"}
    until(lambda: not names & {t.name for t in threading.enumerate()})


def test_a_probe_that_hangs_delays_neither_others_nor_the_end(scene: Scene):
    services = [
        {"name": f"s{n}", "service_type": "backend", "image": "acme/tools:1.0"} for n in range(3)
    ]
    scene.deployed(document=IMAGE_ONLY | {"services": services})
    hang = threading.Event()

    class Web:
        def get(self, url: str, *, deadline: float) -> HttpAnswer:
            if "s1" in url:
                hang.wait(20)
            return HttpAnswer(200, 5)

    prober = scene.another(Watching(interval=1, threads=2))
    prober = replace(prober, ports=replace(prober.ports, web=Web()))
    stop = threading.Event()
    thread = threading.Thread(target=loops.run, args=(prober, stop))
    thread.start()
    until(lambda: len([r for r in scene.rows(HealthCheck) if r.step_id is None]) >= 4)
    stop.set()
    began = time.monotonic()
    thread.join(6)
    hang.set()
    assert not thread.is_alive()
    assert time.monotonic() - began < 4
    until(lambda: "letters" not in {t.name for t in threading.enumerate()})


def test_a_crew_holds_its_size_and_survives_its_work():
    out, most, lock = 0, 0, threading.Lock()

    def act(number: int) -> int:
        nonlocal out, most
        with lock:
            out += 1
            most = max(most, out)
        time.sleep(0.01)
        with lock:
            out -= 1
        if number == 3:
            raise ValueError(number)
        return number

    crew: Crew[int, int] = Crew("test", 4, act)
    wanted, found = list(range(20)), []
    while wanted or not crew.idle:
        while wanted and crew.room:
            crew.give(wanted.pop())
        found += crew.take()
        time.sleep(0.001)
    assert sorted(found) == [n for n in range(20) if n != 3]
    assert most <= 4
