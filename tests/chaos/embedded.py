"""S16: the small installation on SQLite."""

from pathlib import Path

from tests.chaos.field import field
from tests.chaos.panel import PAGES, Panel
from tests.chaos.scenario import How, Told, scenario
from tests.chaos.verdict import verdict

NUMBER = 50
LOCKED = "database is locked"


@scenario("S16", "SQLite with several processes and 50 deployments: nobody is told it is locked")
def a_file_as_database_locks_nobody_out(how: How) -> Told:
    """Two workers, two watchdogs and the panel write into one file; an operator deploys all 50."""
    told = Told()
    path = how.base / "embedded.db"
    with field(how, database=f"sqlite:///{path}", steps=1, web=True) as place:
        panel = Panel(place.place)
        for number in range(NUMBER):
            place.place.tenant(f"t{number}", "site")
            page = panel.deploy(f"t{number}", as_program=number % 2 == 0)
            for seen in (page or "/", PAGES[number % len(PAGES)]):
                panel.look(seen)
        told.figures["deployments asked for, pages seen"] = (
            f"{panel.asked['press']}, {panel.asked['look']}"
        )
        told.figures["slowest button, page s"] = (
            f"{panel.slowest['press']:.2f}, {panel.slowest['look']:.2f}"
        )
        told.figures["people who were refused"] = len(panel.wrong)
        told.expect(not panel.wrong, f"wrong answers: {panel.wrong[:3]}")
        told.figures["all ended after s"] = round(place.finish(240), 1)
        told.figures["deployments"] = place.statuses().get("succeeded", 0)
        told.expect(told.figures["deployments"] == NUMBER, f"{place.statuses()}")
        lines = _locked(place.place.folder / "logs")
        told.figures["lines of log about locks"] = lines
        told.kept(verdict(place.place))
    return told


def _locked(logs: Path) -> int:
    """How often a process had to wait too long; workers and watchdog try again by themselves."""
    texts = [log.read_text(errors="replace") for log in sorted(logs.glob("*.log"))]
    return sum(text.count(LOCKED) for text in texts)
