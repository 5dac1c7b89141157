"""Restores: what they say, and what they did."""

import json

import httpx
import pytest

DONE = "Restore completed successfully!"


@pytest.fixture
def vault(dokploy):
    return dokploy.destination()


def restore(dokploy, row, vault, file, **more):
    return dokploy.listen(
        "backup.restoreBackupWithLogs",
        **{
            "databaseId": row["mysqlId"],
            "databaseType": "mysql",
            "backupType": "database",
            "databaseName": "shop",
            "backupFile": file,
            "destinationId": vault["destinationId"],
        }
        | more,
    )


def data(dokploy, row):
    return dokploy.control("data", id=row["mysqlId"])


def test_a_file_comes_back_into_another_database(dokploy, vault):
    first, second = dokploy.database("mysql"), dokploy.database("mysql")
    dokploy.control("data", id=first["mysqlId"], data="orders of May")
    backup = dokploy.backup(first, vault, "mysql")
    dokploy.do("backup.manualBackupMySql", backupId=backup["backupId"])
    (file,) = dokploy.state()["files"]

    lines = restore(dokploy, second, vault, file["path"])

    assert lines[0] == "Starting restore..."
    assert lines[-1] == DONE
    assert data(dokploy, second)["data"] == "orders of May"
    assert data(dokploy, second)["restoredFrom"] == file["path"]
    (shown,) = [row for row in dokploy.state()["databases"] if row["id"] == second["mysqlId"]]
    assert (shown["data"], shown["restoredFrom"]) == ("orders of May", file["path"])


def test_a_missing_file_is_restored_with_the_same_words(dokploy, vault):
    row = dokploy.database("mysql")
    dokploy.control("data", id=row["mysqlId"], data="old")

    assert restore(dokploy, row, vault, "no/such.sql.gz")[-1] == DONE
    assert data(dokploy, row)["data"] == "old"
    assert [told["found"] for told in dokploy.state()["restores"]] == [False]


def test_a_stopped_database_and_a_planned_failure_are_told(dokploy, vault):
    row = dokploy.database("mysql")
    dokploy.control("backup", id=row["mysqlId"], fail="bad header", restore=True, times=1)

    assert "bad header" in restore(dokploy, row, vault, "a.sql.gz")[-1]
    dokploy.do("mysql.stop", mysqlId=row["mysqlId"])
    assert restore(dokploy, row, vault, "a.sql.gz")[-1].startswith("Error: ")


def test_a_restore_needs_a_key_and_whole_words(dokploy):
    bare = httpx.get(f"{dokploy.simulator.url}/api/trpc/backup.restoreBackupWithLogs")
    wrong = dokploy.http.get("/api/trpc/backup.restoreBackupWithLogs", params={"input": "{}"})

    assert (bare.status_code, wrong.status_code) == (401, 400)


def test_a_restore_goes_on_when_its_listener_hangs_up(dokploy, vault, eventually):
    row = dokploy.database("mysql")
    key = {"destinationId": vault["destinationId"]}
    dokploy.control("backup-file", path="x.sql.gz", data="new", size=9000, **key)
    dokploy.control("speed", speed=0.1)

    asked = {"databaseId": row["mysqlId"], "databaseType": "mysql", "backupType": "database"}
    more = {"databaseName": "shop", "backupFile": "x.sql.gz"}
    text = json.dumps({"json": asked | more | key})
    with dokploy.http.stream(
        "GET", "/api/trpc/backup.restoreBackupWithLogs", params={"input": text}
    ) as answer:
        next(answer.iter_lines())

    assert data(dokploy, row)["data"] == ""
    eventually(lambda: data(dokploy, row)["data"] == "new")


def test_a_volume_is_restored_only_while_nothing_runs_on_it(dokploy, vault):
    app = dokploy.application()
    dokploy.do(
        "mounts.create",
        type="volume",
        volumeName="files",
        mountPath="/files",
        serviceId=app["applicationId"],
        serviceType="application",
    )
    dokploy.deploy(app["applicationId"])
    key = {"destinationId": vault["destinationId"]}
    dokploy.control("backup-file", path="x.tar", data="pictures", **key)
    asked = {"backupFileName": "x.tar", "volumeName": "files", "serviceType": "application"}
    path = "volumeBackups.restoreVolumeBackupWithLogs"

    busy = dokploy.listen(path, id=app["applicationId"], **asked | key)
    dokploy.do("application.stop", applicationId=app["applicationId"])
    free = dokploy.listen(path, id=app["applicationId"], **asked | key)
    missing = dokploy.listen(
        path, id=app["applicationId"], **asked | key | {"backupFileName": "y.tar"}
    )

    assert "restore failed" in busy[-1]
    assert "completed successfully" in free[-1]
    assert "restore failed" in missing[-1]
    assert dokploy.control("data", volume="files")["data"] == "pictures"
