"""Streams of events, by themselves and over HTTP."""

import json
import re
import signal
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, update

from tenantry.clock import utcnow
from tenantry.journal import Redactor, logged
from tenantry.models import Deployment, User
from tenantry.steps.outcomes import LogText
from tenantry.web.events import KEY, _end_with_process
from tenantry.web.events.hub import Hub
from tenantry.web.events.stream import last_told, stream_of
from tenantry.web.security import LONGEST_SESSION, SINCE
from tests.stage import Stage
from tests.web.conftest import SCRIPT, World
from tests.web.test_events import SOON, make_hub, stage, write

__all__ = ["make_hub", "stage"]


def told(stream: Iterator[str], most: int) -> list[tuple[str, str, Any]]:
    """Events of a stream as a browser takes them: name, id, content."""
    found = []
    for part in stream:
        event_of = re.fullmatch(r"id: (\S+)\nevent: (\w+)\ndata: (.*)\n\n", part)
        if event_of:
            found.append((event_of[2], event_of[1], json.loads(event_of[3])))
        if len(found) == most:
            break
    return found


def test_ids_of_a_stream_are_all_it_needs_to_go_on(
    stage: Stage, make_hub: Callable[..., Hub]
) -> None:
    hub = make_hub()
    deployment = stage.deployment()
    step = stage.steps()[0]
    last = f"{deployment.next_seq - 1}-"
    seen: list[tuple[str, str, Any]] = []
    for number in range(4):
        write(stage, f"a {number}\nb", step_id=step.id)
        watch = hub.watch(deployment.id, *last_told(last))
        assert watch is not None
        stream = stream_of(watch, SOON)
        # One event only, then the network is lost: the rest comes with the next stream.
        seen += told(stream, 1)
        stream.close()  # type: ignore[attr-defined]
        last = seen[-1][1]
    for seconds, number in ((SOON, 1), (0.5, 99)):
        watch = hub.watch(deployment.id, *last_told(last))
        assert watch is not None
        stream = stream_of(watch, seconds)
        seen += told(stream, number)
        stream.close()  # type: ignore[attr-defined]
        last = seen[-1][1]
    lines = [line for name, _, content in seen if name == "log" for line in content]
    assert [line["text"] for line in lines] == [t for n in range(4) for t in (f"a {n}", "b")]
    assert [line["seq"] for line in lines] == list(
        range(deployment.next_seq, deployment.next_seq + 8)
    )
    assert {line["step"] for line in lines} == {str(step.public_id)}
    assert [name for name, _, _ in seen].count("state") == 1, "told once, though cut off before"


def test_streams_ask_the_database_nothing(stage: Stage, make_hub: Callable[..., Hub]) -> None:
    hub = make_hub()
    deployment_id = stage.deployment().id
    asked: set[str] = set()
    event.listen(
        stage.engine,
        "before_cursor_execute",
        lambda *_: asked.add(threading.current_thread().name),
    )
    streams = []
    for _ in range(5):
        watch = hub.watch(deployment_id)
        assert watch is not None
        streams.append(stream_of(watch, SOON))
    for stream in streams:
        assert told(stream, 1)
        stream.close()  # type: ignore[attr-defined]
    assert asked == {"events"}


@pytest.fixture
def hub(world: World) -> Iterator[Hub]:
    """The hub of the panel; nobody may be left in it."""
    found: Hub = world.app.extensions[KEY]
    found._period = 0.02
    yield found
    assert found.watchers == 0


def url_of(world: World, subdomain: str) -> str:
    return f"/deployments/{world.row(Deployment, subdomain=subdomain).public_id}/events"


def read(answer: Any, most: int) -> list[tuple[str, str, Any]]:
    """So many events of an answer, then the browser leaves."""
    parts = (part.decode() for part in answer.iter_encoded())
    found = told(parts, most)
    answer.close()
    return found


def test_a_viewer_is_told_of_lines_and_changes(world: World, hub: Hub) -> None:
    made = world.row(Deployment, subdomain="waiting")
    page = world.client("viewer").page(f"/deployments/{made.public_id}")
    last = re.search(r'data-last="([^"]+)"', page)
    assert last
    with world.engine.begin() as conn:
        lines = ["password=hunter2hunter2", SCRIPT]
        logged(conn, Redactor(), made.id, None, 1, [LogText(lines, stream="stdout")])
    answer = world.client("viewer").get(
        f"{url_of(world, 'waiting')}?last={last[1]}", buffered=False
    )
    assert answer.status_code == 200
    assert answer.mimetype == "text/event-stream"
    assert answer.headers["X-Accel-Buffering"] == "no"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Content-Encoding" not in answer.headers
    (name, at, content), (second, _, _) = read(answer, 2)
    assert (name, second) == ("log", "state")
    assert [line["text"] for line in content] == ["password=[REDACTED]", SCRIPT]
    again = world.client("viewer").get(url_of(world, "waiting"), headers={"Last-Event-ID": at})
    assert [name for name, _, _ in read(again, 1)] == ["state"], "the lines were told"


def test_the_page_itself_is_where_the_first_stream_goes_on(world: World, hub: Hub) -> None:
    person = world.client("operator")
    made = world.row(Deployment, subdomain="waiting")
    last = re.search(r'data-last="([^"]+)"', person.page(f"/deployments/{made.public_id}"))
    assert last
    watch = hub.watch(made.id, *last_told(last[1]))
    assert watch is not None
    assert watch.next(0.3) is None, "the page shows all of it"
    watch.leave()


def test_strangers_and_the_logged_out_are_refused(world: World, hub: Hub) -> None:
    url = url_of(world, "waiting")
    events = {"Accept": "text/event-stream"}
    stranger = world.client().get(url, headers=events)
    assert stranger.status_code in {302, 401}
    assert stranger.mimetype != "text/event-stream"
    person = world.client("viewer")
    with person.session_transaction() as cookie:
        cookie[SINCE] = (utcnow() - LONGEST_SESSION - timedelta(seconds=1)).timestamp()
    assert person.get(url, headers=events).mimetype != "text/event-stream"
    away = world.client("operator")
    with world.engine.begin() as conn:
        conn.execute(update(User).values(active=False))
    assert away.get(url, headers=events).mimetype != "text/event-stream"


def test_a_stream_ends_with_its_session(world: World, hub: Hub) -> None:
    person = world.client("viewer")
    with person.session_transaction() as cookie:
        cookie[SINCE] = (utcnow() - LONGEST_SESSION + timedelta(seconds=1)).timestamp()
    answer = person.get(url_of(world, "acme"))
    assert answer.text.endswith("event: bye\ndata: {}\n\n")


def test_what_is_not_there_has_no_events(world: World, hub: Hub) -> None:
    person = world.client("viewer")
    gone = url_of(world, "acme").replace("0", "1")
    assert person.get(gone).status_code == 404


def test_when_too_many_watch_the_page_is_told_to_ask_itself(make_world: Any) -> None:
    world = make_world(TENANTRY_STREAMS="0")
    answer = world.client("viewer").get(url_of(world, "acme"))
    assert answer.status_code == 503


def test_a_look_at_the_headers_watches_nothing(world: World, hub: Hub) -> None:
    answer = world.client("viewer").open(url_of(world, "acme"), method="HEAD")
    answer.close()
    assert answer.status_code == 200
    assert hub.watchers == 0


def test_a_process_that_is_stopped_ends_its_streams_at_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = Hub(stage.desk.reading, most=200, period=0.02)
    called: list[int] = []
    handlers: list[Any] = []
    monkeypatch.setattr(signal, "getsignal", lambda _: lambda number, _frame: called.append(number))
    monkeypatch.setattr(signal, "signal", lambda _, handler: handlers.append(handler))
    _end_with_process(hub)
    watch = hub.watch(stage.deployment().id)
    assert watch is not None
    threading.Timer(0.2, handlers[0], (signal.SIGTERM, None)).start()
    parts = list(stream_of(watch, 60))
    assert parts[-1].startswith("event: bye")
    assert called == [signal.SIGTERM], "and whoever handled it before does so still"
    assert hub.watch(1) is None
