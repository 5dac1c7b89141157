"""
The way back from drift: which steps put a field to what our record says, and where none can.

Each deed named here is one that a deployment of this very tenant takes with a service even where
no fingerprint differs. What Tenantry did not make it does not remove: that is left to people.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tenantry.planning.adoption import PROJECT
from tenantry.planning.differences import PARTS
from tenantry.planning.drift import (
    DOUBLED,
    EXTRA,
    MISSING,
    PRODUCT,
    TARGET,
    TENANT,
    THE_PROJECT,
)
from tenantry.planning.recorded import BUILD_FIELDS

SOURCE = ("source", "repository", "branch", "build path", "submodules", "ssh key", "image")
RUNNING = ("replicas", "memory", "cpu", "arguments", "update order")
MARKED = ("marker", "automatic deploys")
# Field of a service → the parts that are rolled out anew.
PART_OF: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys((*SOURCE, "compose file"), ("source",)),
    **dict.fromkeys(BUILD_FIELDS.values(), ("build",)),
    **dict.fromkeys(RUNNING, ("running",)),
    "environment": ("env",),
    "state": ("running",),
    MISSING: tuple(PARTS),
}
OF_DATABASE: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("image", "memory", "cpu", "replicas", "update order"), ("settings",)),
    "state": ("start",),
}
NOT_OURS = "Tenantry removes nothing that it did not make: take it away on the target, or ignore it"
DEPLOY_IT = "nobody changed the target: deploy the tenant, and it is as it should be"


@dataclass(frozen=True, slots=True)
class Way:
    """
    `parts` are rolled out anew, `deeds` taken beside them, `mark` carries our marker again.

    `problem` says why there is no way; then all else is empty.
    """

    parts: tuple[str, ...] = ()
    deeds: tuple[str, ...] = ()
    mark: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A finding as plain values; `service` is the tenant's own, None for the project and others."""

    thing: str
    field: str
    mover: str
    service: str | None
    is_database: bool = False

    @property
    def kind(self) -> str:
        """What of the service it is: domain, mount, redirect, backup …; empty for itself."""
        rest = self.thing.removeprefix(self.service or "").strip() if self.service else ""
        return rest.partition(" ")[0]


def way_back(found: Found) -> Way:
    """How a finding is put back."""
    if found.mover in {PRODUCT, TENANT}:
        return Way(problem=DEPLOY_IT)
    if found.mover != TARGET or found.field in {EXTRA, DOUBLED}:
        return Way(problem=NOT_OURS)
    if found.thing == THE_PROJECT:
        if found.field == "marker":
            return Way(mark=PROJECT)
        return Way(problem="the project is gone with all that was in it: restore, or tear down")
    if found.service is None:
        return Way(problem=NOT_OURS)
    if found.field in MARKED and not found.kind:
        return Way(mark=found.service)
    return _of_database(found) if found.is_database else _of_service(found)


def _of_database(found: Found) -> Way:
    if found.kind == "backup":
        return Way(deeds=("schedule",))
    if found.kind or found.field not in OF_DATABASE:
        words = {
            MISSING: "the database is gone: restore it on the target, or make a new tenant",
            "external port": "Tenantry sets no ports: close it on the target",
        }
        return Way(problem=words.get(found.field, f"no step puts {found.field} back"))
    return Way(deeds=OF_DATABASE[found.field])


def _of_service(found: Found) -> Way:
    if found.kind in {"domain", "redirect"}:
        switched = found.field == "router"
        return Way(parts=("domains",), deeds=("switch_on",) if switched else ())
    if found.kind == "mount" and found.field == MISSING:
        return Way(parts=("volumes",))
    if found.kind:
        return Way(problem=f"no step puts a {found.kind} back: do it on the target")
    if found.field == "build cache":
        return Way(deeds=("cached_build",))
    parts = PART_OF.get(found.field, ())
    return Way(parts=parts) if parts else Way(problem=f"no step puts {found.field} back")
