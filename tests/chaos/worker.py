"""
`python -m tests.chaos.worker worker --queue Q`: a worker in which one product is poison.

The product's own otherwise. Setting that environment kills the process as a fault in a library
would: by SIGSEGV.
"""

import os
import signal
import sys
from typing import Any

from tenantry import app
from tenantry.cli import commands
from tenantry.steps import HANDLERS

POISONED = "service.env_set"


def poisoned(ctx: Any) -> Any:
    """Dies for the product `poison`; all else goes its way."""
    if ctx.blueprint.base_domain.startswith("poison."):
        os.kill(os.getpid(), signal.SIGSEGV)
    return HANDLERS[POISONED](ctx)


def main() -> None:
    """Runs `tenantry run …` with the poison in it."""
    app.HANDLERS = {**HANDLERS, POISONED: poisoned}
    app.set_up_logging(None, stream=sys.stderr)
    commands(["run", *sys.argv[1:]], obj=app.Workshop(os.environ))


if __name__ == "__main__":
    main()
