"""
Every action of a tenant's life, disturbed in every way: it reaches the same end, and nothing is
there twice.

Each step loses its worker at each point; each kind of change loses its answer once in each chapter,
or meets an outage.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tenantry.errors import TargetDown
from tenantry.operations import backups, rollbacks, scaling, tenants
from tenantry.operations.scaling import Scale
from tenantry.operations.wishes import Wish
from tenantry.planning.actions import RESTART, SUSPEND, TEARDOWN, UNSUSPEND
from tenantry.planning.limits import Capabilities
from tests.engine.scenes import Deaths
from tests.engine.test_backups import policy
from tests.engine.test_crash_matrix import POINTS
from tests.stage import BACKEND, FRONTEND, ME, PRODUCT, Stage

VOLUMED = FRONTEND | {"volumes": [{"name": "files", "path": "/files"}]}
KEEPER = PRODUCT | {"services": [BACKEND, VOLUMED]}


def scaled(service: str, replicas: int | None = None, **limits: Any) -> Any:
    wanted = Scale(service, replicas, limits or None)
    return lambda session, tenant: scaling.store(session, ME, tenant, wanted, Capabilities())


def back(session: Any, tenant: Any) -> Wish:
    oldest = rollbacks.candidates(session, tenant)[-1]
    return rollbacks.prepare(session, tenant, str(oldest.public_id)).wish


def restored(session: Any, tenant: Any) -> Wish:
    newest = next(row for row in backups.records(session, tenant) if row.kind == "manual")
    return backups.restore(session, tenant, str(newest.public_id), "acme", "was lost")


LIFE: list[tuple[str, Any]] = [
    ("onboard", Wish(force=True)),
    ("scale", scaled("backend", 3, memory_mb=512)),
    ("limits of the database", scaled("db", None, memory_mb=1024)),
    ("restart", Wish(action=RESTART)),
    ("change", Wish(refs={"backend": "v2"}, fresh_build=True, force=True, services=("backend",))),
    ("roll back", back),
    ("suspend", Wish(action=SUSPEND, with_database=True)),
    ("wake", Wish(action=UNSUSPEND)),
    ("back up", backups.now),
    ("tear down", Wish(action=TEARDOWN)),
]


def prepared(stage: Stage) -> Stage:
    stage.ready(KEEPER)
    policy(stage)
    return stage


def chapters(stage: Stage) -> Iterator[str]:
    """Starts one deployment after the other; the caller plays it before the next."""
    for title, wish in LIFE:
        stage.desk.deploy(ME, "acme", wish=wish)
        if title == "onboard":
            yield title
            target = stage.twins.target
            target.schedule(target.app("backend").seen.id)
            continue
        yield title


def nothing_twice(stage: Stage) -> None:
    target = stage.twins.target
    names = [(row.environment_id, row.seen.name) for row in target.apps.values()]
    assert len(names) == len(set(names))
    hosts = [domain.host for _, domain in target.domain_rows.values()]
    assert len(hosts) == len(set(hosts))
    for row in target.apps.values():
        paths = [mount.path for mount in row.mounts]
        assert len(paths) == len(set(paths)), row.seen.name
    prefixes = [(r.database_id, r.seen.wish.prefix) for r in target.backup_rows.values()]
    assert len(prefixes) == len(set(prefixes))


def nothing_left(stage: Stage) -> None:
    target = stage.twins.target
    assert (target.project_rows, target.apps, target.domain_rows) == ({}, {}, {})
    assert not [r for r in target.schedule_rows.values() if r.listed or r.seen.enabled]
    assert target.node_apps(None) == []
    with stage.desk.reading() as session:
        assert tenants.find(session, "acme", away=True).status == "archived"


def lived(stage: Stage, play: Callable[[], None]) -> None:
    for title in chapters(stage):
        play()
        ended = stage.deployment()
        assert ended.status == "succeeded", f"{title}: {ended.summary}"
        nothing_twice(stage)
    nothing_left(stage)


def test_an_undisturbed_life_ends_with_nothing_left(stage: Stage) -> None:
    prepared(stage)
    lived(stage, stage.finish)


@pytest.mark.parametrize("point", POINTS)
def test_every_step_of_a_life_survives_the_death_of_its_worker(stage: Stage, point: str) -> None:
    prepared(stage)

    def play() -> None:
        Deaths(stage, point).play()

    lived(stage, play)


CHANGES = (
    "configure_application configure_database deploy_database reload_application stop_application "
    "set_fresh_build create_volume enable_domain enable_schedule delete_schedule delete_domain "
    "delete_application delete_project remove_database remove_image stop_database start_database "
    "create_backup run_backup create_volume_backup run_volume_backup remove_volume_backup "
    "trigger_build set_environment attach_git"
).split()


@pytest.mark.parametrize("when", ["before", "after"])
def test_lost_answers_and_outages_change_nothing_about_the_end(stage: Stage, when: Any) -> None:
    """In each chapter every kind of change fails once: before it is done, or after."""
    prepared(stage)
    trouble = TargetDown("cut", outcome_known=when == "before")
    target = stage.twins.target

    def play() -> None:
        target.mend()
        for change in CHANGES:
            target.fail(change, trouble, when)
        stage.finish(rounds=300)

    lived(stage, play)
    # A change that no chapter sends would be no test.
    assert not [change for change in CHANGES if not target.calls[change]]
