"""What waits in the build queue."""

from dataclasses import dataclass


@dataclass(slots=True)
class Job:
    """
    One asked-for deploy or redeploy of an application or a compose. Times are epoch
    milliseconds.
    """

    number: int
    owner_kind: str
    owner_id: str
    title: str
    description: str
    kind: str
    server_id: str | None
    timestamp: int
    processed_on: int | None = None

    @property
    def id_name(self) -> str:
        """The name of the owner's id."""
        return f"{self.owner_kind}Id"
