"""A growing log, read piece by piece through a tail."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry.steps.buildlog import WINDOW, commit_of, last_error, new_lines

LOST = "… lines lost …"


def poll(chunks: list[str], tail: int = 10_000, *, finished: bool = True) -> list[str]:
    """All lines that are told while the log grows by these chunks, the last one being the end."""
    cursor: dict[str, Any] | None = None
    log, told = "", []
    for number, chunk in enumerate(chunks, start=1):
        log += chunk
        seen = "".join(log.splitlines(keepends=True)[-tail:])
        over = finished and number == len(chunks)
        lines, cursor = new_lines(seen, cursor, finished=over)
        told += lines
    return told


chunks = st.lists(st.text(st.sampled_from("ab \n"), max_size=12), max_size=12)


@given(chunks)
def test_no_line_is_lost_or_doubled_however_the_log_grows(parts: list[str]):
    log = "".join(parts)
    assert poll([*parts, ""]) == log.split("\n")[: None if log and log[-1] != "\n" else -1]


@given(st.lists(st.integers(0, 12), max_size=10), st.integers(13, 30))
def test_no_line_is_lost_or_doubled_through_a_tail_that_holds_what_is_new(grow, tail):
    lines = iter(f"line {n}\n" for n in range(500))
    parts = ["".join(next(lines) for _ in range(count)) for count in grow]
    assert poll([*parts, ""], tail) == "".join(parts).splitlines()


@given(st.lists(st.integers(0, 12), max_size=10), st.integers(22, 40))
def test_blank_and_repeated_lines_do_not_mislead_a_tail(grow, tail):
    # Every third line is blank and every fifth the same: a single line says little of the place.
    texts = ["" if n % 3 == 0 else "same" if n % 5 == 0 else f"line {n}" for n in range(500)]
    lines = iter(f"{text}\n" for text in texts)
    parts = ["".join(next(lines) for _ in range(count)) for count in grow]
    assert poll([*parts, ""], tail) == "".join(parts).splitlines()


def test_lines_that_ran_out_of_the_tail_are_told_of_in_one_line():
    first = "".join(f"a{n}\n" for n in range(20))
    more = "".join(f"b{n}\n" for n in range(30))
    told = poll([first, more, "c\n"], tail=10)
    assert told[10] == LOST
    assert told[11:] == [*(f"b{n}" for n in range(20, 30)), "c"]
    assert told.count(LOST) == 1


def test_the_unfinished_last_line_waits_for_the_end():
    lines, cursor = new_lines("one\ntw", None, finished=False)
    assert lines == ["one"]
    lines, cursor = new_lines("one\ntwo\nthr", cursor, finished=False)
    assert lines == ["two"]
    lines, cursor = new_lines("one\ntwo\nthr", cursor, finished=True)
    assert lines == ["thr"]
    assert new_lines("one\ntwo\nthr", cursor, finished=True) == ([], cursor)


def test_what_grows_behind_a_last_line_that_was_told_follows_by_itself():
    _, cursor = new_lines("one\ntw", None, finished=True)
    lines, cursor = new_lines("one\ntwo", cursor, finished=True)
    assert lines == ["o"]
    lines, cursor = new_lines("one\ntwo\n", cursor, finished=True)
    assert lines == []
    lines, cursor = new_lines("one\ntwo\nthree\n", cursor, finished=True)
    assert lines == ["three"]
    assert cursor["count"] == 3


def test_a_log_that_is_gone_for_a_moment_is_not_told_twice():
    _, cursor = new_lines("one\ntwo\n", None, finished=False)
    lines, cursor = new_lines("", cursor, finished=False)
    assert lines == []
    lines, _ = new_lines("one\ntwo\nthree\n", cursor, finished=True)
    assert lines == ["three"]


def test_an_empty_log_says_nothing():
    lines, cursor = new_lines("", None, finished=True)
    assert lines == []
    assert new_lines("a\n", cursor, finished=False)[0] == ["a"]


def test_a_log_of_many_equal_lines_is_told_whole_while_it_fits_the_tail():
    assert poll([".\n" * 30, ".\n" * 30, ".\n"]) == ["."] * 61


def test_the_cursor_holds_no_text_of_the_log():
    _, cursor = new_lines("password=hunter2\n" * 20, None, finished=False)
    assert "hunter2" not in str(cursor)
    assert len(cursor["last"]) == WINDOW
    assert len(str(cursor)) < 400


def test_halves_of_characters_in_a_log_are_no_trouble():
    lines, cursor = new_lines("a\ud800\n", None, finished=False)
    assert new_lines("a\ud800\nb\n", cursor, finished=False)[0] == ["b"]
    assert lines == ["a\ud800"]


@pytest.mark.parametrize(
    ("description", "commit"),
    [
        ("Commit: 0123456", "0123456"),
        (f"Hash\nCommit:  {'a' * 40} by ada", "a" * 40),
        ("Commit: xyz", None),
        ("", None),
        ("tenantry:acme backend", None),
    ],
)
def test_the_commit_is_read_from_the_description(description: str, commit: str | None):
    assert commit_of(description) == commit


def test_the_last_error_is_the_last_line_that_speaks_of_trouble():
    assert last_error("error: one\nerror: two\nbye\n") == "error: two"
    assert last_error("fine\nalso fine\n") == "also fine"
    assert last_error("\n \n") == ""
    assert len(last_error("error " * 200)) == 300
