"""DNS and certificates: plain words, one letter for each finding, nothing at the first look."""

from datetime import datetime, timedelta

import pytest

from tenantry.clock import utcnow
from tenantry.models import Deployment, HostnameWatch, LetterOutbox, Tenant, TenantDomain
from tenantry.ports import CertificateSeen
from tenantry.watching import hostnames
from tenantry.watching.prober import Prober
from tests.watching.scenes import RULES, Scene

NAME = "acme.tools.example.com"


@pytest.fixture
def named(scene: Scene) -> Scene:
    """A service that answers, whose hostname was looked at once."""
    scene.deployed().minutes(200)
    look(scene)
    return scene


def look(scene: Scene, prober: Prober | None = None) -> None:
    scene.later(3600)
    scene.due()
    assert (prober or scene.prober).look_at_hostnames() == 1


def row(scene: Scene) -> HostnameWatch:
    (found,) = scene.rows(HostnameWatch)
    return found


def test_an_additional_name_is_looked_at_once_it_is_routed(named: Scene):
    (tenant,) = named.rows(Tenant)
    table = TenantDomain.__table__
    new = {"tenant_id": tenant.id, "hostname": "www.client.org", "additional": True}
    with named.engine.begin() as conn:
        conn.execute(table.insert().values(**new))
    named.prober.enrol()
    assert len(named.rows(HostnameWatch)) == 1
    with named.engine.begin() as conn:
        conn.execute(table.update().where(table.c.additional).values(domain_id="dom-1"))
    named.prober.enrol()
    assert len(named.rows(HostnameWatch)) == 2


def test_all_is_well_and_the_address_is_learned_from_what_works(named: Scene):
    seen = row(named)
    assert (seen.dns_state, seen.certificate_state) == ("ok", "ok")
    assert seen.expected == seen.addresses == ["203.0.113.10"]
    assert seen.certificate_issuer == "Twin CA"
    assert named.rows(LetterOutbox) == []


def test_a_name_that_points_elsewhere_is_told_once_in_plain_words(named: Scene):
    named.minutes(502, 502, 502)
    named.post()
    named.twins.mailer.outbox.clear()
    named.twins.resolver.address = "198.51.100.9"
    look(named)
    named.post()
    assert named.subjects == []
    for _ in range(4):
        look(named)
    named.post()
    (letter,) = named.twins.mailer.outbox
    assert letter.subject == "Acme: its hostname needs care"
    words = f"{NAME} points to 198.51.100.9, should be 203.0.113.10; correct the record of your own"
    assert words in letter.text
    named.twins.resolver.address = "203.0.113.10"
    look(named)
    assert row(named).dns_state == "ok"


def test_a_service_that_has_moved_and_answers_is_no_finding(named: Scene):
    named.twins.resolver.address = "198.51.100.9"
    look(named)
    look(named)
    named.post()
    assert named.subjects == []
    assert row(named).expected == ["198.51.100.9"]


def test_a_stated_address_is_never_learned_over(scene: Scene):
    scene.deployed().minutes(200)
    prober = scene.another(RULES, main=("192.0.2.7",))
    look(scene, prober)
    assert row(scene).dns_state == "elsewhere"
    assert row(scene).dns_detail == (
        f"{NAME} points to 203.0.113.10, not to 192.0.2.7, and answers all the same"
    )
    scene.minutes(502, 502, 502)
    look(scene, prober)
    assert row(scene).dns_state == "wrong"


def test_a_name_that_is_gone_is_told_and_a_resolver_that_is_away_is_not(named: Scene):
    named.twins.resolver.unknown(NAME, problem="no answer within 3 s")
    for _ in range(4):
        look(named)
    named.post()
    assert (named.subjects, row(named).dns_state) == ([], "unknown")
    named.twins.resolver.unknown(NAME, problem="NXDOMAIN: the name does not exist")
    for _ in range(4):
        look(named)
    named.post()
    assert named.subjects == ["Acme: its hostname needs care"]
    assert "points to no address, should be 203.0.113.10" in row(named).dns_detail


def ends(days: float) -> datetime:
    return utcnow() + timedelta(days=days)


def shows(scene: Scene, until: datetime | None, problem: str = "", looks: int = 3) -> list[str]:
    """What letters say after so many looks at this certificate."""
    scene.twins.mailer.outbox.clear()
    scene.twins.certificates.shown[NAME] = CertificateSeen(until, "CA", problem)
    for _ in range(looks):
        look(scene)
    scene.post()
    return [
        line.removeprefix("What is wrong: ")
        for letter in scene.twins.mailer.outbox
        for line in letter.text.splitlines()
        if line.startswith("What is wrong")
    ]


def test_a_certificate_is_warned_of_at_21_7_and_1_days_each_once(named: Scene):
    assert shows(named, ends(30)) == []
    until = ends(20)
    told = shows(named, until)
    assert told == [f"The certificate of {NAME} expires on {until:%Y-%m-%d}, in 20 days"]
    assert shows(named, until) == []
    assert len(shows(named, ends(6))) == 1
    assert len(shows(named, ends(0.5))) == 1
    over = ends(-1)
    assert shows(named, over) == [f"The certificate of {NAME} has expired on {over:%Y-%m-%d}"]
    assert shows(named, ends(80)) == []
    assert row(named).certificate_state == "ok"


def test_a_first_look_tells_nobody(named: Scene):
    assert shows(named, ends(2), looks=1) == []
    assert len(shows(named, ends(2), looks=1)) == 1


def test_a_certificate_that_nobody_trusts_is_told_once_and_a_closed_door_is_not(named: Scene):
    assert shows(named, None, "it did not answer in time") == []
    assert row(named).certificate_state == "unknown"
    told = shows(named, ends(300), "self-signed certificate", looks=5)
    assert told == [f"The certificate of {NAME} is not trusted: self-signed certificate"]


def test_nothing_is_told_during_a_deployment(named: Scene):
    named.write(Deployment, status="running")
    assert shows(named, ends(2), looks=2) == []


def test_a_suspended_tenant_is_not_looked_at(named: Scene):
    named.write(Tenant, status="suspended")
    asked = named.twins.resolver.calls["lookup"]
    named.due()
    named.prober.look_at_hostnames()
    assert named.twins.resolver.calls["lookup"] == asked


def test_two_probers_never_look_at_the_same_name_at_once(named: Scene):
    named.due()
    with named.engine.begin() as conn:
        assert len(hostnames.claim(conn, 5, RULES, lease=60)) == 1
    assert named.another().look_at_hostnames() == 0
