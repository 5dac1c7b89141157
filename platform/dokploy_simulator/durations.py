"""How long things take at speed 1, in seconds."""

from typing import Final

CLONING: Final = 1.0
CHECKOUT: Final = 0.3
INSTALLING: Final = 2.0
BUILDING: Final = 1.8
COPYING: Final = 0.5
DEPLOYING: Final = 0.4
IMAGE_PULL: Final = 2.0
CONTAINER_START: Final = 1.0
SCALING: Final = 5.0
COMMIT_TITLE: Final = 0.15
CRASH_CYCLE: Final = 5.0
ROLLBACK_WATCH: Final = 3.0
SCHEDULE_RUN: Final = 0.5
SLOW_FACTOR: Final = 3.0
BACKUP_RUN: Final = 3.0
RESTORE_RUN: Final = 3.0
