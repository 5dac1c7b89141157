"""`secret set`, `staff add`, `init`."""

import base64
import os
import stat
from pathlib import Path

import pytest
from sqlalchemy import select

from tenantry.config import load, with_env_file
from tenantry.errors import SettingsInvalid
from tenantry.models import IntegrationSecret
from tenantry.ports import Sealed
from tests.cli.counter import Counter
from tests.operations.ledger import count

VALUE = "hunter2-Sentinel-9f8e7d"


def opened(counter: Counter, name: str = "setup_token") -> str:
    with counter.shop.desk.reading() as session:
        row = session.scalars(select(IntegrationSecret).where(IntegrationSecret.name == name)).one()
        return counter.shop.desk.secrets.open(Sealed(row.encrypted_value, row.key_id, row.bound_to))


def test_a_secret_comes_from_standard_input_and_is_never_echoed(counter: Counter):
    counter.shop.stage.product()
    words = counter.does("secret", "set", "dms", "setup_token", typed=f"{VALUE}\n")
    assert words == "setup_token is set\n"
    assert opened(counter) == VALUE
    counter.does("secret", "set", "dms", "key", "--type", "dokploy_api_key", typed="a-b-c\n\n")
    assert opened(counter, "key") == "a-b-c"
    for bad in ("a b", "a\nb", "schlüssel"):
        assert "header" in counter.refuses(2, "secret", "set", "dms", "setup_token", typed=bad)


@pytest.mark.parametrize(
    ("words", "typed", "code", "said"),
    [
        (("none", "setup_token"), VALUE, 4, "no product none"),
        (("dms", "Bad-Name"), VALUE, 2, "name: "),
        (("dms", "x", "--type", "odd"), VALUE, 2, "secret_type: "),
        (("dms", "x"), "", 2, "value: must have"),
        (("dms", "x"), "\n", 2, "value: must have"),
        (("dms", "x"), f"{VALUE}\0", 2, "value: must have"),
        (("dms", "x"), VALUE * 1000, 2, "value: must have"),
        (("dms", "x", VALUE), "", 2, "unexpected extra argument"),
    ],
)
def test_a_secret_that_cannot_be_set_is_not_echoed_either(
    counter: Counter, words, typed, code, said
):
    counter.shop.stage.product()
    before = count(counter.shop.stage)
    output = counter.refuses(code, "secret", "set", *words, typed=typed)
    assert said in output
    assert VALUE not in output or VALUE in words
    assert count(counter.shop.stage) == before


def test_staff_get_a_password_from_input_or_a_made_up_one(counter: Counter):
    words = counter.does("staff", "add", "Ada@Example.com", "--role", "admin", typed="pw pw\n")
    assert words == "Ada@Example.com is added as admin\n"
    assert counter.shop.staff == [("ada@example.com", "admin", "pw pw")]
    assert "made-up-password" in counter.does("staff", "add", "b@example.com", "--generate")


@pytest.mark.parametrize("words", [("not an address",), ("a@example.com", "--role", "god")])
def test_bad_staff_is_refused(counter: Counter, words: tuple[str, ...]):
    counter.refuses(2, "staff", "add", *words, typed="pw\n")
    assert not counter.shop.staff


def test_init_writes_fresh_keys_that_only_the_owner_may_read(counter: Counter, tmp_path: Path):
    old = os.umask(0)
    try:
        words = counter.does("init", "--dir", str(tmp_path))
    finally:
        os.umask(old)
    path = tmp_path / ".env"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    values = with_env_file({}, path)
    assert values["SECRET_KEY"] not in words
    assert len(values["SECRET_KEY"]) >= 64
    assert len(base64.b64decode(values["KEY_RING"].partition(":")[2])) == 32
    with pytest.raises(SettingsInvalid, match="TARGET_MAIN_KEY still says CHANGE"):
        load(values)
    settings = load(values | {"TARGET_MAIN_KEY": "made-in-dokploy"})
    assert settings.production
    assert settings.targets[0].name == "main"


def test_every_key_that_init_makes_is_accepted(counter: Counter, tmp_path: Path):
    for number in range(60):
        folder = tmp_path / str(number)
        folder.mkdir()
        counter.does("init", "--dir", str(folder))
        load(with_env_file({"TARGET_MAIN_KEY": "made-in-dokploy"}, folder / ".env"))


def test_init_never_replaces_what_is_there(counter: Counter, tmp_path: Path):
    counter.does("init", "--dir", str(tmp_path))
    before = (tmp_path / ".env").read_bytes()
    assert "exists already" in counter.refuses(2, "init", "--dir", str(tmp_path))
    assert (tmp_path / ".env").read_bytes() == before
    link = tmp_path / "linked"
    link.mkdir()
    (link / ".env").symlink_to(tmp_path / "elsewhere")
    counter.refuses(2, "init", "--dir", str(link))
    assert not (tmp_path / "elsewhere").exists()


def test_init_says_where_it_cannot_write(counter: Counter, tmp_path: Path):
    assert "cannot be written" in counter.refuses(2, "init", "--dir", str(tmp_path / "none"))


def test_a_folder_without_a_file_leaves_the_environment_as_it_is(tmp_path: Path):
    assert with_env_file({"A": "1"}, tmp_path / ".env") == {"A": "1"}
    (tmp_path / ".env").write_bytes(b"# caf\xe9\nA=2\nB = x=y \nnonsense\n")
    assert with_env_file({"A": "1"}, tmp_path / ".env") == {"A": "1", "B": "x=y"}


def test_commands_say_all_bad_settings_at_once(counter: Counter):
    def bad() -> None:
        raise SettingsInvalid(["ONE is missing", "TWO is missing"])

    counter.shop.settings_of = bad  # type: ignore[assignment]
    words = counter.refuses(2, "target", "list")
    assert "ONE is missing" in words
    assert "TWO is missing" in words


def test_help_names_every_command(counter: Counter):
    words = counter.does("--help")
    for name in "init doctor template tenant secret deploy resume cancel status staff".split():
        assert f"  {name}" in words
