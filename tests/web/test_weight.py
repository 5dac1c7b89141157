"""How heavy answers are on the wire."""

import gzip
import re

import pytest

from tests.web.conftest import World

GZIP = {"Accept-Encoding": "gzip, deflate, br"}


def test_a_page_is_squeezed_where_the_browser_takes_it(world: World) -> None:
    viewer = world.client("viewer")
    plain = viewer.get("/tenants/")
    packed = viewer.get("/tenants/", headers=GZIP)
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert int(packed.headers["Content-Length"]) == len(packed.data) < len(plain.data) / 2
    assert b"</html>" in gzip.decompress(packed.data)


def test_the_size_of_a_page_says_nothing_of_its_token(world: World) -> None:
    viewer = world.client("viewer")
    sizes = {len(viewer.get("/password", headers=GZIP).data) for _ in range(12)}
    assert max(sizes) - min(sizes) > 8


@pytest.mark.parametrize("name", ["base.css", "panel.js", "icons.svg"])
def test_our_own_files_are_squeezed_once(world: World, name: str) -> None:
    browser = world.client()
    plain = browser.get(f"/static/{name}?v=1")
    first = browser.get(f"/static/{name}?v=1", headers=GZIP)
    second = browser.get(f"/static/{name}?v=1", headers=GZIP)
    assert gzip.decompress(first.data) == plain.data
    assert first.data == second.data
    assert len(first.data) < len(plain.data)


def test_fonts_and_small_answers_stay_as_they_are(world: World) -> None:
    browser = world.client()
    font = browser.get("/static/fonts/Geist-Variable.woff2", headers=GZIP)
    alive = browser.get("/livez", headers=GZIP)
    assert "Content-Encoding" not in font.headers
    assert alive.status_code == 200
    assert "Content-Encoding" not in alive.headers


def test_a_first_visit_is_light(world: World) -> None:
    """250 KB with fonts, styles, scripts and icons; a later one is the page alone."""
    viewer = world.client("viewer")
    page = viewer.get("/", headers=GZIP)
    text = gzip.decompress(page.data).decode()
    files = set(re.findall(r"/static/[^\"'#?)\s]+", text))
    for style in [f for f in files if f.endswith(".css")]:
        css = viewer.get(style).get_data(as_text=True)
        files |= {f"/static/{name}" for name in re.findall(r"fonts/[\w-]+\.woff2", css + text)}
    total = len(page.data) + sum(len(viewer.get(f, headers=GZIP).data) for f in files)
    assert any(f.endswith(".woff2") for f in files)
    assert total < 250_000
    assert len(page.data) < 30_000
