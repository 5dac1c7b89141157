"""S16: the small installation on SQLite."""

from sqlalchemy.exc import OperationalError

from tests.chaos.field import field
from tests.chaos.scenario import How, Told, scenario
from tests.chaos.verdict import verdict
from tests.installation import ME

NUMBER = 50


@scenario("S16", "SQLite with several processes and 50 deployments: nobody is told it is locked")
def a_file_as_database_locks_nobody_out(how: How) -> Told:
    """Two workers, two watchdogs and the panel write into one file."""
    told = Told()
    path = how.base / "embedded.db"
    with field(how, database=f"sqlite:///{path}", steps=1, web=True) as place:
        locked = 0
        for number in range(NUMBER):
            try:
                place.place.tenant(f"t{number}", "site")
                place.place.shop.desk.deploy(ME, f"t{number}")
            except OperationalError:
                locked += 1
        told.figures["deployments"] = NUMBER
        told.figures["people told it is locked"] = locked
        told.expect(locked == 0, f"{locked} people were told that the database is locked")
        told.figures["all ended after s"] = round(place.finish(240), 1)
        logs = sorted((place.place.folder / "logs").glob("*.log"))
        lines = [line for log in logs for line in log.read_text(errors="replace").splitlines()]
        told.figures["lines of log about locks"] = sum("database is locked" in x for x in lines)
        told.kept(verdict(place.place))
    return told
