"""
Marking what stands on a target already: the plan of taking a project over, and of marking it anew.

Nothing but descriptions and automatic deploys is written, so nothing that runs is touched.
"""

from collections.abc import Iterator

from tenantry.planning.blueprint import Blueprint
from tenantry.planning.catalogue import service_key

Keys = Iterator[tuple[str, str | None]]
# Stands for the project among names of services, none of which can look like it.
PROJECT = "@project"
# In place of a part's fingerprint: it is there, and is not what the product says.
FOUND = "found"


def adopt(blueprint: Blueprint) -> Keys:
    """The project first: without our marker there, nothing in it would be found again."""
    if PROJECT in blueprint.marks:
        yield "adopt.project", None
    for service in blueprint.ordered():
        if service.name in blueprint.marks:
            yield service_key(service.name, "adopt"), service.name
    if blueprint.database and blueprint.database.service in blueprint.marks:
        yield "db.adopt", blueprint.database.service
