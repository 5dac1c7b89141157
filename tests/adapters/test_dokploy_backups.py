"""Backups: what is sent, and that no storage key ever comes through."""

import httpx
import pytest

from tenantry.errors import Permanent, Transient
from tenantry.ports import (
    BackupFile,
    BackupSeen,
    BackupWish,
    DestinationSeen,
    VolumeBackupSeen,
    VolumeBackupWish,
)
from tests.adapters.dokploy_server import APP, VERSION, Server, target

KEY, SECRET = "AKIAEXAMPLE", "s3-secret-hunter2"
COMMAND = (
    "Command execution failed: Command failed: set -eo pipefail; rclone rcat"
    f" --s3-access-key-id={KEY} --s3-secret-access-key={SECRET} :s3:b/x"
    f"\nError response from daemon: key {SECRET}"
)
WISH = BackupWish("dst1", "acme/", "acme", "0 3 * * *", 7)
VOLUME_WISH = VolumeBackupWish("data", "dst1", "v", "acme-data", "0 5 * * *", 3, enabled=False)
STORED = {
    "backupId": "b1",
    "schedule": "0 3 * * *",
    "enabled": True,
    "database": "acme",
    "prefix": "acme/",
    "destinationId": "dst1",
    "keepLatestCount": 7,
    "destination": {"accessKey": KEY},
}


def refusal(status=400, message=COMMAND, path="backup.x"):
    code = "BAD_REQUEST" if status == 400 else "NOT_FOUND"
    data = {"code": code, "httpStatus": status, "path": path, "zodError": None}
    return httpx.Response(status, json={"message": message, "code": code, "data": data})


FIELDS = {
    "schedule": "0 3 * * *",
    "enabled": True,
    "prefix": "acme/",
    "destinationId": "dst1",
    "keepLatestCount": 7,
    "database": "acme",
}
CHANGES = {
    "backup.create": (
        lambda t: t.create_backup("mongodb", "m1", WISH),
        {**FIELDS, "databaseType": "mongo", "mongoId": "m1", "backupType": "database"},
    ),
    "backup.update": (
        lambda t: t.update_backup("postgres", "b1", WISH),
        {
            **FIELDS,
            "databaseType": "postgres",
            "backupId": "b1",
            "serviceName": None,
            "metadata": None,
        },
    ),
    "backup.remove": (lambda t: t.remove_backup("b1"), {"backupId": "b1"}),
    "volumeBackups.create": (
        lambda t: t.create_volume_backup("application", "app1", "acme-web-4k", VOLUME_WISH),
        {
            "name": "data",
            "volumeName": "acme-data",
            "prefix": "v",
            "serviceType": "application",
            "appName": "acme-web-4k",
            "turnOff": False,
            "cronExpression": "0 5 * * *",
            "keepLatestCount": 3,
            "enabled": False,
            "applicationId": "app1",
            "destinationId": "dst1",
        },
    ),
    "volumeBackups.delete": (
        lambda t: t.remove_volume_backup("v1"),
        {"volumeBackupId": "v1"},
    ),
    "volumeBackups.runManually": (
        lambda t: t.run_volume_backup("v1", deadline=60),
        {"volumeBackupId": "v1"},
    ),
}


@pytest.mark.parametrize("call", CHANGES)
def test_a_change_sends_exactly_this(call):
    deed, body = CHANGES[call]
    server = Server(**{call: httpx.Response(200)})
    deed(target(server))
    assert server.sent(call) == body


MANUAL = {
    "postgres": "Postgres",
    "mysql": "MySql",
    "mariadb": "Mariadb",
    "mongodb": "Mongo",
    "libsql": "Libsql",
}


@pytest.mark.parametrize("kind", MANUAL)
def test_a_run_goes_by_the_kind(kind):
    call = f"backup.manualBackup{MANUAL[kind]}"
    server = Server(**{call: True})
    target(server).run_backup(kind, "b1", deadline=60)
    assert server.sent(call) == {"backupId": "b1"}


def test_redis_has_no_backups():
    server = Server()
    for deed in (
        lambda t: t.create_backup("redis", "r", WISH),
        lambda t: t.update_backup("redis", "b", WISH),
        lambda t: t.run_backup("redis", "b", deadline=1),
        lambda t: t.restore("redis", "r", "", "dst1", "f", deadline=1),
    ):
        with pytest.raises(Permanent, match="redis"):
            deed(target(server))
    assert {call for _, call, _ in server.asked} == {VERSION}


SECRETIVE = {
    "backup.manualBackupPostgres": lambda t: t.run_backup("postgres", "b1", deadline=60),
    "backup.create": lambda t: t.create_backup("postgres", "p", WISH),
    "backup.update": lambda t: t.update_backup("postgres", "b", WISH),
    "backup.remove": lambda t: t.remove_backup("b"),
    "destination.all": lambda t: t.destinations(),
    "volumeBackups.list": lambda t: t.volume_backups("application", "a"),
    "volumeBackups.create": lambda t: t.create_volume_backup("application", "a", "b", VOLUME_WISH),
    "volumeBackups.delete": lambda t: t.remove_volume_backup("v"),
    "volumeBackups.runManually": lambda t: t.run_volume_backup("v", deadline=60),
}


@pytest.mark.parametrize("call", SECRETIVE)
@pytest.mark.parametrize("status", [400, 500])
def test_trap_37_no_refusal_shows_a_word_of_the_targets(call, status):
    with pytest.raises((Permanent, Transient)) as trouble:
        SECRETIVE[call](target(Server(backup__one=STORED, **{call: refusal(status)})))
    shown = f"{trouble.value!r} {trouble.value.__cause__!r}"
    for word in (KEY, SECRET, "rclone", "s3", "daemon"):
        assert word not in shown
    assert "left out" in shown


def test_a_failed_run_says_where_its_reason_is():
    server = Server(**{"backup.manualBackupPostgres": refusal()})
    with pytest.raises(Permanent, match="its log says why"):
        target(server).run_backup("postgres", "b1", deadline=60)


def test_trap_37_a_log_is_freed_from_storage_keys():
    log = f"x --s3-access-key-id={KEY} --s3-secret-access-key={SECRET} y\nContainer not found\n"
    shown = target(Server(deployment__readLogs=log)).build_log("r1", 100)
    assert shown == ("x --s3-access-key-id=*** --s3-secret-access-key=*** y\nContainer not found\n")


def test_destinations_without_their_keys():
    row = {
        "destinationId": "dst1",
        "name": "s3",
        "bucket": "b",
        "accessKey": KEY,
        "secretAccessKey": SECRET,
    }
    assert target(Server(destination__all=[row])).destinations() == [
        DestinationSeen("dst1", "s3", "b")
    ]


def test_stored_backups_of_a_database():
    row = {**APP, "mongoId": "m1", "backups": [STORED, {**STORED, "backupId": "b2"}]}
    server = Server(mongo__one=row)
    first, second = target(server).backups("mongodb", "m1")
    assert first == BackupSeen("b1", WISH)
    assert second.id == "b2"
    odd = {**STORED, "keepLatestCount": None, "enabled": None}
    (seen,) = target(Server(postgres__one={"backups": [odd]})).backups("postgres", "p")
    assert (seen.wish.keep, seen.wish.enabled) == (0, False)


def test_stored_volume_backups():
    row = {
        "volumeBackupId": "v1",
        "name": "data",
        "destinationId": "dst1",
        "prefix": "v",
        "volumeName": "acme-data",
        "cronExpression": "0 5 * * *",
        "keepLatestCount": 3,
        "enabled": False,
    }
    server = Server(volumeBackups__list=[row])
    assert target(server).volume_backups("compose", "c1") == [VolumeBackupSeen("v1", VOLUME_WISH)]
    assert server.sent("volumeBackups.list") == {"id": "c1", "volumeBackupType": "compose"}


def test_runs_newest_first():
    def run(number):
        return {"deploymentId": f"r{number}", "status": "error", "createdAt": str(number)}

    server = Server(deployment__allByType=[run(1), run(2)])
    t = target(server)
    assert [r.id for r in t.backup_runs("b1")] == ["r2", "r1"]
    assert server.sent("deployment.allByType") == {"id": "b1", "type": "backup"}
    server.asked.clear()
    t.volume_backup_runs("v1")
    assert server.sent("deployment.allByType") == {"id": "v1", "type": "volumeBackup"}


def test_files_below_a_folder_and_nothing_else():
    def row(path, **more):
        return {"Path": path, "Name": "x", "Size": 10, "IsDir": False, "Tier": "STANDARD", **more}

    rows = [
        row("app/acme/2026-11-20T1.sql.gz"),
        row("app/acme/2026-11-20T2.sql.gz", IsDir=True),
        row("app/acme/old-2026-11-20.sql.gz"),
    ]
    server = Server(backup__listBackupFiles=rows)
    found = target(server).backup_files("dst1", "app/acme/2026-11-20")
    assert found == [BackupFile("app/acme/2026-11-20T1.sql.gz", 10)]
    assert server.sent("backup.listBackupFiles") == {
        "destinationId": "dst1",
        "search": "app/acme/2026-11-20",
    }


def test_a_folder_that_is_not_there_reads_as_empty_and_a_refused_key_does_not():
    missing = Server(backup__listBackupFiles=refusal())
    assert list(target(missing).backup_files("dst1", "app/acme/2")) == []
    with pytest.raises(Permanent):
        target(Server()).backup_files("dst1", "app/acme/2")


def test_what_is_gone():
    t = target(Server())
    assert list(t.backups("postgres", "p")) == list(t.backup_runs("b")) == []
    t.remove_backup("b")
    target(Server(backup__remove=refusal())).remove_backup("b")
    t.remove_volume_backup("v")
