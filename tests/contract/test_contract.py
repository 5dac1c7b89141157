"""
The server answers each recorded call as the real one did.

The first test of a flow does all its steps in their order, so tests may run in any order and on
several workers.
"""

from collections.abc import Callable

import pytest

from tests.contract.expectations import Flow, Step, flows, recorded_steps
from tests.contract.replay import Replay, Target

STEPS = list(recorded_steps())


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.label)
def test_recorded_call(
    step: Step, real_target: Target | None, replay_of: Callable[[Flow], Replay]
) -> None:
    flow = flows()[step.flow]
    if real_target and flow.simulator_only:
        pytest.skip("only the simulator can be asked")
    if real_target and flow.needs and flow.needs not in real_target.offers:
        pytest.skip(f"needs {flow.needs}")

    wrong = replay_of(flow).problems_of(step)

    assert wrong == [], f"{step.flow} {step.label}"
