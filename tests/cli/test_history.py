"""`tenantry tenant history`."""

from tests.cli.counter import Counter
from tests.stage import IMAGE_ONLY, Stage


def test_each_move_says_from_to_who_and_why(stage: Stage, counter: Counter) -> None:
    stage.ready(IMAGE_ONLY).deploy()
    stage.finish()
    lines = counter.does("tenant", "history", "acme").splitlines()
    assert any(
        "tenant Acme" in line and "∅ → pending  ada@example.com: added" in line for line in lines
    )
    assert any("service web" in line and "unknown → ok" in line for line in lines)
    assert any("deployment Deploy" in line and "running → succeeded" in line for line in lines)
    assert len(counter.does("tenant", "history", "acme", "--most", "2").splitlines()) == 2
    assert "no tenant" in counter.refuses(4, "tenant", "history", "nobody")
