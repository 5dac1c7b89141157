"""Reading dotenv text: back byte by byte, and what people write with all its slips."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tenantry.errors import Invalid
from tenantry.planning import dotenv
from tenantry.planning.environment import dotenv as written
from tests.planning.dotenv_reader import read as reference
from tests.planning.test_environment import carried, keys, values

SENTINEL = "hunter2-sentinel"


@given(st.dictionaries(keys, values.filter(carried), max_size=6))
@example({"A": "", "B": "x"})
@example({"A": "a\\", "B": "b c\\"})
@example({"A": "it's \\", "B": "'"} if carried("it's \\") else {})
@example({"A": "line1\nB=2", "B": "#", "C": '"', "D": "`'"})
@example({"A": "x\u2028y", "B": "-----BEGIN-----\nMII\n-----END-----\n"})
def test_what_we_write_is_read_back_byte_by_byte(wanted: dict[str, str]):
    found = dotenv.read(written(wanted))
    assert dict(found.values) == wanted
    assert (found.notes, found.problems) == ((), ())


nasty = st.text(st.sampled_from("AB='\"`#\\n\n\r :\tx"), max_size=30)


@given(st.one_of(nasty, st.text(max_size=60)))
def test_any_text_is_read_and_never_otherwise_than_the_target_does(text: str):
    found = dotenv.read(text)
    # There the reader's own line ends and ours differ; what we write has such values in quotes.
    if not found.problems and not {"\u2028", "\u2029"} & set(text):
        assert dict(found.values) == reference(text.removeprefix("\ufeff"))


def test_what_people_write():
    found = dotenv.read(
        "\ufeff# settings\nexport A=1\n\nB = two words   # a comment\nC='#x' # y\n"
        'D="a\\nb"\nE=`c\nd`\nF=\nG: colon\n  H=indented\n'
    )
    assert dict(found.values) == {
        "A": "1",
        "B": "two words",
        "C": "#x",
        "D": "a\nb",
        "E": "c\nd",
        "F": "",
        "G": "colon",
        "H": "indented",
    }
    assert found.problems == ()
    assert found.lines["F"] == 9


def test_line_ends_of_windows_are_normalised_and_that_is_said():
    found = dotenv.read('A=1\r\nB="x\r\ny"\r\n')
    assert dict(found.values) == {"A": "1", "B": "x\ny"}
    assert found.notes == ("The line ends of Windows were read as plain ones.",)


def test_a_key_that_stands_twice_is_reported_and_the_last_counts():
    found = dotenv.read(f"A={SENTINEL}\nB=1\nA=2\n")
    assert dict(found.values) == {"A": "2", "B": "1"}
    assert found.notes == ("line 3: A stands in line 1 already; the last counts",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"A=1\n{SENTINEL}\nB=2", "line 2: must be KEY=VALUE"),
        (f"A=1\n\n{SENTINEL} x=1", "line 3: must be KEY=VALUE"),
        (f"A='{SENTINEL}\nB=2", "line 1: the quote of A is not closed"),
        (f"A='{SENTINEL}' more\nB=2", "line 1: the quote of A is not closed, or more follows"),
        (f'B=`a\nb`\nA="{SENTINEL}\\r"', "line 3: A: holds a carriage return"),
        (f"A='${{{{project.{SENTINEL}}}}}'", "line 1: A: must not contain ${{"),
        (f"A={SENTINEL} ' \" ` \\n\nB=1", None),
        (f"={SENTINEL}", "line 1: must be KEY=VALUE"),
    ],
)
def test_bad_lines_are_named_by_number_and_never_shown(text: str, words: str | None):
    found = dotenv.read(text)
    told = " ".join([*found.notes, *found.problems, repr(found)])
    assert SENTINEL not in told
    if words is None:
        assert found.problems == ()
    else:
        assert any(words in problem for problem in found.problems), found.problems


def test_a_bad_line_hides_no_other():
    found = dotenv.read("A='x\nB=1\nnonsense\nC=2\n")
    assert dict(found.values) == {"B": "1", "C": "2"}
    assert len(found.problems) == 2


def test_what_is_silently_lost_is_said():
    found = dotenv.read('A=b#c\nB="say \\"hi\\""\nC=x #y\n')
    assert dict(found.values) == {"A": "b", "B": 'say \\"hi\\"', "C": "x"}
    assert len(found.notes) == 2


def test_a_megabyte_of_anything_ends_soon():
    for text in ("A='" * 200_000, "'\n" * 300_000, "A=x\\'" * 150_000, "A=`\n" * 200_000):
        dotenv.read(text)
    with pytest.raises(Invalid, match="at most"):
        dotenv.read("x" * 1_000_001)
