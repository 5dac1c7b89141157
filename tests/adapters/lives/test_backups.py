"""Backups on the twin and on the stand-in server: both keep the same quirks."""

import pytest

from tenantry.errors import Permanent
from tenantry.planning.sources import ImageSource, Volume
from tenantry.ports import (
    BackupWish,
    DatabaseWish,
    VolumeBackupWish,
)
from tests.adapters.lives.levers import build, until


def wish_for(target, **more):
    (destination,) = target.destinations()
    given = {"prefix": "t1", "database": "acme", "schedule": "0 3 * * *", "keep": 2, **more}
    return BackupWish(destination.id, **given)


@pytest.fixture
def backup(target, database):
    target.create_backup("postgres", database.id, wish_for(target))
    return target.backups("postgres", database.id)[0]


def stored(target, backup, app_name):
    folder = f"{app_name}/{backup.wish.prefix}/"
    return list(target.backup_files(backup.wish.destination_id, folder))


def test_destinations_show_no_key(target):
    (destination,) = target.destinations()
    assert (destination.name, "hunter2" in repr(destination)) == ("store", False)


def test_a_stored_backup_is_seen_changed_and_removed(target, database, backup):
    assert backup.wish == wish_for(target)
    target.update_backup("postgres", backup.id, wish_for(target, keep=5, enabled=False))
    (seen,) = target.database_in_full("postgres", database.id).backups
    assert (seen.id, seen.wish.keep, seen.wish.enabled) == (backup.id, 5, False)
    target.create_backup("postgres", database.id, wish_for(target))
    target.create_backup("postgres", database.id, wish_for(target))
    assert len(target.backups("postgres", database.id)) == 3
    target.remove_backup(backup.id)
    target.remove_backup(backup.id)
    assert backup.id not in {b.id for b in target.backups("postgres", database.id)}


def test_runs_keep_so_many_files_for_a_prefix(target, database, backup):
    assert stored(target, backup, database.app_name) == []
    for _ in range(3):
        target.run_backup("postgres", backup.id, deadline=20)
    assert [r.status for r in target.backup_runs(backup.id)] == ["done"] * 3
    files = stored(target, backup, database.app_name)
    assert len(files) == 2
    assert all(f.path.startswith(f"{database.app_name}/t1/") for f in files)
    assert all(f.path.endswith(".sql.gz") and f.size for f in files)


def test_the_files_stay_when_the_database_goes(target, database, backup):
    target.run_backup("postgres", backup.id, deadline=20)
    target.remove_database("postgres", database.id)
    assert list(target.backups("postgres", database.id)) == []
    assert len(stored(target, backup, database.app_name)) == 1


def test_a_failed_run_says_nothing_of_the_storage(target, levers, database, backup):
    levers.fail_next(backup.id)
    with pytest.raises(Permanent, match="its log says why") as trouble:
        target.run_backup("postgres", backup.id, deadline=20)
    assert "hunter2" not in str(trouble.value)
    (run,) = target.backup_runs(backup.id)
    assert run.status == "error"
    assert "upload failed" in target.build_log(run.id, 100)
    assert stored(target, backup, database.app_name) == []


def test_a_stopped_database_cannot_be_backed_up(target, database, backup):
    target.stop_database("postgres", database.id)
    with pytest.raises(Permanent):
        target.run_backup("postgres", backup.id, deadline=20)
    (run,) = target.backup_runs(backup.id)
    assert "Container not found" in target.build_log(run.id, 100)


def test_a_restore_says_success_for_a_file_that_is_not_there(target, levers, database, backup):
    levers.data(database.id, "v1")
    target.run_backup("postgres", backup.id, deadline=20)
    (file,) = stored(target, backup, database.app_name)

    def restore(path):
        return target.restore(
            "postgres", database.id, "acme", backup.wish.destination_id, path, deadline=20
        )

    missing = restore("no/such.sql.gz")
    assert levers.restored_from(database.id) is None
    found = restore(file.path)
    assert levers.restored_from(database.id) == file.path
    assert missing[0] == found[0] == "Starting restore..."
    assert missing[-1] == found[-1] == "Restore completed successfully!"


def test_redis_cannot_be_backed_up(target, project):
    wish = DatabaseWish("redis", "r", "acme-r", "tenantry:s4 r", "", "", "pw", "redis:7")
    made = target.create_database(project.environment_id, wish, None)
    with pytest.raises(Permanent):
        target.create_backup("redis", made.id, wish_for(target))


def test_a_volume_backup_that_failed_is_answered_like_any_other(target, levers, app):
    target.create_volume(app.id, Volume("acme-data", "/data"))
    target.attach_image(app.id, ImageSource("nginx:1.27"))
    build(target, app)
    until(lambda: "acme-data" in target.volumes(None))
    (destination,) = target.destinations()
    wish = VolumeBackupWish("data", destination.id, "v", "acme-data", "0 5 * * *", 3)
    target.create_volume_backup("application", app.id, app.app_name, wish)
    (seen,) = target.volume_backups("application", app.id)
    assert seen.wish == wish
    levers.fail_next(seen.id)
    target.run_volume_backup(seen.id, deadline=20)
    target.run_volume_backup(seen.id, deadline=20)
    assert [r.status for r in target.volume_backup_runs(seen.id)] == ["done", "error"]
    (file,) = target.backup_files(destination.id, f"{app.app_name}/v/")
    assert file.path.startswith(f"{app.app_name}/v/acme-data-")
    target.remove_volume_backup(seen.id)
    target.remove_volume_backup(seen.id)
    assert list(target.volume_backups("application", app.id)) == []
    assert len(target.backup_files(destination.id, f"{app.app_name}/v/")) == 1
    target.create_volume_backup("application", app.id, app.app_name, wish)
    target.delete_application(app.id)
    assert list(target.volume_backups("application", app.id)) == []
