"""`tenantry env` and `tenantry domain`: no secret on the command line, or in what is said."""

from pathlib import Path

import pytest
from sqlalchemy import select

from tenantry.models import AuditEntry, TenantDomain
from tests.cli.counter import Counter
from tests.stage import Stage

SENTINEL = "hunter2-sentinel"


@pytest.fixture(autouse=True)
def _acme(stage: Stage) -> None:
    stage.ready()


def test_set_show_unset_history_and_revert(counter: Counter) -> None:
    assert "REGION is set" in counter.does("env", "set", "acme", "REGION", "eu")
    assert "already" in counter.does("env", "set", "acme", "REGION", "eu")
    counter.does("env", "set", "acme", "REGION", "us", "--service", "backend")
    shown = counter.does("env", "show", "acme")
    backend, _, frontend = shown.partition("frontend\n")
    assert "us" in backend
    assert "covers tenant" in backend
    assert "eu" in frontend
    only = counter.does("env", "show", "acme", "--service", "frontend")
    assert "backend" not in only
    counter.does("env", "set", "acme", "REGION", "asia")
    told = counter.does("env", "history", "acme", "REGION")
    assert ("asia" in told, "holds" in told.splitlines()[0]) == (False, True)
    counter.does("env", "revert", "acme", "REGION", "1")
    assert "eu" in counter.does("env", "show", "acme", "--service", "frontend")
    counter.does("env", "unset", "acme", "REGION")
    assert "REGION" not in counter.does("env", "show", "acme", "--service", "frontend")


def test_a_secret_is_read_from_standard_input_and_shown_nowhere(
    counter: Counter, stage: Stage
) -> None:
    said = counter.does("env", "set", "acme", "SMTP_PASSWORD", "--stdin", typed=f"{SENTINEL}\n")
    said += counter.does("env", "set", "acme", "LICENCE", "--secret", typed=f"{SENTINEL}\n")
    said += counter.does("env", "set", "acme", "OTHER", "--stdin", typed=f"{SENTINEL}\n")
    said += counter.does("env", "mark-secret", "acme", "OTHER")
    said += counter.does("env", "show", "acme")
    said += counter.does("env", "history", "acme", "SMTP_PASSWORD")
    assert SENTINEL not in said
    assert said.count("••••••••") == 6
    with stage.desk.reading() as session:
        kept = [
            (row.after, row.before, row.object_name) for row in session.scalars(select(AuditEntry))
        ]
    assert SENTINEL not in str(kept)


@pytest.mark.parametrize(
    "words",
    [
        ("SMTP_PASSWORD", SENTINEL),
        ("LICENCE", SENTINEL, "--secret"),
        ("REGION", SENTINEL, "--stdin"),
    ],
)
def test_a_secret_on_the_command_line_is_refused(counter: Counter, words: tuple[str, ...]) -> None:
    said = counter.refuses(2, "env", "set", "acme", *words)
    assert "--stdin" in said
    assert SENTINEL not in said
    counter.does("env", "set", "acme", "TOKEN_MINUTES", "30", "--plain")
    counter.does("env", "set", "acme", "API_TOKEN", "${SECRET_SETUP_TOKEN}")


def test_what_is_secret_already_is_not_taken_from_the_command_line(counter: Counter) -> None:
    counter.does("env", "set", "acme", "LICENCE", "--secret", typed="x")
    assert "--stdin" in counter.refuses(2, "env", "set", "acme", "LICENCE", SENTINEL)
    assert "stays so" in counter.refuses(3, "env", "set", "acme", "LICENCE", "x", "--plain")


def test_a_new_tenant_gets_no_secret_from_the_command_line(counter: Counter) -> None:
    said = counter.refuses(2, "tenant", "add", "dms", "beta", "--env", f"DB_PASSWORD={SENTINEL}")
    assert "tenantry env set beta DB_PASSWORD --stdin" in said
    assert SENTINEL not in said
    assert SENTINEL not in counter.refuses(2, "tenant", "add", "dms", "beta", "--env", SENTINEL)


def test_a_file_is_shown_first_and_applied_on_request(counter: Counter, tmp_path: Path) -> None:
    file = tmp_path / "old.env"
    file.write_bytes(f"A=1\r\nAPI_TOKEN={SENTINEL}\r\nLICENCE={SENTINEL}\r\n".encode())
    counter.does("env", "set", "acme", "KEPT", "1")
    shown = counter.does("env", "import", "acme", str(file), "--secret", "LICENCE")
    assert "+ API_TOKEN  (secret)" in shown
    assert "+ LICENCE  (secret)" in shown
    assert "KEPT  is set here" in shown
    assert "line ends of Windows" in shown
    assert "Nothing is set yet" in shown
    assert "API_TOKEN" not in counter.does("env", "show", "acme")
    done = counter.does("env", "import", "acme", str(file), "--secret", "LICENCE", "--apply")
    assert "Set;" in done
    said = counter.does("env", "show", "acme") + shown + done
    assert SENTINEL not in said
    assert "= API_TOKEN" in counter.does("env", "import", "acme", str(file))


def test_a_bad_file_is_named_by_line_and_nothing_is_set(counter: Counter, tmp_path: Path) -> None:
    file = tmp_path / "bad.env"
    file.write_text(f"A=1\n{SENTINEL}\n")
    said = counter.refuses(1, "env", "import", "acme", str(file))
    said += counter.refuses(2, "env", "import", "acme", str(file), "--apply")
    assert "line 2: must be KEY=VALUE" in said
    assert SENTINEL not in said
    assert "  A " not in counter.does("env", "show", "acme")
    file.write_bytes(b"A=\xff")
    assert "UTF-8" in counter.refuses(2, "env", "import", "acme", str(file))
    assert "cannot be read" in counter.refuses(2, "env", "import", "acme", str(tmp_path / "no"))


def test_what_is_not_there_is_said(counter: Counter) -> None:
    counter.refuses(4, "env", "show", "nobody")
    counter.refuses(4, "env", "show", "acme", "--service", "nothing")
    counter.refuses(4, "env", "unset", "acme", "NOPE")
    counter.refuses(4, "env", "history", "acme", "NOPE")
    counter.refuses(4, "env", "revert", "acme", "NOPE", "1")
    counter.refuses(2, "env", "set", "acme", "lower", "x")


def test_a_hostname_from_reserved_to_free(counter: Counter, stage: Stage) -> None:
    said = counter.does("domain", "add", "acme", "frontend", "WWW.Client.org", "--redirect")
    with stage.desk.reading() as session:
        proof = session.scalars(select(TenantDomain.proof).where(TenantDomain.additional)).one()
    assert f"_tenantry.www.client.org  TXT  {proof}" in said
    listed = counter.does("domain", "list", "acme")
    assert "unproven  → redirects" in listed
    assert str(proof) in listed
    assert "has no TXT record" in counter.refuses(3, "domain", "verify", "acme", "www.client.org")
    stage.twins.resolver.records["_tenantry.www.client.org"] = (str(proof),)
    assert "is proven" in counter.does("domain", "verify", "acme", "www.client.org")
    counter.does("domain", "redirect", "acme", "www.client.org", "--off")
    assert "proven" in counter.does("domain", "list", "acme").splitlines()[-1]
    stage.deploy()
    stage.finish()
    assert "next deployment" in counter.does("domain", "remove", "acme", "www.client.org")
    assert "leaving" in counter.does("domain", "list", "acme")
    stage.deploy()
    stage.finish()
    assert "www.client.org" not in counter.does("domain", "list", "acme")
    counter.does("domain", "add", "acme", "frontend", "www.client.org")
    assert "is free" in counter.does("domain", "remove", "acme", "www.client.org")


def test_hostnames_that_cannot_be_are_refused(counter: Counter) -> None:
    counter.refuses(2, "domain", "add", "acme", "frontend", "https://x.org/")
    counter.refuses(4, "domain", "add", "acme", "nothing", "x.org")
    counter.refuses(4, "domain", "remove", "acme", "x.org")
    counter.does("domain", "add", "acme", "frontend", "x.org")
    assert "reserved already" in counter.refuses(3, "domain", "add", "acme", "frontend", "x.org")
