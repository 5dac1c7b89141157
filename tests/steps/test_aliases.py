"""`domains.alias`: what is wanted is there once, what is retired is gone, what is foreign stays."""

import re
from dataclasses import replace
from typing import Any

import pytest

from dokploy_simulator.proxy import redirected
from tenantry.errors import Permanent, Transient
from tenantry.planning.blueprint import Alias
from tenantry.ports import RedirectSeen
from tenantry.steps.aliases import pattern
from tenantry.steps.outcomes import Done, HostnameRouted
from tests.steps.scene import Scene

KEY = "domains.alias"
OWN = "acme-backend.example.com"
SHOP = Alias("shop.org", redirect=False)
WWW = Alias("www.shop.org", redirect=True)


def wanted(scene: Scene, *aliases: Alias, retired: tuple[str, ...] = (), **more: Any) -> None:
    first, *others = scene.blueprint.services
    spec = replace(first, aliases=aliases, retired=retired, **more)
    scene.blueprint = replace(scene.blueprint, services=(spec, *others))


def bring(scene: Scene) -> Done:
    done = scene.claim(KEY, "backend")
    assert isinstance(done, Done)
    return done


def hosts(scene: Scene) -> list[str]:
    return sorted(seen.host for _, seen in scene.target.domain_rows.values())


@pytest.fixture
def scene() -> Scene:
    made = Scene().with_app()
    wanted(made, SHOP, WWW)
    made.claim("domains.create", "backend")
    return made


def test_additional_hostnames_are_routed_and_redirected_once(scene: Scene):
    first, second = bring(scene), bring(scene)
    assert hosts(scene) == [OWN, "shop.org", "www.shop.org"]
    (redirect,) = scene.app().redirects
    assert redirect.replacement == f"https://{OWN}/${{1}}"
    ids = {seen.host: key for key, (_, seen) in scene.target.domain_rows.items()}
    assert first.records == (
        HostnameRouted("shop.org", ids["shop.org"], asked=True),
        HostnameRouted("www.shop.org", ids["www.shop.org"], asked=True),
    )
    assert [record.asked for record in second.records if isinstance(record, HostnameRouted)] == [
        False,
        False,
    ]
    assert (scene.target.calls["create_domain"], scene.target.calls["create_redirect"]) == (3, 1)


def test_without_https_nothing_is_asked_of_the_authority(scene: Scene):
    scene.blueprint = replace(scene.blueprint, https=False)
    assert not any(record.asked for record in bring(scene).records)  # type: ignore[union-attr]
    (redirect,) = scene.app().redirects
    assert redirect.replacement.startswith("http://")


def test_the_redirect_names_its_host_alone_and_keeps_path_and_query(scene: Scene):
    bring(scene)
    (seen,) = scene.app().redirects
    row = {"regex": seen.regex, "replacement": seen.replacement}
    goes = {
        "https://www.shop.org/": f"https://{OWN}/",
        "http://www.shop.org/a/b?c=d&e=%20": f"https://{OWN}/a/b?c=d&e=%20",
        "https://WWW.shop.org:8443/a": f"https://{OWN}/a",
    }
    for asked, sent in goes.items():
        assert redirected(row, asked) == sent
    for asked in (
        f"https://{OWN}/https://www.shop.org/",
        "https://wwwxshop.org/",
        "https://www.shop.org.evil.net/",
        "https://x.www.shop.org/",
        "https://shop.org/?u=https://www.shop.org/",
    ):
        assert redirected(row, asked) is None


def test_what_is_retired_goes_and_is_said_to_be_gone(scene: Scene):
    bring(scene)
    wanted(scene, SHOP, retired=("www.shop.org",))
    done = bring(scene)
    assert hosts(scene) == [OWN, "shop.org"]
    assert scene.app().redirects == []
    assert HostnameRouted("www.shop.org", None) in done.records
    assert "www.shop.org removed" in done.message
    # Twice is once, and afterwards nothing differs from a product without it.
    bring(scene)
    marks = dict(scene.services["backend"].applied)
    wanted(scene, SHOP)
    assert bring(scene).service["applied"] == marks


def test_a_redirect_that_is_switched_off_goes_and_its_hostname_stays(scene: Scene):
    bring(scene)
    wanted(scene, SHOP, replace(WWW, redirect=False))
    bring(scene)
    assert hosts(scene) == [OWN, "shop.org", "www.shop.org"]
    assert scene.app().redirects == []


def test_a_redirect_to_an_old_hostname_is_replaced_and_doubles_are_removed(scene: Scene):
    app_id = scene.services["backend"].app_id
    for goal in ("https://old.example.com/${1}", f"https://{OWN}/${{1}}", f"https://{OWN}/${{1}}"):
        scene.target.create_redirect(
            app_id, RedirectSeen("", pattern("www.shop.org"), goal, permanent=True)
        )
    bring(scene)
    (redirect,) = scene.app().redirects
    assert redirect.replacement == f"https://{OWN}/${{1}}"


def test_what_people_added_by_hand_is_named_and_left_alone(scene: Scene):
    app_id = scene.services["backend"].app_id
    for host in ("theirs.org", "gone.shop.org"):
        scene.target.create_domain(app_id, host, 3000, https=True, certificate="none")
    theirs = RedirectSeen("", "^https://theirs.org/(.*)", "https://x.org/${1}", permanent=False)
    scene.target.create_redirect(app_id, theirs)
    wanted(scene, SHOP, retired=("gone.shop.org",))
    bring(scene)
    assert hosts(scene) == [OWN, "shop.org", "theirs.org"]
    assert [r.regex for r in scene.app().redirects] == [theirs.regex]
    assert any("theirs.org" in line for line in scene.said("system"))


@pytest.mark.parametrize("call", ["create_domain", "create_redirect", "delete_domain"])
def test_a_lost_answer_makes_no_double(scene: Scene, call: str):
    if call == "delete_domain":
        bring(scene)
        wanted(scene, SHOP, retired=("www.shop.org",))
    scene.target.fail(call, Transient("reset", outcome_known=False), "after")
    with pytest.raises(Transient):
        bring(scene)
    bring(scene)
    assert len(hosts(scene)) == len(set(hosts(scene)))
    assert len(scene.app().redirects) == (0 if call == "delete_domain" else 1)


@pytest.mark.parametrize("call", ["create_domain", "create_redirect"])
def test_a_refusal_fails_in_the_words_of_the_target(scene: Scene, call: str):
    scene.target.fail(call, Permanent("It answered 400: bad host"))
    with pytest.raises(Permanent, match="bad host"):
        bring(scene)


def test_what_the_target_does_not_list_is_looked_for_again(scene: Scene, monkeypatch):
    monkeypatch.setattr(scene.target, "create_redirect", lambda app_id, redirect: None)
    with pytest.raises(Transient, match="not listed"):
        bring(scene)
    wanted(scene, retired=("www.shop.org",))
    monkeypatch.setattr(scene.target, "delete_domain", lambda domain_id: None)
    with pytest.raises(Transient, match="still listed"):
        bring(scene)


def test_an_application_that_is_gone_is_said(scene: Scene, monkeypatch):
    monkeypatch.setattr(scene.target, "application", lambda app_id: None)
    with pytest.raises(Permanent, match="gone"):
        bring(scene)


def test_the_form_of_a_redirect_is_a_plain_expression():
    assert re.fullmatch(pattern("a-b.shop.org"), "https://a-b.shop.org/x")
    assert pattern("a.org") == r"(?i)^https?://a\.org(?::[0-9]+)?/(.*)$"
