"""The blueprints that a worker meets, read once: they are frozen when a deployment is created."""

from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any
from uuid import UUID

from tenantry.planning.blueprint import Blueprint, from_json

# Of so many deployments at a time; a blueprint weighs some ten kilobytes.
MOST = 512


@dataclass(frozen=True, slots=True)
class Known:
    """
    One deployment's: as stored, as read, and the public ids of the sealed values it refers to.

    `public_id` is the deployment's: an id of a row may come again in another database.
    """

    public_id: UUID
    document: Mapping[str, Any]
    blueprint: Blueprint
    versions: frozenset[str]


class Blueprints:
    """Those of the deployments met last. Safe to share between threads."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._known: dict[int, Known] = {}
        self._changing = Lock()

    def known(self, deployment_id: int) -> Known | None:
        """What was read of it before; None where it was not, or too long ago."""
        return self._known.get(deployment_id)

    def of(self, deployment: Any) -> Known:
        """Of a deployment's row that brings its blueprint along; raises Invalid as its reader."""
        found = self._known.get(deployment.id)
        if found is not None and found.public_id == deployment.public_id:
            return found
        blueprint = from_json(deployment.blueprint)
        found = Known(
            deployment.public_id, deployment.blueprint, blueprint, _versions_in(blueprint)
        )
        with self._changing:
            while len(self._known) >= self._most:
                del self._known[next(iter(self._known))]
            self._known[deployment.id] = found
        return found


def _versions_in(blueprint: Blueprint) -> frozenset[str]:
    layers = [layer for spec in blueprint.services for layer in spec.env]
    return frozenset(version for layer in layers for version in layer.sealed.values())
