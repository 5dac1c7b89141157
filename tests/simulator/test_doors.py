"""Keys, verbs, bodies, the control door and DNS."""

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import httpx
import pytest

from dokploy_simulator import Simulator


def test_keys_are_checked(dokploy):
    bare = httpx.get(f"{dokploy.simulator.url}/api/project.all")
    wrong = dokploy.http.get("/api/project.all", headers={"x-api-key": "no"})

    assert (bare.status_code, bare.json()) == (401, {"message": "Unauthorized"})
    assert (wrong.status_code, wrong.json()) == (401, {"message": "Unauthorized"})


def test_each_request_uses_a_limited_key_twice(dokploy):
    dokploy.control("keys", key="seven", limit=7)

    answers = [
        dokploy.http.get("/api/project.all", headers={"x-api-key": "seven"}) for _ in range(5)
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 401, 401]
    assert answers[3].json()["message"] == "UNAUTHORIZED"
    assert answers[4].json() == {"message": "Unauthorized"}


def test_a_permission_refusal_has_a_code_and_a_path(dokploy):
    row = dokploy.application(image=None)
    dokploy.control("keys", key="m", role="member")

    answer = dokploy.http.get(
        "/api/application.one",
        params={"applicationId": row["applicationId"]},
        headers={"x-api-key": "m"},
    )

    assert answer.status_code == 401
    assert answer.json()["code"] == "UNAUTHORIZED"
    assert answer.json()["data"]["path"] == "application.one"


def test_wrong_verbs_and_unknown_procedures_are_not_found(dokploy):
    assert dokploy.get("project.create", name="x").status_code == 404
    assert dokploy.post("project.all").status_code == 404
    assert dokploy.get("nobody.knows").status_code == 404


def test_too_large_a_body_is_413(dokploy):
    answer = dokploy.post("project.create", name="x" * 1_200_000)

    assert (answer.status_code, answer.text) == (413, "Body exceeded 1mb limit")


def test_health_needs_no_key_where_the_real_one_needs_none(dokploy):
    url = dokploy.simulator.url

    assert httpx.get(f"{url}/api/health").json() == {"ok": True}
    told = httpx.get(f"{url}/api/trpc/settings.health").json()
    assert told == {"result": {"data": {"json": {"status": "ok"}}}}
    assert httpx.get(f"{url}/api/settings.health").status_code == 401


def test_reset_forgets_everything(dokploy):
    dokploy.application()
    dokploy.fault("503", procedure="nothing.*")

    dokploy.control("reset")

    assert set(dokploy.state()["counts"].values()) == {0}
    assert dokploy.state()["faults"] == []


def test_unknown_control_actions_are_told(dokploy):
    assert dokploy.http.post("/_sim/nonsense", json={}).status_code == 404
    assert dokploy.http.post("/_sim/speed", json={}).status_code == 400


def test_seeded_servers_are_listed(dokploy):
    dokploy.control("seed", kind="server", row={"serverId": "s1", "name": "far"})

    assert [row["name"] for row in dokploy.read("server.all")] == ["far"]


def ask(caller, name, kind="A"):
    return dns.query.udp(
        dns.message.make_query(name, kind),
        "127.0.0.1",
        port=caller.simulator.ports.dns_port,
        timeout=0.5,
    )


def learn(caller, host):
    row = caller.application(image=None)
    caller.do("domain.create", host=host, applicationId=row["applicationId"])


def test_a_host_resolves_once_a_domain_names_it(dokploy):
    assert ask(dokploy, "a.demo.test").rcode() == dns.rcode.NXDOMAIN
    learn(dokploy, "a.demo.test")

    answer = ask(dokploy, "a.demo.test")

    assert answer.answer[0][0].to_text() == "127.0.0.1"
    assert ask(dokploy, "a.demo.test", "AAAA").answer == []
    assert ask(dokploy, "elsewhere.test").rcode() == dns.rcode.NXDOMAIN


def test_a_host_resolves_after_the_delay(caller_for, eventually):
    with Simulator(speed=0, dns_delay=0.4) as running:
        caller = caller_for(running)
        learn(caller, "a.demo.test")

        assert ask(caller, "a.demo.test").rcode() == dns.rcode.NXDOMAIN
        eventually(lambda: ask(caller, "a.demo.test").rcode() == dns.rcode.NOERROR)


def test_names_can_be_refused_and_silence_kept(dokploy):
    learn(dokploy, "a.demo.test")
    dokploy.control("dns", nxdomain=["a.demo.test"])
    assert ask(dokploy, "a.demo.test").rcode() == dns.rcode.NXDOMAIN

    dokploy.control("dns", nxdomain=[], blackhole=True)

    with pytest.raises(dns.exception.Timeout):
        ask(dokploy, "a.demo.test")


def test_validation_follows_the_names(dokploy):
    learn(dokploy, "a.demo.test")

    good = dokploy.do("domain.validateDomain", domain="a.demo.test")
    bad = dokploy.do("domain.validateDomain", domain="b.demo.test")

    assert good == {"isValid": True, "resolvedIp": "127.0.0.1"}
    assert bad["isValid"] is False


def test_the_incoming_hook_deploys_only_where_allowed(dokploy):
    row = dokploy.application(image=None)
    dokploy.use_git(row["applicationId"], "https://git.example.test/ok.git", "main")
    push = {"json": {"ref": "refs/heads/main"}, "headers": {"X-GitHub-Event": "push"}}
    address = f"/api/deploy/{row['refreshToken']}"

    assert dokploy.http.post(address, **push).status_code == 200
    dokploy.do("application.update", applicationId=row["applicationId"], autoDeploy=False)
    assert dokploy.http.post(address, **push).status_code == 400
    assert dokploy.http.post("/api/deploy/nobody", **push).status_code == 404
