"""The audit trail: who did what to which object, before and after; filters and exports."""

import csv
import io
import json
import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from tenantry.clock import utcnow
from tenantry.models import AuditEntry, Deployment, Tenant
from tenantry.operations import failures
from tenantry.web.changes import changed
from tests.stage import ME
from tests.web.conftest import SCRIPT, World
from tests.web.test_queries import counted


def note(world: World, text: str) -> AuditEntry:
    """Two notes, one after the other; the audit row of the second."""
    cause = world.row(Deployment, subdomain="broken").cause
    for words in ("first", text):
        world.stage.desk.do(
            lambda session, words=words: failures.write(
                session,
                ME,
                cause,
                note=words,
                hint="Ask ops",
                seen=failures.stamp(failures.notes_of(session, [cause]).get(cause)),
            )
        )
    return world.rows(AuditEntry, action="failure.note")[-1]  # type: ignore[no-any-return]


def test_one_entry_shows_what_changed_and_what_did_not(world: World) -> None:
    entry = note(world, f"second {SCRIPT}")
    page = world.client("operator").page(f"/audit/details/?id={entry.public_id}")
    assert "Before and after" in page
    assert "<code>first</code>" in page
    assert "&lt;script&gt;alert(1)" in page
    assert SCRIPT not in page
    assert page.count('class="moved"') == 1, "the hint is the same"


def test_objects_lead_to_their_pages(world: World) -> None:
    page = world.client("operator").page("/audit/")
    assert f"/tenants/{world.row(Tenant, subdomain='acme').public_id}" in page
    assert f"/deployments/{world.row(Deployment, subdomain='acme').public_id}" in page
    assert "Member of staff" in page, "not the name of a table"


@pytest.mark.parametrize(
    ("query", "actions"),
    [
        ("flt0_who_equals=nobody", 0),
        ("flt0_outcome_equals=refused", 0),
        ("flt0_to_equals=Deployment", 3),
    ],
)
def test_filters_narrow_the_list(world: World, query: str, actions: int) -> None:
    page = world.client("operator").page(f"/audit/?{query}")
    assert page.count("/audit/details/?id=") == actions


def test_days_are_whole_days_at_both_ends(world: World) -> None:
    person = world.client("operator")
    every = len(world.rows(AuditEntry))
    old = utcnow() - timedelta(days=10)
    first = world.rows(AuditEntry)[0]
    with world.engine.begin() as conn:
        conn.execute(update(AuditEntry).where(AuditEntry.id == first.id).values(at=old))
    today, then = utcnow().date().isoformat(), old.date().isoformat()
    count = "/audit/details/?id="
    assert person.page(f"/audit/?flt0_from_day_from={today}").count(count) == every - 1
    assert person.page(f"/audit/?flt0_to_day_until={then}").count(count) == 1
    both = f"/audit/?flt0_from_day_from={then}&flt1_to_day_until={then}"
    assert person.page(both).count(count) == 1


@pytest.mark.parametrize("day", ["x", "2026-13-01", "0000-01-01", "9999-12-31", "2026-1-1", "%00"])
def test_a_day_that_is_none_filters_nothing(world: World, day: str) -> None:
    answer = world.client("operator").get(f"/audit/?flt0_from_day_from={day}")
    assert answer.status_code in {200, 302}


def test_exports_hold_before_and_after(world: World) -> None:
    note(world, "=HYPERLINK(1)")
    admin = world.client("admin")
    rows = list(csv.DictReader(io.StringIO(admin.page("/audit/export/csv/"))))
    assert any("=HYPERLINK(1)" in row["After"] for row in rows)
    assert not any(value.startswith("=") for row in rows for value in row.values())
    entries = json.loads(admin.page("/audit/export/json/?flt0_did_contains=failure.note"))
    assert [entry["action"] for entry in entries] == ["failure.note"] * 2
    assert json.loads(entries[0]["before"]) == {"hint": "Ask ops", "note": "first"}
    assert world.client("operator").get("/audit/export/json/").status_code == 403
    assert world.client("viewer").get("/audit/").status_code != 200


def test_the_trail_asks_few_questions(world: World) -> None:
    person = world.client("operator")
    with counted(world) as seen:
        person.page("/audit/")
    assert len(seen) <= 9, "\n".join(seen)


VALUES = st.dictionaries(st.text(max_size=5), st.one_of(st.integers(), st.text(max_size=5)))


@given(VALUES, VALUES)
def test_what_changed_is_exactly_what_differs(
    before: dict[str, object], after: dict[str, object]
) -> None:
    lines = {line.key: line for line in changed(before, after, same=True)}
    assert set(lines) == set(before) | set(after)
    for key, line in lines.items():
        assert line.was_there == (key in before)
        assert line.is_there == (key in after)
        assert line.moved == (key not in before or key not in after or before[key] != after[key])
    assert [line.key for line in changed(before, after)] == [k for k, v in lines.items() if v.moved]


def test_values_inside_others_have_their_own_lines() -> None:
    lines = changed({"a": {"b": 1, "c": [1]}}, {"a": {"b": 2, "c": [1]}, "d": {}})
    assert [(line.key, line.old, line.new) for line in lines] == [("a.b", 1, 2), ("d", None, {})]
    assert changed(None, None) == []


def test_on_a_phone_the_list_says_who_did_what_to_whom(world: World) -> None:
    page = world.client("operator").page("/audit/")
    assert '<td class="col-object_name">' in page
    found = re.findall(r'narrow-only"><br>(.*?)<br><span class="mono">(.*?)<', page)
    assert (ME.name, "deployment.create") in found
