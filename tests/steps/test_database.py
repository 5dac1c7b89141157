"""`db.create` and `db.deploy`."""

from dataclasses import replace

import pytest

from tenantry.errors import Permanent, Transient
from tenantry.ports import DatabaseWish
from tenantry.steps.outcomes import Done, Wait
from tests.steps.scene import PASSWORD, Scene


def wish(name: str = "db", description: str = "tenantry:db Acme") -> DatabaseWish:
    return DatabaseWish("postgres", name, "x", description, "d", "u", "pw", "postgres:17.6")


def status(scene: Scene, word: str) -> None:
    row = scene.app("db")
    row.seen = replace(row.seen, status=word)


def test_a_database_is_made_once_pinned_and_with_our_password(scene: Scene):
    scene.with_project()
    assert scene.claim("db.create", "db").details["how"] == "created"
    assert scene.claim("db.create", "db").details["how"] == "found"
    made = scene.app("db").wish
    assert made is not None
    assert (made.image, made.password, made.database) == ("postgres:17.6", PASSWORD, "t_acme")
    assert PASSWORD not in repr(made)
    assert scene.services["db"].db_id == scene.app("db").seen.id
    assert scene.services["db"].app_name == scene.app("db").seen.app_name


def test_a_lost_answer_leads_to_adoption(scene: Scene):
    scene.with_project()
    scene.target.fail("create_database", Transient("reset", outcome_known=False), "after")
    with pytest.raises(Transient):
        scene.claim("db.create", "db")
    scene.claim("db.create", "db")
    assert len(scene.target.services("postgres")) == 1


def test_a_second_database_is_never_deleted_for_it_may_hold_data(scene: Scene):
    scene.with_project()
    first = scene.target.create_database(scene.tenant.environment_id, wish(), None)
    second = scene.target.create_database(scene.tenant.environment_id, wish(), None)
    scene.claim("db.create", "db")
    assert scene.services["db"].db_id == first.id
    assert second.id in scene.target.apps
    assert any(second.id in line for line in scene.said("system"))


def test_foreign_databases_and_other_kinds_are_not_adopted(scene: Scene):
    scene.with_project()
    scene.target.create_database(scene.tenant.environment_id, wish(description="x"), None)
    other = replace(wish(), kind="mysql")
    scene.target.create_database(scene.tenant.environment_id, other, None)
    assert scene.claim("db.create", "db").details["how"] == "created"
    assert len(scene.target.services("postgres")) == 2


def test_a_database_needs_a_project_and_a_product_that_has_one(scene: Scene):
    with pytest.raises(Permanent, match="no project"):
        scene.claim("db.create", "db")
    with pytest.raises(Permanent, match="was not created"):
        scene.claim("db.deploy", "db")
    scene.blueprint = replace(scene.blueprint, database=None)
    for key in ("db.create", "db.deploy"):
        with pytest.raises(Permanent, match="no database"):
            scene.claim(key, "db")


def test_a_database_that_is_not_listed_yet_is_looked_for_again(scene: Scene, monkeypatch):
    scene.with_project()
    monkeypatch.setattr(scene.target, "project", lambda project_id: None)
    with pytest.raises(Transient, match="not listed yet"):
        scene.claim("db.create", "db")


def test_a_refused_database_fails_in_the_words_of_the_target(scene: Scene):
    scene.with_project()
    scene.target.fail("create_database", Permanent("It answered 400: bad password"))
    with pytest.raises(Permanent, match="bad password"):
        scene.claim("db.create", "db")


def test_a_running_database_is_never_deployed_twice(scene: Scene):
    scene.with_database()
    assert scene.claim("db.deploy", "db").message == "The database runs"
    assert scene.target.calls["deploy_database"] == 1
    assert scene.facts["deployed"] is True


def test_a_timeout_means_unknown_and_the_next_claim_looks(scene: Scene):
    scene.with_project()
    scene.claim("db.create", "db")
    lost = Transient("no answer in 600 s", outcome_known=False)
    scene.target.fail("deploy_database", lost, "after")
    with pytest.raises(Transient):
        scene.claim("db.deploy", "db")
    assert scene.step("db.deploy", "db").intent == {"deed": "deploy database"}
    assert isinstance(scene.claim("db.deploy", "db"), Done)
    assert scene.target.calls["deploy_database"] == 1


def test_a_database_that_is_still_being_pulled_is_waited_for(scene: Scene):
    scene.with_project()
    scene.claim("db.create", "db")
    status(scene, "running")
    assert isinstance(scene.claim("db.deploy", "db"), Wait)
    assert scene.target.calls["deploy_database"] == 0
    status(scene, "done")
    assert isinstance(scene.claim("db.deploy", "db"), Done)


def test_a_failed_start_is_tried_again_and_says_so(scene: Scene):
    scene.with_project()
    scene.claim("db.create", "db")
    scene.target.fail("deploy_database", Transient("It answered 500"))
    with pytest.raises(Transient):
        scene.claim("db.deploy", "db")
    status(scene, "error")
    assert isinstance(scene.claim("db.deploy", "db"), Done)
    assert "once more" in scene.said("system")[-1]


@pytest.mark.parametrize(
    ("after", "trouble"), [("error", True), ("idle", True), ("running", False)]
)
def test_what_the_target_says_after_the_start_decides(scene: Scene, monkeypatch, after, trouble):
    scene.with_project()
    scene.claim("db.create", "db")
    monkeypatch.setattr(
        scene.target, "deploy_database", lambda kind, key, deadline: status(scene, after)
    )
    if trouble:
        with pytest.raises(Transient, match=after) as refused:
            scene.claim("db.deploy", "db")
        assert refused.value.most_tries == 3
    else:
        assert isinstance(scene.claim("db.deploy", "db"), Wait)


def test_a_database_that_is_gone_is_never_replaced_by_an_empty_one(scene: Scene):
    scene.with_project()
    scene.claim("db.create", "db")
    scene.target.apps.clear()
    with pytest.raises(Permanent, match="gone"):
        scene.claim("db.deploy", "db")
    assert scene.target.calls["deploy_database"] == 0


def test_a_long_start_uses_the_long_deadline(scene: Scene, monkeypatch):
    seen: list[float] = []
    scene.with_project()
    scene.claim("db.create", "db")

    def deploy(kind: str, key: str, *, deadline: float) -> None:
        seen.append(deadline)
        status(scene, "done")

    monkeypatch.setattr(scene.target, "deploy_database", deploy)
    scene.claim("db.deploy", "db")
    assert seen == [600.0]
