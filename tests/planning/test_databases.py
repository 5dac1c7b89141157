"""The database kinds, how their URLs read, and those that are an image with a volume."""

import re
from dataclasses import replace
from typing import get_args
from urllib.parse import urlsplit

import pytest

from tenantry.errors import Invalid
from tenantry.models.template import DB_TYPES
from tenantry.planning import inputs
from tenantry.planning.blueprint import DatabaseSpec
from tenantry.planning.databases import (
    DATABASE_KINDS,
    FACTS,
    IMAGE_KINDS,
    OUTSIDE,
    PASSWORD_PLACEHOLDER,
    facts,
    keeps_its_data,
    native,
)
from tenantry.planning.environment import names_in
from tenantry.planning.image_databases import as_service
from tenantry.planning.limits import Limits
from tenantry.planning.sources import DatabaseKind

KINDS = sorted(FACTS)
NONE = Limits()


def spec(kind: str, limits: Limits = NONE) -> DatabaseSpec:
    return DatabaseSpec("db", kind, facts(kind).image, "t_acme", "t_acme", limits)


def test_every_kind_of_the_ports_and_of_the_tables_has_its_facts():
    assert set(DATABASE_KINDS) == set(get_args(DatabaseKind))
    assert set(FACTS) == {*DATABASE_KINDS, *IMAGE_KINDS} == {*DB_TYPES} - {OUTSIDE}
    assert set(IMAGE_KINDS) == {"keydb", "dragonfly", "clickhouse"}


@pytest.mark.parametrize("kind", KINDS)
def test_images_are_pinned_to_a_version(kind: str):
    image = facts(kind).image
    assert inputs.image(image) == image
    assert re.search(r":[a-z0-9_]*?v?\d+\.\d+", image)


@pytest.mark.parametrize("kind", KINDS)
def test_a_connection_url_holds_what_the_kind_has(kind: str):
    fact = facts(kind)
    url = urlsplit(fact.url.format(user="t_acme", password="Pw9", host="acme-db", name="t_acme"))
    assert (url.hostname, url.port, url.password) == ("acme-db", fact.port, "Pw9")
    assert url.username == ("t_acme" if fact.has_user else "default")
    assert url.path == ("/t_acme" if fact.has_name else url.path)
    assert "{" not in url.geturl()


@pytest.mark.parametrize("kind", ["", "oracle", "Postgres", "others", "postgres\n"])
def test_a_kind_that_we_do_not_bring_up_is_refused(kind: str):
    with pytest.raises(Invalid, match="db_type"):
        facts(kind)


@pytest.mark.parametrize("kind", [*IMAGE_KINDS, "others"])
def test_a_kind_that_no_target_makes_is_not_asked_of_one(kind: str):
    with pytest.raises(Invalid, match="db_type"):
        native(kind)


@pytest.mark.parametrize("kind", IMAGE_KINDS)
def test_an_image_kind_is_one_stop_first_container_with_a_volume_and_no_command(kind: str):
    made = as_service(spec(kind))
    assert (made.replicas, made.once, made.stop_first) == (1, True, True)
    assert [v.path for v in made.volumes] == [facts(kind).path]
    assert made.hostname is None
    assert made.image is not None
    assert made.image.image == facts(kind).image
    told = [*made.args, *made.env[0].values.values()]
    assert told.count(PASSWORD_PLACEHOLDER) == 1
    assert all(names_in(text) or "${" not in text for text in told)


def test_dragonfly_gets_as_many_threads_as_its_memory_feeds():
    def threads(memory: int | None) -> list[str]:
        made = as_service(spec("dragonfly", Limits(memory_mb=memory)))
        return [arg for arg in made.args if arg.startswith("--proactor_threads")]

    assert threads(None) == []
    assert threads(512) == ["--proactor_threads=1"]
    assert threads(1024) == ["--proactor_threads=3"]
    assert threads(65536) == ["--proactor_threads=8"]
    assert as_service(spec("keydb", Limits(memory_mb=512))).args == facts("keydb").args


@pytest.mark.parametrize(
    ("kind", "old", "new", "kept"),
    [
        ("postgres", "postgres:17.5", "postgres:17.6", True),
        ("postgres", "postgres:17.6", "postgres:18.0", False),
        ("postgres", "postgres:17.6", "acme/postgres:17.6", False),
        ("postgres", "postgres:17.6", "postgres:17.6@sha256:" + "a" * 64, True),
        ("mysql", "mysql:8.4.6", "mysql:8.4.7", True),
        (
            "clickhouse",
            "clickhouse/clickhouse-server:25.8",
            "clickhouse/clickhouse-server:26.3",
            True,
        ),
    ],
)
def test_data_of_one_major_version_is_not_put_before_another(kind, old, new, kept):
    assert keeps_its_data(kind, old, new) is kept


def test_the_password_is_in_no_repr_of_the_service():
    assert "hunter2" not in repr(replace(as_service(spec("keydb"))))
