"""The storage behind destinations: files that stay whatever becomes of the rows."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from dokploy_simulator.identity import now_iso
from dokploy_simulator.store import Row, Store

LISTED: Final = 100
_UNREACHABLE: Final = ":1"


class StorageRefusedError(Exception):
    """The storage said no; the text is its reason."""


def bucket_of(destination: Row) -> str:
    """Which storage a destination means; two destinations may mean the same."""
    return f"{str(destination['endpoint']).rstrip('/')}/{destination['bucket']}"


def folder(prefix: str | None) -> str:
    """A prefix as it stands in paths: no slash before it, one behind it."""
    bare = (prefix or "").strip().strip("/")
    return f"{bare}/" if bare else ""


def flags(destination: Row) -> str:
    """The options of rclone, keys in clear: what a failing command shows to everybody."""
    told = [
        f"--s3-access-key-id={destination['accessKey']}",
        f"--s3-secret-access-key={destination['secretAccessKey']}",
        f"--s3-region={destination['region']}",
        f"--s3-endpoint={str(destination['endpoint']).replace(':', chr(92) + ':')}",
        "--s3-no-check-bucket",
        "--s3-force-path-style",
        *(destination.get("additionalFlags") or []),
    ]
    if destination.get("provider"):
        told.insert(0, f"--s3-provider={destination['provider']}")
    return " ".join(told)


class Storage:
    """Files by bucket and path. What is in one is the text its volume had."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def check(self, destination: Row) -> None:
        """Raises StorageRefusedError where nothing listens, or a test said so."""
        for key in (destination.get("destinationId"), destination["bucket"], "*"):
            plan = self._store.get("refusal", key)
            if plan is not None:
                raise StorageRefusedError(plan["reason"])
        if str(destination["endpoint"]).rstrip("/").endswith(_UNREACHABLE):
            raise StorageRefusedError("dial tcp: connect: connection refused")

    def put(self, bucket: str, path: str, **values: Any) -> Row:
        """Write a file."""
        row = {"bucket": bucket, "path": path, "size": 0, "data": "", "by": None}
        row |= {"createdAt": now_iso()} | values
        return self._store.put("file", f"{bucket}//{path}", row)

    def get(self, bucket: str, path: str) -> Row | None:
        """A file, or None."""
        return self._store.get("file", f"{bucket}//{path}")

    def remove(self, bucket: str, path: str) -> bool:
        """Delete a file; whether it was there."""
        return self._store.drop("file", f"{bucket}//{path}") is not None

    def within(self, bucket: str, start: str) -> list[Row]:
        """The files whose path begins so, by path."""
        rows = self._store.where("file", "bucket", bucket)
        return sorted((row for row in rows if row["path"].startswith(start)), key=_path)

    def listing(self, bucket: str, base: str) -> list[Row] | None:
        """What lies right in a folder, as rclone lists it; None where there is no such folder."""
        found: dict[str, Row] = {}
        for row in self.within(bucket, base):
            name, slash, _ = row["path"][len(base) :].partition("/")
            entry = {"Path": name, "Name": name, "Size": -1, "IsDir": True}
            if not slash:
                entry |= {"Size": row["size"], "IsDir": False, "Tier": "STANDARD"}
            found[name] = entry
        return None if base and not found else list(found.values())

    def fresh_path(self, bucket: str, start: str, end: str) -> str:
        """A path with the time in it that no file has yet."""
        moment = datetime.now(UTC)
        while True:
            stamp = now_iso(moment).replace(":", "-").replace(".", "-")
            if self.get(bucket, f"{start}{stamp}{end}") is None:
                return f"{start}{stamp}{end}"
            moment += timedelta(milliseconds=1)

    def keep_latest(self, bucket: str, start: str, ends: tuple[str, ...], count: Any) -> list[str]:
        """Delete all but the newest files of a folder that end so; their paths."""
        if not count:
            return []
        found = [row["path"] for row in self.within(bucket, start)]
        fitting = [path for path in found if "/" not in path[len(start) :] and path.endswith(ends)]
        unwanted = sorted(fitting, reverse=True)[int(count) :]
        for path in unwanted:
            self.remove(bucket, path)
        return unwanted


def _path(row: Row) -> str:
    return str(row["path"])
