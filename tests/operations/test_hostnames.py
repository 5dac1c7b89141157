"""Additional hostnames: reserved at once, used only when proven, free only when off the target."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tenantry.errors import Conflict, Invalid, NotFound
from tenantry.models import Tenant, TenantDomain
from tenantry.operations import hostnames, rollbacks, tenants
from tenantry.operations.hostnames import Proof
from tenantry.operations.wishes import Wish
from tenantry.planning.actions import TEARDOWN
from tenantry.ports import TextAnswer
from tests.operations.ledger import audit, refused
from tests.stage import FRONTEND, ME, PRODUCT, Stage

HOST = "www.client.org"


@pytest.fixture
def ready(stage: Stage) -> Stage:
    return stage.ready()


def at(stage: Stage, act: Callable[[Session, Tenant], Any], name: str = "acme") -> Any:
    return stage.desk.do(lambda session: act(session, tenants.find(session, name)))


def add(stage: Stage, host: str = HOST, service: str = "frontend", **how: Any) -> None:
    name = how.pop("tenant", "acme")
    at(stage, lambda s, t: hostnames.add(s, ME, t, service, host, **how), name)


def prove(stage: Stage, host: str = HOST) -> None:
    row = domain(stage, host)
    stage.twins.resolver.records[f"_tenantry.{host}"] = ("v=spf1 -all", row.proof)
    stage.desk.verify_hostname(ME, "acme", host)


def domain(stage: Stage, host: str = HOST) -> Any:
    with stage.desk.reading() as session:
        wanted = select(TenantDomain).where(TenantDomain.hostname == host)
        return session.scalars(wanted.order_by(TenantDomain.id.desc())).first()


def states(stage: Stage) -> dict[str, str]:
    found = at(stage, hostnames.listed)
    return {one.hostname: one.state for one in found if one.state != "given"}


def done(stage: Stage) -> None:
    stage.desk.deploy(ME, "acme")
    stage.finish()
    assert stage.deployment().status == "succeeded", stage.deployment().summary


def routed(stage: Stage) -> set[str]:
    return {seen.host for _, seen in stage.twins.target.domain_rows.values()}


def test_from_added_to_routed_to_free(ready: Stage) -> None:
    ready.deploy()
    ready.finish()
    add(ready, redirect=True)
    assert states(ready) == {HOST: "unproven"}
    assert ready.desk.preview(ME, "acme").nothing, "what is not proven is not used"
    prove(ready)
    assert states(ready) == {HOST: "proven"}
    assert ready.desk.preview(ME, "acme").differing == {"frontend": ("domains",)}
    done(ready)
    assert states(ready) == {HOST: "routed"}
    assert HOST in routed(ready)
    row = domain(ready)
    assert (row.domain_id is not None, row.issued_at is not None) == (True, True)
    assert len(ready.twins.target.app("frontend").redirects) == 1
    assert ready.desk.preview(ME, "acme").nothing
    assert at(ready, lambda s, t: hostnames.remove(s, ME, t, HOST)) is False
    assert states(ready) == {HOST: "leaving"}
    with pytest.raises(Conflict, match="reserved already"):
        add(ready)
    done(ready)
    assert (states(ready), HOST in routed(ready)) == ({}, False)
    assert domain(ready).deleted_at is not None
    assert ready.twins.target.app("frontend").redirects == []
    assert ready.desk.preview(ME, "acme").nothing
    add(ready)
    actions = [row.action for row in audit(ready) if row.action.startswith("hostname")]
    assert actions == [
        "hostname.add",
        "hostname.verify",
        "hostname.remove",
        "hostname.add",
    ]


def test_it_comes_with_the_first_deployment_too(ready: Stage) -> None:
    add(ready)
    prove(ready)
    ready.deploy()
    ready.finish()
    assert states(ready) == {HOST: "routed"}
    assert ready.desk.preview(ME, "acme").nothing


def test_what_was_never_used_is_free_at_once(ready: Stage) -> None:
    add(ready)
    prove(ready)
    assert at(ready, lambda s, t: hostnames.remove(s, ME, t, HOST)) is True
    add(ready)


def test_what_a_failed_deployment_may_have_routed_is_not_free(ready: Stage) -> None:
    add(ready)
    prove(ready)
    ready.deploy()
    ready.desk.cancel(ME, str(ready.deployment().public_id))
    assert at(ready, lambda s, t: hostnames.remove(s, ME, t, HOST)) is False
    ready.deploy()
    ready.finish()
    assert states(ready) == {}


def test_a_redirect_is_switched_on_and_off(ready: Stage) -> None:
    add(ready)
    prove(ready)
    ready.deploy()
    ready.finish()
    app = ready.twins.target.app("frontend")
    for on in (True, False):
        at(ready, lambda s, t, on=on: hostnames.redirect(s, ME, t, HOST, on=on))
        done(ready)
        assert len(app.redirects) == int(on)
    assert ready.desk.preview(ME, "acme").nothing


def test_a_hostname_belongs_to_one_tenant_whatever_its_letters(ready: Stage) -> None:
    ready.tenant("other")
    add(ready)
    refused(ready, lambda: add(ready, HOST.upper(), tenant="other"), Conflict)
    at(ready, lambda s, t: hostnames.remove(s, ME, t, HOST))
    add(ready, HOST.upper(), tenant="other")


@pytest.mark.parametrize(
    ("service", "host", "kind"),
    [
        ("frontend", "https://client.org", Invalid),
        ("frontend", "*.client.org", Invalid),
        ("frontend", "delivery.example.com", Invalid),
        ("frontend", "evil.delivery.example.com", Invalid),
        ("frontend", "acme.delivery.example.com", Invalid),
        ("nothing", "client.org", NotFound),
        ("db", "client.org", Invalid),
    ],
)
def test_bad_ones_are_refused(ready: Stage, service: str, host: str, kind: Any) -> None:
    refused(ready, lambda: add(ready, host, service), kind)


def test_twenty_are_enough(ready: Stage) -> None:
    for number in range(20):
        add(ready, f"h{number}.client.org")
    refused(ready, lambda: add(ready, "one-more.client.org"), Conflict)


STACK = {"name": "web", "service_type": "frontend", "compose_service": "web"}
STACK["compose_file"] = "services:\n  web:\n    image: acme/web:1.0\n"


def test_a_stack_has_no_redirects(stage: Stage) -> None:
    stage.ready({**PRODUCT, "db_required": False, "secrets": [], "services": [STACK]})
    refused(stage, lambda: add(stage, service="web", redirect=True), Invalid)
    add(stage, service="web")
    refused(
        stage, lambda: at(stage, lambda s, t: hostnames.redirect(s, ME, t, HOST, on=True)), Invalid
    )


def test_proof_is_a_record_that_every_resolver_knows(ready: Stage) -> None:
    add(ready)
    row = domain(ready)
    with pytest.raises(Conflict, match=r"has no TXT record tenantry-verify=.*NXDOMAIN"):
        ready.desk.verify_hostname(ME, "acme", HOST)
    ready.twins.resolver.records[f"_tenantry.{HOST}"] = ("tenantry-verify=somebody-elses",)
    with pytest.raises(Conflict, match="but not tenantry-verify="):
        ready.desk.verify_hostname(ME, "acme", HOST)
    proof = Proof(f"_tenantry.{HOST}", row.proof)
    cases = {
        "not known to every resolver": [
            TextAnswer("a", (row.proof,)),
            TextAnswer("b", (), "NXDOMAIN: the name does not exist"),
        ],
        "no answer within": [TextAnswer("a", (), "no answer within 3 s")],
        "no resolver is configured": [],
    }
    for words, answers in cases.items():
        with pytest.raises(Conflict, match=words):
            at(ready, lambda s, t, a=answers: hostnames.verify(s, ME, t, HOST, proof, a))
    assert states(ready) == {HOST: "unproven"}
    # One that is silent says nothing against it.
    silent = [TextAnswer("a", (f" {row.proof} ",)), TextAnswer("b", (), "no answer within 3 s")]
    at(ready, lambda s, t: hostnames.verify(s, ME, t, HOST, proof, silent))
    assert states(ready) == {HOST: "proven"}


def test_the_proof_of_an_earlier_owner_is_worth_nothing(ready: Stage) -> None:
    add(ready)
    old = domain(ready).proof
    at(ready, lambda s, t: hostnames.remove(s, ME, t, HOST))
    add(ready)
    assert domain(ready).proof != old
    proof = Proof(f"_tenantry.{HOST}", old)
    with pytest.raises(Conflict, match="another proof"):
        at(ready, lambda s, t: hostnames.verify(s, ME, t, HOST, proof, [TextAnswer("a", (old,))]))


def test_what_is_not_there_is_said(ready: Stage) -> None:
    for act in (
        lambda s, t: hostnames.remove(s, ME, t, HOST),
        lambda s, t: hostnames.redirect(s, ME, t, HOST, on=True),
        # The tenant's own hostname is no additional one.
        lambda s, t: hostnames.remove(s, ME, t, "acme.delivery.example.com"),
    ):
        refused(ready, lambda act=act: at(ready, act), NotFound)
    with pytest.raises(NotFound):
        ready.desk.verify_hostname(ME, "acme", HOST)


def test_a_list_says_what_the_owner_has_to_do(ready: Stage) -> None:
    add(ready)
    found = {one.hostname: one for one in at(ready, hostnames.listed)}
    assert found["acme.delivery.example.com"].state == "given"
    proof = found[HOST].proof
    assert proof is not None
    assert (proof.name, proof.value) == (f"_tenantry.{HOST}", domain(ready).proof)
    assert found[HOST].service == FRONTEND["name"]


def test_a_rollback_does_not_bring_back_a_hostname_that_was_taken_back(ready: Stage) -> None:
    add(ready)
    prove(ready)
    ready.deploy()
    ready.finish()
    first = str(ready.deployment().public_id)
    at(ready, lambda s, t: hostnames.remove(s, ME, t, HOST))
    ready.product(PRODUCT | {"default_env": {"NEW": "1"}})
    done(ready)
    assert HOST not in routed(ready)
    ready.tenant("other")
    add(ready, tenant="other")
    with ready.desk.reading() as session:
        back = rollbacks.prepare(session, tenants.find(session, "acme"), first)
    ready.desk.deploy(ME, "acme", wish=back.wish)
    ready.finish()
    assert ready.deployment().status == "succeeded"
    assert HOST not in routed(ready)


def test_a_teardown_takes_them_along(ready: Stage) -> None:
    add(ready)
    prove(ready)
    ready.deploy()
    ready.finish()
    ready.desk.deploy(ME, "acme", wish=Wish(action=TEARDOWN))
    ready.finish()
    assert routed(ready) == set()
    assert domain(ready).deleted_at is not None
