"""Traps of the target that the engine and its plans meet, one test for each, by its number."""

import pytest
from sqlalchemy import select

from tenantry.errors import Invalid
from tenantry.models import AuditEntry
from tenantry.planning import environment, inputs
from tests.stage import IMAGE_ONLY, ME, PRODUCT, Stage

WAIT = "service.web.wait_deploy"


def test_trap_7_a_build_that_runs_for_hours_is_given_up(stage: Stage) -> None:
    stage.twins.target.looks_to_end = None
    stage.ready(IMAGE_ONLY).deploy()
    stage.play()
    stage.twins.target.start_builds()
    for _ in range(70):
        stage.play()
        stage.pass_time(60)
    assert stage.deployment().status == "failed"
    assert "Gave up after" in stage.step(WAIT).message


def test_trap_8_a_wave_waits_in_the_targets_line_and_shows_its_place(stage: Stage) -> None:
    stage.twins.target.looks_to_end = None
    stage.ready(IMAGE_ONLY).deploy()
    stage.tenant("second", "tools")
    stage.deploy("second")
    stage.play()
    words = [s.message for s in stage.steps() if s.step_key == WAIT]
    assert all("queue" in message for message in words)


def test_trap_11_a_tag_can_be_cloned_and_a_commit_cannot() -> None:
    assert inputs.branch("v1.2.3") == "v1.2.3"
    with pytest.raises(Invalid, match="bare commit"):
        inputs.branch("0123456789abcdef0123456789abcdef01234567")


def test_trap_16_what_people_do_is_audited_here(stage: Stage) -> None:
    stage.ready().deploy()
    stage.desk.cancel(ME, str(stage.deployment().public_id))
    with stage.desk.reading() as session:
        deeds = set(session.scalars(select(AuditEntry.action)))
    assert {"template.save", "tenant.add", "deployment.create", "deployment.cancel"} <= deeds


def test_trap_17_every_hostname_is_one_label_so_one_certificate_covers_all(stage: Stage) -> None:
    stage.ready(PRODUCT)
    names = [stage.service_row(name).domain for name in ("backend", "frontend")]
    assert names == ["acme-backend.delivery.example.com", "acme.delivery.example.com"]
    assert {name.partition(".")[2] for name in names} == {"delivery.example.com"}


@pytest.mark.parametrize("value", ["a\r\nb", "${{vault.x}}", "'`\"#", "'`\"\n"])
def test_trap_47_what_dotenv_cannot_carry_is_refused_when_it_is_saved(value: str) -> None:
    with pytest.raises(Invalid):
        environment.check_values({"KEY": value}, frozenset())


def test_trap_50_a_bare_commit_is_refused_in_a_product(stage: Stage) -> None:
    service = PRODUCT["services"][1] | {"repo_branch": "a" * 40}
    with pytest.raises(Invalid, match="repo_branch"):
        stage.product(PRODUCT | {"services": [service], "secrets": []})
