"""
The SQL of the common cases, composed once.

Plain text for the driver: to compose and hash constructs of this size for each step would cost
more than to run them. They are prepared at their first use on a connection, since planning one
costs more than running it. Column lists come from the tables.

Both lock the deployment first, as everything does (KERNEL R3), and then see other rows as they
were when the statement began. What was committed between those two moments by whoever held the
lock would be missed, so each compares the deployment's `next_seq` as seen with `next_seq` as
locked: every settle that ends a step writes a line, and so counts it up. Where they differ,
nothing is done here.
"""

from functools import cache

from sqlalchemy import Engine

from tenantry.models import Deployment, DeploymentStep, TargetRow, Tenant
from tenantry.planning.states import DONE_STEP, OPEN_JOB

STEP_COLUMNS: tuple[str, ...] = tuple(DeploymentStep.__table__.c.keys())
DEPLOYMENT_COLUMNS: tuple[str, ...] = tuple(Deployment.__table__.c.keys())
# What a step is told of the tenant's services (`engine.context`).
SERVICE_COLUMNS = (
    "name", "service_type", "external_ref", "app_id", "app_name", "db_id", "db_name", "db_user",
    "domain_id", "build_trace", "compose_id", "applied", "paused", "image_digest",
    "env_fingerprint",
)  # fmt: skip
# Beside the deployment's own, as the general way reads them.
BESIDE = {
    "tenant_status": (Tenant, "status"),
    "tenant_marker": (Tenant, "external_ref"),
    "dokploy_project_id": (Tenant, "dokploy_project_id"),
    "dokploy_environment_id": (Tenant, "dokploy_environment_id"),
    "project_id": (Tenant, "project_id"),
    "target_name": (TargetRow, "name"),
    "breaker_until": (TargetRow, "breaker_until"),
    "breaker_count": (TargetRow, "breaker_count"),
}
SHORT = {Tenant: "te", TargetRow: "ta"}
DONE_LIST = ", ".join(f"'{status}'" for status in sorted(DONE_STEP))
OPEN_LIST = ", ".join(f"'{status}'" for status in sorted(OPEN_JOB))


def can_fuse(engine: Engine) -> bool:
    """Whether this database runs data-modifying CTEs with row locks."""
    return engine.dialect.name == "postgresql"


def _listed(columns: tuple[str, ...], alias: str, prefix: str = "") -> str:
    return ", ".join(
        f'{alias}."{column}"' + (f' AS "{prefix}{column}"' if prefix else "") for column in columns
    )


_LOCKED = """
seen AS MATERIALIZED (
  SELECT next_seq FROM deployment WHERE id = %(deployment)s
), held AS MATERIALIZED (
  SELECT * FROM deployment WHERE id = %(deployment)s FOR NO KEY UPDATE
)"""

CLAIM = f"""
WITH {_LOCKED}, before AS MATERIALIZED (
  SELECT id, status, (%(leases)s::jsonb ->> CASE
      WHEN step_key LIKE 'service.%%.%%' THEN 'service.' || split_part(step_key, '.', 3)
      ELSE step_key END)::float8 AS lease
    FROM deployment_step WHERE id = %(step)s
), taken AS (
  UPDATE deployment_step AS s
     SET status = 'running', fence = s.fence + 1, attempts = s.attempts + 1, owner = %(owner)s,
         lease_until = clock_timestamp() + make_interval(secs => b.lease),
         started_at = COALESCE(s.started_at, statement_timestamp()),
         updated_at = statement_timestamp()
    FROM held AS h, seen AS v, before AS b
   WHERE s.id = b.id AND s.status = b.status AND s.deployment_id = h.id AND b.lease IS NOT NULL
     AND h.next_seq = v.next_seq AND h.status = 'running' AND h.epoch = %(epoch)s
     AND NOT h.cancel_requested
     AND s.gates AND s.status IN ('pending', 'waiting') AND s.due_at <= statement_timestamp()
     AND s.lost = 0 AND s.intent_at IS NULL
     AND NOT EXISTS (
       SELECT 1 FROM target AS t
        WHERE t.id = h.target_id AND t.breaker_until > statement_timestamp())
     AND NOT EXISTS (
       SELECT 1 FROM deployment_step AS p
        WHERE p.deployment_id = s.deployment_id AND p."order" < s."order" AND p.gates
          AND p.status NOT IN ({DONE_LIST}) AND p.retried_by_id IS NULL)
  RETURNING {_listed(STEP_COLUMNS, "s")}
), job AS (
  UPDATE job_record AS j SET status = 'running', updated_at = statement_timestamp()
    FROM taken WHERE j.step_id = taken.id AND j.status = 'scheduled'
  RETURNING j.id
), moved AS (
  INSERT INTO status_change (thing, thing_id, old, new, reason, actor, at)
  SELECT 'step', b.id, b.status, 'running', 'claimed', %(owner)s, statement_timestamp()
    FROM taken JOIN before AS b ON b.id = taken.id
   UNION ALL
  SELECT 'job', id, 'scheduled', 'running', 'its step was claimed', 'engine', statement_timestamp()
    FROM job
)
SELECT {_listed(STEP_COLUMNS, "s")}, statement_timestamp() AS now,
       EXISTS (SELECT 1 FROM job_record AS j
                WHERE j.step_id = s.id AND j.status IN ({OPEN_LIST})) AS has_job,
       {_listed(DEPLOYMENT_COLUMNS, "h")},
       {", ".join(f"{SHORT[table]}.{column}" for table, column in BESIDE.values())},
       (SELECT json_agg(ts ORDER BY ts.id)
          FROM (SELECT id, {", ".join(SERVICE_COLUMNS)} FROM tenant_service
                 WHERE tenant_id = h.tenant_id) AS ts) AS services
  FROM taken AS s, held AS h
  JOIN tenant AS te ON te.id = h.tenant_id
  JOIN target AS ta ON ta.id = h.target_id
"""

INTEND = """
UPDATE deployment_step
   SET intent_at = statement_timestamp(), intent = %(what)s, updated_at = statement_timestamp(),
       lease_until = statement_timestamp() + make_interval(secs => %(lease)s)
 WHERE id = %(step)s AND fence = %(fence)s AND status = 'running'
   AND lease_until >= statement_timestamp()
"""


@cache
def settle_sql(facts: tuple[str, ...], *, deployed: bool) -> str:
    """The end of a gating step that reached its goal and is not the last; `facts` by column."""
    written = "".join(f', "{name}" = %(fact_{name})s' for name in facts)
    if deployed:
        written += ", last_deployed_at = statement_timestamp()"
    service = (
        f"""
), facts AS (
  UPDATE tenant_service AS ts SET updated_at = statement_timestamp(){written}
    FROM done WHERE ts.id = done.tenant_service_id"""
        if facts
        else ""
    )
    return f"""
WITH {_LOCKED}, done AS (
  UPDATE deployment_step AS s
     SET status = %(status)s, message = %(message)s, meta = %(details)s, lease_until = NULL,
         owner = NULL, hinted_at = NULL, hints = 0, intent_at = NULL, intent = NULL,
         ended_at = statement_timestamp(), updated_at = statement_timestamp()
    FROM held AS h, seen AS v
   WHERE s.id = %(step)s AND s.fence = %(fence)s AND s.status = 'running'
     AND s.deployment_id = h.id AND h.next_seq = v.next_seq AND h.status = 'running'
     AND NOT h.cancel_requested
     AND EXISTS (
       SELECT 1 FROM deployment_step AS o
        WHERE o.deployment_id = h.id AND o.id <> s.id AND o.gates
          AND o.status NOT IN ({DONE_LIST}) AND o.retried_by_id IS NULL)
  RETURNING s.id, s.deployment_id, s.tenant_service_id
), numbers AS (
  UPDATE deployment AS d
     SET next_seq = d.next_seq + %(lines)s, updated_at = statement_timestamp()
    FROM done WHERE d.id = done.deployment_id
  RETURNING d.next_seq - %(lines)s AS first{service}
), job AS (
  UPDATE job_record AS j SET status = 'completed', updated_at = statement_timestamp()
    FROM done WHERE j.step_id = done.id AND j.status = 'running'
  RETURNING j.id
), moved AS (
  INSERT INTO status_change (thing, thing_id, old, new, reason, actor, at)
  SELECT 'step', id, 'running', %(status)s, %(message)s, %(owner)s, statement_timestamp() FROM done
   UNION ALL
  SELECT 'job', id, 'running', 'completed', 'its step is ' || %(status)s, 'engine',
         statement_timestamp()
    FROM job
), tried AS (
  INSERT INTO step_attempt (public_id, step_id, number, epoch, fence, owner, outcome, message,
                            meta, started_at, ended_at)
  SELECT %(attempt_id)s, id, %(attempt)s, %(epoch)s, %(fence)s, %(owner)s, %(status)s, %(message)s,
         %(details)s, %(began)s, statement_timestamp()
    FROM done
), logged AS (
  INSERT INTO log_entry (deployment_id, step_id, seq, at, stream, attempt, hidden, text)
  SELECT done.deployment_id, done.id, numbers.first + line.place - 1, statement_timestamp(),
         line.stream, %(attempt)s, line.hidden, line.text
    FROM done, numbers,
         unnest(%(streams)s::text[], %(hidden)s::boolean[], %(texts)s::text[])
           WITH ORDINALITY AS line (stream, hidden, text, place)
)
SELECT id FROM done
"""
