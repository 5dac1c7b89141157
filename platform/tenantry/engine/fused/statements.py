"""
The SQL of the common claim and intent, and what it shares with `settle_sql`; composed once.

Plain text for the driver: to compose and hash constructs of this size for each step would cost
more than to run them. They are prepared at their first use on a connection, since planning one
costs more than running it. They bring along what a step is told, and no more: a column that nobody
reads is parsed on both sides all the same.

All lock the deployment first, as everything does (KERNEL R3), and then see other rows as they
were when the statement began. What was committed between those two moments by whoever held the
lock would be missed, so each compares the deployment's `next_seq` as seen with `next_seq` as
locked: every settle that ends a step, and a skip by staff, writes a line and so counts it up.
Where they differ, nothing is done here.
"""

from sqlalchemy import Engine

from tenantry.models import TargetRow, Tenant
from tenantry.planning.states import DONE_STEP, ENDED_DEPLOYMENT, OPEN_JOB

STEP_COLUMNS = (
    "id", "step_key", "gates", "order", "tenant_service_id", "service_name", "meta", "intent",
    "intent_at", "message", "attempts", "budget_from", "lost", "polls", "fence", "started_at",
    "due_at",
)  # fmt: skip
DEPLOYMENT_COLUMNS = (
    "id", "public_id", "tenant_id", "target_id", "action", "trigger_reason", "status", "epoch",
    "started_at", "ended_at", "summary",
)  # fmt: skip
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
ENDED_LIST = ", ".join(f"'{status}'" for status in sorted(ENDED_DEPLOYMENT))


def can_fuse(engine: Engine) -> bool:
    """Whether this database runs data-modifying CTEs with row locks."""
    return engine.dialect.name == "postgresql"


def _listed(columns: tuple[str, ...], alias: str, prefix: str = "") -> str:
    return ", ".join(
        f'{alias}."{column}"' + (f' AS "{prefix}{column}"' if prefix else "") for column in columns
    )


LOCKED = """
seen AS MATERIALIZED (
  SELECT next_seq FROM deployment WHERE id = %(deployment)s
), held AS MATERIALIZED (
  SELECT * FROM deployment WHERE id = %(deployment)s FOR NO KEY UPDATE
)"""

OTHERS_OPEN = f"""EXISTS (
       SELECT 1 FROM deployment_step AS o
        WHERE o.deployment_id = h.id AND o.id <> s.id AND o.gates
          AND o.status NOT IN ({DONE_LIST}) AND o.retried_by_id IS NULL)"""

CLAIM = f"""
WITH {LOCKED}, before AS MATERIALIZED (
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
     AND h.next_seq = v.next_seq AND h.epoch = %(epoch)s
     AND s.status IN ('pending', 'waiting') AND s.due_at <= statement_timestamp()
     AND s.lost = 0 AND s.intent_at IS NULL
     AND CASE WHEN s.gates THEN
       h.status = 'running' AND NOT h.cancel_requested
       AND NOT EXISTS (
         SELECT 1 FROM target AS t
          WHERE t.id = h.target_id AND t.breaker_until > statement_timestamp())
       AND NOT EXISTS (
         SELECT 1 FROM deployment_step AS p
          WHERE p.deployment_id = s.deployment_id AND p."order" < s."order" AND p.gates
            AND p.status NOT IN ({DONE_LIST}) AND p.retried_by_id IS NULL)
     ELSE h.status IN ({ENDED_LIST}) AND s.epoch = h.epoch END
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
       s.gates AND NOT {OTHERS_OPEN} AS is_last,
       {_listed(DEPLOYMENT_COLUMNS, "h")},
       CASE WHEN h.public_id = %(known)s::uuid THEN NULL ELSE h.blueprint END,
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
