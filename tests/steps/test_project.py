"""`project.create`."""

import pytest

from tenantry.errors import Permanent, Transient
from tests.steps.scene import Scene


def test_the_project_is_made_once_and_found_ever_after(scene: Scene):
    first = scene.claim("project.create")
    again = scene.claim("project.create")
    assert (first.details["how"], again.details["how"]) == ("created", "found")
    assert scene.target.calls["create_project"] == 1
    (project,) = scene.target.project_rows.values()
    assert project.name == "dms-acme"
    assert project.description == "tenantry:acme Acme"
    assert scene.tenant.project_id == project.id
    assert scene.tenant.environment_id == project.environment_id


def test_an_answer_that_was_lost_leads_to_adoption_not_to_a_second_project(scene: Scene):
    scene.target.fail("create_project", Transient("reset", outcome_known=False), "after")
    with pytest.raises(Transient):
        scene.claim("project.create")
    assert scene.step("project.create", None).intent == {"deed": "create project"}
    assert scene.claim("project.create").details["how"] == "found"
    assert len(scene.target.project_rows) == 1


def test_a_project_with_our_name_but_another_marker_is_not_ours(scene: Scene):
    scene.target.create_project("dms-acme", "tenantry:acme2 Acme")
    scene.target.create_project("dms-acme", "")
    scene.claim("project.create")
    assert len(scene.target.project_rows) == 3
    assert scene.target.project_rows[scene.tenant.project_id].description == "tenantry:acme Acme"


def test_of_several_projects_the_known_one_is_kept_else_the_oldest_and_none_is_deleted(
    scene: Scene,
):
    oldest = scene.target.create_project("dms-acme", "tenantry:acme Acme")
    newer = scene.target.create_project("dms-acme", "tenantry:acme Acme")
    scene.claim("project.create")
    assert scene.tenant.project_id == oldest.id
    assert len(scene.target.project_rows) == 2
    assert newer.id in scene.said("system")[0]


def test_a_project_that_is_gone_is_made_anew(scene: Scene):
    scene.claim("project.create")
    scene.target.project_rows.clear()
    scene.claim("project.create")
    assert list(scene.target.project_rows) == [scene.tenant.project_id]


def test_a_project_whose_marker_was_wiped_is_not_taken_for_ours(scene: Scene):
    scene.with_project()
    stranger = scene.target.create_project("other", "somebody else's")
    scene.tenant = type(scene.tenant)("tenantry:acme", stranger.id, stranger.environment_id)
    scene.claim("project.create")
    assert scene.tenant.project_id != stranger.id


def test_a_project_that_is_not_listed_yet_is_looked_for_again(scene: Scene, monkeypatch):
    monkeypatch.setattr(scene.target, "projects_marked", lambda marker: [])
    with pytest.raises(Transient, match="not listed yet"):
        scene.claim("project.create")
    monkeypatch.undo()
    scene.claim("project.create")
    assert len(scene.target.project_rows) == 1


def test_a_refusal_of_the_target_is_told_in_its_words(scene: Scene):
    scene.target.fail("create_project", Permanent("limit of projects reached"))
    with pytest.raises(Permanent, match="limit of projects"):
        scene.claim("project.create")
