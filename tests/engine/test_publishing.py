"""What becomes of hints when the broker does not take them."""

import time

import pytest

from tenantry.engine.dispatch import LONGEST_FAILING, Chain, Dispatcher
from tenantry.engine.jobs import Hint
from tests.stage import IMAGE_ONLY, Stage


@pytest.mark.parametrize(("seconds", "tries"), [(0.0, 2), (LONGEST_FAILING + 0.1, 1)])
def test_a_broker_that_stands_still_is_not_waited_for_twice_and_the_watchdog_repeats_all(
    shipped: Stage, seconds: float, tries: int
) -> None:
    stage = shipped.ready(IMAGE_ONLY)
    stage.tenant("beta", "tools")
    hints = [Hint(stage.deployment(stage.deploy(name)).id) for name in ("acme", "beta")]
    stage.sent.clear()
    tried: list[Chain] = []

    def away(chain: Chain) -> None:
        tried.append(chain)
        time.sleep(seconds)
        raise ConnectionError("no answer")

    assert Dispatcher(stage.engine, away).publish(hints) == 0
    assert len(tried) == tries
    stage.pass_time(30)
    stage.watchdog.sweep()
    assert {chain.deployment_id for chain in stage.sent} == {hint.deployment_id for hint in hints}
