"""
What may be done to many tenants at once: named on a page first, then done to each by itself.

Whatever is refused for one tenant holds up no other, and each is told.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import render_template, request
from flask.typing import ResponseReturnValue

from tenantry.errors import Invalid, NotFound, NothingToDo, TenantryError
from tenantry.models import Tenant
from tenantry.operations import backups
from tenantry.operations.deployments import need_reason
from tenantry.operations.desk import MakeWish
from tenantry.operations.wishes import Wish
from tenantry.planning import actions
from tenantry.web.database import let_go, reading
from tenantry.web.deeds import checked_key, deeds, tenants_at
from tenantry.web.door import desk
from tenantry.web.life.deeds import BY_NAME, Deed
from tenantry.web.security import actor
from tenantry.web.tenant.rows import active_of


@dataclass(frozen=True, slots=True)
class Many:
    """
    One deed for many: `title` holds {} for how many tenants, `says` what it means, `each` what
    becomes of one tenant. `asks` says that a reason is needed.
    """

    name: str
    title: str
    says: str
    each: Callable[[Tenant], str]
    wish: Callable[[str, bool], Wish | MakeWish]
    asks: bool = False
    kind: str = ""

    @property
    def deed(self) -> Deed:
        """The same for one tenant."""
        return BY_NAME[self.name]


def _rolled(tenant: Tenant) -> str:
    if tenant.completed_at:
        return "What differs, if anything; it keeps its data"
    return "Set up from nothing"


def _suspend(reason: str, with_database: bool) -> Wish:  # noqa: FBT001 — a wish's shape
    return Wish(action=actions.SUSPEND, why=need_reason(reason), with_database=with_database)


MANY = (
    Many(
        "deploy",
        "Deploy {}",
        "Each gets a deployment of its own against its product as it stands now.",
        _rolled,
        lambda _reason, _with: Wish(),
    ),
    Many(
        "rebuild",
        "Rebuild {}",
        "Takes every step of each, also where nothing differs. Data stays.",
        lambda _tenant: "Every step again; it keeps its data",
        lambda _reason, _with: Wish(force=True),
    ),
    Many(
        "backup",
        "Back up {}",
        "Backs up the database and volumes of each. It counts only when its file was seen.",
        lambda _tenant: "A backup to where its policy says",
        lambda reason, _with: lambda session, tenant: backups.now(session, tenant, reason),
    ),
    Many(
        "suspend",
        "Suspend {}",
        "Their addresses stop answering and their containers stop. Data stays; waking brings it "
        "back.",
        lambda _tenant: "Its addresses stop answering; data stays",
        _suspend,
        asks=True,
        kind="danger",
    ),
    Many(
        "wake",
        "Wake up {}",
        "Starts each again with the replicas that it had.",
        lambda _tenant: "It starts again and answers",
        lambda _reason, _with: Wish(action=actions.UNSUSPEND),
    ),
)
BY = {many.name: many for many in MANY}


@dataclass(frozen=True, slots=True)
class Ahead:
    """One tenant on the page before: what would happen, or why nothing does."""

    tenant: Tenant
    fits: bool
    words: str
    busy: UUID | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """One tenant afterwards; `tone` is good, info or bad."""

    name: str
    words: str
    tone: str
    deployment: str | None = None


def many_of(name: str) -> Many:
    """NotFound for an unknown one."""
    if name not in BY:
        raise NotFound("There is no such action for many tenants")
    return BY[name]


def ahead(many: Many, tenants: Iterable[Tenant], active: dict[int, Any]) -> list[Ahead]:
    """What would become of each; the operation judges again."""
    found = []
    for tenant in tenants:
        busy = active.get(tenant.id)
        if busy is not None:
            words = f"Nothing: a deployment is {busy.status}"
            found.append(Ahead(tenant, fits=False, words=words, busy=busy.public_id))
        elif not many.deed.offered(tenant):
            state = "leaving" if tenant.teardown_at else tenant.status.replace("_", " ")
            found.append(Ahead(tenant, fits=False, words=f"Nothing: it is {state}"))
        else:
            found.append(Ahead(tenant, fits=True, words=many.each(tenant)))
    return found


def asked(many: Many, tenants: Iterable[Tenant], wrong: str = "") -> ResponseReturnValue:
    """The page that names each tenant and what would become of it; nothing starts yet."""
    chosen = list(tenants)
    rows = ahead(many, chosen, active_of(reading(), [tenant.id for tenant in chosen]))
    typed = {name: request.form.get(name, "") for name in ("reason", "database")}
    facts = {"many": many, "rows": rows, "typed": typed, "wrong": wrong}
    return render_template("tenants_many.html", **facts), 400 if wrong else 200


@deeds.post("/tenants/many/<name>")
def do_many(name: str) -> ResponseReturnValue:
    """Does it to each tenant that the page named; each answer stands beside its name."""
    many, who, tenants = many_of(name), actor(), tenants_at()
    try:
        wish = many.wish(request.form.get("reason", ""), request.form.get("database") == "1")
    except Invalid as trouble:
        return asked(many, tenants, trouble.rule)
    wanted = [
        (tenant.subdomain, tenant.name, request.form.get(f"key-{tenant.public_id}", ""))
        for tenant in tenants
    ]
    let_go()
    outcomes = []
    for subdomain, title, key in wanted:
        try:
            made = desk().deploy(who, subdomain, wish=wish, request_key=checked_key(key))
            outcomes.append(Outcome(title, "Under way", "good", made))
        except NothingToDo:
            outcomes.append(Outcome(title, "Nothing to do: nothing differs", "info"))
        except TenantryError as trouble:
            outcomes.append(Outcome(title, str(trouble).rstrip("."), "bad"))
    return render_template("tenants_done.html", many=many, outcomes=outcomes)
