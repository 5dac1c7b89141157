"""Who opens a target gets one, shared with everybody who opens the same."""

from pathlib import Path

import pytest

from tenantry.adapters import dokploy
from tenantry.adapters.dokploy import MOST_KEPT, DokployTargets
from tenantry.config import TargetSettings, load
from tenantry.errors import KeyRefused, Permanent, TargetDown
from tests.conftest import environment

# `rebuild` drops a volume, `start` forgets the replicas, `toggleEnable` turns round what is there.
FORBIDDEN_CALLS = (
    "killBuild",
    ".search",
    "killProcess",
    "rebuild",
    "application.start",
    "compose.start",
    "toggleEnable",
    "restoreVolumeBackupWithLogs",
)


def settings(url, name="main", key="configured-key", **more):
    return TargetSettings(name, url, key, **more)


@pytest.fixture
def targets(door):
    made = []

    def make(*given):
        made.append(DokployTargets(given, total=0.5, connect=0.3))
        return made[-1]

    yield make
    for one in made:
        one.close()


def versions(talk):
    return talk.say(b'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n"v0.30.2"')


def test_a_target_that_is_not_configured_is_a_permanent_error(targets):
    with pytest.raises(Permanent, match="other is not configured"):
        targets(settings("https://d.example"))("other")


def test_keys_share_connections_and_the_version_but_not_each_others_key(door, targets):
    server = door(versions)
    opened = targets(settings(server.url))
    assert opened("main") is opened("main")
    assert opened("main", "own-key") is opened("main", "own-key")
    assert opened("main") is not opened("main", "own-key")
    opened("main").version()
    opened("main", "own-key").version()
    assert server.connections == 1
    assert b"x-api-key: configured-key" in server.requests[0]
    assert b"x-api-key: own-key" in server.requests[1]


def test_what_is_kept_is_bounded_and_an_old_one_still_works(door, targets):
    server = door(versions)
    opened = targets(settings(server.url))
    first = opened("main", "k-first")
    for number in range(MOST_KEPT + 5):
        opened("main", f"k{number}")
    assert len(opened._opened) == MOST_KEPT
    assert first.version() == "v0.30.2"
    assert not any("k-first" in str(kept) for kept in opened._opened)


def test_after_closing_it_opens_anew(door, targets):
    server = door(versions)
    opened = targets(settings(server.url))
    opened("main").version()
    opened.close()
    assert opened("main").version() == "v0.30.2"
    assert server.connections == 2


def test_h11_a_self_signed_server_is_down_unless_its_ca_is_configured(
    door, targets, server_tls, certificate
):
    server = door(versions, server_tls)
    url = f"https://localhost:{server.port}"
    with pytest.raises(TargetDown, match="certificate is not trusted"):
        targets(settings(url))("main").version()
    assert not server.requests
    pinned = targets(settings(url, ca_file=certificate[0]))
    assert pinned("main").version() == "v0.30.2"


def test_h11_a_configured_ca_is_the_only_one_that_counts(door, targets, certificate):
    context = dokploy._tls(settings("https://d", ca_file=certificate[0]))
    assert len(context.get_ca_certs()) == 1


def test_a_ca_file_that_cannot_be_read_is_named(targets):
    with pytest.raises(Permanent, match="CA file of target main"):
        targets(settings("https://d", ca_file="/nowhere/ca.pem"))("main")


@pytest.mark.parametrize(("said", "able"), [({}, False), ({"TARGET_MAIN_RESTORE": "on"}, True)])
def test_restores_are_a_setting_of_one_target_and_off_unless_said(targets, said, able):
    found = load(environment("sqlite:///x.db", **said))
    assert targets(*found.targets)("main").capabilities().restore is able


def test_a_refused_key_shows_no_key(door, targets):
    body = b'{"message":"Unauthorized"}'
    head = b"HTTP/1.1 401 Unauthorized\r\ncontent-length: %d\r\n\r\n" % len(body)
    server = door(lambda talk: talk.say(head + body))
    with pytest.raises(KeyRefused) as trouble:
        targets(settings(server.url))("main").version()
    assert "configured-key" not in f"{trouble.value!r}"


@pytest.mark.parametrize("call", FORBIDDEN_CALLS)
def test_trap_9_and_44_calls_that_hurt_others_are_nowhere_in_the_adapter(call):
    folder = Path(dokploy.__file__).parent
    calls = [
        line
        for path in folder.glob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if f'{call}"' in line
    ]
    assert calls == []
