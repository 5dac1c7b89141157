"""Texts that reach a target's shell, a header or the network."""

from collections.abc import Callable

import pytest

from tenantry.errors import Invalid
from tenantry.planning import inputs

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
