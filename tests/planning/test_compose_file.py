"""What a compose file may say, and what it is refused for."""

from contextlib import suppress
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tenantry.errors import Invalid
from tenantry.planning import compose_file
from tenantry.planning.blueprint import EnvLayer
from tenantry.planning.sources import ComposeSource
from tests.planning.blueprints import service

PLAIN = """
services:
  web:
    image: acme/web:${TAG:-1.0}
    environment:
      DATABASE_URL: ${DATABASE_URL}
      PRICE: 5$$
    volumes: [uploads:/data]
    deploy:
      replicas: 1
      update_config: {order: stop-first}
  queue:
    image: redis:8.2.1
volumes: {uploads: {}}
networks:
  dokploy-network: {external: true}
"""
AT = "compose_file"


def spoiled(part: str, value: Any) -> str:
    """The plain file with one thing changed; `part` is a path."""
    document = yaml.safe_load(PLAIN)
    *above, last = part.split("/")
    place = document
    for name in above:
        place = place.setdefault(name, {})
    place[last] = value
    return yaml.safe_dump(document)


BAD: list[tuple[str, Any, str]] = [
    # what is set, to what, and words of the reason
    ("services", {}, "at least one service"),
    ("services", [], "at least one service"),
    ("services/web", "acme/web", "named fields"),
    ("services/a\nb", {"image": "x"}, "letters, digits"),
    ("volumes/" + "x" * 64, {}, "letters, digits"),
    ("services/web/build", ".", "cannot build"),
    ("services/web/build", {"context": "."}, "cannot build"),
    ("services/web/image", "", "name an image"),
    ("services/web/image", None, "name an image"),
    ("services/web/ports", ["8080:80"], "router"),
    ("services/web/ports", [{"target": 80, "published": 8080}], "router"),
    ("services/queue/ports", ["6379"], "router"),
    ("services/web/privileged", True, "whole machine"),
    ("services/web/cap_add", ["SYS_ADMIN"], "rights"),
    ("services/web/devices", ["/dev/kvm:/dev/kvm"], "devices"),
    ("services/web/network_mode", "host", "own network"),
    ("services/web/networks", ["host"], "own network"),
    ("services/web/networks", {"host": None}, "own network"),
    ("services/web/pid", "host", "processes"),
    ("services/web/env_file", ".env", "name each variable"),
    ("services/web/extends", {"file": "x.yml"}, "another file"),
    ("services/web/volumes", ["/var/run/docker.sock:/var/run/docker.sock"], "socket"),
    ("services/web/volumes", ["/run/docker.sock:/x:ro"], "socket"),
    ("services/web/volumes", [{"type": "bind", "source": "/etc", "target": "/e"}], "path of the"),
    ("services/web/volumes", ["/etc:/e"], "path of the machine"),
    ("services/web/volumes", ["./data:/d"], "path of the machine"),
    ("services/web/volumes", ["~/data:/d"], "path of the machine"),
    ("services/web/volumes", ["${WHERE}:/d"], "path of the machine"),
    ("services/web/volumes", [{"source": "/etc", "target": "/e"}], "path of the machine"),
    ("services/web/deploy/replicas", 2, "0 or 1"),
    ("services/web/deploy/replicas", "${N:-1}", "0 or 1"),
    ("services/web/deploy/mode", "global", "0 or 1"),
    ("services/web/deploy/update_config", {"order": "start-first"}, "stop-first"),
    ("services/queue/deploy", {"update_config": {"failure_action": "rollback"}}, "pause"),
    ("include", ["other.yml"], "another file"),
    ("volumes/uploads", {"external": True}, "another tenant"),
    ("volumes/uploads", {"name": "shared"}, "another tenant"),
    ("volumes/uploads", {"driver_opts": {"type": "none", "device": "/", "o": "bind"}}, "path of"),
    ("volumes/uploads", "x", "named fields"),
    ("volumes", ["uploads"], "named fields"),
    ("networks/other", {"external": True}, "dokploy-network"),
    ("networks/other", {"name": "ingress"}, "dokploy-network"),
    ("networks/other", {"driver": "host"}, "overlay"),
    ("configs", {"c": {"file": "/etc/shadow"}}, "by content"),
    ("secrets", {"s": {"external": True}}, "by content"),
    ("services/web/environment", {"A": "${{project.X}}"}, "Dokploy reads"),
    ("services/web/environment", {"A": "${A B}"}, "plain $"),
    ("services/web/environment", {"A": "${A:-${B}}"}, "plain $"),
    ("services/web/environment", {"A": "5$"}, "plain $"),
    ("services/web/command", ["sh", "-c", "echo $(id)"], "plain $"),
]


def test_a_plain_file_is_taken():
    document = compose_file.check(PLAIN, "web", AT)
    assert compose_file.references(document) == {"TAG": True, "DATABASE_URL": False}
    assert compose_file.undefined(document, []) == ["DATABASE_URL"]
    assert compose_file.undefined(document, ["DATABASE_URL"]) == []
    assert compose_file.keeps_data(PLAIN)
    assert not compose_file.keeps_data("services: {web: {image: x}}")


@pytest.mark.parametrize(("part", "value", "words"), BAD, ids=lambda v: repr(v)[:40])
def test_what_no_tenant_may_have_is_refused_with_the_reason(part: str, value: Any, words: str):
    with pytest.raises(Invalid) as trouble:
        compose_file.check(spoiled(part, value), "web", AT)
    assert trouble.value.field.startswith(AT)
    assert words in str(trouble.value)


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("services/web/privileged", False),
        ("services/web/ports", []),
        ("services/web/volumes", ["/cache"]),
        ("services/web/volumes", [{"type": "tmpfs", "target": "/t"}]),
        ("services/web/networks", ["dokploy-network"]),
        ("services/queue/deploy", {"replicas": 3, "update_config": {"order": "start-first"}}),
        ("services/web/environment", ["A=$DATABASE_URL", "B=${C-x}", "D=${C:+y}"]),
        ("networks/inner", {"driver": "overlay"}),
        ("networks/shared", {"external": True, "name": "dokploy-network"}),
        ("configs", {"c": {"content": "a"}}),
        ("x-notes", "for people"),
    ],
    ids=lambda v: repr(v)[:40],
)
def test_what_harms_nobody_is_taken(part: str, value: Any):
    compose_file.check(spoiled(part, value), "web", AT)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "at least one service"),
        ("just words", "at least one service"),
        ("services: [", "is not YAML in line"),
        ("x: &a [1]\nservices: {web: {image: x, command: *a}}", "aliases"),
        ("services: {web: {image: x}, web: {image: y}}", "stands twice.*web"),
        ("services: {1: {image: x}}", "keys must be text"),
        ("services: {web: " + "[" * 40 + "]" * 40 + "}", "levels"),
        ("services: {web: {image: x, command: [" + "a," * 10_001 + "]}}", "nodes"),
        ("a: !!python/object:os.system x", "is not YAML"),
    ],
    ids=lambda v: v[:30],
)
def test_what_is_no_file_or_a_trap_is_refused(text: str, words: str):
    with pytest.raises(Invalid, match=words) as trouble:
        compose_file.check(text, "web", AT)
    assert trouble.value.field == AT


def test_a_bomb_of_aliases_is_refused_before_it_unfolds():
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    with pytest.raises(Invalid, match="aliases"):
        compose_file.check("\n".join(lines), "web", AT)


def test_the_named_service_must_be_in_it():
    with pytest.raises(Invalid, match="no service api: it has web, queue"):
        compose_file.check(PLAIN, "api", AT)


@given(st.text(max_size=200))
def test_any_text_is_taken_or_refused_but_never_an_error(text: str):
    with suppress(Invalid):
        compose_file.check(text, "web", AT)


def test_variables_that_reach_nothing_are_named():
    layers = (
        EnvLayer("product", {"SHARED": "1"}),
        EnvLayer("service web of the product", {"DATABASE_URL": "x", "LOST": "1"}),
        EnvLayer("this deployment", {"GONE": "1"}, {"SEALED": "v1"}),
    )
    spec = service("web", git=None, compose=ComposeSource(PLAIN, "web"), env=layers)
    assert compose_file.lost_keys(spec) == ["GONE", "LOST", "SEALED"]
    assert compose_file.lost_keys(service("web", env=layers)) == []
