"""`deploy`, `status`, `cancel`, `resume`: exit codes and words."""

import pytest
from sqlalchemy import update

from tenantry.errors import Permanent
from tenantry.models import Tenant
from tenantry.models.dbtime import db_now
from tenantry.operations import targets
from tests.cli.counter import Counter
from tests.stage import IMAGE_ONLY, ME


@pytest.fixture
def ready(counter: Counter) -> Counter:
    """A product and a tenant."""
    counter.shop.stage.ready(IMAGE_ONLY)
    return counter


def broken(counter: Counter) -> None:
    """A deployment that failed."""
    stage = counter.shop.stage
    stage.twins.target.fail("create_project", Permanent("no room"))
    counter.does("deploy", "acme")
    stage.finish()


def test_a_deployment_is_started_and_followed_by_status(ready: Counter):
    public_id = str(ready.does("deploy", "acme").split()[-1])
    stage = ready.shop.stage
    assert str(stage.deployment().public_id) == public_id
    assert stage.deployment().actor.startswith("cli:")
    stage.finish()
    words = ready.does("status", "acme")
    assert "✓ Create project" in words
    assert "✓ Check health (web)" in words
    assert "- Tell of failure" in words


def test_what_is_still_pending_is_not_shown(ready: Counter):
    ready.does("deploy", "ACME")
    assert ready.does("status", "acme") == ""


def test_a_place_in_line_is_shown(ready: Counter):
    stage = ready.shop.stage
    stage.desk.do(lambda s: targets.drain(s, ME, targets.find(s, "main"), draining=True))
    ready.does("deploy", "acme")
    assert "number 1 in line" in ready.does("status", "acme")
    assert "draining" in ready.does("target", "list")
    assert "in use again" in ready.does("target", "drain", "main", "--off")
    assert "no target mars" in ready.refuses(4, "target", "drain", "mars")


def test_a_second_deployment_is_a_conflict_that_names_the_first(ready: Counter):
    first = ready.does("deploy", "acme").split()[-1]
    words = ready.refuses(3, "deploy", "acme")
    assert "already running" in words
    assert first in words


def test_the_same_key_starts_one_deployment(ready: Counter):
    assert ready.does("deploy", "acme", "--key", "k1") == ready.does(
        "deploy", "acme", "--key", "k1"
    )


@pytest.mark.parametrize("command", ["deploy", "status", "cancel", "resume"])
def test_a_tenant_that_is_not_there_is_told_so(ready: Counter, command: str):
    assert "There is no tenant nobody" in ready.refuses(4, command, "nobody")


@pytest.mark.parametrize("command", ["status", "cancel", "resume"])
def test_a_tenant_that_was_never_deployed_is_told_so(ready: Counter, command: str):
    assert "never deployed" in ready.refuses(4, command, "acme")


def test_a_cancelled_deployment_can_be_resumed_and_not_cancelled_again(ready: Counter):
    ready.does("deploy", "acme")
    assert "is being cancelled" in ready.does("cancel", "acme")
    assert ready.shop.stage.deployment().status == "cancelled"
    ready.refuses(3, "cancel", "acme")
    assert "goes on" in ready.does("resume", "acme")
    ready.shop.stage.finish()
    assert ready.shop.stage.deployment().status == "succeeded"
    assert "only a failed or cancelled one" in ready.refuses(3, "resume", "acme")


def test_a_running_deployment_cannot_be_resumed(ready: Counter):
    ready.does("deploy", "acme")
    ready.refuses(3, "resume", "acme")


@pytest.mark.parametrize("only_failed", [(), ("--only-failed",)])
def test_a_failed_deployment_is_resumed(ready: Counter, only_failed: tuple[str, ...]):
    broken(ready)
    assert "✗ Create project" in ready.does("status", "acme")
    assert "no room" in ready.does("status", "acme")
    with ready.shop.stage.engine.begin() as conn:
        conn.execute(update(Tenant).values(completed_at=db_now()))
    assert "goes on" in ready.does("resume", "acme", *only_failed)
    ready.shop.stage.finish()
    assert ready.shop.stage.deployment().status == "succeeded"


def test_watching_ends_with_the_outcome(ready: Counter):
    broken(ready)
    stage = ready.shop.stage
    admit = stage.dispatcher.admit

    def play(target_id: int) -> None:
        admit(target_id)
        stage.finish()

    object.__setattr__(stage.desk, "dispatcher", _Playing(stage, play))
    words = ready.does("resume", "acme", "--watch")
    assert "succeeded after" in words
    stage.twins.target.fail("settle_application", Permanent("no"))
    assert "failed after" in ready.refuses(1, "deploy", "acme", "--force", "--watch")


class _Playing:
    """A dispatcher that plays the deployment to its end before it answers."""

    def __init__(self, stage, admit) -> None:
        self.publish = stage.dispatcher.publish
        self.admit = admit


def test_watching_gives_up_when_told_to(ready: Counter):
    assert "stopped watching" in ready.refuses(1, "deploy", "acme", "--watch", "--timeout", "0")
