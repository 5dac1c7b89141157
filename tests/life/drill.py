"""
`make drill`: the server is gone. Export, an empty Dokploy, an empty database, import, deploy all.

Two whole installations in real processes. The first is built up and exported, with its secrets in a
sealed bundle; the second starts from nothing but these two files. At the end both stand-ins must
hold the same, and the exports must be the same bytes.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from tenantry.demo.postgres import Postgres
from tenantry.demo.valkey import Valkey
from tenantry.models import Deployment, Tenant
from tenantry.operations import environments, scaling, tenants
from tenantry.operations.exchange import bundle, exporting, importing, shapes
from tenantry.operations.scaling import Scale
from tenantry.operations.wishes import Wish
from tenantry.planning.limits import Capabilities
from tests.crash.stories import DESTINATION, SHOP, policy
from tests.installation import ME, Installation, servers

PASSPHRASE = "of the drill, long enough"
AT_ONCE = 12
LONGEST = 600.0


class Clock:
    """Prints how long each part took."""

    def __init__(self) -> None:
        self.began = time.monotonic()

    def part(self, title: str, act: Callable[[], Any]) -> Any:
        """Does it and prints a line."""
        start = time.monotonic()
        answer = act()
        words = answer if isinstance(answer, str) and "\n" not in answer else ""
        print(f"{title:34}{time.monotonic() - start:8.1f} s  {words}", flush=True)
        return answer


def main() -> int:
    """Prints the table; 0 where both hold the same."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tenants", type=int, default=12)
    number = parser.parse_args().tenants
    base = Path(tempfile.mkdtemp(prefix="drill-"))
    clock = Clock()
    try:
        text, sealed, before, builds = _first(base / "first", number, clock)
        after = _second(base / "second", text, sealed, clock)
        print(f"{'tenants':34}{number:8}")
        return _compare(text, before, after, builds)
    finally:
        shutil.rmtree(base, ignore_errors=True)


def _installed(folder: Path) -> tuple[Postgres, Valkey, Installation]:
    folder.mkdir(parents=True)
    postgres, valkey = servers(folder)
    place = Installation(folder / "place", postgres.url(), valkey.url(), limit=AT_ONCE)
    return postgres, valkey, place


def _first(folder: Path, number: int, clock: Clock) -> tuple[str, bytes, Any, int]:
    postgres, valkey, place = _installed(folder)
    try:
        with place:
            place.control("seed", {"kind": "destination", "row": DESTINATION})
            place.product(SHOP)
            place.start("steps", "slow", "watchdog")
            names = [f"client{n:02}" for n in range(number)]
            clock.part("build up and deploy", lambda: _build_up(place, names))
            desk = place.shop.desk
            with desk.reading() as session:
                text = clock.part("export", lambda: exporting.text(session, desk.secrets))
                sealed = bundle.seal(session, desk.secrets, PASSPHRASE)
            return text, sealed, _state(place), number
    finally:
        valkey.remove()
        postgres.remove()


def _build_up(place: Installation, names: list[str]) -> str:
    for place_in_line, name in enumerate(names):
        place.tenant(name, "shop")
        place.shop.desk.do(lambda s, n=name, p=place_in_line: _decide(place, s, n, p))
    policy(place, names[0])
    return _deploy_all(place)


def _decide(place: Installation, session: Any, name: str, number: int) -> None:
    """Each tenant is a little different, as clients are."""
    tenant = tenants.find(session, name)
    store = place.shop.desk.secrets
    target = environments.place_of(tenant, "web")
    environments.set_value(session, ME, store, target, "COLOUR", f"colour {number}")
    environments.set_value(session, ME, store, target, "TOKEN", f"t-{number}", secret=True)
    if number % 3 == 0:
        wanted = Scale("web", 2, {"memory_mb": 512 + number})
        scaling.store(session, ME, tenant, wanted, Capabilities())


def _deploy_all(place: Installation) -> str:
    """All at once; the target's limit and its own queue say how many really are."""
    with place.shop.desk.reading() as session:
        names = list(session.scalars(select(Tenant.subdomain).order_by(Tenant.id)))
    for name in names:
        place.shop.desk.deploy(ME, name, wish=Wish())
    place.until(lambda: _ended(place) == len(names), seconds=LONGEST, pause=0.3)
    with place.shop.desk.reading() as session:
        good = session.scalar(
            select(func.count()).select_from(Deployment).where(Deployment.status == "succeeded")
        )
    if good != len(names):
        raise SystemExit(f"{len(names) - (good or 0)} deployments failed: {place.describe()}")
    return f"{good} deployments succeeded"


def _ended(place: Installation) -> int:
    with place.shop.desk.reading() as session:
        return int(
            session.scalar(
                select(func.count())
                .select_from(Deployment)
                .where(Deployment.status.in_(("succeeded", "failed", "cancelled")))
            )
            or 0
        )


def _second(folder: Path, text: str, sealed: bytes, clock: Clock) -> tuple[str, Any]:
    postgres, valkey, place = _installed(folder)
    try:
        with place:
            place.control("seed", {"kind": "destination", "row": DESTINATION})
            place.start("steps", "slow", "watchdog")
            clock.part("import", lambda: _import(place, text, sealed))
            clock.part("deploy all", lambda: _deploy_all(place))
            desk = place.shop.desk
            with desk.reading() as session:
                return exporting.text(session, desk.secrets), _state(place)
    finally:
        valkey.remove()
        postgres.remove()


def _import(place: Installation, text: str, sealed: bytes) -> str:
    desk = place.shop.desk
    document, opened = shapes.read(text), bundle.open_(sealed, PASSPHRASE)
    there = {d.id: d for d in place.shop.ports.target("main").destinations()}

    def act(session: Any) -> int:
        made = importing.run(
            session, ME, desk.secrets, document, there, secret_values=opened["env"]
        )
        bundle.restore(session, ME, desk.secrets, opened)
        return len(made)

    return f"{desk.do(act)} products and tenants"


def _state(place: Installation) -> dict[str, Any]:
    """What the stand-in holds, without what its server makes up: ids, suffixes and times."""
    world = place.world()
    names = {
        row["appName"]: row["name"] for kind in ("applications", "databases") for row in world[kind]
    }
    owner = {row["id"]: (row["environmentId"], row["name"]) for row in world["applications"]}
    projects = {row["environmentId"]: row["projectId"] for row in world["environments"]}
    title = {row["id"]: row["name"] for row in world["projects"]}

    def where(environment: str) -> str:
        return title[projects[environment]]

    return {
        "projects": sorted(title.values()),
        "services": sorted(
            (where(row["environmentId"]), row["name"], row["applicationStatus"])
            for kind in ("applications", "databases")
            for row in world[kind]
        ),
        "domains": sorted(
            (row["host"], where(owner[row["applicationId"]][0]), owner[row["applicationId"]][1])
            for row in world["domains"]
        ),
        "running": sorted(
            (
                row["name"].rpartition("-")[0],
                names[row["name"]],
                row["replicas"],
                row["running"],
                str(row.get("limits")),
                _image(row, names),
            )
            for row in world["services"]
        ),
    }


def _image(row: Any, names: dict[str, str]) -> str:
    image = str(row["image"])
    return "built" if image.partition(":")[0] in names else image


def _compare(text: str, before: Any, after: tuple[str, Any], number: int) -> int:
    exported, state = after
    differing = [part for part in before if before[part] != state[part]]
    same = exported == text
    print(f"{'export, import, export':34}{'the same bytes' if same else 'DIFFERENT':>14}")
    for part in before:
        words = "equal" if part not in differing else "DIFFERENT"
        print(f"{part:34}{len(before[part]):8} {words}")
    for part in differing:
        one, other = set(map(str, before[part])), set(map(str, state[part]))
        print(
            f"  {part}: only before {sorted(one - other)[:4]}, only after {sorted(other - one)[:4]}"
        )
    print(f"{'deployed in the drill':34}{number:8}")
    return 0 if same and not differing else 1


if __name__ == "__main__":
    sys.exit(main())
