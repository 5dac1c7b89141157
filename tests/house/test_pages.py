"""Pages that are made from the code equal the code."""

import re

import pytest

from tenantry.models import Base
from tenantry.planning.environment import FIXED_NAMES
from tenantry.planning.states import MOVES, NEW
from tests.house.pages import DOCS, PAGES


@pytest.mark.parametrize("name", PAGES)
def test_a_page_equals_what_the_code_says(name: str):
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name](), "run `make docs`"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_the_same_each_time_it_is_made(name: str):
    assert PAGES[name]() == PAGES[name]()


def test_the_page_of_states_draws_and_explains_every_move():
    page = PAGES["states.md"]()
    assert page.count("stateDiagram-v2") == len(MOVES)
    for moves in MOVES.values():
        for (old, new), reason in moves.items():
            assert f"| {old} | {new} | {reason} |" in page
            assert f"    {'[*]' if old == NEW else old} --> {new}\n" in page


def test_the_page_of_models_names_every_table_and_column():
    page = PAGES["models.md"]()
    for table in Base.metadata.tables.values():
        (part,) = re.findall(rf"(?s)\nTable `{table.name}`\. \w.*?(?=\n## |\Z)", page)
        for column in table.columns:
            assert f"\n| `{column.name}`" in part
    assert "`meta` (`details`)" in page


def test_the_page_of_placeholders_names_all_of_them():
    page = PAGES["environment.md"]()
    for name in FIXED_NAMES:
        assert f"`${{{name}}}`" in page
