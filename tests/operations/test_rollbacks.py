"""Rollbacks: what comes back, what is said not to, and what is refused."""

from typing import Any

import pytest
from sqlalchemy import delete, update

from tenantry.errors import Conflict, NotFound
from tenantry.models import Deployment, TemplateRelease
from tenantry.operations import rollbacks, tenants
from tenantry.operations.rollbacks import Return
from tenantry.operations.wishes import Wish
from tests.stage import BACKEND, FRONTEND, IMAGE_ONLY, ME, PRODUCT, Stage

DIGEST = "sha256:" + "ab" * 32


def upgraded(stage: Stage, document: Any, changed: Any) -> str:
    """Two roll-outs; the public id of the first."""
    stage.ready(document)
    first = stage.deploy()
    stage.finish()
    stage.product(changed)
    stage.desk.deploy(ME, "acme", wish=Wish(force=True))
    stage.finish()
    assert stage.deployment().status == "succeeded", stage.deployment().summary
    return first


def prepared(stage: Stage, public_id: str) -> Return:
    with stage.desk.reading() as session:
        return rollbacks.prepare(session, tenants.find(session, "acme"), public_id)


def image(tag: str) -> dict[str, Any]:
    return IMAGE_ONLY | {
        "services": [{"name": "web", "service_type": "frontend", "image": f"acme/tools:{tag}"}]
    }


def test_an_image_comes_back_by_the_digest_that_was_seen_then(stage: Stage) -> None:
    stage.ready(image("1.0"))
    first = stage.deploy()
    target = stage.twins.target
    stage.play()
    build_log = type(target).build_log

    def told(self: Any, build_id: str, tail: int) -> str:
        return build_log(self, build_id, tail) + f"Digest: {DIGEST}\n"

    stage.twins.target.__class__ = type("Telling", (type(target),), {"build_log": told})
    stage.finish()
    stage.product(image("2.0"))
    stage.desk.deploy(ME, "acme", wish=Wish())
    stage.finish()
    back = prepared(stage, first)
    assert any("registry still has" in words for words in back.cannot)
    stage.desk.deploy(ME, "acme", wish=back.wish)
    stage.finish()
    assert target.app("web").image.image == f"acme/tools@{DIGEST}"


def test_an_image_without_a_digest_comes_back_by_its_tag_and_that_is_said(stage: Stage) -> None:
    first = upgraded(stage, image("1.0"), image("2.0"))
    back = prepared(stage, first)
    assert any("may name another image now" in words for words in back.cannot)
    stage.desk.deploy(ME, "acme", wish=back.wish)
    stage.finish()
    assert stage.twins.target.app("web").image.image == "acme/tools:1.0"


def test_a_branch_that_moved_on_is_said_before_the_click(stage: Stage) -> None:
    changed = PRODUCT | {"services": [BACKEND, FRONTEND | {"repo_branch": "v2"}]}
    first = upgraded(stage, PRODUCT, changed)
    with stage.engine.begin() as conn:
        conn.execute(update(Deployment).values(details={}))
    with stage.desk.reading() as session:
        row = next(s for s in tenants.find(session, "acme").services if s.name == "frontend")
    assert row.commit_hash
    back = prepared(stage, first)
    assert any("may have moved on" in words for words in back.cannot)
    assert any("database" in words for words in back.cannot)


def test_a_rollback_to_a_release_that_is_gone_is_refused(stage: Stage) -> None:
    changed = PRODUCT | {"services": [BACKEND, FRONTEND | {"repo_branch": "v2"}]}
    first = upgraded(stage, PRODUCT, changed)
    with stage.engine.begin() as conn:
        conn.execute(delete(TemplateRelease).where(TemplateRelease.number == 1))
    with pytest.raises(Conflict, match="release of that deployment is gone"):
        prepared(stage, first)


def test_only_the_tenants_own_successful_roll_outs_can_come_back(stage: Stage) -> None:
    stage.ready(IMAGE_ONLY)
    stage.tenant("other", "tools")
    theirs = stage.deploy("other")
    stage.finish()
    mine = stage.deploy()
    stage.finish()
    with pytest.raises(Conflict, match="none of Acme"):
        prepared(stage, theirs)
    with pytest.raises(NotFound):
        prepared(stage, "nonsense")
    with stage.engine.begin() as conn:
        conn.execute(update(Deployment).values(status="failed"))
    with pytest.raises(Conflict, match="only what once ran"):
        prepared(stage, mine)


def test_the_targets_own_rollback_is_used_where_it_kept_an_image(stage: Stage) -> None:
    stage.ready()
    first = stage.deploy()
    stage.finish()
    target = stage.twins.target
    target.app("frontend").rollback = True
    kept = stage.deploy(services=("frontend",))
    stage.finish()
    stage.deploy(services=("frontend",))
    stage.finish()
    back = prepared(stage, kept)
    chosen = next(s for s in back.wish.rolled.services if s.name == "frontend")
    assert prepared(stage, first).wish.rolled is not None
    assert chosen.roll_back
    stage.desk.deploy(ME, "acme", wish=back.wish)
    stage.finish()
    assert target.rolled_back == [chosen.roll_back]
