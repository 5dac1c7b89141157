"""Every recording is either replayed or left out for a reason."""

import re
from collections import Counter

import pytest

from tests.contract.answers import shape_problems
from tests.contract.expectations import FOLDER, flows, left_out, recorded_numbers, recorded_steps


def test_every_recording_is_accounted_for_once():
    replayed = [step.number for step in recorded_steps()]
    omitted = [row["no"] for row in left_out()]

    twice = [number for number, times in Counter(replayed + omitted).items() if times > 1]

    assert twice == []
    assert set(replayed) | set(omitted) == recorded_numbers()
    assert len(recorded_numbers()) == 489


def test_what_is_left_out_has_a_name_and_a_reason():
    assert all(row["name"] and row["why"] for row in left_out())


def test_names_of_steps_are_unique():
    labels = Counter(step.label for step in recorded_steps())

    assert [label for label, times in labels.items() if times > 1] == []


def test_what_only_the_simulator_can_be_asked_lies_apart():
    for flow in flows().values():
        uses_control = any("control" in step.told for step in flow.steps)
        assert flow.simulator_only or not uses_control, flow.name


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.json")), ids=lambda path: path.stem)
def test_expectations_name_no_machine(path):
    text = path.read_text(encoding="utf-8")

    assert not re.search(r"/etc/dokploy|/home/|/wor[k]/|127\.0\.0\.1", text)


@pytest.mark.parametrize(
    ("shape", "value", "wrong"),
    [
        ({"a": "text"}, {"a": "x", "b": 1}, 0),
        ({"a": "text"}, {}, 1),
        ({"a": "number?"}, {"a": None}, 0),
        ({"a": "number"}, {"a": True}, 1),
        (["id"], ["x", 5], 1),
        ({"a": "time"}, {"a": "yesterday"}, 1),
        ({"a": ["bool"]}, {"a": {}}, 1),
    ],
)
def test_shapes_are_checked(shape, value, wrong):
    assert len(shape_problems(shape, value, "answer")) == wrong
