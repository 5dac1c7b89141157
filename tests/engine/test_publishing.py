"""What becomes of hints when the broker does not take them."""

from tenantry.engine.dispatch import Chain, Dispatcher
from tenantry.engine.jobs import Hint
from tests.stage import IMAGE_ONLY, Stage


def test_after_one_that_did_not_go_out_none_is_tried_and_the_watchdog_repeats_all(
    shipped: Stage,
) -> None:
    stage = shipped.ready(IMAGE_ONLY)
    stage.tenant("beta", "tools")
    hints = [Hint(stage.deployment(stage.deploy(name)).id) for name in ("acme", "beta")]
    stage.sent.clear()
    tried: list[Chain] = []

    def away(chain: Chain) -> None:
        tried.append(chain)
        raise ConnectionError("no answer")

    assert Dispatcher(stage.engine, away).publish(hints) == 0
    assert len(tried) == 1
    stage.pass_time(30)
    stage.watchdog.sweep()
    assert {chain.deployment_id for chain in stage.sent} == {hint.deployment_id for hint in hints}
