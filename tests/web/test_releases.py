"""Products beyond their editor: values of one tenant, and releases compared."""

import re

from tenantry.models import ProjectTemplate, Tenant
from tests.web.conftest import World
from tests.web.test_products import editor, save, sealed


def test_values_of_a_tenant_are_previewed(world: World) -> None:
    admin, url, form = editor(world)
    waiting = world.row(Tenant, subdomain="waiting")
    form["s0.env"] += "\nHOME_URL=${FRONTEND_URL}/home\nAPI_TOKEN=${SECRET_SETUP_TOKEN}"
    answer = admin.post(url, {**form, "of_tenant": str(waiting.public_id), "do": "values"})
    assert answer.status_code == 200
    part = answer.text.split('id="values"')[1]
    assert "https://waiting.delivery.example.com/home" in part
    assert "${DATABASE_URL}" in part
    assert "${SECRET_SETUP_TOKEN}" in part
    acme = world.row(Tenant, subdomain="acme")
    assert admin.post(
        url, {**form, "of_tenant": str(acme.public_id), "do": "values"}
    ).status_code in {404, 409, 400}


def test_releases_are_compared(world: World) -> None:
    admin, url, form = editor(world)
    save(admin, url, {**form, "s0.repo_branch": "stable"})
    _, _, form = editor(world)
    save(admin, url, {**form, "s0.repo_branch": "next", "s1.port": "8080"})
    product = world.row(ProjectTemplate, slug="dms")
    base = f"/products/{product.public_id}/releases"
    viewer = world.client("viewer")
    last = re.sub(r"<[^>]+>", " ", viewer.page(f"{base}/3"))
    assert "2 changes since release 2" in last
    whole = re.sub(r"<[^>]+>", " ", viewer.page(f"{base}/3?against=1"))
    assert re.search(r"Branch or tag\s+main\s+next", whole)
    assert "What it begins with" in viewer.page(f"{base}/1")
    assert viewer.get(f"{base}/9").status_code == 404
    assert viewer.get(f"{base}/3?against=77").status_code == 404
    page = viewer.page(f"/products/details/?id={product.public_id}")
    assert f"{base}/3" in page
    assert "Never deployed" in page


def test_what_was_shown_of_one_product_is_not_saved_over_another(world: World) -> None:
    admin, url, form = editor(world)
    shown = admin.post(url, {**form, "s0.repo_branch": "stable", "do": "check"})
    _, other, _ = editor(world, "tools")
    assert admin.post(other, {**sealed(shown.text), "do": "save"}).status_code == 400
