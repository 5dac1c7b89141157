"""Backups of databases: runs, files, failures."""

import threading

import httpx
import pytest

from dokploy_simulator import Simulator


@pytest.fixture
def vault(dokploy):
    return dokploy.destination()


@pytest.fixture
def database(dokploy):
    return dokploy.database()


@pytest.fixture
def backup(dokploy, database, vault):
    return dokploy.backup(database, vault)


def runs(dokploy, backup):
    return dokploy.read("deployment.allByType", id=backup["backupId"], type="backup")


def files(dokploy, vault, search):
    key = {"destinationId": vault["destinationId"]}
    return dokploy.read("backup.listBackupFiles", search=search, **key)


def run(dokploy, backup, word="Postgres"):
    return dokploy.post(f"backup.manualBackup{word}", backupId=backup["backupId"])


def test_a_backup_says_nothing_of_itself_and_hangs_on_its_database(dokploy, database, backup):
    again = dokploy.backup(database, {"destinationId": backup["destinationId"]}, schedule="odd")

    assert backup["appName"].startswith("backup-")
    assert (again["schedule"], again["backupId"] != backup["backupId"]) == ("odd", True)
    assert "secretAccessKey" not in backup["destination"]


def test_a_run_leaves_a_file_and_a_row(dokploy, database, backup, vault):
    dokploy.control("data", id=database["postgresId"], data="v1")

    assert run(dokploy, backup).json() is True

    (told,) = runs(dokploy, backup)
    (file,) = files(dokploy, vault, f"{database['appName']}/daily/2")
    assert (told["status"], told["backupId"]) == ("done", backup["backupId"])
    assert file["Path"].startswith(f"{database['appName']}/daily/2")
    assert (file["IsDir"], file["Tier"], file["Size"] > 1000) == (False, "STANDARD", True)
    assert file["Name"].endswith("Z.sql.gz")
    assert ":" not in file["Name"]
    assert [row["data"] for row in dokploy.state()["files"]] == ["v1"]


def test_only_the_newest_files_of_a_prefix_are_kept(dokploy, database, vault):
    backup = dokploy.backup(database, vault, keepLatestCount=2)
    other = dokploy.backup(database, vault, prefix="weekly")
    for row in (other, backup, backup, backup):
        assert run(dokploy, row).status_code == 200

    assert len(files(dokploy, vault, f"{database['appName']}/daily/")) == 2
    assert len(files(dokploy, vault, f"{database['appName']}/weekly/")) == 1


def test_the_list_shows_a_hundred_and_a_missing_folder_shows_the_keys(dokploy, vault):
    for number in range(120):
        dokploy.control(
            "backup-file", destinationId=vault["destinationId"], path=f"a/b/{number:03d}.sql.gz"
        )

    assert len(files(dokploy, vault, "a/b/")) == 100
    assert [row["Path"] for row in files(dokploy, vault, "a/b/119")] == ["a/b/119.sql.gz"]
    assert files(dokploy, vault, "a/")[0]["IsDir"]
    key = {"destinationId": vault["destinationId"]}
    missing = dokploy.get("backup.listBackupFiles", search="none/such/", **key)
    assert missing.status_code == 400
    assert "--s3-secret-access-key=SKEY" in missing.json()["message"]


@pytest.mark.parametrize("kind", ["postgres", "mysql"])
def test_a_stopped_database_is_not_backed_up(dokploy, vault, kind):
    row = dokploy.database(kind)
    backup = dokploy.backup(row, vault, kind)
    dokploy.do(f"{kind}.stop", **{f"{kind}Id": row[f"{kind}Id"]})

    answer = run(dokploy, backup, {"postgres": "Postgres", "mysql": "MySql"}[kind])

    (told,) = runs(dokploy, backup)
    assert (answer.status_code, told["status"]) == (400, "error")
    assert ("SKEY" in answer.json()["message"]) == (kind == "postgres")
    assert "Container not found" in dokploy.log(told["deploymentId"])


def test_a_planned_failure_and_a_planned_size(dokploy, backup, vault, database):
    dokploy.control("backup", id=database["postgresId"], fail="disk full", times=1)
    dokploy.control("backup", id="*", size=20)

    assert run(dokploy, backup).status_code == 400
    assert "disk full" in dokploy.log(runs(dokploy, backup)[0]["deploymentId"])
    assert run(dokploy, backup).status_code == 200
    assert files(dokploy, vault, f"{database['appName']}/daily/")[0]["Size"] == 20


def test_a_destination_that_refuses_shows_its_keys(dokploy, vault, backup):
    names = ("name", "provider", "accessKey", "secretAccessKey", "bucket", "region", "endpoint")
    asked = {name: vault[name] for name in names} | {"additionalFlags": []}
    good = dokploy.post("destination.testConnection", **asked)
    dokploy.control("refuse", id="vault", reason="AccessDenied")
    bad = dokploy.post("destination.testConnection", **asked)

    assert (good.status_code, good.content) == (200, b"")
    assert (bad.status_code, "SKEY" in bad.json()["message"]) == (400, True)
    assert run(dokploy, backup).status_code == 400


def test_backups_go_with_their_database_and_the_files_stay(dokploy, database, backup):
    run(dokploy, backup)
    dokploy.do("postgres.remove", postgresId=database["postgresId"])

    assert dokploy.get("backup.one", backupId=backup["backupId"]).status_code == 404
    left = dokploy.http.get("/_sim/remains", params={"of": database["appName"]}).json()
    assert set(left) == {"volumes", "files"}


def test_redis_has_no_backups(dokploy):
    answer = dokploy.post(
        "backup.create",
        schedule="0 3 * * *",
        prefix="p",
        destinationId="x",
        database="0",
        databaseType="redis",
    )

    assert answer.status_code == 400
    assert answer.json()["message"] == "Input validation failed"


def test_a_run_goes_on_when_its_caller_hangs_up(caller_for, eventually):
    with Simulator(speed=0) as simulator:
        dokploy = caller_for(simulator)
        backup = dokploy.backup(dokploy.database(), dokploy.destination())
        dokploy.control("speed", speed=0.2)
        with pytest.raises(httpx.ReadTimeout):
            dokploy.http.post(
                "/api/backup.manualBackupPostgres",
                json={"backupId": backup["backupId"]},
                timeout=0.1,
            )

        assert runs(dokploy, backup)[0]["status"] == "running"
        eventually(lambda: runs(dokploy, backup)[0]["status"] == "done")
        assert dokploy.state()["counts"]["files"] == 1


def test_all_runs_of_the_organization_are_listed(dokploy, backup, database):
    run(dokploy, backup)

    (told,) = dokploy.read("overview.backups")
    assert (told["kind"], told["status"]) == ("backup", "done")
    assert told["serviceOwnerId"] == database["postgresId"]


def test_two_backups_run_side_by_side(dokploy, backup, database, vault):
    other = dokploy.backup(database, vault, prefix="other")
    answers = []
    both = [
        threading.Thread(target=lambda row=row: answers.append(run(dokploy, row)))
        for row in (backup, other)
    ]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()

    assert [answer.status_code for answer in answers] == [200, 200]


@pytest.mark.parametrize(
    ("kind", "word", "end"),
    [("mongo", "Mongo", ".bson.gz"), ("mariadb", "Mariadb", ".sql.gz")],
)
def test_each_kind_has_its_own_run_and_end(dokploy, vault, kind, word, end):
    row = dokploy.database(kind)
    backup = dokploy.backup(row, vault, kind)

    assert run(dokploy, backup, word).json() is True
    assert run(dokploy, backup, "Postgres").status_code == 400
    (file,) = dokploy.state()["files"]
    assert file["path"].endswith(end)


def test_a_database_in_a_stack_is_backed_up_by_its_service(dokploy, vault, eventually):
    text = "services: {db: {image: 'postgres:16', volumes: ['data:/var/lib/postgresql'] }}"
    row = dokploy.do(
        "compose.create",
        name="c",
        environmentId=dokploy.environment(),
        composeType="stack",
        sourceType="raw",
        composeFile=text,
    )
    dokploy.do("compose.deploy", composeId=row["composeId"])
    service = f"{row['appName']}_db"
    eventually(lambda: dokploy.state()["counts"]["services"] == 1)
    dokploy.control("data", name=service, data="kept")
    dokploy.do(
        "backup.create",
        schedule="0 3 * * *",
        prefix="p",
        destinationId=vault["destinationId"],
        database="db",
        databaseType="postgres",
        backupType="compose",
        composeId=row["composeId"],
        serviceName="db",
    )
    (backup,) = dokploy.read("compose.one", composeId=row["composeId"])["backups"]

    assert run(dokploy, backup, "Compose").json() is True
    (file,) = dokploy.state()["files"]
    assert file["path"].startswith(f"{service}/p/")
    assert file["data"] == "kept"


def test_a_file_is_changed_by_hand_and_taken_away(dokploy, vault):
    key = {"destinationId": vault["destinationId"], "path": "a/b.sql.gz"}
    dokploy.control("backup-file", data="v1", size=5000, **key)
    dokploy.control("backup-file", size=3, **key)

    (file,) = dokploy.state()["files"]
    assert (file["data"], file["size"]) == ("v1", 3)
    assert dokploy.control("backup-file", remove=True, **key)["removed"]
    assert dokploy.state()["files"] == []
