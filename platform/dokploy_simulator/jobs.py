"""What waits in the build queue."""

from dataclasses import dataclass


@dataclass(slots=True)
class Job:
    """One asked-for deploy or redeploy. Times are epoch milliseconds."""

    number: int
    application_id: str
    title: str
    description: str
    kind: str
    server_id: str | None
    timestamp: int
    processed_on: int | None = None
