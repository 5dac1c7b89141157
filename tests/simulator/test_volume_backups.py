"""Backups of volumes: for what is no database of Dokploy's own."""

import pytest


@pytest.fixture
def vault(dokploy):
    return dokploy.destination()


def runs(dokploy, row):
    return dokploy.read("deployment.allByType", id=row["volumeBackupId"], type="volumeBackup")


def files(dokploy, vault, search):
    key = {"destinationId": vault["destinationId"]}
    return dokploy.read("backup.listBackupFiles", search=search, **key)


@pytest.fixture
def volume_backup(dokploy, vault):
    row = dokploy.application(image="eqalpha/keydb:1")
    key = {"applicationId": row["applicationId"]}
    dokploy.do(
        "mounts.create",
        type="volume",
        volumeName="cache",
        mountPath="/data",
        serviceId=row["applicationId"],
        serviceType="application",
    )
    dokploy.do("application.update", replicas=2, **key)
    dokploy.deploy(row["applicationId"])
    return dokploy.do(
        "volumeBackups.create",
        name="cache",
        volumeName="cache",
        prefix="p",
        serviceType="application",
        turnOff=True,
        cronExpression="0 4 * * *",
        destinationId=vault["destinationId"],
        **key,
    ) | {"app": row["appName"]}


def test_a_volume_is_backed_up_with_its_service_turned_off(dokploy, volume_backup, vault):
    dokploy.control("data", volume="cache", data="keys")
    key = {"volumeBackupId": volume_backup["volumeBackupId"]}

    answer = dokploy.post("volumeBackups.runManually", **key)

    assert (answer.status_code, answer.content) == (200, b"")
    (file,) = files(dokploy, vault, f"{volume_backup['app']}/p/cache-")
    assert file["Name"].endswith(".tar")
    assert dokploy.service(volume_backup["app"])["replicas"] == 2
    assert runs(dokploy, volume_backup)[0]["status"] == "done"


def test_a_failed_volume_backup_says_nothing_and_leaves_no_task(dokploy, volume_backup):
    dokploy.control("backup", id="cache", fail="no space left")

    answer = dokploy.post(
        "volumeBackups.runManually", volumeBackupId=volume_backup["volumeBackupId"]
    )

    assert answer.status_code == 200
    assert runs(dokploy, volume_backup)[0]["status"] == "error"
    assert dokploy.service(volume_backup["app"])["replicas"] == 0


def test_volume_backups_are_rows_like_others(dokploy, volume_backup):
    key = {"volumeBackupId": volume_backup["volumeBackupId"]}
    names = ("name", "volumeName", "prefix", "cronExpression", "destinationId")
    fields = {name: volume_backup[name] for name in names}

    dokploy.do("volumeBackups.update", **fields | key, enabled=True, keepLatestCount=3)
    asked = {"id": volume_backup["applicationId"], "volumeBackupType": "application"}
    (listed,) = dokploy.read("volumeBackups.list", **asked)
    assert (listed["keepLatestCount"], listed["application"]["appName"]) == (
        3,
        volume_backup["app"],
    )
    assert dokploy.post("volumeBackups.delete", **key).content == b""
    assert dokploy.get("volumeBackups.one", **key).status_code == 404
