"""Lines that the target tells as server-sent events, wrapped as its inner mount wraps all."""

import json

FAILED = "serialized-error"


def lines_of(text: str) -> list[str]:
    """
    Each line that was told, in order. Events of the protocol itself are no lines.

    ValueError or TypeError for what is no such stream, or ended in an error of the target's.
    """
    events = [_event(block) for block in text.replace("\r\n", "\n").split("\n\n") if block.strip()]
    if not events:
        raise ValueError("no events")
    if FAILED in {name for name, _ in events}:
        raise ValueError("the target failed")
    return [_line(data) for name, data in events if name in {"", "message"} and data]


def _event(block: str) -> tuple[str, str]:
    name, data = "", []
    for line in block.split("\n"):
        field, colon, value = line.partition(":")
        if not colon:
            raise ValueError("not an event")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            data.append(value)
    return name, "\n".join(data)


def _line(data: str) -> str:
    told = json.loads(data)
    line = told["json"] if isinstance(told, dict) else told
    if not isinstance(line, str):
        raise TypeError("not a line")
    return line
