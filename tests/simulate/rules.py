"""
The invariants that need the far side: what was sent, what stands there, and what we say of it.

The others are read from the history, see `monitor`. Each has a name, by which a run reports it.
"""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from tenantry.errors import Conflict
from tenantry.operations.wishes import Wish
from tests.simulate.far import Made, Send
from tests.simulate.monitor import DeploymentKnown
from tests.simulate.people import ADA
from tests.simulate.world import TENANTS, World

INVARIANTS = {
    "one of each": "no remote object, build or set-up stands twice for one marker",
    "sent by the holder": "a change is sent only under a claim that holds: none after an end",
    "ended": "nothing runs or waits under a deployment that has ended",
    "one active": "a tenant has at most one active deployment",
    "one job": "a step has at most one open job, and it says what the step says",
    "order": "a step begins after all before it are done, and alone",
    "fence": "only who holds a step settles it",
    "noticed": "what changes which steps are open shows in their deployment's row (ADR 0014)",
    "history": "every move is a legal one from where the row was, up to where it is",
    "log": "log lines are numbered without a gap, in the order of their commits",
    "success is real": "success means that every object exists, is recorded, and was built",
    "one mail": "each ended run is told once; more only by who died before its settle",
    "admission": "a target never has more in flight than its limit",
    "everything ends": "once faults stop, all ends and all can be resumed to success",
    "no crash": "no worker, watchdog or page breaks with an error of its own",
}
APPS = ("application", "database")


class Rules:
    """Listens to one world; `end` asks what can only be asked when all is over."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.sent_mails: list[tuple[str, int, str]] = []
        self.counted: Counter[str] = Counter()
        world.far.on_send = self.sending
        world.far.on_made = self.made
        world.monitor.on_success = self.succeeded

    # During a run

    def sending(self, send: Send) -> None:
        actor, world = send.actor, self.world
        if actor is None:
            return
        if send.method == "send":
            # At least once, so no instant is its last: whoever lost the claim may still tell.
            self.sent_mails.append((send.args[0].message_id, actor.step_id, actor.name))
            self.counted["mails of lost claims"] += not world.holds(actor)
        elif not send.frozen and not world.holds(actor):
            world.blame("sent by the holder", f"{actor.name} sends {send.method} without a claim")

    def made(self, made: Made, same: list[Made]) -> None:
        if sum(not m.frozen for m in same) > 1:
            ids = ", ".join(m.id for m in same)
            self.world.blame("one of each", f"{made.kind} {made.key} stands there as {ids}")

    def succeeded(self, deployment: DeploymentKnown) -> None:
        """What a success says is there, is there."""
        world, target = self.world, self.world.twins.target
        project, marker = world.store.query(
            f"SELECT dokploy_project_id, external_ref FROM tenant WHERE id = {deployment.tenant}"
        )[0]
        found = target.project_rows.get(project)
        if found is None or marker not in found.description.split():
            self._unreal(deployment, f"its project {project} is not there")
        rows = world.store.query(
            "SELECT name, external_ref, app_id, db_id, domain_id, service_type FROM tenant_service"
            f" WHERE tenant_id = {deployment.tenant}"
        )
        for name, ref, app_id, db_id, domain_id, kind in rows:
            row = target.apps.get(app_id or db_id)
            if row is None or ref not in row.seen.description.split():
                self._unreal(deployment, f"{name} is recorded as {app_id or db_id}, not there")
            elif app_id and not self._built(deployment, row):
                self._unreal(deployment, f"{name} was not built")
            if kind in {"frontend", "backend"} and domain_id not in target.domain_rows:
                self._unreal(deployment, f"the domain {domain_id} of {name} is not there")

    def _built(self, deployment: DeploymentKnown, row: Any) -> bool:
        """Whether a build of this deployment is done; staff may have wanted only what failed."""
        if any(step.gates and step.status == "skipped" for step in deployment.steps):
            return True
        public_id = self.world.public_id(deployment.id)
        return any(b.status == "done" and public_id in b.title for b in row.history)

    def _unreal(self, deployment: DeploymentKnown, words: str) -> None:
        self.world.blame("success is real", f"deployment {deployment.id}: {words}")

    # When all is over

    def end(self) -> None:
        self._rows()
        self._logs()
        self._mails()
        self._set_ups()

    def _rows(self) -> None:
        world, monitor = self.world, self.world.monitor
        known: dict[str, dict[int, str]] = {
            "deployment": {d.id: d.status for d in monitor.deployments.values()},
            "deployment_step": {s.id: s.status for s in monitor.steps.values()},
            "job_record": {number: status for number, (_, status) in monitor.jobs.items()},
        }
        for table, by_history in known.items():
            rows = dict(world.store.query(f"SELECT id, status FROM {table}"))
            if rows != by_history:
                odd = {i: s for i, s in rows.items() if by_history.get(i) != s}
                world.blame("history", f"{table}: rows say {odd}, their history does not")

    def _logs(self) -> None:
        seen: Counter[int] = Counter()
        for number, seq in self.world.store.query(
            "SELECT deployment_id, seq FROM log_entry ORDER BY id"
        ):
            seen[number] += 1
            if seq != seen[number]:
                self.world.blame(
                    "log", f"line {seq} of deployment {number} comes as {seen[number]}"
                )

    def _mails(self) -> None:
        """The last end of each deployment is told by one settled mail; no other is told twice."""
        world = self.world
        settled = Counter(
            message_id
            for message_id, step_id, owner in self.sent_mails
            if (step := world.monitor.steps[step_id]).owner == owner and step.status == "success"
        )
        for message_id, number in settled.items():
            if number > 1:
                world.blame("one mail", f"{message_id} was sent and settled {number} times")
        for deployment in world.monitor.deployments.values():
            started = world.store.query(
                f"SELECT started_at FROM deployment WHERE id = {deployment.id}"
            )[0][0]
            words = f".{deployment.epoch}.{deployment.status}@tenantry>"
            name = f"<{world.public_id(deployment.id)}{words}"
            if settled[name] != int(started is not None):
                world.blame("one mail", f"{name} was settled {settled[name]} times")

    def _set_ups(self) -> None:
        keys = Counter(a.url for a in self.world.twins.web.seen if a.body)
        pairs = {(a.url, a.headers["Idempotency-Key"]) for a in self.world.twins.web.seen if a.body}
        for url, number in Counter(url for url, _ in pairs).items():
            if number > 1:
                self.world.blame("one of each", f"{url} was set up under {number} of {keys[url]}")

    def reconciled(self, calm: Callable[[], bool]) -> None:
        """What frozen senders have left twice is found; nothing else is, and nothing dangles."""
        world = self.world
        doubles = world.far.doubles()
        self.counted["builds doubled by frozen senders"] += sum(
            d[0].kind == "build" for d in doubles
        )
        left = {m.id: d for d in doubles for m in d if m.kind in {"project", *APPS}}
        for (tenant_id,) in world.store.query("SELECT id FROM tenant ORDER BY id"):
            for finding in world.reconciler().tenant(tenant_id):
                world.say(f"reconciler: {finding}")
                if finding.id not in left:
                    world.blame("success is real", f"the reconciler finds: {finding}")
                    continue
                self.counted["doubles left for the reconciler"] += 1
                for made in left[finding.id]:
                    left.pop(made.id, None)
        for made in left.values():
            world.blame("one of each", f"{made[0].kind} {made[0].key} is doubled, and not found")
        if any(d[0].kind == "domain" for d in doubles):
            self._domains(calm)

    def _domains(self, calm: Callable[[], bool]) -> None:
        """A second domain object is taken away by the next deployment's own look."""
        world = self.world
        for number in range(len(TENANTS)):
            with suppress(Conflict):
                world.desk.deploy(ADA, f"t{number}", wish=Wish(force=True))
        self.counted["doubled domains left for the next deployment"] += 1
        if calm() and any(d[0].kind == "domain" for d in world.far.doubles()):
            world.blame("one of each", "a doubled domain outlives a deployment")
