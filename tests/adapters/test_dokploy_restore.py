"""A restore is a stream of lines, of which only known ones come through."""

import httpx
import pytest

from tenantry.errors import Permanent, Transient
from tests.adapters.dokploy_server import Server, target
from tests.adapters.test_dokploy_backups import KEY, SECRET, refusal


def events(*lines, end="event: return\ndata: \n\n"):
    told = "".join(f'data: {{"json":"{line}"}}\n\n' for line in lines)
    return httpx.Response(
        200,
        content=f"event: connected\ndata: {{}}\n\n{told}{end}".encode(),
        headers={"content-type": "text/event-stream"},
    )


def restore(t, deadline=60):
    return t.restore("mongodb", "m1", "acme", "dst1", "app/acme/x.bson.gz", deadline=deadline)


def test_a_restore_is_a_stream_of_known_lines():
    stream = events(
        "Starting restore...",
        "Restoring database: acme from app/acme/x.bson.gz",
        f"rclone {KEY}",
        f"Error: Command failed: {SECRET}",
        "Restore completed successfully!",
    )
    asked = []

    def answer(given):
        asked.append(given)
        return stream

    server = Server(**{"trpc/backup.restoreBackupWithLogs": answer})
    lines = restore(target(server))
    assert lines[0] == "Starting restore..."
    assert lines[1] == "Restoring database: acme from app/acme/x.bson.gz"
    assert "left out" in lines[2]
    assert lines[3].startswith("Error: ")
    assert lines[4] == "Restore completed successfully!"
    assert not any(KEY in line or SECRET in line for line in lines)
    assert asked == [
        {
            "input": (
                '{"json": {"databaseId": "m1", "databaseType": "mongo", "backupType": "database",'
                ' "databaseName": "acme", "backupFile": "app/acme/x.bson.gz",'
                ' "destinationId": "dst1"}}'
            )
        }
    ]
    assert [method for method, call, _ in server.asked if "restore" in call] == ["GET"]


@pytest.mark.parametrize(
    "answer",
    [
        events("Starting restore...", end="event: serialized-error\ndata: {}\n\n"),
        httpx.Response(200, json=[1]),
        httpx.Response(200, text="what is this"),
        httpx.Response(200),
        httpx.Response(200, text="data: {\n\n"),
        httpx.Response(200, text='data: {"json": 5}\n\n'),
    ],
    ids=["failed", "json", "no-event", "empty", "broken", "no-line"],
)
def test_a_stream_that_cannot_be_read_leaves_the_outcome_unknown(answer):
    server = Server(**{"trpc/backup.restoreBackupWithLogs": answer})
    with pytest.raises(Transient) as trouble:
        restore(target(server))
    assert not trouble.value.outcome_known


def test_a_restore_that_is_refused_shows_nothing():
    server = Server(**{"trpc/backup.restoreBackupWithLogs": refusal()})
    with pytest.raises(Permanent) as trouble:
        restore(target(server))
    assert SECRET not in str(trouble.value)
