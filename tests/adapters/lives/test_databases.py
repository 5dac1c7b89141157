"""Databases on the twin and on the stand-in server: both keep the same quirks."""

import pytest

from tenantry.errors import StepTrouble
from tenantry.planning.limits import Limits
from tenantry.ports import (
    DatabaseWish,
)
from tests.adapters.lives.levers import until, up

HALF = Limits(0.5, 512)


def test_a_database_in_full_and_its_limits(target, database):
    target.configure_database("postgres", database.id, HALF)
    seen = target.database_in_full("postgres", database.id)
    assert (seen.image, seen.memory, seen.cpu) == ("postgres:17.2", "536870912", "500000000")
    assert seen.volumes == (f"{database.app_name}-data",)
    assert (seen.backups, seen.external_port) == ((), None)


def test_a_database_stops_starts_and_leaves_its_volume(target, database):
    until(lambda: up(target, database.app_name) == 1)
    target.stop_database("postgres", database.id)
    until(lambda: up(target, database.app_name) == 0)
    assert target.database("postgres", database.id).status == "idle"
    target.start_database("postgres", database.id)
    until(lambda: up(target, database.app_name) == 1)
    assert target.database("postgres", database.id).status == "done"
    target.remove_database("postgres", database.id)
    target.remove_database("postgres", database.id)
    assert target.database_in_full("postgres", database.id) is None
    assert f"{database.app_name}-data" in target.volumes(None)


def test_starting_what_was_never_deployed_fails(target, project):
    wish = DatabaseWish("redis", "r", "acme-r", "tenantry:s4 r", "", "", "pw", "redis:7")
    made = target.create_database(project.environment_id, wish, None)
    with pytest.raises(StepTrouble):
        target.start_database("redis", made.id)
