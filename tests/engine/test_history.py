"""What is written down: whole, bounded, numbered without gaps, and free of secrets."""

import base64
import json
import threading
import urllib.parse
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tenantry.errors import KeyRefused, Permanent, Transient
from tenantry.journal import Redactor, cap_details, cap_line, logged
from tenantry.models import Deployment, LogEntry, StatusChange
from tenantry.models.base import Base
from tenantry.operations import secrets, templates
from tenantry.ports import HealthSeen
from tenantry.steps.outcomes import Done, LogText, Unhealthy, Wait
from tests.engine.scenes import at_once, broken_rules, quiet
from tests.stage import IMAGE_ONLY, ME, PRODUCT, Stage

KEY = "project.create"
SECRET = 's3t/Up+Tok"en&Value'


def encodings(secret: str) -> dict[str, str]:
    raw = secret.encode()
    return {
        "plain": secret,
        "upper": secret.upper(),
        "base64": base64.b64encode(raw).decode(),
        "base64 of more": base64.b64encode(b"user:" + raw).decode(),
        "url": urllib.parse.quote(secret, safe=""),
        "hex": raw.hex(),
        "json": json.dumps(secret)[1:-1],
    }


def every_value(stage: Stage) -> list[str]:
    """All rows of all tables as text, but for the sealed secrets."""
    with stage.engine.begin() as conn:
        return [
            f"{table.name}: {tuple(row)}"
            for table in Base.metadata.sorted_tables
            for row in conn.execute(select(*(c for c in table.c if c.name != "encrypted_value")))
        ]


def with_secret(stage: Stage) -> Stage:
    stage.ready(PRODUCT)

    def act(session: Session) -> None:
        scope = {"project_id": templates.find(session, "dms").id}
        secrets.put(session, ME, stage.desk.secrets, "setup_token", SECRET, **scope)

    stage.desk.do(act)
    return stage


@pytest.mark.parametrize("form", encodings(SECRET))
def test_a_secret_stands_in_no_row_however_it_comes_back(shipped: Stage, form: str) -> None:
    stage = with_secret(shipped)
    leak = f"it said <{encodings(SECRET)[form]}> there"

    def build(ctx: Any) -> Wait:
        ctx.say("line one", leak, stream="stdout")
        return Wait(5, "building", {"build_trace": {"title": "mine"}}, {"phase": "x"})

    sick = Unhealthy(HealthSeen(ok=False, status=500, latency_ms=1, problem=leak))
    quiet(
        stage,
        {
            KEY: [Transient(leak), Done("ok")],
            "service.wait_deploy": [build, Permanent(f"The build failed: {leak}")],
            "health.check": [sick],
            "internal.provision": [Permanent(leak)],
        },
    )
    stage.deploy()
    stage.finish()
    assert stage.deployment().status == "failed"
    stage.desk.resume(ME, str(stage.deployment().public_id))
    stage.finish()
    stage.desk.resume(ME, str(stage.deployment().public_id))
    stage.finish()
    assert stage.deployment().status == "succeeded"
    rows = every_value(stage)
    needle = encodings(SECRET)[form].lower()
    assert [row for row in rows if needle in row.lower()] == []
    assert any("[REDACTED]" in row for row in rows)


def test_what_the_breaker_repeats_is_free_of_secrets_too(shipped: Stage) -> None:
    stage = with_secret(shipped)
    quiet(stage, {KEY: [KeyRefused(f"401 for {SECRET}")]})
    stage.deploy()
    stage.finish()
    assert [row for row in every_value(stage) if SECRET in row] == []


def test_messages_are_one_line_of_500_and_details_16_kib(shipped: Stage) -> None:
    many = {f"key-{n}": "x" * 900 for n in range(200)} | {"short": 1, "huge": "y" * 40_000}
    stage = quiet(
        shipped, {KEY: [Transient("word\nnext " * 200), Done("z" * 2000, details=many)]}
    ).ready(IMAGE_ONLY)
    stage.deploy()
    stage.finish()
    step = stage.step(KEY)
    assert len(step.message) == 500
    assert step.message.endswith("…")
    assert len(json.dumps(step.details)) <= 16_384
    assert step.details["short"] == 1
    assert "huge" in step.details["truncated"] or len(step.details["truncated"]) == 10
    with stage.desk.reading() as session:
        reasons = list(session.scalars(select(StatusChange.reason)))
        lines = list(session.scalars(select(LogEntry.text)))
    assert max(map(len, reasons)) == 500
    assert not any("\n" in text for text in (*reasons, *lines))


@pytest.mark.parametrize(
    "details",
    [
        {},
        {"a": 1, "b": [1, 2, {"c": None}]},
        {"x" * 3000: "y" * 3000, "z": 1},
        {f"{n:05d}" * 20: "ö" * 2000 for n in range(100)},
        {"deep": {"deeper": ["k" * 20_000]}},
        {"when": object()},
    ],
    ids=["nothing", "small", "long key", "many", "deep", "no JSON"],
)
def test_details_always_fit_and_are_always_json(details: dict[str, Any]) -> None:
    capped = cap_details(Redactor(), details)
    assert len(json.dumps(capped)) <= 16_384


def test_short_words_stay_as_they_are() -> None:
    assert cap_line(" one\n two\t three ") == "one two three"
    assert len(cap_line("x" * 500)) == 500
    assert len(cap_line("x" * 501)) == 500


@pytest.mark.parametrize(
    ("secret", "text"),
    [
        ("first line\r\nsecond line", "it was first line\nsecond line!"),
        ("İstanbul-Key", "it was İSTANBUL-KEY or İstanbul-Key"),
        ("ΟΔΟΣ-ΟΔΟΣ", "before ΟΔΟΣ-ΟΔΟΣΑ and οδοσ-οδος behind"),
        ("tab\tinside", "tab\tinside"),
    ],
)
def test_a_secret_is_found_in_odd_letters_and_line_ends(secret: str, text: str) -> None:
    clean = Redactor([secret]).redact(text)
    assert "[REDACTED]" in clean
    assert secret.casefold() not in clean.casefold()


def test_text_that_no_database_takes_is_made_plain(stage: Stage) -> None:
    """Half a surrogate pair and a NUL, which JSON from a target may bring."""
    odd = "half \ud800 and nul \x00 end"

    def speak(ctx: Any) -> Done:
        ctx.say(odd, stream="stdout")
        return Done(odd, details={"odd": odd, odd: [odd]})

    quiet(stage, {KEY: [Transient(odd), speak]}).ready(IMAGE_ONLY).deploy()
    stage.finish()
    assert stage.deployment().status == "succeeded"
    assert stage.step(KEY).message == "half ? and nul end"


def test_log_numbers_have_no_gap_although_many_write(stage: Stage) -> None:
    quiet(stage).ready(IMAGE_ONLY).deploy()
    deployment_id = stage.deployment().id
    give_up = threading.Event()

    def write(number: int) -> None:
        for turn in range(10):
            with stage.engine.connect() as conn:
                transaction = conn.begin()
                texts = [LogText([f"{number}.{turn}.{n}" for n in range(turn % 3 + 1)])]
                assert logged(conn, Redactor(), deployment_id, None, 1, texts) == turn % 3 + 1
                # Every third one dies with its lines.
                if (turn + number) % 3 and not give_up.is_set():
                    transaction.commit()
                else:
                    transaction.rollback()

    results = at_once(*[lambda n=n: write(n) for n in range(4)], stage.play)
    assert [r for r in results if isinstance(r, BaseException)] == []
    stage.finish()
    with stage.desk.reading() as session:
        by_number = list(session.scalars(select(LogEntry.seq).order_by(LogEntry.seq)))
        by_id = list(session.scalars(select(LogEntry.seq).order_by(LogEntry.id)))
        after = session.scalars(select(Deployment.next_seq)).one()
    assert by_number == list(range(1, len(by_number) + 1))
    assert by_id == by_number
    assert after == len(by_number) + 1


def test_nothing_said_writes_nothing(stage: Stage) -> None:
    quiet(stage).ready(IMAGE_ONLY).deploy()
    with stage.engine.begin() as conn:
        assert logged(conn, Redactor(), stage.deployment().id, None, 1, [LogText([])]) == 0
        assert logged(conn, Redactor(), stage.deployment().id, None, 1, []) == 0


def test_each_status_is_where_its_changes_end_also_in_a_long_life(shipped: Stage) -> None:
    """Failed, resumed, cancelled, resumed, succeeded, deployed again, with mail and retries."""
    stage = shipped.ready()
    target, web = stage.twins.target, stage.twins.web
    target.fail("create_database", Permanent("no"))
    public_id = stage.deploy()
    stage.finish()
    stage.desk.resume(ME, public_id)
    stage.play()
    stage.desk.cancel(ME, public_id)
    stage.finish()
    web.answers("acme", *[503] * 3)
    stage.desk.resume(ME, public_id)
    stage.finish()
    stage.deploy()
    stage.finish()
    assert stage.deployment().status == "succeeded"
    assert broken_rules(stage.engine) == []
    moves = stage.changes("deployment")
    assert ("failed", "pending") in moves
    assert ("cancelled", "pending") in moves
    assert len([m for m in moves if m[1] == "succeeded"]) == 2


def test_the_rules_notice_a_status_that_somebody_wrote_by_hand(stage: Stage) -> None:
    quiet(stage).ready(IMAGE_ONLY).deploy()
    stage.finish()
    with stage.engine.connect() as conn:
        conn.begin()
        conn.execute(Deployment.__table__.update().values(status="failed"))
        conn.commit()
    assert len(broken_rules(stage.engine)) == 1
    with stage.engine.begin() as conn:
        conn.execute(Deployment.__table__.update().values(status="succeeded"))
