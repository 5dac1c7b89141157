"""`domains.create` and `domains.wait_propagation`."""

from dataclasses import replace

import pytest

from tenantry.errors import Permanent, Transient
from tenantry.planning.blueprint import Alias
from tenantry.steps.outcomes import Done, Wait
from tests.steps.scene import Scene
from tests.twins import ResolverTwin

HOST = "acme-backend.example.com"


def make(scene: Scene, host: str = HOST, name: str = "backend") -> str:
    app_id = scene.services[name].app_id
    return str(scene.target.create_domain(app_id, host, 3000, https=True, certificate="none").id)


def test_a_hostname_is_routed_once(scene: Scene):
    scene.with_app()
    assert scene.claim("domains.create", "backend").details["how"] == "created"
    assert scene.claim("domains.create", "backend").details["how"] == "found"
    ((_, domain),) = scene.target.domain_rows.values()
    assert (domain.host, domain.port, domain.https) == (HOST, 3000, True)
    assert domain.certificate == "letsencrypt"
    assert scene.services["backend"].domain_id == domain.id
    assert scene.facts["domain"] == HOST


def test_without_https_no_certificate_is_asked_for(scene: Scene):
    scene.blueprint = replace(scene.blueprint, https=False)
    scene.with_app()
    scene.claim("domains.create", "backend")
    ((_, domain),) = scene.target.domain_rows.values()
    assert (domain.https, domain.certificate) == (False, "none")


def test_a_lost_answer_leads_to_adoption(scene: Scene):
    scene.with_app()
    scene.target.fail("create_domain", Transient("reset", outcome_known=False), "after")
    with pytest.raises(Transient):
        scene.claim("domains.create", "backend")
    scene.claim("domains.create", "backend")
    assert len(scene.target.domain_rows) == 1


def test_doubles_of_the_hostname_are_removed_and_the_known_one_is_kept(scene: Scene):
    scene.with_app()
    make(scene)
    known = make(scene)
    make(scene)
    scene.services["backend"] = replace(scene.services["backend"], domain_id=known)
    scene.claim("domains.create", "backend")
    assert list(scene.target.domain_rows) == [known]
    assert sum("Removed a second" in line for line in scene.said("system")) == 2


def test_other_hostnames_paths_and_applications_are_not_touched(scene: Scene):
    scene.with_app().with_app("frontend")
    kept = {make(scene, "old.example.com"), make(scene, HOST, "frontend")}
    other = make(scene)
    owner, domain = scene.target.domain_rows[other]
    scene.target.domain_rows[other] = (owner, replace(domain, path="/api"))
    assert scene.claim("domains.create", "backend").details["how"] == "created"
    assert {*kept, other} < set(scene.target.domain_rows)
    assert scene.target.calls["delete_domain"] == 0


def test_a_domain_that_the_target_lost_at_once_is_made_again(scene: Scene, monkeypatch):
    scene.with_app()
    monkeypatch.setattr(scene.target, "domains", lambda app_id: [])
    with pytest.raises(Transient, match="not listed yet"):
        scene.claim("domains.create", "backend")


def test_where_addresses_are_stated_any_other_one_is_waited_for(scene: Scene):
    scene.addresses = ("198.51.100.7",)
    scene.blueprint = replace(scene.blueprint, base_domain="elsewhere.org")
    waiting = scene.claim("domains.wait_propagation", "backend")
    assert isinstance(waiting, Wait)
    assert waiting.message == (
        f"{HOST} points to 203.0.113.10, should be 198.51.100.7; ask the client to correct the "
        "record at their DNS provider"
    )
    scene.twins.resolver.address = "198.51.100.7"
    assert isinstance(scene.claim("domains.wait_propagation", "backend"), Done)


def test_what_is_as_it_should_be_is_noted_by_the_last_step_of_domains(scene: Scene):
    scene.with_app()
    scene.claim("domains.create", "backend")
    assert "domains" in scene.services["backend"].applied
    later = Scene().with_app()
    spec = replace(later.blueprint.services[0], aliases=(Alias("shop.org", redirect=False),))
    later.blueprint = replace(later.blueprint, services=(spec, *later.blueprint.services[1:]))
    later.claim("domains.create", "backend")
    assert "domains" not in later.services["backend"].applied


@pytest.mark.parametrize("key", ["domains.create", "domains.wait_propagation"])
def test_a_service_without_a_hostname_has_nothing_to_route(scene: Scene, key: str):
    scene.with_app("jobs")
    with pytest.raises(Permanent, match="no hostname"):
        scene.claim(key, "jobs")


def test_a_refused_domain_fails_in_the_words_of_the_target(scene: Scene):
    scene.with_app()
    scene.target.fail("create_domain", Permanent("It answered 400: bad host"))
    with pytest.raises(Permanent, match="bad host"):
        scene.claim("domains.create", "backend")


def test_a_hostname_is_waited_for_until_every_resolver_knows_it(scene: Scene):
    scene.twins.resolver.unknown(HOST, looks=2)
    for _ in range(2):
        waiting = scene.claim("domains.wait_propagation", "backend")
        assert isinstance(waiting, Wait)
        assert "NXDOMAIN" in waiting.message
        assert waiting.details["answers"] == dict.fromkeys(
            ("192.0.2.53", "198.51.100.53"), "NXDOMAIN"
        )
    done = scene.claim("domains.wait_propagation", "backend")
    assert isinstance(done, Done)
    assert done.message == f"{HOST} → 203.0.113.10"


def test_one_resolver_that_does_not_know_it_is_enough_to_wait(scene: Scene, monkeypatch):
    full = ResolverTwin.lookup(scene.twins.resolver, HOST)
    part = [full[0], replace(full[1], addresses=(), problem="SERVFAIL")]
    monkeypatch.setattr(scene.twins.resolver, "lookup", lambda hostname: part)
    waiting = scene.claim("domains.wait_propagation", "backend")
    assert isinstance(waiting, Wait)
    assert "SERVFAIL" in waiting.message


def test_without_a_resolver_nothing_is_ever_known(scene: Scene):
    scene.twins.resolver.resolvers = ()
    waiting = scene.claim("domains.wait_propagation", "backend")
    assert isinstance(waiting, Wait)
    assert "no resolver" in waiting.message
