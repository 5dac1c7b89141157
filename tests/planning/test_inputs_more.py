"""Paths, keys and addresses; and no validator that a text keeps busy."""

import re
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry.clock import monotonic
from tenantry.errors import Invalid
from tenantry.planning import environment, health, inputs, naming
from tests.planning.test_inputs import SHELL, refused


@pytest.mark.parametrize("text", ["auth/create-superuser-view/", "setup", "a_b/c-d", "x" * 200])
def test_a_relative_provisioning_path_passes(text: str):
    assert inputs.provision_path(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/a",
        "https://evil/x",
        "//evil/x",
        "..//..//admin",
        "a?b#c",
        "a\r\nHost: evil",
        "@evil",
        "a//b",
        "a.b",
        "a%2e",
        "\\evil",
        "x" * 201,
        *SHELL,
    ],
)
def test_a_bad_provisioning_path_is_refused(text: str):
    assert refused(inputs.provision_path, text).startswith("internal_provision_endpoint: ")


def test_health_paths_and_paths_in_a_repository():
    assert inputs.health_path("/health/live.json") == "/health/live.json"
    for text in ("", "health", "/a?b", "/a#b", "/a//b", "/../x", "/a b", "/a\n", "/" + "a" * 255):
        refused(inputs.health_path, text)
    for text in ("", ".", "Dockerfile", "deploy/Dockerfile.prod", ".docker/x"):
        assert inputs.file_path(text, "dockerfile") == text
    for text in ("../x", "a/../b", "/etc/passwd", "a//b", "-f", "a b", "a\n", "a" * 102, "a;b"):
        assert refused(lambda t: inputs.file_path(t, "dockerfile"), text).startswith("dockerfile:")


@pytest.mark.parametrize("text", ["PATH", "_X", "A1_B2", "X" * 128])
def test_a_plain_environment_key_passes(text: str):
    assert inputs.env_key(text) == text


@pytest.mark.parametrize("text", ["", "path", "1A", "A B", "A=B", "A\n", "A.B", "Ä", "X" * 129, 7])
def test_a_bad_environment_key_is_refused(text):
    refused(inputs.env_key, text)


@pytest.mark.parametrize("text", ["a@b.co", "first.last+tag@mail.example.com"])
def test_one_plain_address_passes(text: str):
    assert inputs.email(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a@b",
        "a@b\nBcc: x@y.z",
        "a@b.co\n",
        "a@b.co, x@y.co",
        "a@b.co;x@y.co",
        '"a> <x@y"@b.co',
        "a@b.co\0",
        "Ada <a@b.co>",
        "a@bücher.de",
        "ä@b.co",
        "a b@c.co",
        "@b.co",
        "a@-b.co",
        "a@b..co",
        "a@[127.0.0.1]",
        "a" * 65 + "@b.co",
        "a@" + "b" * 300 + ".co",
        None,
        7,
    ],
)
def test_a_bad_address_is_refused(text):
    refused(inputs.email, text)


def test_recipients_are_a_short_list_each_once():
    assert inputs.emails(["a@b.co", "a@b.co", "c@d.co"]) == ("a@b.co", "c@d.co")
    assert inputs.emails([]) == ()
    for texts in ("a@b.co", None, {"a@b.co"}, [f"a{n}@b.co" for n in range(21)], ["a@b.co", 3]):
        refused(inputs.emails, texts)
    assert len(inputs.emails([f"a{n}@b.co" for n in range(20)])) == 20


CHECKS: tuple[Callable[[str], object], ...] = (
    inputs.branch,
    inputs.repo_url,
    inputs.image,
    inputs.provision_path,
    inputs.health_path,
    lambda text: inputs.file_path(text, "path"),
    inputs.env_key,
    inputs.email,
    naming.subdomain,
    naming.slug,
    naming.base_domain,
    health.expected_status,
    lambda text: environment.check_values({"KEY": text}, frozenset()),
    naming.target_name,
)
nasty = st.builds(
    lambda head, body, times, tail: head + body * times + tail,
    st.sampled_from(["", "https://", "git@a.b:", "/", "a@", "a:", "${", "200,"]),
    st.sampled_from(
        ["a", "a-", "-", "a.", "/", "a/", "a_", "__", "1", "1-", "%", "${A}", "é", "ab-"]
    ),
    st.sampled_from([10, 300, 5_000, 40_000]),
    st.sampled_from(["", "!", "\n", "@", "{", "\0", ":"]),
)


@given(nasty)
def test_no_text_keeps_a_validator_busy(text: str):
    for check in CHECKS:
        # The budget of one check is 50 ms; other programs may hold the processor meanwhile.
        best = min(_seconds(check, text) for _ in range(2))
        assert best < 0.05 or min(_seconds(check, text) for _ in range(5)) < 0.05


def _seconds(check: Callable[[str], object], text: str) -> float:
    begin = monotonic()
    with suppress(Invalid):
        check(text)
    return monotonic() - begin


@given(st.text(max_size=60))
def test_whatever_passes_holds_no_blank_and_no_control_character(text: str):
    for check in CHECKS[:9]:
        try:
            check(text)
        except Invalid:
            continue
        assert not re.search(r"[\s\x00-\x1f\x7f]", text)
