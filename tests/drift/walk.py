"""
`make drift`: a clean fleet shows nothing, and each kind of planted drift is found and attributed.

The product's own look for drift runs against the stand-in server over HTTP. Calls are counted by
the stand-in and compared with one for each project, service and database. Exit code 1 on any miss.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from tenantry.models import DriftFinding, Tenant
from tenantry.operations import backups, templates
from tests.drift.fleet import PRODUCT, Fleet, Member
from tests.drift.plants import PLANTS, Plant
from tests.installation import ME, Installation, servers

BUCKET = {
    "destinationId": "dst-drift",
    "name": "store",
    "provider": None,
    "accessKey": "key-of-the-store",
    "secretAccessKey": "secret-of-the-store",
    "bucket": "store",
    "region": "eu",
    "endpoint": "https://s3.example.com",
    "additionalFlags": [],
}
SECOND = PRODUCT | {
    "name": "Second",
    "slug": "second",
    "base_domain": "second.demo.test",
    "db_required": False,
    "services": [{"name": "web", "service_type": "frontend", "image": "nginx:1.27"}],
}
FLEET_CALLS = 2


class Walk:
    """One fleet, looked at twice."""

    def __init__(self, place: Installation, number: int) -> None:
        self.place = place
        self.number = number
        self.fleet = Fleet(place)
        self.missed = 0

    def run(self) -> int:
        """Prints the tables; 1 where anything was missed."""
        members, second = self._seed()
        self._clean(members, second)
        self._planted(members, second)
        return 1 if self.missed else 0

    def _seed(self) -> tuple[list[Member], list[Member]]:
        began = time.monotonic()
        self.place.control("seed", {"kind": "destination", "row": BUCKET})
        self._policy()
        members = self.fleet.grow(self.number - 1)
        # Of another product, so that a newer release of it touches no other tenant.
        second = Fleet(self.place, SECOND).grow(1)
        say("tenants", f"{self.number} in {time.monotonic() - began:.1f} s")
        return members, second

    def _policy(self) -> None:
        self.place.product(PRODUCT)
        there = {d.id: d for d in self.fleet.target.destinations()}
        wanted = {"destination": "store", "schedule": "daily"}

        def act(session: Any) -> None:
            product = templates.find(session, PRODUCT["slug"])
            backups.set_policy(session, ME, product, wanted, there)

        self.place.shop.desk.do(act)

    def _clean(self, members: list[Member], second: list[Member]) -> None:
        expected = sum(1 + len(m.services) for m in (*members, *second)) + FLEET_CALLS
        open_now, calls, seconds = self._look()
        say("clean: findings", f"{open_now} (0 wanted)")
        say("clean: calls", f"{calls} ({expected}: projects, services, databases, {FLEET_CALLS})")
        say("clean: seconds", f"{seconds:.1f}, {seconds / self.number * 1000:.0f} ms a tenant")
        self.missed += (open_now != 0) + (calls != expected)
        if open_now:
            for row in self._findings():
                print("   ", row)

    def _look(self) -> tuple[int, int, float]:
        before, began = self._calls(), time.monotonic()
        open_now = self.place.shop.auditor.everything()
        return open_now, self._calls() - before, time.monotonic() - began

    def _calls(self) -> int:
        return int(self.place.world()["api_calls"])

    # Planted

    def _planted(self, members: list[Member], second: list[Member]) -> None:
        for plant, member in zip(PLANTS, members, strict=False):
            plant.hand(self.fleet, member)
        self._newer(second[0])
        foreign = self._foreign(members[-1])
        _, _, seconds = self._look()
        found = self._findings()
        print(f"\n{'planted':22}{'thing':38}{'field':26}{'moved by':9}")
        for plant, member in zip(PLANTS, members, strict=False):
            self._judge(plant, member.subdomain, found.pop(member.subdomain, []), member)
        newer = Plant("newer product", lambda *_: None, "web", "product: source", "product")
        self._judge(newer, second[0].subdomain, found.pop(second[0].subdomain, []), second[0])
        for thing, field in foreign:
            plant = Plant(f"project {field}", lambda *_: None, thing, field)
            mine = [row for row in found.get("", []) if row[1] == field]
            self._judge(plant, "", mine, members[0])
        found.pop("", None)
        say("\nkinds", f"{len(PLANTS) + 1 + len(foreign)} in {seconds:.1f} s")
        say("findings elsewhere", f"{sum(map(len, found.values()))} (0 wanted)")
        say("missed", str(self.missed + len(found)))
        self.missed += len(found)

    def _newer(self, _member: Member) -> None:
        services = [{**SECOND["services"][0], "image": "nginx:1.28"}]
        self.place.product(SECOND | {"services": services})

    def _foreign(self, of: Member) -> list[tuple[str, str]]:
        """A project of nobody, and one that bears the name of a tenant's."""
        for name in ("somebody else's", of.blueprint.project_name):
            self.place.control("drift", {"kind": "project", "add": {"name": name}})
        return [("project somebody", "extra"), (f"project {of.blueprint.project_name}", "doubled")]

    def _judge(
        self, plant: Plant, subdomain: str, found: list[tuple[str, str, str]], member: Member
    ) -> None:
        host = member.facts["web"].get("domain", "")
        thing = plant.thing.format(host=host)
        good = (
            len(found) == 1
            and found[0][0].startswith(thing)
            and found[0][1:] == (plant.field, plant.mover)
        )
        self.missed += not good
        shown = found[0] if found else ("–", "–", "–")
        mark = "" if good else f"  MISSED on {subdomain or 'the target'}: {found}"
        print(f"{plant.kind:22}{shown[0][:36]:38}{shown[1][:24]:26}{shown[2]:9}{mark}")

    def _findings(self) -> dict[str, list[tuple[str, str, str]]]:
        rows = defaultdict(list)
        with self.place.shop.desk.reading() as session:
            for row in session.execute(
                select(
                    func.coalesce(Tenant.subdomain, "").label("subdomain"),
                    DriftFinding.thing,
                    DriftFinding.field,
                    DriftFinding.mover,
                )
                .outerjoin(Tenant, Tenant.id == DriftFinding.tenant_id)
                .where(DriftFinding.state == "open")
            ):
                rows[row.subdomain].append((row.thing, row.field, row.mover))
        return dict(rows)


def say(what: str, words: str) -> None:
    """One line of the table."""
    print(f"{what:22}{words}", flush=True)


def main() -> int:
    """0 where everything was found and nothing else was."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tenants", type=int, default=300)
    number = max(parser.parse_args().tenants, len(PLANTS) + 3)
    base = Path(tempfile.mkdtemp(prefix="drift-"))
    postgres, valkey = servers(base)
    try:
        with Installation(base / "place", postgres.url(), valkey.url()) as place:
            return Walk(place, number).run()
    finally:
        valkey.remove()
        postgres.remove()
        shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
