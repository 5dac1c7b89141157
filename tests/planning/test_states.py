"""Which state may follow which."""

from enum import StrEnum

import pytest

from tenantry.errors import Conflict
from tenantry.planning import states

ENUMS: dict[str, type[StrEnum]] = {
    "deployment": states.DeploymentStatus,
    "step": states.StepStatus,
    "job": states.JobStatus,
    "tenant": states.TenantStatus,
}
TERMINAL = {
    "deployment": {"succeeded"},
    "step": {"success", "skipped"},
    "job": {"completed", "cancelled", "failed"},
    "tenant": {"archived"},
}


@pytest.mark.parametrize("thing", ENUMS)
def test_every_move_is_between_known_states_and_has_a_reason(thing: str):
    known = {state.value for state in ENUMS[thing]}
    for (old, new), reason in states.MOVES[thing].items():
        assert old in known | {states.NEW}
        assert new in known
        assert old != new
        assert len(reason) > 4


@pytest.mark.parametrize("thing", ENUMS)
def test_only_the_terminal_states_are_never_left(thing: str):
    left = {old for old, _ in states.MOVES[thing]}
    assert {s.value for s in ENUMS[thing]} - left == TERMINAL[thing]


@pytest.mark.parametrize("thing", ENUMS)
def test_every_state_can_be_reached_from_nothing(thing: str):
    reached = {states.NEW}
    for _ in states.MOVES[thing]:
        reached |= {new for old, new in states.MOVES[thing] if old in reached}
    assert reached == {s.value for s in ENUMS[thing]} | {states.NEW}


@pytest.mark.parametrize("thing", ENUMS)
def test_what_is_not_in_the_table_is_refused(thing: str):
    names = [s.value for s in ENUMS[thing]]
    for old in names:
        for new in names:
            assert states.allowed(thing, old, new) is ((old, new) in states.MOVES[thing])
            if not states.allowed(thing, old, new):
                with pytest.raises(Conflict, match=f"{thing} cannot go from {old} to {new}"):
                    states.check(thing, old, new)
            else:
                assert states.check(thing, old, new)
                assert old in states.sources(thing, new)


def test_groups_of_states_cover_each_other_without_overlap():
    assert {*states.ACTIVE_DEPLOYMENT, *states.ENDED_DEPLOYMENT} == set(states.DeploymentStatus)
    assert not {*states.OPEN_STEP} & {*states.DONE_STEP}
    assert not {*states.OPEN_JOB} & {"completed", "cancelled", "failed"}


def test_a_tenant_may_leave_from_every_state_but_its_last():
    assert set(states.sources("tenant", "archived")) == set(states.TenantStatus) - {"archived"}


def test_nothing_comes_back_from_a_succeeded_deployment():
    assert not [new for old, new in states.DEPLOYMENT_MOVES if old == "succeeded"]
    assert states.sources("deployment", "running") == ("pending",)
