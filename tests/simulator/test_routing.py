"""Redirects, domains that are turned off, and going back by a rollback."""

import pytest


@pytest.fixture
def site(dokploy):
    row = dokploy.application()
    dokploy.do("domain.create", host="a.demo.test", applicationId=row["applicationId"])
    dokploy.deploy(row["applicationId"])
    return row


def redirect(dokploy, row, regex, replacement, *, permanent=True):
    told = dokploy.do(
        "redirects.create",
        regex=regex,
        replacement=replacement,
        permanent=permanent,
        applicationId=row["applicationId"],
    )
    assert told is True
    return dokploy.read("application.one", applicationId=row["applicationId"])["redirects"][-1]


@pytest.mark.parametrize(
    ("permanent", "method", "status"),
    [(True, "GET", 301), (True, "POST", 308), (False, "GET", 302), (False, "POST", 307)],
)
def test_a_redirect_is_followed_on_every_router(dokploy, site, permanent, method, status):
    dokploy.do("domain.create", host="old.demo.test", applicationId=site["applicationId"])
    rule = r"^https?://old\.demo\.test/(.*)"
    redirect(dokploy, site, rule, "https://a.demo.test/${1}", permanent=permanent)

    answer = dokploy.visit("old.demo.test", "/x?y=1", method)

    assert answer.status_code == status
    assert answer.headers["location"] == "https://a.demo.test/x?y=1"
    assert dokploy.visit("a.demo.test", "/x").status_code == 200


def test_a_redirect_is_changed_and_taken_away(dokploy, site):
    row = redirect(dokploy, site, "^http://a.demo.test/old$", "http://a.demo.test/new")
    key = {"redirectId": row["redirectId"]}

    dokploy.do("redirects.update", regex="/old$", replacement="/newer", permanent=True, **key)
    assert dokploy.visit("a.demo.test", "/old").headers["location"].endswith("/newer")
    assert dokploy.read("redirects.one", **key)["replacement"] == "/newer"
    dokploy.do("redirects.delete", **key)
    assert dokploy.visit("a.demo.test", "/old").status_code == 200
    assert dokploy.post("redirects.delete", **key).status_code == 404


def test_a_domain_that_is_off_is_not_found(dokploy, site):
    (domain,) = dokploy.read("domain.byApplicationId", applicationId=site["applicationId"])
    key = {"domainId": domain["domainId"]}

    assert dokploy.do("domain.toggleEnable", **key)["enabled"] is False
    assert dokploy.visit("a.demo.test").status_code == 404
    assert dokploy.do("domain.toggleEnable", **key)["enabled"] is True
    assert dokploy.visit("a.demo.test").status_code == 200
    (listed,) = dokploy.read("overview.domains")
    assert (listed["host"], listed["serviceOwnerId"]) == ("a.demo.test", site["applicationId"])


@pytest.fixture
def registry(dokploy):
    return dokploy.do(
        "registry.create",
        registryName="r",
        username="Ann",
        password="p",
        registryUrl="registry.example.test",
        registryType="cloud",
        imagePrefix=None,
    )


def rollbacks(dokploy, row):
    runs = dokploy.read("deployment.allByType", id=row["applicationId"], type="application")
    return [run["rollback"] for run in runs]


def test_going_back_brings_image_and_environment_and_no_row(dokploy, site, registry):
    key = {"applicationId": site["applicationId"]}
    assert rollbacks(dokploy, site) == [None]
    active = {"rollbackActive": True, "rollbackRegistryId": registry["registryId"]}
    dokploy.do("application.update", **active, **key)
    dokploy.set_env(site["applicationId"], "A=one")
    dokploy.deploy(site["applicationId"])
    dokploy.set_env(site["applicationId"], "A=two")
    dokploy.deploy(site["applicationId"])
    newest, older, _ = rollbacks(dokploy, site)
    count = len(dokploy.runs(site["applicationId"]))

    assert dokploy.post("rollback.rollback", rollbackId=older["rollbackId"]).content == b""

    image = f"registry.example.test/ann/{older['image']}"
    assert dokploy.service(site["appName"])["image"] == image
    assert dokploy.visit("a.demo.test", "/_env?name=A").json()["value"] == "one"
    assert len(dokploy.runs(site["applicationId"])) == count
    assert newest["version"] == older["version"] + 1
    assert dokploy.read("application.one", **key)["dockerImage"] == "nginx:1"


def test_a_failed_deploy_has_a_rollback_whose_image_was_never_pushed(dokploy, site, registry):
    key = {"applicationId": site["applicationId"]}
    active = {"rollbackActive": True, "rollbackRegistryId": registry["registryId"]}
    dokploy.do("application.update", **active, **key)
    dokploy.use_image(site["applicationId"], "acme/pullfail:1")
    assert dokploy.deploy(site["applicationId"])["status"] == "error"

    dokploy.do("rollback.rollback", rollbackId=rollbacks(dokploy, site)[0]["rollbackId"])
    assert dokploy.visit("a.demo.test").status_code in {200, 502}
    errors = dokploy.read("docker.getServiceContainersByAppName", appName=site["appName"])
    assert any("No such image" in task["error"] for task in errors)


def test_registries_are_tried_and_removed(dokploy, registry):
    asked = {name: registry[name] for name in ("username", "password", "registryUrl")}

    assert dokploy.do("registry.testRegistry", registryType="cloud", **asked) is True
    dokploy.control("refuse", id="registry.example.test", reason="unauthorized")
    assert dokploy.post("registry.testRegistry", registryType="cloud", **asked).status_code == 400
    assert "password" not in dokploy.read("registry.one", registryId=registry["registryId"])
    dokploy.do("registry.remove", registryId=registry["registryId"])
    assert dokploy.read("registry.all") == []
