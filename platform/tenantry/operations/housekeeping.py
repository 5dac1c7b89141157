"""What happens by itself: at each round and every night. Each round is safe to repeat."""

from dataclasses import dataclass

import structlog

from tenantry.errors import TenantryError
from tenantry.operations import leaving
from tenantry.operations.actors import SYSTEM
from tenantry.operations.desk import Desk
from tenantry.operations.nights import Nights
from tenantry.ports import Ports

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Housekeeper:
    """Any number of processes may keep house at once: every act is a compare-and-set."""

    desk: Desk
    ports: Ports

    def round(self) -> dict[str, int]:
        """A few times an hour; what was done, by name."""
        return {
            "departed": self.depart(),
            **Nights(self.desk.engine, self.ports, self.desk.settings.public_url).look(),
        }

    def depart(self) -> int:
        """Starts the teardown of tenants whose time of grace is over."""
        with self.desk.reading() as session:
            names = leaving.due(session)
        number = 0
        for name in names:
            try:
                self.desk.deploy(SYSTEM, name, wish=leaving.at_its_time)
                number += 1
            except TenantryError as trouble:
                log.info("not torn down", tenant=name, reason=str(trouble))
        return number
