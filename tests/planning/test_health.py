"""Whether an answer counts as healthy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry.errors import Invalid
from tenantry.planning.health import DEFAULT_EXPECTED, expected_status, is_expected

ranges = st.tuples(st.integers(100, 599), st.integers(100, 599)).map(sorted)


@pytest.mark.parametrize(
    ("text", "plain"),
    [("200", "200"), ("200-399", "200-399"), ("200, 301-308", "200,301-308"), ("599", "599")],
)
def test_a_status_list_is_kept_without_its_blanks(text: str, plain: str):
    assert expected_status(text) == plain


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ok",
        "20",
        "2000",
        "600",
        "099",
        "399-200",
        "200-",
        "-200",
        "200,,201",
        "200,",
        "200\n",
        "2xx",
        "２００",
        "200-299-399",
        "200;301",
        ",".join(["200"] * 16),
    ],
)
def test_a_bad_status_list_is_refused(text: str):
    with pytest.raises(Invalid, match="expected_status"):
        expected_status(text)


@given(st.lists(ranges, min_size=1, max_size=5), st.integers(100, 599))
def test_a_status_is_expected_if_it_lies_in_one_of_the_ranges(pairs, status: int):
    text = expected_status(",".join(f"{a}-{b}" if a != b else f"{a}" for a, b in pairs))
    assert is_expected(status, text) is any(a <= status <= b for a, b in pairs)


def test_redirects_count_by_default_and_errors_do_not():
    assert is_expected(200, DEFAULT_EXPECTED)
    assert is_expected(302, DEFAULT_EXPECTED)
    assert not is_expected(404, DEFAULT_EXPECTED)
    assert not is_expected(502, DEFAULT_EXPECTED)
