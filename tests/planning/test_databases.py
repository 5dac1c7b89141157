"""The database kinds, and how their URLs read."""

import re
from typing import get_args
from urllib.parse import urlsplit

import pytest

from tenantry.errors import Invalid
from tenantry.planning import inputs
from tenantry.planning.databases import DATABASE_KINDS, FACTS, facts
from tenantry.planning.sources import DatabaseKind


def test_every_kind_of_the_ports_has_its_facts():
    assert set(FACTS) == set(DATABASE_KINDS) == set(get_args(DatabaseKind))


@pytest.mark.parametrize("kind", DATABASE_KINDS)
def test_images_are_pinned_to_a_version(kind: str):
    image = facts(kind).image
    assert inputs.image(image) == image
    assert re.search(r":v?\d+\.\d+", image)


@pytest.mark.parametrize("kind", DATABASE_KINDS)
def test_a_connection_url_holds_what_the_kind_has(kind: str):
    fact = facts(kind)
    url = urlsplit(fact.url.format(user="t_acme", password="Pw9", host="acme-db", name="t_acme"))
    assert (url.hostname, url.port, url.password) == ("acme-db", fact.port, "Pw9")
    assert url.username == ("t_acme" if fact.has_user else "default")
    assert url.path == ("/t_acme" if fact.has_name else url.path)
    assert "{" not in url.geturl()


@pytest.mark.parametrize("kind", ["", "keydb", "Postgres", "others", "postgres\n"])
def test_a_kind_that_no_target_makes_is_refused(kind: str):
    with pytest.raises(Invalid, match="db_type"):
        facts(kind)
