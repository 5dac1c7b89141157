"""Sealed values on their way to the target and back: versions of then, no word of a secret."""

from typing import Any

import pytest
from sqlalchemy import update

from tenantry.errors import Invalid, Permanent
from tenantry.models import Base, EnvVersion
from tenantry.operations import environments, rollbacks, tenants
from tenantry.planning.environment import check_overrides
from tests.planning.dotenv_reader import read
from tests.stage import IMAGE_ONLY, ME, Stage

SENTINEL = "hunter2-sentinel"


def put(stage: Stage, key: str, value: str, **how: Any) -> None:
    def act(session: Any) -> None:
        place = environments.place_of(tenants.find(session, "acme"), how.pop("service", None))
        environments.set_value(session, ME, stage.desk.secrets, place, key, value, **how)

    stage.desk.do(act)


def there(stage: Stage, app: str = "web") -> dict[str, str]:
    return read(stage.twins.target.app(app).dotenv)


def done(stage: Stage, **how: Any) -> str:
    made = stage.desk.deploy(ME, "acme", **how)
    stage.finish()
    assert stage.deployment().status == "succeeded", stage.deployment().summary
    return made


def everything(stage: Stage) -> str:
    """All that the database holds, in the readable form of each driver."""
    with stage.engine.connect() as conn:
        return str([conn.execute(table.select()).all() for table in Base.metadata.sorted_tables])


@pytest.fixture
def tools(stage: Stage) -> Stage:
    stage.ready(IMAGE_ONLY)
    return stage


def test_a_deployment_opens_what_it_names_and_the_blueprint_holds_no_value(tools: Stage) -> None:
    put(tools, "SMTP_PASSWORD", SENTINEL)
    put(tools, "GREETING", f"{SENTINEL} ${{TENANT_NAME}}", service="web")
    done(tools)
    found = there(tools)
    assert (found["SMTP_PASSWORD"], found["GREETING"]) == (SENTINEL, f"{SENTINEL} Acme")
    assert SENTINEL not in everything(tools)


def test_a_later_change_does_not_reach_a_deployment_that_was_made_before(tools: Stage) -> None:
    put(tools, "A", "then")
    tools.deploy()
    put(tools, "A", "now")
    tools.finish()
    assert there(tools)["A"] == "then"
    assert tools.desk.preview(ME, "acme").differing == {"web": ("environment",)}


def test_a_rollback_brings_the_very_versions_of_then_back(tools: Stage) -> None:
    put(tools, "A", "then")
    put(tools, "GONE_TOKEN", SENTINEL)
    first = done(tools)
    put(tools, "A", "now")
    tools.desk.do(
        lambda session: environments.unset(
            session, ME, environments.place_of(tenants.find(session, "acme")), "GONE_TOKEN"
        )
    )
    done(tools)
    assert there(tools) == {"A": "now"}
    with tools.desk.reading() as session:
        back = rollbacks.prepare(session, tenants.find(session, "acme"), first)
    done(tools, wish=back.wish)
    assert there(tools) == {"A": "then", "GONE_TOKEN": SENTINEL}
    assert SENTINEL not in everything(tools)


def test_words_of_a_target_that_repeat_a_secret_value_are_redacted(tools: Stage) -> None:
    put(tools, "LICENCE", SENTINEL, secret=True)
    put(tools, "REGION", "europe-west")
    tools.twins.target.fail(
        "set_environment", Permanent(f"HTTP 400: bad env LICENCE={SENTINEL} in europe-west")
    )
    tools.deploy()
    tools.finish()
    message = tools.step_of_latest("service.web.env_set").message
    assert SENTINEL not in everything(tools)
    # What is no secret is not blanked: logs must stay readable.
    assert "europe-west" in message


def test_a_build_log_that_prints_a_secret_value_is_redacted(tools: Stage) -> None:
    done(tools)
    put(tools, "LICENCE", SENTINEL, secret=True)
    row = tools.twins.target.app("web")
    row.outcomes.append(("error", f"building with {SENTINEL}\nError: no such {SENTINEL}\n"))
    tools.deploy()
    tools.finish()
    assert tools.deployment().status == "failed"
    assert "building with" in everything(tools)
    assert SENTINEL not in everything(tools)


@pytest.mark.parametrize("how", ["moved", "deleted"])
def test_a_value_that_does_not_open_fails_the_step_and_nothing_is_sent(
    tools: Stage, how: str
) -> None:
    put(tools, "A_TOKEN", SENTINEL)
    with tools.engine.begin() as conn:
        if how == "moved":
            conn.execute(update(EnvVersion).values(encrypted_value=b"not ours" * 8))
    tools.deploy()
    if how == "deleted":
        with tools.engine.begin() as conn:
            conn.execute(EnvVersion.__table__.delete())
    tools.finish()
    assert tools.deployment().status == "failed"
    assert tools.twins.target.calls["set_environment"] == 0


def test_a_value_of_another_tenant_cannot_be_named(tools: Stage) -> None:
    tools.tenant("other", "tools", env={"STOLEN_TOKEN": SENTINEL})
    put(tools, "A", "1")
    tools.deploy()
    with tools.engine.begin() as conn:
        ids = [row.public_id for row in conn.execute(EnvVersion.__table__.select())]
        (theirs,) = [i for i in ids if str(i) not in str(tools.deployment().blueprint)]
        blueprint = tools.deployment().blueprint
        for service in blueprint["services"]:
            for layer in service["env"]:
                layer["sealed"] = {key: str(theirs) for key in layer["sealed"]}
        table: Any = Base.metadata.tables["deployment"]
        conn.execute(update(table).values(blueprint=blueprint))
    tools.finish()
    assert tools.deployment().status == "failed"
    assert SENTINEL not in everything(tools)
    assert tools.twins.target.calls["set_environment"] == 0


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("API_TOKEN", "zq7"),
        ("STRIPE_KEY", "zq7"),
        ("STRIPE", "sk_live_hunter2"),
        ("CACHE", "redis://me:hunter2@cache:6379"),
    ],
)
def test_what_is_kept_in_clear_holds_no_secret(key: str, value: str) -> None:
    with pytest.raises(Invalid, match="tenantry env set --stdin --service") as caught:
        check_overrides({key: value}, frozenset())
    assert caught.value.field == f"env.{key}"
    assert value not in str(caught.value)


def test_placeholders_and_plain_values_may_be_given_for_one_deployment() -> None:
    given = {"DB_PASSWORD": "${DATABASE_PASSWORD}", "MODE": "quiet", "URL": "https://a.example/@b"}
    assert check_overrides(given, frozenset({"DATABASE_PASSWORD"})) == given
