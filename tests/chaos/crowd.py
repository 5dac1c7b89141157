"""The tenants of the storm: most have one small service, some have everything that can double."""

import json
import urllib.request

from sqlalchemy import func, select

from tenantry.models import DeploymentStep
from tenantry.planning.states import DONE_STEP
from tests.chaos.field import Field
from tests.crash.products import DESTINATION, FILES, SHOP, STACKS
from tests.crash.scenes import policy
from tests.installation import KEY, ME

# By the last digit of a tenant's number: builds, databases and backup plans, compose stacks,
# volumes. The others get the plain site.
RICH = {7: SHOP, 8: STACKS, 9: FILES}
BACKED_UP = (SHOP, FILES)
SLOWEST, FASTEST, STEP = 20.0, 0.02, 1.3
# One at a time, as a fresh server builds, a thousand builds take longer than all that is asked for.
BUILDS_AT_ONCE = 4
# The storm is to meet people: this share of all is to be under way to its very end.
STILL_OPEN = 0.1
AIM = 0.25


def ask(place: Field, number: int) -> None:
    """Adds so many tenants and asks for their deployments."""
    place.place.control("seed", {"kind": "destination", "row": DESTINATION})
    _builds_at_once(place, BUILDS_AT_ONCE)
    for product in RICH.values():
        place.place.product(product)
    for n in range(number):
        product, name = RICH.get(n % 10), f"t{n}"
        place.place.tenant(name, product["slug"] if product else "site")
        if product in BACKED_UP:
            policy(place.place, name)
        place.place.shop.desk.deploy(ME, name)


def open_ones(place: Field) -> int:
    """Deployments that have not ended; asks until the database answers."""
    found: list[dict[str, int]] = []

    def asked() -> bool:
        found.append(place.statuses())
        return True

    assert place.place.until_quietly(asked, 30), "the database does not answer"
    return sum(found[-1].get(status, 0) for status in ("pending", "running"))


def _builds_at_once(place: Field, number: int) -> None:
    """What an administrator of the target sets once; it outlives the target's restarts."""
    asked = urllib.request.Request(
        f"http://127.0.0.1:{place.place.dokploy}/api/settings.updateBuildsConcurrency",
        data=json.dumps({"buildsConcurrency": number}).encode(),
        headers={"Content-Type": "application/json", "x-api-key": KEY},
    )
    with urllib.request.urlopen(asked, timeout=10):
        pass


def work_left(place: Field) -> float:
    """
    The share of all gating steps that is still to be done; asks until the database answers.

    Deployments wait in one line for each of their steps, so nearly all end at nearly one time:
    how many are open tells little of how far they are.
    """
    done = func.count().filter(DeploymentStep.status.in_(DONE_STEP))
    asked = select(done, func.count()).where(DeploymentStep.gates)
    found: list[float] = []

    def counted() -> bool:
        with place.place.shop.desk.reading() as session:
            finished, every = session.execute(asked).one()
        found.append(1 - finished / max(1, every))
        return True

    assert place.place.until_quietly(counted, 30), "the database does not answer"
    return found[-1]


def paced(place: Field, work: float, time_left: float) -> None:
    """
    Makes the target slower where work runs out before the storm does, else quicker.

    Shares of one: steps that are to be done, and time that is left.
    """
    wanted = AIM + (1 - AIM) * time_left
    change = STEP if work < wanted else 1 / STEP
    place.speed = min(SLOWEST, max(FASTEST, place.speed * change))
    place.place.until_quietly(lambda: _tell(place), 1)


def _tell(place: Field) -> bool:
    place.place.control("speed", {"speed": place.speed})
    return True
