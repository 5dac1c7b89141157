"""How often a page asks the database: a fixed number of times, however many rows there are."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event

from tenantry.models import Deployment, DeploymentStep
from tests.web.conftest import World
from tests.web.test_output import LISTS

MOST = 9


@contextmanager
def counted(world: World) -> Iterator[list[str]]:
    """Statements sent meanwhile."""
    seen: list[str] = []

    def note(_c: object, _cur: object, statement: str, *_: object) -> None:
        if not statement.startswith(("BEGIN", "PRAGMA")):
            seen.append(statement)

    event.listen(world.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(world.engine, "before_cursor_execute", note)


def grow(world: World) -> None:
    for number in range(12):
        world.stage.tenant(f"more{number}", "tools")
    with world.engine.begin() as conn:
        conn.exec_driver_sql("UPDATE target SET max_in_flight=50")
    for number in range(6):
        world.stage.deploy(f"more{number}")


def test_every_list_asks_the_same_few_questions_of_a_larger_fleet(world: World) -> None:
    admin = world.client("admin")
    urls = ["/", *(f"/{noun}/" for noun in LISTS)]
    before = {}
    for url in urls:
        with counted(world) as seen:
            admin.page(url)
        before[url] = len(seen)
    grow(world)
    for url in urls:
        with counted(world) as seen:
            admin.page(url)
        assert len(seen) <= before[url] + 1, (url, "\n".join(seen))
        assert len(seen) <= (12 if url == "/" else MOST), (url, "\n".join(seen))


def test_the_pages_of_a_deployment_do_too(world: World) -> None:
    viewer = world.client("viewer")
    for made in world.rows(Deployment):
        step = world.rows(DeploymentStep, deployment_id=made.id)[0]
        for page in ("", "/live", f"/steps/{step.public_id}", "/log", "/log?q=a", "/compare"):
            with counted(world) as seen:
                viewer.page(f"/deployments/{made.public_id}{page}")
            assert len(seen) <= MOST - 2, (page, "\n".join(seen))


def test_being_told_that_nothing_changed_is_cheap(world: World) -> None:
    viewer = world.client("viewer")
    url = f"/deployments/{world.row(Deployment, status='running').public_id}/live"
    tag = viewer.get(url).headers["ETag"]
    with counted(world) as seen:
        assert viewer.get(url, headers={"If-None-Match": tag}).status_code == 304
    assert len(seen) <= 5, "\n".join(seen)
