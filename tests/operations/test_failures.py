"""Failures by their cause, on both databases: written by the engine, grouped, noted, resumed."""

import pytest
from sqlalchemy.orm import Session

from tenantry.errors import Conflict, Invalid, NotFound, Permanent
from tenantry.models import AuditEntry, Deployment, FailureNote
from tenantry.operations import failures
from tenantry.operations.actors import Actor
from tests.stage import IMAGE_ONLY, ME, Stage

BOB = Actor("bob@example.com")
WORDS = "domains.create: Target says … is taken"


def cause_of(stage: Stage, public_id: str) -> str:
    return str(row_of(stage, public_id).cause)


def row_of(stage: Stage, public_id: str) -> Deployment:
    with stage.desk.reading() as session:
        return next(row for row in session.query(Deployment) if str(row.public_id) == public_id)


def fleet(stage: Stage, *names: str) -> list[str]:
    """Tenants whose first deployment fails of the same thing."""
    slug, made = stage.product(IMAGE_ONLY), []
    for name in names:
        stage.tenant(name, slug)
        stage.twins.target.fail(
            "create_domain", Permanent(f"Target says {name}.tools.example.com is taken")
        )
        made.append(stage.deploy(name))
        stage.finish()
    stage.twins.target.mend()
    return made


def listed(stage: Stage) -> list[failures.Cause]:
    with stage.desk.reading() as session:
        return failures.causes(session)


def written(stage: Stage, who: Actor, note: str, hint: str, seen: str) -> FailureNote:
    def act(session: Session) -> FailureNote:
        return failures.write(session, who, WORDS, note=note, hint=hint, seen=seen)

    return stage.desk.do(act)


def seen_now(stage: Stage) -> str:
    with stage.desk.reading() as session:
        return failures.stamp(failures.notes_of(session, [WORDS]).get(WORDS))


def test_tenants_that_failed_of_the_same_thing_stand_together(stage: Stage) -> None:
    made = fleet(stage, "acme", "zeta")
    assert {cause_of(stage, one) for one in made} == {WORDS}
    found = listed(stage)
    assert [(c.words, c.met, c.standing) for c in found] == [(WORDS, 2, 2)]
    assert (found[0].kind, found[0].message) == ("domains.create", "Target says … is taken")
    assert found[0].first is not None
    assert found[0].last is not None
    assert found[0].first <= found[0].last
    with stage.desk.reading() as session:
        rows = failures.met_by(session, WORDS)
    assert [(r.subdomain, r.stands, r.epoch) for r in rows] == [
        ("zeta", True, 0),
        ("acme", True, 0),
    ]
    assert "acme.tools.example.com" in rows[1].summary


def test_a_cause_is_still_known_after_its_deployment_went_on_and_ended_well(stage: Stage) -> None:
    first, _ = fleet(stage, "acme", "zeta")
    stage.desk.resume(ME, first)
    assert [(c.met, c.standing) for c in listed(stage)] == [(2, 1)]
    stage.finish()
    assert row_of(stage, first).status == "succeeded"
    assert [(c.met, c.standing) for c in listed(stage)] == [(2, 1)]
    with stage.desk.reading() as session:
        assert [r.subdomain for r in failures.met_by(session, WORDS, standing=True)] == ["zeta"]


def test_another_failure_of_the_same_deployment_is_what_it_last_failed_of(stage: Stage) -> None:
    (made,) = fleet(stage, "acme")
    stage.twins.target.fail("create_domain", Permanent("HTTP 400: no such server"))
    stage.desk.resume(ME, made)
    stage.finish()
    assert cause_of(stage, made) == "domains.create: HTTP 400: no such server"
    assert [c.met for c in listed(stage)] == [1]


def test_what_a_newer_deployment_has_mended_stands_no_more(stage: Stage) -> None:
    fleet(stage, "acme")
    stage.deploy("acme")
    stage.finish()
    assert [(c.met, c.standing) for c in listed(stage)] == [(1, 0)]


def test_a_lost_worker_is_a_cause_too(stage: Stage) -> None:
    stage.tenant("acme", stage.product(IMAGE_ONLY))
    made = stage.deploy("acme")
    with stage.engine.begin() as conn:
        conn.exec_driver_sql(
            "UPDATE deployment_step SET status='running', lost=5, owner='w', fence=1, "
            "lease_until='2020-01-01 00:00:00.000000' WHERE step_key='project.create'"
        )
    stage.watchdog.repair()
    assert cause_of(stage, made) == "project.create: worker lost … times"


def test_a_resume_of_what_was_shown_loses_against_one_that_came_before(stage: Stage) -> None:
    (made,) = fleet(stage, "acme")
    stage.desk.resume(ME, made, epoch=0)
    stage.twins.target.fail("create_domain", Permanent("no"))
    stage.finish()
    with pytest.raises(Conflict, match="resumed meanwhile"):
        stage.desk.resume(ME, made, epoch=0)
    stage.desk.resume(ME, made, epoch=1)


def test_a_note_is_written_changed_and_audited_once_each(stage: Stage) -> None:
    fleet(stage, "acme")
    written(stage, ME, "They renamed\r\nthe zone.", "  Ask  ops. ", seen_now(stage))
    assert [(c.note, c.hint) for c in listed(stage)] == [("They renamed\nthe zone.", "Ask ops.")]
    # A second press of the same button.
    written(stage, ME, "They renamed\nthe zone.", "Ask ops.", "another stamp")
    written(stage, BOB, "", "Ask ops.", seen_now(stage))
    with stage.desk.reading() as session:
        audit = session.query(AuditEntry).filter_by(action="failure.note").all()
        assert [(a.actor, a.before, a.after) for a in audit] == [
            (ME.name, None, {"note": "They renamed\nthe zone.", "hint": "Ask ops."}),
            (
                BOB.name,
                {"note": "They renamed\nthe zone.", "hint": "Ask ops."},
                {"note": "", "hint": "Ask ops."},
            ),
        ]


def test_nobody_overwrites_what_somebody_else_has_written(stage: Stage) -> None:
    fleet(stage, "acme")
    both = seen_now(stage)
    written(stage, ME, "one", "", both)
    with pytest.raises(Conflict, match="Somebody else"):
        written(stage, BOB, "two", "", both)
    assert [c.note for c in listed(stage)] == ["one"]


@pytest.mark.parametrize(("note", "hint"), [("x" * 2001, ""), ("", "x" * 501), ("\0", "")])
def test_what_is_too_long_is_refused(stage: Stage, note: str, hint: str) -> None:
    fleet(stage, "acme")
    with pytest.raises(Invalid):
        written(stage, ME, note, hint, seen_now(stage))


def test_no_note_without_a_failure(stage: Stage) -> None:
    with pytest.raises(NotFound):
        written(stage, ME, "x", "", seen_now(stage))
    with stage.desk.reading() as session, pytest.raises(NotFound):
        failures.one(session, "")
