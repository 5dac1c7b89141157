"""What other programs say is shown without what it must not hold."""

import pytest

from tenantry.adapters.words import LONGEST, fit

QUERY = (
    'Failed query: update "application" set "env" = $1 where "application"."applicationId" = $2\n'
    "params: DB_PASSWORD=hunter2,BaGWXjcqxeDuCh3bfxWx_"
)
RCLONE = (
    "Command execution failed: Command failed: rclone ls --s3-access-key-id=AKIA1 "
    "--s3-secret-access-key=hunter2 \\:s3\\:b\n/bin/sh: 1: rclone: not found\n"
)
SCRIPT = (
    "Command execution failed: Command failed: \n\tset -eo pipefail;\n"
    '\techo "PGPASSWORD=hunter2 pg_dump" >> /x.log;\n\texit 1;\n'
)
SCALE = (
    "Command execution failed: Command failed: docker service scale acme-nd-n0mji8=1 \n"
    "acme-nd-n0mji8: Error response from daemon: service acme-nd-n0mji8 not found\n"
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (QUERY, "a query of its database failed"),
        (f"Error: {QUERY}", "Error: a query of its database failed"),
        (RCLONE, "a command failed on its server"),
        (SCRIPT, "a command failed on its server"),
        (SCALE, "Error response from daemon: service acme-nd-n0mji8 not found"),
        (
            "fatal: repository 'https://bob:hunter2@git.example/x.git/' not found",
            "fatal: repository 'https://***@git.example/x.git/' not found",
        ),
        ("redis://:hunter2@cache:6379 refused", "redis://***@cache:6379 refused"),
        ("password=hunter2, user=a", "password=***, user=a"),
        ('{"databasePassword": "hunter2"}', '{"databasePassword": ***'),
        ("x-api-key: hunter2", "x-api-key: ***"),
        ("Authorization: Bearer hunter2hunter2", "Authorization: Bearer ***"),
        ("line\r\n\x1b[31mred\x1b[0m\x00", "line [31mred [0m"),
        ("Host must be bare", "Host must be bare"),
    ],
)
def test_shapes_of_secrets_are_taken_out(text, shown):
    assert fit(text) == shown
    assert "hunter2" not in fit(text)


def test_known_keys_are_masked_wherever_they_stand():
    assert fit("a k3y and k3y-again", "k3y", "") == "a *** and ***-again"


def test_a_sentence_is_short():
    assert len(fit("word " * 1000)) == LONGEST


def test_a_megabyte_takes_no_time():
    assert fit("password" * 125_000)
