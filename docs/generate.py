"""Writes the pages that are made from the code: `make docs`."""

from tests.house.pages import DOCS, PAGES

for name, page in PAGES.items():
    (DOCS / name).write_text(page(), encoding="utf-8")
