"""The tenants of the storm: most have one small service, some have everything that can double."""

from tests.chaos.field import Field
from tests.crash.products import DESTINATION, FILES, SHOP, STACKS
from tests.crash.scenes import policy
from tests.installation import ME

# By the last digit of a tenant's number: builds, databases and backup plans, compose stacks,
# volumes. The others get the plain site.
RICH = {7: SHOP, 8: STACKS, 9: FILES}
BACKED_UP = (SHOP, FILES)
SLOWEST, FASTEST, STEP = 20.0, 0.02, 1.3
# The storm is to meet people: this share of all is to be under way to its very end.
STILL_OPEN = 0.1
AIM = 0.25


def ask(place: Field, number: int) -> None:
    """Adds so many tenants and asks for their deployments."""
    place.place.control("seed", {"kind": "destination", "row": DESTINATION})
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


def paced(place: Field, open_share: float, time_left: float) -> None:
    """
    Makes the target slower where work runs out before the storm does, else quicker.

    Shares of one: deployments that are open, and time that is left.
    """
    wanted = AIM + (1 - AIM) * time_left
    change = STEP if open_share < wanted else 1 / STEP
    place.speed = min(SLOWEST, max(FASTEST, place.speed * change))
    place.place.until_quietly(lambda: _tell(place), 1)


def _tell(place: Field) -> bool:
    place.place.control("speed", {"speed": place.speed})
    return True
