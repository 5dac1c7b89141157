"""The editor of products: cards and text, what is shown before saving, stale edits, releases."""

import copy
import re
from html import unescape
from typing import Any

import pytest

from tenantry.models import AuditEntry, ProjectTemplate, ServiceTemplate, TemplateRelease
from tests.stage import PRODUCT
from tests.web.conftest import SCRIPT, Person, World
from tests.web.test_queries import counted

INPUT = re.compile(r"<input ([^>]*)>")
AREA = re.compile(r'<textarea [^>]*name="([^"]+)"[^>]*>\n?(.*?)</textarea>', re.DOTALL)
SELECT = re.compile(r'<select [^>]*name="([^"]+)"[^>]*>(.*?)</select>', re.DOTALL)


def fields(page: str) -> dict[str, str]:
    """What a browser would send of the form."""
    form = page.split('class="product-form"')[1].split("</form>", maxsplit=1)[0]
    found = {}
    for attributes in INPUT.findall(form):
        given = dict(re.findall(r'([\w-]+)="([^"]*)"', attributes))
        ticked = given.get("type") not in {"checkbox", "radio"} or " checked" in attributes
        if ticked and "name" in given:
            found[given["name"]] = unescape(given.get("value", ""))
    found |= {name: unescape(text) for name, text in AREA.findall(form)}
    for name, options in SELECT.findall(form):
        chosen = re.search(r'value="([^"]*)" selected', options) or re.search(
            r'value="([^"]*)"', options
        )
        found[name] = chosen[1] if chosen else ""
    # Each person has a token of their own, which `post` adds.
    found.pop("csrf_token")
    return found


def editor(world: World, slug: str = "dms") -> tuple[Person, str, dict[str, str]]:
    admin = world.client("admin")
    url = f"/products/{world.row(ProjectTemplate, slug=slug).public_id}/edit"
    return admin, url, fields(admin.page(url))


def sealed(page: str) -> dict[str, str]:
    return {"sealed": page.split('name="sealed" value="')[1].split('"', maxsplit=1)[0]}


def save(admin: Person, url: str, form: dict[str, str]) -> Any:
    """Both presses."""
    shown = admin.post(url, {**form, "do": "check"})
    assert shown.status_code == 200, shown.text[:3000]
    return admin.post(url, {**sealed(shown.text), "do": "save"})


@pytest.mark.parametrize("slug", ["dms", "tools", "idle"])
def test_an_untouched_form_changes_nothing(world: World, slug: str) -> None:
    admin, url, form = editor(world, slug)
    shown = admin.post(url, {**form, "do": "check"})
    assert "Nothing changes" in shown.text
    assert 'value="save"' not in shown.text


def test_a_change_is_shown_with_whom_it_touches_and_then_saved(world: World) -> None:
    admin, url, form = editor(world)
    audits = len(world.rows(AuditEntry))
    form |= {
        "s0.repo_branch": "stable",
        "s0.env": form["s0.env"] + "\nREGION=eu",
        "db_type": "postgres",
    }
    shown = admin.post(url, {**form, "do": "check"})
    assert shown.status_code == 200
    text = re.sub(r"<[^>]+>", " ", shown.text)
    assert re.search(r"backend\s+Branch or tag\s+main\s+stable", text)
    assert re.search(r"backend\s+Environment REGION\s+not there\s+eu", text)
    assert "2 changes" in text
    assert "1 tenant is touched" in text
    assert "Waiting" in text
    assert "becomes release 2" in text
    assert len(world.rows(AuditEntry)) == audits
    assert world.row(ServiceTemplate, name="backend").repo_branch == "main", "nothing is saved yet"
    done = admin.post(url, {**sealed(shown.text), "do": "save"})
    assert done.status_code == 303
    assert world.row(ServiceTemplate, name="backend").repo_branch == "stable"
    product = world.row(ProjectTemplate, slug="dms")
    assert [r.number for r in world.rows(TemplateRelease, project_id=product.id)] == [1, 2]
    assert "release 2" in admin.flashes()


def test_a_second_press_of_save_is_told_and_saves_nothing_twice(world: World) -> None:
    admin, url, form = editor(world)
    shown = admin.post(url, {**form, "s0.repo_branch": "stable", "do": "check"})
    admin.post(url, {**sealed(shown.text), "do": "save"})
    again = admin.post(url, {**sealed(shown.text), "do": "save"})
    assert again.status_code == 409
    product = world.row(ProjectTemplate, slug="dms")
    assert len(world.rows(TemplateRelease, project_id=product.id)) == 2


def test_stale_edits_overwrite_nothing_and_keep_what_was_typed(world: World) -> None:
    admin, url, form = editor(world)
    other, _, theirs = editor(world)
    save(other, url, {**theirs, "s0.repo_branch": "theirs"})
    late = admin.post(url, {**form, "s1.repo_branch": "mine", "do": "check"})
    assert late.status_code == 409
    assert "Somebody saved this product while you wrote" in late.text
    assert fields(late.text)["s1.repo_branch"] == "mine"
    assert world.row(ServiceTemplate, name="frontend").repo_branch == "main"
    # Against theirs, mine would take their branch back: that is shown.
    rebased = admin.post(url, {**fields(late.text), "do": "rebase"})
    text = re.sub(r"<[^>]+>", " ", rebased.text)
    assert re.search(r"Branch or tag\s+theirs\s+main", text)
    assert re.search(r"Branch or tag\s+main\s+mine", text)


def test_somebody_may_save_between_the_two_presses(world: World) -> None:
    admin, url, form = editor(world)
    shown = admin.post(url, {**form, "s0.repo_branch": "mine", "do": "check"})
    other, _, theirs = editor(world)
    save(other, url, {**theirs, "s0.repo_branch": "theirs"})
    late = admin.post(url, {**sealed(shown.text), "do": "save"})
    assert late.status_code == 409
    assert fields(late.text)["s0.repo_branch"] == "mine"
    assert world.row(ServiceTemplate, name="backend").repo_branch == "theirs"


def test_a_new_product_from_cards(world: World) -> None:
    admin = world.client("admin")
    form = fields(admin.page("/products/new"))
    form |= {
        "name": "Shop",
        "base_domain": "shop.example.org",
        "s0.name": "web",
        "s0.source": "image",
        "s0.image": "acme/shop:1.0",
        "s0.service_type": "frontend",
        "s0.env": "DATABASE_URL=${DATABASE_URL}",
        "database": "own",
        "db_type": "mariadb",
    }
    answer = save(admin, "/products/new", form)
    made = world.row(ProjectTemplate, slug="shop")
    assert answer.location == f"/products/details/?id={made.public_id}"
    assert (made.db_required, made.db_type) == (True, "mariadb")
    assert {s.name for s in world.rows(ServiceTemplate, project_id=made.id)} == {"web", "db"}
    again = admin.post("/products/new", {**form, "do": "check"})
    assert again.status_code == 400
    assert "belongs to another product" in again.text.lower()


def test_the_two_questions(world: World) -> None:
    admin, url, form = editor(world, "tools")
    outside = {**form, "database": "outside", "do": "check"}
    assert "Name the secret that holds its URL" in admin.post(url, outside).text
    assert (
        save(admin, url, {**form, "database": "outside", "db_url_secret": "db_url"}).status_code
        == 303
    )
    row = world.row(ProjectTemplate, slug="tools")
    assert (row.db_required, row.db_type, row.db_url_secret) == (False, "others", "db_url")
    _, url, form = editor(world, "tools")
    assert form["database"] == "outside"
    assert save(admin, url, {**form, "database": "no"}).status_code == 303
    assert world.row(ProjectTemplate, slug="tools").db_url_secret is None


def test_cards_are_added_moved_and_removed_without_saving(world: World) -> None:
    admin, url, form = editor(world)

    def press(form: dict[str, str], deed: str) -> dict[str, str]:
        answer = admin.post(url, {**form, "do": deed})
        assert answer.status_code == 200
        return fields(answer.text)

    assert [form["s0.name"], form["s1.name"]] == ["backend", "frontend"]
    moved = press(form, "down:0")
    assert [moved["s0.name"], moved["s1.name"]] == ["frontend", "backend"]
    assert [moved["s0.order"], moved["s1.order"]] == ["1", "2"]
    added = press(moved, "add")
    assert (added["count"], added["s2.name"], added["s2.order"]) == ("3", "", "3")
    level = press({**added, "s2.name": "jobs", "s2.order": "2"}, "up:2")
    assert [level[f"s{n}.name"] for n in range(3)] == ["frontend", "jobs", "backend"]
    assert [level[f"s{n}.order"] for n in range(3)] == ["1", "2", "3"]
    fewer = press(level, "remove:0")
    assert (fewer["count"], fewer["s0.name"]) == ("2", "jobs")
    for strange in ("remove:9", "up:-1", "up:0", "down:x"):
        admin.post(url, {**form, "do": strange})
    assert {s.name for s in world.rows(ServiceTemplate, active=True)} >= {"backend", "frontend"}


@pytest.mark.parametrize(
    ("change", "at", "words"),
    [
        ({"base_domain": "http://x"}, "base_domain", "must be a bare domain"),
        ({"name": ""}, "name", "between 1 and 120"),
        ({"s0.repo_url": "http://10.0.0.1/x"}, "s0.repo_url", "must be https"),
        ({"s1.port": "many"}, "s1.port", "whole number"),
        ({"s1.port": "99999"}, "s1.port", "65535"),
        ({"s0.env": "A=${NOTHING}"}, "s0.env", "placeholder that does not exist"),
        ({"s0.env": "A"}, "s0.env", "must be KEY=VALUE"),
        ({"default_env": "a=1"}, "default_env", "keys must hold"),
        ({"s0.health_path": "health"}, "s0.health_path", "must be a path"),
        ({"s0.limits.memory_mb": "1"}, "s0.limits.memory_mb", "512"),
        ({"s0.volumes": "data"}, "s0.volumes", "name: /path"),
        ({"s0.build_config.dockerfile": "../x"}, "s0.build_config.dockerfile", "relative path"),
        ({"s1.name": "backend"}, "services", "names must be unique"),
        ({"notify_emails": "nobody"}, "notify_emails", "one plain e-mail address"),
        ({"secrets": "Bad Name"}, "secrets", "names hold a-z"),
        ({"db_type": "mysql"}, "db_type", "tenants have databases of kind postgres"),
        ({"name": SCRIPT, "base_domain": SCRIPT}, "base_domain", "must be a bare domain"),
    ],
)
def test_what_is_wrong_stands_beside_its_field(
    world: World, change: dict[str, str], at: str, words: str
) -> None:
    admin, url, form = editor(world)
    answer = admin.post(url, {**form, **change, "do": "check"})
    assert answer.status_code == 400
    assert SCRIPT not in answer.text
    if at == "services":
        assert words in answer.text.lower()
        return
    part = answer.text.split(f'id="{at}"')[1].split("</div>")[0]
    assert words.lower() in unescape(part).lower()
    assert 'aria-invalid="true"' in part
    for name, value in change.items():
        assert fields(answer.text)[name] == value, "what was typed is kept"


def test_secret_values_are_masked_and_kept(world: World) -> None:
    value = "a-password-of-the-product"
    env = {"SMTP_PASSWORD": value, "SMTP_HOST": "mail.example.org"}
    world.stage.product({**PRODUCT, "default_env": env})
    admin, url, form = editor(world)
    page = admin.page(url)
    assert value not in page
    assert "SMTP_PASSWORD=••••••••" in page
    shown = admin.post(url, {**form, "s0.repo_branch": "stable", "do": "check"})
    assert value not in shown.text
    assert admin.post(url, {**sealed(shown.text), "do": "save"}).status_code == 303
    assert world.row(ProjectTemplate, slug="dms").default_env == env
    typed = {**editor(world)[2], "default_env": "OTHER_TOKEN=typed-just-now-by-hand"}
    shown = admin.post(url, {**typed, "do": "check"})
    assert "typed-just-now-by-hand" not in shown.text
    back = admin.post(url, {**sealed(shown.text), "do": "back"})
    assert "typed-just-now-by-hand" not in back.text
    assert admin.post(url, {**sealed(shown.text), "do": "save"}).status_code == 303
    kept = world.row(ProjectTemplate, slug="dms").default_env
    assert kept == {"OTHER_TOKEN": "typed-just-now-by-hand"}
    number = world.rows(TemplateRelease)[-1].number
    product = world.row(ProjectTemplate, slug="dms").public_id
    release = admin.page(f"/products/{product}/releases/{number}")
    assert "typed-just-now-by-hand" not in release
    assert value not in release


def test_the_text_is_masked_too(world: World) -> None:
    value, of_service = "a-password-of-the-product", "another-of-one-service"
    product = copy.deepcopy(PRODUCT) | {"default_env": {"SMTP_PASSWORD": value, "LEVEL": "info"}}
    product["services"][0]["env"] = {"API_TOKEN": of_service}
    world.stage.product(product)
    row = world.row(ProjectTemplate, slug="dms")
    admin, url = world.client("admin"), f"/products/{row.public_id}/text"
    page = admin.page(url)
    assert value not in page
    assert of_service not in page
    assert "LEVEL: info" in page
    text = unescape(page.split("<textarea")[1].split(">", 1)[1].split("</textarea>")[0])
    seen = re.search(r'name="seen" value="([^"]+)"', page)
    assert seen
    typed = {"document": text.replace("LEVEL: info", "LEVEL: debug"), "seen": seen[1]}
    shown = admin.post(url, {**typed, "do": "check"})
    assert "LEVEL" in shown.text
    assert value not in shown.text
    assert admin.post(url, {**sealed(shown.text), "do": "save"}).status_code == 303
    kept = world.row(ProjectTemplate, slug="dms")
    assert kept.default_env == {"SMTP_PASSWORD": value, "LEVEL": "debug"}
    services = world.rows(ServiceTemplate, project_id=kept.id, name=product["services"][0]["name"])
    assert services[0].default_env == {"API_TOKEN": of_service}


def test_a_mask_over_nothing_is_refused(world: World) -> None:
    admin, url, form = editor(world)
    answer = admin.post(url, {**form, "default_env": "NEW_TOKEN=••••••••", "do": "check"})
    assert answer.status_code == 400
    assert "is masked" in answer.text


@pytest.mark.parametrize("text", ["", "x", "k1.AAAA", "k1.%%%", "é.é"])
def test_only_what_was_shown_is_saved(world: World, text: str) -> None:
    admin, url, _ = editor(world)
    assert admin.post(url, {"sealed": text, "do": "save"}).status_code == 400


def test_editing_is_for_admins(world: World) -> None:
    operator = world.client("operator")
    product = world.row(ProjectTemplate, slug="dms").public_id
    for path in ("new", "new/text", f"{product}/edit", f"{product}/text"):
        assert operator.get(f"/products/{path}").status_code == 403
        assert operator.post(f"/products/{path}", {"do": "add"}).status_code == 403


def test_the_pages_ask_few_questions(world: World) -> None:
    admin, url, form = editor(world)
    token = admin.token()
    product = world.row(ProjectTemplate, slug="dms").public_id
    for path in (url, f"/products/details/?id={product}", f"/products/{product}/releases/1"):
        with counted(world) as seen:
            admin.page(path)
        assert len(seen) <= 12, (path, "\n".join(seen))
    with counted(world) as seen:
        admin.bare_post(url, data={**form, "do": "add", "csrf_token": token})
    assert len(seen) <= 12, "\n".join(seen)


def test_on_postgresql_too(make_postgres_world: Any) -> None:
    world = make_postgres_world()
    admin, url, form = editor(world)
    assert save(admin, url, {**form, "s0.repo_branch": "stable"}).status_code == 303
    product = world.row(ProjectTemplate, slug="dms").public_id
    assert "1 change since release 1" in admin.page(f"/products/{product}/releases/2")
    assert "Never deployed" in admin.page(f"/products/details/?id={product}")
