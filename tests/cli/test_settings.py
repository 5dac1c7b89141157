"""Settings: everything that is wrong at once, and no value of a secret in the words."""

import base64
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry.config import Settings, Times, load
from tenantry.errors import SettingsInvalid
from tests.conftest import environment

SQLITE = "sqlite:///x.db"
KEY = base64.b64encode(bytes(range(32))).decode()
OTHER = base64.b64encode(bytes(range(1, 33))).decode()


def problems(environ: Mapping[str, str]) -> tuple[str, ...]:
    with pytest.raises(SettingsInvalid) as refused:
        load(environ)
    return refused.value.problems


def good(**more: str) -> Settings:
    return load(environment(SQLITE, **more))


def bad(**more: str) -> str:
    """The only problem of an otherwise good environment."""
    (problem,) = problems(environment(SQLITE, **more))
    return problem


def test_a_complete_environment_is_read():
    settings = good(PUBLIC_URL="https://panel.example.com/", TRUSTED_PROXIES="1")
    assert (settings.mode, settings.https, settings.sqlite) == ("development", True, True)
    assert settings.public_url == "https://panel.example.com"
    assert settings.trusted_proxies == 1
    assert settings.key_ring == {"k1": bytes(range(32))}
    target = settings.target("main")
    assert target is not None
    assert (target.url, target.limit) == ("http://127.0.0.1:3000", 10)
    assert settings.target("mars") is None


def test_an_empty_environment_names_everything_that_is_missing():
    assert set(problems({})) == {
        f"{name} is missing" for name in ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "KEY_RING")
    }


def test_every_bad_setting_is_told_at_once_and_no_secret_with_them():
    told = problems(
        {
            "TENANTRY_MODE": "hunter2-a",
            "DATABASE_URL": "mysql://u:hunter2-b@h/d",
            "REDIS_URL": "http://u:hunter2-c@h",
            "SECRET_KEY": "hunter2-d",
            "KEY_RING": "k1:hunter2-e",
            "PUBLIC_URL": "ftp://hunter2-f",
            "TRUSTED_PROXIES": "hunter2-g",
            "TARGETS": "eu",
            "TARGET_EU_URL": "https://u:hunter2-h@dokploy.example.com",
            "TARGET_EU_LIMIT": "0",
            "MAIL_PORT": "70000",
            "MAIL_USE_TLS": "maybe",
            "OUTBOUND_ALLOW": "hunter2-i",
            "OUTBOUND_MAP": "hunter2-j",
            "DNS_RESOLVERS": "hunter2-k",
            "TIME_DIVISOR": "0",
        }
    )
    words = "\n".join(told)
    assert "hunter2" not in words
    for name in (
        "TENANTRY_MODE DATABASE_URL REDIS_URL SECRET_KEY KEY_RING PUBLIC_URL TRUSTED_PROXIES "
        "TARGET_EU_URL TARGET_EU_LIMIT TARGET_EU_KEY MAIL_PORT MAIL_USE_TLS OUTBOUND_ALLOW "
        "OUTBOUND_MAP DNS_RESOLVERS TIME_DIVISOR"
    ).split():
        assert any(problem.startswith(f"{name} ") for problem in told), name


def test_settings_show_no_secret_when_they_are_printed():
    settings = good(MAIL_PASSWORD="hunter2-a", FLOWER_PASSWORD="hunter2-b")
    shown = repr(settings)
    assert "hunter2" not in shown
    for secret in (settings.secret_key, settings.targets[0].key, str(bytes(range(32)))):
        assert secret not in shown


@pytest.mark.parametrize("name", ["SECRET_KEY", "KEY_RING", "TARGET_MAIN_KEY", "DATABASE_URL"])
def test_a_variable_may_come_from_a_file(tmp_path: Path, name: str):
    environ = environment(SQLITE)
    path = tmp_path / "value"
    path.write_text(environ.pop(name) + "\n", encoding="utf-8")
    assert load(environ | {f"{name}_FILE": str(path)}) == good()
    # An empty variable beside the file, as compose files leave it, does not cover it.
    assert load(environ | {name: "", f"{name}_FILE": str(path)}) == good()


def test_the_variable_itself_wins_over_its_file(tmp_path: Path):
    (tmp_path / "value").write_text("redis://from-file", encoding="utf-8")
    assert good(REDIS_URL_FILE=str(tmp_path / "value")) == good()


@pytest.mark.parametrize("name", ["SECRET_KEY", "KEY_RING", "REDIS_URL"])
@pytest.mark.parametrize("content", [b"", b"\n \n", None, b"\xff\xfe\xff"])
def test_a_file_without_a_value_is_a_problem_not_an_empty_secret(
    tmp_path: Path, name: str, content: bytes | None
):
    environ = environment(SQLITE)
    del environ[name]
    path = tmp_path / "value"
    if content is not None:
        path.write_bytes(content)
    (problem,) = problems(environ | {f"{name}_FILE": str(path)})
    assert problem.startswith(name)


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("postgres://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("postgresql://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("postgresql+psycopg://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("sqlite:///x.db", "sqlite:///x.db"),
    ],
)
def test_every_spelling_of_a_database_url_is_understood(url: str, driver: str):
    assert load(environment(url)).database_url == driver


@pytest.mark.parametrize("url", ["mysql://h/d", "sqlite://", "h", "postgresql+asyncpg://h/d"])
def test_another_database_is_refused(url: str):
    (problem,) = problems(environment(url))
    assert problem.startswith("DATABASE_URL must begin")


@pytest.mark.parametrize(
    "key",
    [
        "dev",
        "changeme",
        "x" * 31,
        "a" * 64,
        "dev" * 20,
        "changeme" + "0123456789abcdefghijklmnop",
        "my-default-0123456789abcdefghijklm",
        "Password" + "0123456789abcdefghijklmnop",
        "abababababababababababababababababab",
    ],
)
def test_a_short_or_guessable_secret_key_is_refused(key: str):
    problem = bad(SECRET_KEY=key)
    assert problem.startswith("SECRET_KEY must be at least 32 random characters")
    assert key not in problem or len(key) < 5


def test_a_random_key_that_happens_to_hold_a_short_word_is_accepted():
    key = "Zx9QdevWeRtYuIoPaSdFgHjKlZxCvBnM12345"
    assert good(SECRET_KEY=key).secret_key == key


@pytest.mark.parametrize(
    ("ring", "words"),
    [
        ("k1", "KEY_RING must be"),
        ("k1:", "KEY_RING must be"),
        (f":{KEY}", "KEY_RING must be"),
        (f"k 1:{KEY}", "KEY_RING must be"),
        (f"{'k' * 41}:{KEY}", "KEY_RING must be"),
        ("k1:AAAA", "KEY_RING must be"),
        ("k1:!!!!", "KEY_RING must be"),
        ("k1:ключ", "KEY_RING must be"),
        (f"k1:{KEY}{KEY}", "KEY_RING must be"),
        (f"k1:{KEY},k1:{OTHER}", "KEY_RING must not hold"),
        (f"k1:{KEY},k2:{KEY}", "KEY_RING must not hold"),
        (" , ", "KEY_RING must hold at least one key"),
        ("", "KEY_RING is missing"),
    ],
)
def test_a_bad_key_ring_is_refused_without_showing_it(ring: str, words: str):
    problem = bad(KEY_RING=ring)
    assert problem.startswith(words)
    assert KEY not in problem


def test_the_first_key_of_the_ring_seals():
    ring = good(KEY_RING=f"new:{OTHER}, old:{KEY}").key_ring
    assert list(ring) == ["new", "old"]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("PUBLIC_URL", "panel.example.com", "without a path"),
        ("PUBLIC_URL", "https://x.example.com/admin", "without a path"),
        ("PUBLIC_URL", "https://x.example.com?a=b", "without a path"),
        ("PUBLIC_URL", "https://x.example.com#a", "without a path"),
        ("PUBLIC_URL", "https://u:p@x.example.com", "without a path"),
        ("PUBLIC_URL", "https://x.exa mple.com", "without a path"),
        ("PUBLIC_URL", "https://x.example.com:99999", "without a path"),
        ("PUBLIC_URL", "https://", "without a path"),
        ("TARGET_MAIN_URL", "dokploy", "without a path"),
        ("REDIS_URL", "memcached://h", "redis://"),
        ("TRUSTED_PROXIES", "11", "from 0 to 10"),
        ("TRUSTED_PROXIES", "nan", "from 0 to 10"),
        ("TRUSTED_PROXIES", "1.5", "whole number"),
        ("MAIL_PORT", "1e400", "from 1 to 65535"),
        ("TARGET_MAIN_LIMIT", "many", "from 1 to 1000"),
        ("TIME_DIVISOR", "-1", "from 1 to 1000"),
        ("MAIL_USE_SSL", "2", "yes or no"),
        ("OUTBOUND_ALLOW", "10.0.0.0/8", "network:port"),
        ("OUTBOUND_ALLOW", "10.0.0.0/8:http", "network:port"),
        ("OUTBOUND_ALLOW", "example.com:80", "network:port"),
        ("OUTBOUND_MAP", "*.demo.test", "name=address:port"),
        ("DNS_RESOLVERS", "dns.example.com", "addresses"),
        ("DNS_RESOLVERS", "1.1.1.1:x", "addresses"),
        ("TARGETS", "Main", "names of a-z"),
        ("TARGETS", "a.b", "names of a-z"),
        ("TARGETS", "main main", "TARGET_MAIN_URL"),
        ("TENANTRY_MODE", "prod", "production, development or demo"),
    ],
)
def test_a_bad_value_names_its_variable_and_the_rule(name: str, text: str, words: str):
    problem = bad(**{name: text})
    assert problem.startswith(f"{name} ")
    assert words in problem


def test_two_targets_that_read_the_same_variables_are_refused():
    more = {"TARGET_A_B_URL": "https://a.example.com", "TARGET_A_B_KEY": "k"}
    assert "TARGET_A_B_URL" in bad(TARGETS="a-b a_b", **more)
    assert good(TARGETS="a-b", **more).targets[0].name == "a-b"


def test_tls_and_ssl_exclude_each_other():
    assert "exclude each other" in bad(MAIL_USE_TLS="yes", MAIL_USE_SSL="on")


def test_outbound_doors_are_kept_in_development_and_refused_in_production():
    doors = {
        "OUTBOUND_ALLOW": "127.0.0.0/8:*, [::1/128]:8080",
        "OUTBOUND_MAP": "*.demo.test=127.0.0.1:8080",
        "DNS_RESOLVERS": "1.1.1.1 127.0.0.1:5353 [::1]:53 ::1",
    }
    outbound = good(**doors).outbound
    assert outbound.allow == ("127.0.0.0/8:*", "[::1/128]:8080")
    assert outbound.map == {"*.demo.test": "127.0.0.1:8080"}
    assert len(outbound.resolvers) == 4
    assert "OUTBOUND_UNSAFE=yes" in bad(TENANTRY_MODE="production", **doors)
    unsafe = load(environment(SQLITE, TENANTRY_MODE="production", OUTBOUND_UNSAFE="yes", **doors))
    assert unsafe.outbound.allow


def test_production_reaches_a_target_over_https_or_on_its_own_machine_only():
    for url in ("http://127.0.0.1:3000", "http://localhost:3000", "http://[::1]:3000"):
        good(TENANTRY_MODE="production", TARGET_MAIN_URL=url)
    problem = bad(
        TENANTRY_MODE="production",
        TARGETS="eu-1",
        TARGET_EU_1_URL="http://dokploy.example.com",
        TARGET_EU_1_KEY="k",
    )
    assert problem.startswith("TARGET_EU_1_URL must be https")
    assert good(TARGET_MAIN_URL="http://dokploy.example.com").targets


def test_production_is_what_is_assumed():
    environ = environment(SQLITE)
    del environ["TENANTRY_MODE"]
    assert load(environ).production


def test_times_are_scaled_together_and_the_scale_is_kept():
    times = Times().scaled(15)
    assert (times.http, times.settle, times.scale) == (20 / 15, 2.0, 1 / 15)
    assert good(TIME_DIVISOR="15").times == times


values = st.text(st.characters(blacklist_categories=["Cs"]), max_size=40)


@given(st.dictionaries(st.sampled_from(sorted(environment(SQLITE))), values, max_size=9))
def test_no_value_makes_anything_but_settings_or_one_clear_error(changed: dict[str, str]):
    with suppress(SettingsInvalid):
        assert load(environment(SQLITE) | changed).key_ring
