"""A dotenv file is looked at first; it is applied only when asked, and whole or not at all."""

from typing import Any

import pytest

from tenantry.errors import Invalid
from tenantry.operations import environments, tenants
from tenantry.operations.dotenv_import import Import, import_dotenv
from tests.operations.ledger import refused
from tests.operations.test_environments import SENTINEL, audits, lines, put
from tests.stage import ME, Stage


def bring(stage: Stage, text: str, service: str | None = None, **how: Any) -> Import:
    def act(session: Any) -> Import:
        place = environments.place_of(tenants.find(session, "acme"), service)
        return import_dotenv(session, ME, stage.desk.secrets, place, text, **how)

    return stage.desk.do(act)


FILE = f"""\
# copied from the old server
export NEW=1
SAME=1
CHANGED="2 # not a comment"
API_TOKEN={SENTINEL}
REFERENCE_TOKEN=${{SECRET_SETUP_TOKEN}}
"""


@pytest.fixture
def ready(stage: Stage) -> Stage:
    stage.ready()
    for key, value in {"SAME": "1", "CHANGED": "1", "LEFT": "1"}.items():
        put(stage, key, value)
    return stage


def test_a_preview_names_what_would_happen_and_changes_nothing(ready: Stage) -> None:
    before = len(audits(ready))
    found = bring(ready, FILE)
    assert found == Import(
        added=("API_TOKEN", "NEW", "REFERENCE_TOKEN"),
        changed=("CHANGED",),
        same=("SAME",),
        kept=("LEFT",),
        secret=("API_TOKEN",),
        notes=(),
        problems=(),
    )
    assert SENTINEL not in repr(found)
    assert "NEW" not in lines(ready)
    assert len(audits(ready)) == before


def test_applied_it_holds_and_a_second_time_does_nothing(ready: Stage) -> None:
    bring(ready, FILE, apply=True)
    found = lines(ready)
    assert (found["NEW"].shown, found["CHANGED"].shown) == ("1", "2 # not a comment")
    assert (found["API_TOKEN"].secret, found["REFERENCE_TOKEN"].shown) == (
        True,
        "${SECRET_SETUP_TOKEN}",
    )
    assert found["LEFT"].shown == "1"
    again = bring(ready, FILE, apply=True)
    assert (again.added, again.changed) == ((), ())
    assert again.same == ("API_TOKEN", "CHANGED", "NEW", "REFERENCE_TOKEN", "SAME")
    told = str([(row.action, row.after) for row in audits(ready)])
    assert SENTINEL not in told
    assert told.count("env.import") == 1


def test_flags_say_what_is_secret(ready: Stage) -> None:
    found = bring(ready, FILE, secret={"NEW"}, plain={"API_TOKEN"}, apply=True)
    assert found.secret == ("NEW",)
    assert (lines(ready)["NEW"].secret, lines(ready)["API_TOKEN"].secret) == (True, False)


def test_into_one_service_only(ready: Stage) -> None:
    bring(ready, "NEW=1", "frontend", apply=True)
    assert "NEW" in lines(ready, "frontend")
    assert "NEW" not in lines(ready)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"A=1\n{SENTINEL}", "line 2: must be KEY=VALUE"),
        (f"A='{SENTINEL}", "line 1: the quote of A"),
        (f"\nlower={SENTINEL}", "line 2: lower keys must hold"),
        (f"A={SENTINEL}${{NOPE}}", "line 1: A uses a placeholder that does not exist"),
        ("A='${{project.X}}'", "line 1: A: must not contain"),
        (f'A="{SENTINEL}\\r"', "carriage return"),
        (f"A={SENTINEL}\0", "line 1: A must have at most"),
    ],
)
def test_problems_are_named_by_line_and_nothing_is_applied(
    ready: Stage, text: str, words: str
) -> None:
    found = bring(ready, f"{text}\nGOOD=1\n")
    assert any(words in problem for problem in found.problems), found.problems
    assert SENTINEL not in repr(found)
    trouble = refused(ready, lambda: bring(ready, f"{text}\nGOOD=1\n", apply=True), Invalid)
    assert SENTINEL not in str(trouble)


def test_flags_for_keys_that_are_not_there_and_too_many_keys_are_problems(ready: Stage) -> None:
    assert bring(ready, "A=1", secret={"B"}).problems == ("B is not in the file",)
    both = bring(ready, "A=1", secret={"A"}, plain={"A"})
    assert both.problems == ("A cannot be both secret and plain",)
    many = "\n".join(f"K{n}=1" for n in range(501))
    assert bring(ready, many).problems == ("the file holds more than 500 keys",)
