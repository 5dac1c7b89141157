"""`tenantry watch …`: what is shown, and what may be asked."""

from sqlalchemy import update

from tenantry.models import Tenant
from tenantry.watching.prober import Prober
from tests.cli.counter import Counter
from tests.stage import IMAGE_ONLY, Stage
from tests.watching.scenes import RULES


def watched(stage: Stage) -> Prober:
    stage.ready(IMAGE_ONLY)
    stage.deploy()
    stage.finish()
    prober = Prober(stage.engine, stage.ports, stage.settings.times, RULES, "https://p.example.com")
    prober.enrol()
    return prober


def test_nothing_watched_says_what_to_do(counter: Counter, stage: Stage):
    assert "Nothing is watched yet" in counter.does("watch", "status")
    stage.ready(IMAGE_ONLY)
    assert "it was not deployed yet" in counter.refuses(4, "watch", "pause", "acme")
    counter.refuses(4, "watch", "status", "nobody")


def test_status_shows_services_uptime_and_names(counter: Counter, stage: Stage):
    prober = watched(stage)
    counter.does("watch", "probe-now", "acme")
    assert prober.probe() == 1
    prober.look_at_hostnames()
    words = counter.does("watch", "status", "acme")
    assert "acme web" in words
    assert "up" in words
    assert "day 100.00 % week 100.00 % month 100.00 %  p50 " in words
    assert "acme.tools.example.com" in words
    assert "certificate ok until 2099-01-01" in words
    assert "acme web" in counter.does("watch", "status")


def test_pause_resume_and_an_interval_of_its_own(counter: Counter, stage: Stage):
    prober = watched(stage)
    assert "1 service(s) are not probed" in counter.does("watch", "pause", "acme")
    assert "paused" in counter.does("watch", "status", "acme")
    assert prober.probe() == 0
    counter.does("watch", "resume", "acme")
    assert prober.probe() == 1
    assert "every 300 s" in counter.does("watch", "every", "acme", "300")
    assert "must be 5 to 86400" in counter.refuses(2, "watch", "every", "acme", "1")
    counter.does("watch", "every", "acme")


def test_a_suspended_tenant_says_so(counter: Counter, stage: Stage):
    prober = watched(stage)
    with stage.engine.begin() as conn:
        conn.execute(update(Tenant).values(status="suspended"))
    counter.does("watch", "probe-now", "acme")
    prober.probe()
    assert "Not probed: the tenant is suspended" in counter.does("watch", "status", "acme")
