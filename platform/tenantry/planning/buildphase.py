"""The phase a build is in, read from its log: what people see while they wait."""

import re

PHASES = ("cloning", "checkout", "installing", "building", "copying", "deploying")

_INSTALL = (
    r"npm (?:ci|i|install)\b|(?:yarn|pnpm|bun) (?:i\b|install)|pip3? install|uv (?:sync|pip)|"
    r"poetry install|bundle install|composer install|go mod download|apt-get\b.* install|apk add|"
    r"mix deps\.get|dotnet restore|cargo fetch"
)
_BUILD = (
    r"added \d+ packages|(?:npm|yarn|pnpm|bun) (?:run )?build\b|modules transformed|built in \d|"
    r"Compil(?:ed|ing)\b|optimized production build|(?:cargo|go|mvn|gradle|dotnet) "
    r"(?:build|package|publish)|collectstatic"
)
# Each pattern opens a phase. A line is judged by the last phase it fits, and a log never goes back:
# layers of one image are built side by side, so their lines come in any order.
_OPENS: tuple[tuple[int, re.Pattern[str]], ...] = (
    (0, re.compile(r"^(?:Cloning (?:Repo|into)|Pulling )")),
    (1, re.compile(r"^(?:Receiving objects: +100%|Note: switching to|HEAD is now at)")),
    (2, re.compile(rf"^(?:Building \S+$|Sending build context)|{_INSTALL}")),
    (3, re.compile(_BUILD)),
    (4, re.compile(r"\bCOPY --from=|^Successfully built |exporting (?:to image|layers)")),
    (5, re.compile(r"^Successfully tagged |^✅ |naming to ")),
)
# A line of a build tool may be of any length; what tells its phase stands at its beginning.
_LONGEST = 400


def phase_of(log: str) -> str:
    """
    The furthest phase that the log has reached, one of PHASES; empty where it shows none.

    The log may be a tail and its last line unfinished. A failed build stays in the phase in which
    it failed.
    """
    furthest = -1
    for line in re.split(r"[\r\n]+", log):
        text = line[:_LONGEST].strip()
        for number, opens in _OPENS[furthest + 1 :]:
            if opens.search(text):
                furthest = number
    return PHASES[furthest] if furthest >= 0 else ""
