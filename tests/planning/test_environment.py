"""Environment values: layers, placeholders, and dotenv text that arrives byte by byte."""

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from tenantry.errors import Invalid
from tenantry.planning import environment as env
from tenantry.planning.blueprint import EnvLayer
from tests.planning.dotenv_reader import read

keys = st.from_regex(r"[A-Z_][A-Z0-9_]{0,11}", fullmatch=True)
# Mostly what trips readers of dotenv up.
nasty = st.text(st.sampled_from("ab '\"`#\\n\n\r=$ {}:\t\u00a0\ufeff\u2028\u0085é"), max_size=14)
values = st.one_of(st.text(max_size=30), nasty)


def carried(text: str) -> bool:
    try:
        env.quote("KEY", text)
    except Invalid:
        return False
    return True


@given(st.dictionaries(keys, values.filter(carried), max_size=6))
@example({"A": "", "B": "x"})
@example({"A": "a\\", "B": "b c\\"})
@example({"A": "\ufeffx y\\", "B": "'"} if carried("\ufeffx y\\") else {})
@example({"A": "x\u2028'y'\u2028\\"} if carried("x\u2028'y'\u2028\\") else {})
@example({"A": "\n", "B": " ", "C": "#", "D": "=", "E": "export X=1"})
def test_what_can_be_carried_comes_back_byte_by_byte(wanted: dict[str, str]):
    assert read(env.dotenv(wanted)) == wanted


@given(values)
def test_only_the_named_cases_are_refused(text: str):
    if carried(text):
        return
    every_quote = all(mark in text for mark in "'`") and (
        '"' in text or "\\n" in text or "\\r" in text
    )
    hard = every_quote or text.endswith("\\")
    odd = set("#\n\u2028\u2029") & set(text) or text != text.strip() or text[0] in "'\"`"
    assert "\r" in text or "${{" in text or (hard and (odd or "\ufeff" in text))


@pytest.mark.parametrize(
    "text",
    [
        "line1\nADMIN=1",
        '"$(id)"',
        "`id`",
        "it's",
        "a#b",
        "C:\\dir\\new",
        "C:\\dir\\",
        " padded ",
        "both ' and \"",
        "both ' and `",
        "all ' \" ` three",
        "$HOME and $(id)",
        "é日本🎉",
        "\t",
        "'",
        "-----BEGIN KEY-----\nMII\n-----END KEY-----\n",
        '{"json": [1, "two"]}',
    ],
)
def test_hostile_values_arrive_as_one_variable(text: str):
    assert read(env.dotenv({"AAA": "1", "KEY": text, "ZZZ": "2"})) == {
        "AAA": "1",
        "KEY": text,
        "ZZZ": "2",
    }


@pytest.mark.parametrize(
    "text",
    ["a\r\nb", "a\rb", "' \" ` #", "' \" `\n", "x ${{project.KEY}}", "a # b\\", "\ufeffx y\\"],
)
def test_what_dotenv_cannot_carry_is_refused_with_its_key(text: str):
    with pytest.raises(Invalid) as refused:
        env.quote("KEY", text)
    assert refused.value.field == "KEY"
    assert text not in str(refused.value)


def test_the_reader_of_the_tests_follows_the_published_grammar():
    text = (
        "# a comment\nexport A=1 # tail\nB = two words \nC='#x' # y\nD=\"a\\nb\"\nE=`c\nd`\nF=\n"
        "G='a\\nb'\nH: colon\nI=\"unclosed\n"
    )
    assert read(text) == {
        "A": "1",
        "B": "two words",
        "C": "#x",
        "D": "a\nb",
        "E": "c\nd",
        "F": "",
        "G": "a\\nb",
        "H": "colon",
        "I": '"unclosed',
    }


def test_placeholders_are_named_in_order():
    assert env.names_in("a ${ONE} $b $$ {x} ${TWO_2}${ONE}") == ("ONE", "TWO_2", "ONE")
    assert env.names_in("plain") == ()


@pytest.mark.parametrize(
    "text",
    [
        "${lower}",
        "${}",
        "${A-b}",
        "${A:-x}",
        "${ A}",
        "${A\n}",
        "${Ä}",
        "${1A}",
        "${A",
        "${A{B}",
        "${",
    ],
)
def test_what_looks_like_a_placeholder_and_is_none_is_refused(text: str):
    with pytest.raises(Invalid, match="UPPER_NAME"):
        env.names_in(text)


def test_references_of_the_target_are_refused_before_and_after_filling_in():
    with pytest.raises(Invalid, match="own reference"):
        env.names_in("x ${{project.KEY}}")
    for template, name in (
        ("${TENANT_NAME}", "${{project.KEY}}"),
        ("$${TENANT_NAME}", "{{vault.X}}"),
    ):
        filled = env.resolve({"KEY": template}, {"TENANT_NAME": name})
        with pytest.raises(Invalid, match="own reference"):
            env.dotenv(filled)


def test_filling_in_is_one_pass():
    names = {"TENANT_NAME": "${DATABASE_PASSWORD}", "DATABASE_PASSWORD": "hunter2"}
    assert env.resolve({"A": "x-${TENANT_NAME}"}, names) == {"A": "x-${DATABASE_PASSWORD}"}


@given(st.dictionaries(keys, st.text(max_size=20), min_size=1, max_size=4), st.text(max_size=10))
def test_whatever_is_filled_in_stands_there_unchanged(names: dict[str, str], around: str):
    assume("$" not in around)
    assume(all(env.NAME.fullmatch(name) for name in names))
    for name, value in names.items():
        filled = env.resolve({"KEY": f"{around}${{{name}}}{around}"}, names)
        assert filled == {"KEY": f"{around}{value}{around}"}


def test_a_placeholder_without_a_value_names_its_key():
    with pytest.raises(Invalid) as refused:
        env.resolve({"GOOD": "1", "BAD": "${NOT_THERE}"}, {})
    assert refused.value.field == "env.BAD"
    assert "NOT_THERE" in str(refused.value)


def test_later_layers_win_and_are_named():
    layers = [
        EnvLayer("product", {"A": "1", "B": "1"}),
        EnvLayer("tenant", {"B": "2", "C": "2"}),
        EnvLayer("this deployment", {"C": "3"}),
    ]
    assert env.winners(layers) == {
        "A": env.Winner("product", "1"),
        "B": env.Winner("tenant", "2", covers=("product",)),
        "C": env.Winner("this deployment", "3", covers=("tenant",)),
    }


def test_a_sealed_value_covers_a_plain_one_and_the_other_way_round():
    layers = [
        EnvLayer("product", {"A": "1"}),
        EnvLayer("tenant", {}, {"A": "v1", "B": "v2"}),
        EnvLayer("this deployment", {"B": "3"}),
    ]
    assert env.winners(layers) == {
        "A": env.Winner("tenant", version="v1", covers=("product",)),
        "B": env.Winner("this deployment", "3", covers=("tenant",)),
    }


@pytest.mark.parametrize(
    ("key", "value", "secret"),
    [
        ("DB_PASSWORD", "x", True),
        ("apiKey", "x", True),
        ("STRIPE_API_KEY", "", True),
        ("TOKEN", "${SECRET_TOKEN}", False),
        ("TOKEN", "x${SECRET_TOKEN}", True),
        ("REGION", "eu", False),
    ],
)
def test_a_telling_name_makes_a_secret_and_a_mere_reference_does_not(key, value, secret):
    assert env.speaks_of_secret(key, value) is secret


KNOWN = env.known_names(["backend", "search-worker"], ["setup_token"], database=True)


def test_the_known_names_are_the_fixed_list_the_services_and_the_secrets():
    assert set(env.FIXED_NAMES) <= KNOWN
    assert {"SEARCH_WORKER_INTERNAL_HOST", "BACKEND_URL", "SECRET_SETUP_TOKEN"} <= KNOWN
    assert not any(n.startswith("DATABASE_") for n in env.known_names([], [], database=False))


def test_names_that_would_have_no_value_are_not_known():
    known = env.known_names(["api", "jobs"], [], database=True, kind="redis", exposed=["api"])
    assert {"API_URL", "JOBS_INTERNAL_HOST", "DATABASE_URL", "PRIMARY_URL"} <= known
    assert not known & {"JOBS_URL", "JOBS_HOSTNAME", "DATABASE_NAME", "DATABASE_USER"}
    assert "DATABASE_NAME" in env.known_names([], [], database=True, kind="mysql")
    assert "PRIMARY_URL" not in env.known_names(["jobs"], [], database=False, exposed=[])


def test_the_key_of_the_target_is_never_a_placeholder():
    assert env.known_names([], [env.API_KEY_SECRET], database=False) == env.known_names(
        [], [], database=False
    )


@pytest.mark.parametrize("name", ["database", "primary", "secret-x"])
def test_service_names_whose_placeholders_mean_something_else_collide(name: str):
    assert env.collides(name)
    assert not env.collides("backend")


def test_checked_values_come_back_as_they_are():
    given_values = {"A": "1", "URL": "${BACKEND_URL}/x", "EMPTY": ""}
    assert env.check_values(given_values, KNOWN) == given_values


@pytest.mark.parametrize(
    ("values", "field"),
    [
        (None, "env"),
        ([("A", "1")], "env"),
        ("A=1", "env"),
        ({"a": "1"}, "env"),
        ({"A B": "1"}, "env"),
        ({"A\n": "1"}, "env"),
        ({1: "1"}, "env"),
        ({"PORT": 80}, "env.PORT"),
        ({"ON": True}, "env.ON"),
        ({"NONE": None}, "env.NONE"),
        ({"LIST": ["x"]}, "env.LIST"),
        ({"LONG": "x" * 32_769}, "env.LONG"),
        ({"NUL": "a\0b"}, "env.NUL"),
        ({"HALF": "\ud800"}, "env.HALF"),
        ({"BAD": "${NOT_THERE}"}, "env.BAD"),
        ({"BAD": "${lower}"}, "env.BAD"),
        ({"BAD": "${{project.X}}"}, "env.BAD"),
        ({"BAD": "a\rb"}, "env.BAD"),
        ({"GOOD": "1", "BAD": "${SECRET_OTHER}"}, "env.BAD"),
    ],
)
def test_bad_values_name_their_key(values, field: str):
    with pytest.raises(Invalid) as refused:
        env.check_values(values, KNOWN)
    assert refused.value.field == field
