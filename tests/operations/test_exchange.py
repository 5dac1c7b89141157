"""Export and import: what comes out leads back to the same, and nothing secret comes out."""

from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from tenantry.errors import Conflict, Invalid
from tenantry.models import Base, Tenant, TenantService
from tenantry.operations import backups, environments, scaling, tenants
from tenantry.operations.exchange import bundle, exporting, importing, shapes
from tenantry.operations.scaling import Scale
from tenantry.planning.limits import Capabilities
from tenantry.ports import DestinationSeen
from tests.stage import ME, PRODUCT, Stage

S3 = {"dst-1": DestinationSeen("dst-1", "store", "bucket")}
SENTINEL = "hunter2-sentinel-of-a-secret"


def exported(stage: Stage) -> str:
    with stage.desk.reading() as session:
        return exporting.text(session, stage.desk.secrets)


def imported(stage: Stage, text: str, **more: Any) -> list[importing.Change]:
    document = shapes.read(text)
    return stage.desk.do(lambda s: importing.run(s, ME, stage.desk.secrets, document, S3, **more))


def furnished(stage: Stage) -> Stage:
    """A tenant with something of everything that staff can decide."""
    stage.ready()

    def act(session: Any) -> None:
        tenant = tenants.find(session, "acme")
        store = stage.desk.secrets
        place = environments.place_of(tenant)
        environments.set_value(session, ME, store, place, "COLOUR", "green # not a comment")
        environments.set_value(session, ME, store, place, "API_TOKEN", SENTINEL, secret=True)
        service = environments.place_of(tenant, "backend")
        environments.set_value(session, ME, store, service, "MODE", "quiet")
        wanted = Scale("frontend", 3, {"memory_mb": 512, "cpu_cores": 0.5})
        scaling.store(session, ME, tenant, wanted, Capabilities())
        backups.set_policy(session, ME, tenant, {"destination": "store"}, S3)

    stage.desk.do(act)
    return stage


def emptied(stage: Stage) -> None:
    """As on another machine: nothing but the tables."""
    with stage.engine.begin() as conn:
        for table in reversed(Base.metadata.sorted_tables):
            if table.name not in {"target", "user", "role"}:
                conn.execute(delete(table))


def test_what_comes_out_leads_back_to_the_same_bytes(stage: Stage) -> None:
    furnished(stage)
    with stage.desk.reading() as session:
        sealed = bundle.seal(session, stage.desk.secrets, "a long passphrase")
    first = exported(stage)
    emptied(stage)
    opened = bundle.open_(sealed, "a long passphrase")
    changes = imported(stage, first, secret_values=opened["env"])
    assert [(c.kind, c.deed) for c in changes] == [("product", "create"), ("tenant", "create")]
    stage.desk.do(lambda s: bundle.restore(s, ME, stage.desk.secrets, opened))
    assert exported(stage) == first
    # And once more changes nothing.
    assert {c.deed for c in imported(stage, first)} == {"same"}


def test_the_names_of_the_seed_stand_in_it_and_no_secret(stage: Stage) -> None:
    furnished(stage)
    text = exported(stage)
    document = yaml.safe_load(text)
    assert document["version"] == "1.0"
    (tenant,) = document["tenants"]
    assert {"applications", "databases", "environment"} <= set(tenant)
    application = next(a for a in tenant["applications"] if a["name"] == "backend")
    assert {"name", "repository", "branch", "domains", "environment"} <= set(application)
    (database,) = tenant["databases"]
    assert database["type"] == "postgresql"
    assert (database["backupSchedule"], database["backupRetention"]) == ("0 2 * * *", 7)
    assert {"key": "API_TOKEN", "secret": True} in tenant["environment"]
    assert SENTINEL not in text
    with stage.desk.reading() as session:
        ids = [str(row.external_ref) for row in session.scalars(select(TenantService))]
        ids += [str(row.public_id) for row in session.scalars(select(Tenant))]
    assert not [one for one in ids if one in text]


def test_a_plan_says_what_would_change_and_changes_nothing(stage: Stage) -> None:
    furnished(stage)
    text = exported(stage)
    changed = text.replace("replicas: 3", "replicas: 4")
    with stage.desk.sessions() as session:
        found = importing.run(session, ME, stage.desk.secrets, shapes.read(changed), S3)
        session.rollback()
    assert [(c.name, c.deed, c.parts) for c in found if c.deed != "same"] == [
        ("acme", "change", ("applications",))
    ]
    assert exported(stage) == text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.replace("version: '1.0'", "version: '2.0'"), "version"),
        (lambda t: t.replace("version: '1.0'\n", ""), "version"),
        (lambda t: t + "installation: 42\n", "installation"),
        (lambda t: t.replace("  product: dms", "  product: dms\n  id: 7"), "id"),
        (lambda t: t.replace("  name: Acme", "  name: &a Acme\n  clientRef: *a"), "aliases"),
        (lambda t: "version: '1.0'\ntenants: " + "[" * 60 + "]" * 60, "levels"),
        (lambda t: t.replace("replicas: 3", "replicas: 51"), "replicas"),
        (lambda t: t.replace("memory_mb: 512", "memory_mb: 512m"), "memory_mb"),
        (lambda t: t.replace("type: postgresql", "type: mysql"), "databases.type"),
    ],
)
def test_bad_documents_are_refused_whole(stage: Stage, change: Any, words: str) -> None:
    furnished(stage)
    text = exported(stage)
    with pytest.raises(Invalid) as caught:
        imported(stage, change(text))
    assert words in str(caught.value)
    assert exported(stage) == text


def test_a_hostname_that_somebody_else_has_is_a_conflict(stage: Stage) -> None:
    furnished(stage)
    stage.tenant("other")
    text = exported(stage)
    owner = "other.delivery.example.com"
    mine = "- acme.delivery.example.com"
    stolen = text.replace(mine, f"{mine}\n    - host: {owner}\n      redirectToPrimary: true")
    with pytest.raises(Conflict, match="reserved for another tenant"):
        imported(stage, stolen)
    assert exported(stage) == text


def test_a_bundle_opens_with_its_passphrase_only(stage: Stage) -> None:
    furnished(stage)
    with stage.desk.reading() as session:
        sealed = bundle.seal(session, stage.desk.secrets, "a long passphrase")
        with pytest.raises(Invalid, match="at least 12"):
            bundle.seal(session, stage.desk.secrets, "short")
    assert SENTINEL.encode() not in sealed
    assert SENTINEL in bundle.open_(sealed, "a long passphrase")["env"].values()
    with pytest.raises(Invalid, match="does not open"):
        bundle.open_(sealed, "another passphrase")
    with pytest.raises(Invalid, match="does not open"):
        bundle.open_(sealed[:-1] + b"x", "a long passphrase")
    with pytest.raises(Invalid, match="no bundle"):
        bundle.open_(b"hello", "a long passphrase")


VALUES = st.dictionaries(
    st.from_regex(r"[A-Z][A-Z0-9_]{0,10}", fullmatch=True),
    st.text(st.characters(codec="ascii", exclude_characters="\r\0$'\"`\\"), max_size=40),
    max_size=4,
)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(values=VALUES, replicas=st.integers(0, 50), memory=st.none() | st.integers(512, 65536))
def test_any_tenant_comes_back_as_it_was(
    stage: Stage, values: dict[str, str], replicas: int, memory: int | None
) -> None:
    emptied(stage)
    stage.ready()

    def act(session: Any) -> None:
        tenant = tenants.find(session, "acme")
        place = environments.place_of(tenant)
        for key, value in values.items():
            environments.set_value(session, ME, stage.desk.secrets, place, key, value, secret=False)
        row = next(s for s in tenant.services if s.name == "frontend")
        row.target_replicas = replicas
        if memory:
            wanted = Scale("frontend", None, {"memory_mb": memory})
            scaling.store(session, ME, tenant, wanted, Capabilities())

    stage.desk.do(act)
    first = exported(stage)
    emptied(stage)
    imported(stage, first)
    assert exported(stage) == first


def test_a_product_alone_is_exported_too(stage: Stage) -> None:
    stage.product(PRODUCT)
    text = exported(stage)
    emptied(stage)
    imported(stage, text)
    assert exported(stage) == text


def test_a_product_that_takes_no_new_tenants_comes_back_with_its_old_ones(stage: Stage) -> None:
    furnished(stage)
    stage.product(PRODUCT | {"active": False})
    with stage.desk.reading() as session:
        sealed = bundle.seal(session, stage.desk.secrets, "a long passphrase")
    text = exported(stage)
    emptied(stage)
    opened = bundle.open_(sealed, "a long passphrase")
    imported(stage, text, secret_values=opened["env"])
    assert exported(stage) == text
