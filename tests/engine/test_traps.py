"""Traps of the target that the engine and its plans meet, one test for each, by its number."""

import pytest
from sqlalchemy import select

from tenantry.errors import Invalid
from tenantry.models import AuditEntry
from tenantry.operations import scaling
from tenantry.operations.scaling import Scale
from tenantry.operations.wishes import Wish
from tenantry.planning import environment, inputs
from tenantry.planning.actions import REMOVE_VOLUMES, SUSPEND, TEARDOWN, UNSUSPEND
from tenantry.planning.limits import Capabilities
from tests.stage import BACKEND, FRONTEND, IMAGE_ONLY, ME, PRODUCT, Stage

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


def test_a_build_in_which_nobody_looked_for_hours_is_not_given_up_at_first_sight(
    stage: Stage,
) -> None:
    """As after a broker that was away: it stood in line meanwhile, for all that anybody knows."""
    stage.twins.target.looks_to_end = None
    stage.ready(IMAGE_ONLY).deploy()
    stage.play()
    stage.pass_time(10_000)
    stage.twins.target.start_builds()
    stage.play()
    step = stage.step(WAIT)
    assert (step.status, step.message.split(":")[0]) == ("waiting", "Building")
    for _ in range(40):
        stage.pass_time(120)
        stage.play()
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


def test_trap_46_volumes_stay_and_schedules_go_before_their_application(stage: Stage) -> None:
    stage.ready().deploy()
    stage.finish()
    target = stage.twins.target
    schedule = target.schedule(target.app("backend").seen.id)
    stage.desk.deploy(ME, "acme", wish=Wish(action=TEARDOWN))
    stage.finish()
    assert stage.deployment().status == "succeeded"
    assert schedule.id not in target.schedule_rows
    kept = next(s.details for s in stage.steps() if s.step_key == "teardown.certify" and s.details)
    assert kept["volumes"] == target.volume_names
    assert kept["volumes"]
    stage.desk.deploy(ME, "acme", wish=Wish(action=REMOVE_VOLUMES, volumes=tuple(kept["volumes"])))
    stage.finish()
    assert target.volume_names == []


def test_trap_53_what_has_a_volume_stops_first_and_runs_once(stage: Stage) -> None:
    volumed = FRONTEND | {"volumes": [{"name": "files", "path": "/files"}]}
    stage.ready(PRODUCT | {"services": [BACKEND, volumed]}).deploy()
    stage.finish()
    row = stage.twins.target.app("frontend")
    assert (row.stop_first, row.replicas) == (True, 1)
    assert [m.path for m in row.mounts] == ["/files"]
    assert not stage.twins.target.app("backend").stop_first
    wanted = Scale("frontend", 2)
    with pytest.raises(Invalid, match="share one volume"):
        stage.desk.deploy(
            ME, "acme", wish=lambda s, t: scaling.store(s, ME, t, wanted, Capabilities())
        )


def test_trap_54_a_tenant_whose_image_was_cleaned_away_is_built_again(stage: Stage) -> None:
    stage.ready().deploy()
    stage.finish()
    stage.desk.deploy(ME, "acme", wish=Wish(action=SUSPEND))
    stage.finish()
    row = stage.twins.target.app("backend")
    row.built = False
    stage.desk.deploy(ME, "acme", wish=Wish(action=UNSUSPEND))
    stage.finish()
    assert stage.deployment().status == "succeeded", stage.deployment().summary
    assert len(row.history) == 2
    assert [c.state for c in row.containers if c.wanted == "running"] == ["running"]
    # The other one had its image, and was not built.
    assert len(stage.twins.target.app("frontend").history) == 1
