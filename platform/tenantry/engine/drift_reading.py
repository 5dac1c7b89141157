"""Both sides of a comparison for one tenant: ours from its rows, theirs from its target."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tenantry.engine.drift_facts import Facts, kept_of
from tenantry.planning import backups as rules
from tenantry.planning import drift, recorded, recorded_databases
from tenantry.planning.blueprint import BackupPlan, Blueprint
from tenantry.planning.databases import DATABASE_KINDS
from tenantry.planning.drift import THE_PROJECT, Difference, Thing
from tenantry.planning.recorded import Chosen, Kept
from tenantry.planning.sources import DatabaseKind
from tenantry.ports import ProjectSeen, Target
from tenantry.steps import shown

PREFIX = rules.PREFIXES[rules.NIGHTLY]


@dataclass(frozen=True, slots=True)
class Reading:
    """
    One tenant and its target. Raises what the target raises; nothing is open meanwhile.

    `blueprints` are all that may have been applied; `thorough` asks every application for its
    schedules, which costs one call each.
    """

    facts: Facts
    target: Target
    blueprints: Sequence[Blueprint]
    thorough: bool = False

    def differences(self) -> list[Difference]:
        """What somebody moved on the target."""
        project = self.target.project(self.facts.tenant.dokploy_project_id)
        ours = self.ours()
        if project is None:
            # One sentence says it: all that was in it is gone with it, or runs on unseen.
            return [
                Difference(THE_PROJECT, drift.MISSING, project_words(self.facts), drift.NOTHING)
            ]
        theirs = self._theirs(project)
        found = drift.compare(ours, self._settled(ours, theirs), self._attempts())
        return found + self._extras(project)

    def ours(self) -> dict[str, Thing]:
        """What was rolled out."""
        found = recorded.project(self.facts.tenant.external_ref)
        for row in self._created():
            kept = kept_of(row)
            if row.service_type == "db":
                found |= self._our_database(kept)
            else:
                what = recorded.chosen(kept, self.blueprints)
                found |= recorded.service(kept, what, suspended=self.facts.suspended)
        return found

    def unexplained(self) -> bool:
        """Whether some part was rolled out by a deployment that is not among the blueprints."""
        for row in self._created():
            kept = kept_of(row)
            parts = {k for k, v in kept.applied.items() if isinstance(v, str)}
            found: set[str] = set(recorded.chosen(kept, self.blueprints).parts)
            if row.service_type != "db" and parts - found:
                return True
        return False

    def _created(self) -> list[Any]:
        return [row for row in self.facts.services if row.app_id or row.compose_id or row.db_id]

    def _our_database(
        self,
        kept: Kept,
        blueprints: Sequence[Blueprint] | None = None,
        plan: BackupPlan | None = None,
    ) -> dict[str, Thing]:
        return recorded_databases.database(
            kept,
            self.blueprints if blueprints is None else blueprints,
            plan or self.facts.nightly,
            suspended=self.facts.suspended,
        )

    def _attempts(self) -> Iterator[dict[str, Thing]]:
        for attempt in self.facts.attempts:
            found: dict[str, Thing] = {}
            for row in self._created():
                kept, spec = kept_of(row), attempt.blueprint.service(row.name)
                if spec is not None:
                    what: Chosen = recorded.everything(attempt.blueprint, spec)
                    found |= recorded.service(kept, what, suspended=attempt.suspended)
                elif attempt.blueprint.database and row.service_type == "db":
                    kept = replace(kept, applied=recorded_databases.applied(attempt.blueprint))
                    found |= self._our_database(kept, [attempt.blueprint], attempt.blueprint.backup)
            yield found

    # What the target shows

    def _theirs(self, project: ProjectSeen) -> dict[str, Thing]:
        marker = self.facts.tenant.external_ref
        found = {THE_PROJECT: Thing({"marker": shown.marker_words(marker, project.description)})}
        there = {seen.id: seen.kind for seen in project.services}
        for row in self._created():
            kept = kept_of(row)
            if kept.object_id in there:
                found |= self._service(row, kept, there[kept.object_id])
        return found

    def _service(self, row: Any, kept: Kept, kind: str) -> dict[str, Thing]:
        marker, key = self.facts.tenant.external_ref, kept.object_id or ""
        native: DatabaseKind | None = next((k for k in DATABASE_KINDS if k == kind), None)
        if native is not None:
            database = self.target.database_in_full(native, key)
            return shown.database(kept, database, PREFIX) if database else {}
        if row.compose_id:
            stack = self.target.compose(key)
            return shown.stack(kept, stack, marker) if stack else {}
        seen = self.target.application(key)
        if seen is None:
            return {}
        found = shown.application(kept, seen, marker, self._aliases(kept))
        if self._asks_for_schedules(row, kept):
            schedules = self.target.schedules_of(key)
            found |= shown.schedules(kept, schedules, suspended=self.facts.suspended)
        return found

    def _aliases(self, kept: Kept) -> list[str]:
        specs = [spec for b in self.blueprints if (spec := b.service(kept.name))]
        return sorted({alias.hostname for spec in specs for alias in spec.aliases})

    def _asks_for_schedules(self, row: Any, kept: Kept) -> bool:
        known = bool(kept.schedules or kept.paused) or row.id in self.facts.with_schedules
        return self.thorough or known or row.service_type == "cron"

    def _settled(self, ours: dict[str, Thing], theirs: dict[str, Thing]) -> dict[str, Thing]:
        """
        Theirs, where "stopped" was looked at twice.

        A target calls an application idle also when only its source was saved; its containers
        tell. An engine that does not answer tells nothing.
        """
        found = dict(theirs)
        for row in self._created():
            thing, seen = ours.get(row.name), theirs.get(row.name)
            if thing is None or seen is None or thing.fields.get("state") != "running":
                continue
            if seen.fields.get("state") == "stopped" and not self._is_down(row):
                found[row.name] = replace(seen, fields={**seen.fields, "state": "running"})
        return found

    def _is_down(self, row: Any) -> bool:
        server = self.facts.tenant.server_id
        ask = self.target.compose_containers if row.compose_id else self.target.containers
        live = [c for c in ask(row.app_name or "", server) if c.wanted == "running"]
        return not live and bool(self.target.nodes(server))

    def _extras(self, project: ProjectSeen) -> list[Difference]:
        known = {
            key
            for row in self.facts.services
            for key in (row.app_id, row.compose_id, row.db_id)
            if key
        }
        markers = {row.external_ref for row in self.facts.services}
        listed = [(s.kind, s.id, s.name, s.description) for s in project.services]
        return drift.extras(listed, known, markers)


def project_words(facts: Facts) -> str:
    """The tenant's project for people."""
    return f"{facts.tenant.dokploy_project_id}"
