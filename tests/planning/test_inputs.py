"""Texts that reach a target's shell, a header or the network."""

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry.clock import monotonic
from tenantry.errors import Invalid
from tenantry.planning import environment, health, inputs, naming

SHELL = (
    "; curl x|sh",
    "$(id)",
    "`id`",
    "a b",
    "a\nb",
    "a\n",
    "\na",
    "a\tb",
    "a\0",
    "é",
    "a;b",
    "a'b",
)


def refused(check: Callable[[str], object], text: str) -> str:
    with pytest.raises(Invalid) as trouble:
        check(text)
    return str(trouble.value)


@pytest.mark.parametrize("text", ["main", "v1.2.3", "release/2026-09", "feature/a_b.c", "x" * 200])
def test_a_plain_branch_or_tag_passes(text: str):
    assert inputs.branch(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "main; curl x|sh",
        "-x",
        "--upload-pack=x",
        "a..b",
        "a@{1}",
        "a//b",
        "a/.b",
        ".a",
        "a/",
        "a.",
        "a.lock",
        "x.lock/y",
        "refs/heads/../x",
        "a" * 201,
        "a" * 300,
        "0123456789abcdef0123456789abcdef01234567",
        "0" * 64,
        "a:b",
        "a~1",
        "a^",
        "a?",
        "a[b",
        "a\\b",
        *SHELL,
    ],
)
def test_a_bad_branch_is_refused(text: str):
    assert refused(inputs.branch, text).startswith("repo_branch: ")


@pytest.mark.parametrize(
    "text",
    [
        "https://github.com/acme/backend",
        "https://github.com/acme/backend.git",
        "https://GitLab.Example.com/group/sub/name/",
        "git@github.com:acme/backend.git",
        "https://git.sr.ht/~acme/backend",
    ],
)
def test_a_public_repository_passes(text: str):
    assert inputs.repo_url(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "github.com/acme/backend",
        "http://github.com/a/b",
        "ftp://github.com/a/b",
        "file:///etc/passwd",
        "ext::sh -c id",
        "git://github.com/a/b",
        "ssh://git@github.com/a/b",
        "//github.com/a/b",
        "https:github.com/a/b",
        "https://github.com",
        "https://github.com/",
        "https://github.com/a/b?x=1",
        "https://github.com/a/b?",
        "https://github.com/a/b#x",
        "https://github.com/a/b#",
        "https://github.com:443/a/b",
        "https://github.com:/a/b",
        "https://github.com/a/../b",
        "https://github.com/-x/y",
        "https://github.com/a/b\n",
        " https://github.com/a/b",
        "https://git\thub.com/a/b",
        "https://github.com/a b",
        "https://github.com/$(id)",
        "https://github.com/a;id",
        "https://github.com/" + "a" * 300,
        "git@github.com:../../etc/passwd",
        "git@github.com:-oProxyCommand=id/x",
        "git@-oProxyCommand=id:a/b",
        "git@github.com:/etc/passwd",
        "git@GITHUB.com:a/b",
        "git@github.com:a/b\n",
    ],
)
def test_a_bad_repository_is_refused(text: str):
    assert refused(inputs.repo_url, text).startswith("repo_url: ")


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "0",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "a.0x1",
        "0177.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "[::1]",
        "localhost",
        "localhost.",
        "redis",
        "host.docker.internal",
        "metadata.google.internal",
        "kubernetes.default.svc",
        "x.local",
        "x.lan",
        "x.localdomain",
        "1.in-addr.arpa",
        "①②⑦.⓪.⓪.①",
        "127。0。0。1",
        "%31%32%37.0.0.1",
        "-a.com",
        "a_b.com",
        "a..com",
    ],
)
def test_a_repository_inside_our_networks_is_refused(host: str):
    refused(inputs.repo_url, f"https://{host}/a/b")
    refused(inputs.repo_url, f"git@{host}:a/b")


@pytest.mark.parametrize(
    "text",
    [
        "https://ada:hunter2@github.com/a/b",
        "https://hunter2@github.com/a/b",
        "https://:hunter2@github.com/a/b",
        "ssh://ada:hunter2@github.com/a/b",
        "ada:hunter2@github.com/a/b",
        "https://@github.com/hunter2",
    ],
)
def test_a_credential_in_a_url_is_refused_and_not_repeated(text: str):
    words = refused(inputs.repo_url, text)
    assert "hunter2" not in words
    assert "user name or password" in words


@pytest.mark.parametrize(
    "text",
    [
        "nginx",
        "nginx:1.27",
        "acme/tools:1.0",
        "ghcr.io/acme/tools:v1.2",
        "registry.example.com:5000/a/b-c/d__e:latest",
        "nginx@sha256:" + "0" * 64,
    ],
)
def test_a_plain_image_passes(text: str):
    assert inputs.image(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x; id",
        "-v/:/h",
        "image:tag --privileged",
        "Nginx",
        "nginx:",
        "nginx:-x",
        "nginx@sha256:0",
        "a//b",
        "/a",
        "a/",
        "https://ghcr.io/a/b",
        "nginx:1.27\n",
        "a" * 256,
        *SHELL,
    ],
)
def test_a_bad_image_is_refused(text: str):
    assert refused(inputs.image, text).startswith("image: ")


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
    lambda text: naming.target_name(text),
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
    try:
        check(text)
    except Invalid as trouble:
        assert len(str(trouble)) < 400
    return monotonic() - begin


@given(st.text(max_size=60))
def test_whatever_passes_holds_no_blank_and_no_control_character(text: str):
    for check in CHECKS[:9]:
        try:
            check(text)
        except Invalid:
            continue
        assert not re.search(r"[\s\x00-\x1f\x7f]", text)
