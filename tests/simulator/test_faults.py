"""Every way to go wrong, before and after the write."""

import httpx
import pytest

from dokploy_simulator.faults import MODES

BROKEN = {
    "reset": httpx.NetworkError,
    "half": httpx.RemoteProtocolError,
    "silence": httpx.ReadTimeout,
    "drip": httpx.ReadTimeout,
}
STATUS = {
    "500": 500,
    "500-with-path": 500,
    "502": 502,
    "503": 503,
    "504": 504,
    "429": 429,
    "408": 408,
    "401-no-code": 401,
    "401-message-UNAUTHORIZED": 401,
    "401-permission": 401,
    "slow": 200,
    "garbage": 200,
    "empty": 200,
}


def test_every_mode_is_tested():
    assert set(BROKEN) | set(STATUS) == set(MODES)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("mode", MODES)
def test_a_fault_spoils_one_call(dokploy, caller_for, mode, when):
    """The write is there exactly if the fault comes after it, or only delays it."""
    dokploy.fault(mode, when=when, procedure="project.create", times=1)
    impatient = caller_for(dokploy.simulator, timeout=0.3)

    if mode in BROKEN:
        with pytest.raises(BROKEN[mode]):
            impatient.post("project.create", name="tenant")
    else:
        answer = impatient.post("project.create", name="tenant")
        assert answer.status_code == STATUS[mode]

    written = when == "after" or mode == "slow"
    assert dokploy.state()["counts"]["projects"] == int(written)
    assert dokploy.post("project.create", name="second").status_code == 200
    assert dokploy.state()["fault_counts"] == {mode: 1}


def test_only_the_named_procedures_are_hit(dokploy):
    dokploy.fault("503", procedure="application.*")

    assert dokploy.get("project.all").status_code == 200
    assert dokploy.get("application.search").status_code == 503


def test_faults_are_lifted(dokploy):
    dokploy.fault("503")
    dokploy.http.delete("/_sim/faults")

    assert dokploy.get("project.all").status_code == 200


def test_probability_hits_some_calls(dokploy):
    dokploy.control("faults", faults=[{"mode": "503", "probability": 0.5}], seed=7)

    statuses = {dokploy.get("project.all").status_code for _ in range(60)}

    assert statuses == {200, 503}


@pytest.mark.parametrize("value", ["1e9", "-5", "Wed, 21 Oct 2015 07:28:00 GMT"])
def test_retry_after_says_what_it_is_told(dokploy, value):
    dokploy.fault("429", retry_after=value)

    assert dokploy.get("project.all").headers["Retry-After"] == value


def test_the_three_401_differ(dokploy):
    seen = {}
    for mode in ("401-no-code", "401-message-UNAUTHORIZED", "401-permission"):
        dokploy.fault(mode, times=1)
        seen[mode] = dokploy.get("project.all").json()

    assert seen["401-no-code"] == {"message": "Unauthorized"}
    assert seen["401-message-UNAUTHORIZED"]["message"] == "UNAUTHORIZED"
    assert seen["401-permission"]["data"]["path"] == "project.all"
    assert seen["401-permission"]["message"] != "UNAUTHORIZED"


@pytest.mark.parametrize(
    "plan", [{"mode": "nonsense"}, {"mode": "503", "when": "never"}, {"mode": "503", "x": 1}]
)
def test_a_slip_in_a_plan_is_told(dokploy, plan):
    assert dokploy.http.post("/_sim/faults", json=plan).status_code == 400
