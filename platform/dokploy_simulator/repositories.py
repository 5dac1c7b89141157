"""The Git repositories a clone finds: every branch has one commit, unless a test said otherwise."""

import hashlib
import re
from typing import Any, Final

from dokploy_simulator.store import Row, Store

BARE_COMMIT: Final = re.compile(r"^[0-9a-f]{40}$")


def commit_of(store: Store, url: str, branch: str) -> tuple[str, str]:
    """Commit and message at a branch or tag; an empty commit says that there is none."""
    repository = store.get("repository", url) or {}
    told: Row | None = repository.get("branches", {}).get(branch)
    if told is None and repository.get("only"):
        return "", ""
    told = told or {}
    seed = f"{url}#{branch}"
    commit = told.get("commit", hashlib.sha1(seed.encode(), usedforsecurity=False).hexdigest())
    name = url.rstrip("/").rpartition("/")[2].removesuffix(".git") or "code"
    return commit or "", told.get("message") or f"feat: {name} as of {branch}"


def file_of(store: Store, url: str, branch: str, path: str) -> str | None:
    """The text of a file at a branch, if a test put one there."""
    repository = store.get("repository", url) or {}
    files = repository.get("branches", {}).get(branch, {}).get("files", {})
    found = files.get(path.removeprefix("./"))
    return str(found) if found is not None else None


def set_branch(store: Store, asked: dict[str, Any]) -> Row:
    """
    Tell what is at a branch: ``commit`` null takes the branch away; ``only`` true leaves the
    repository with nothing but the branches that were told.
    """
    url = asked["url"]
    known = store.get("repository", url) or {"url": url, "branches": {}, "only": False}
    branches = dict(known["branches"])
    if "branch" in asked:
        told = {key: asked[key] for key in ("commit", "message", "files") if key in asked}
        branches[asked["branch"]] = branches.get(asked["branch"], {}) | told
    only = bool(asked.get("only", known["only"]))
    return store.put("repository", url, known | {"branches": branches, "only": only})
