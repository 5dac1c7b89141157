"""
The SQL of a settle that reached its goal, composed once for each shape of it.

A CTE for each table that is written; `done` is the step's own row, under the fence, and all others
follow from it: where it finds no row, nothing is written. What it shares with the claim, and why
`next_seq` is compared, stands in `statements`.
"""

from dataclasses import dataclass
from functools import cache

from tenantry.engine.aftermath import STAYS_AS_IT_IS
from tenantry.engine.fused.statements import LOCKED, OPEN_LIST, OTHERS_OPEN
from tenantry.planning.actions import ACTIONS, DEPLOY
from tenantry.planning.states import NEW, sources

# The states of a tenant that its deployment's success makes `running`.
_MADE_RUNNING = ", ".join(
    f"'{status}'"
    for status in sources("tenant", ACTIONS[DEPLOY].success or "")
    if status not in STAYS_AS_IT_IS
)
# Of a gating step that is not the last, of the last one, and of a mail: when it may be written.
_GOES_ON = f"""h.status = 'running'
     AND NOT h.cancel_requested AND {OTHERS_OPEN}"""
_IS_LAST = f"""h.status = 'running'
     AND NOT h.cancel_requested AND c.id = h.tenant_id AND h.action = '{DEPLOY}'
     AND NOT {OTHERS_OPEN}
     AND NOT EXISTS (
       SELECT 1 FROM job_record AS j
        WHERE j.deployment_id = h.id AND j.step_id <> s.id AND j.status IN ({OPEN_LIST}))"""
_IS_MAIL = "NOT s.gates"


@dataclass(frozen=True, slots=True)
class Shape:
    """
    Which settle: `facts` are the columns of the service that are written.

    `deployed` stamps the service's last deployment, `checked` keeps a health check that was
    answered, `last` ends the deployment as succeeded, `mail` is the step that gates nothing.
    """

    facts: tuple[str, ...] = ()
    deployed: bool = False
    checked: bool = False
    last: bool = False
    mail: bool = False


@cache
def settle_sql(shape: Shape) -> str:
    """The end of a step that reached its goal; with the last one, of its deployment."""
    may = _IS_MAIL if shape.mail else _IS_LAST if shape.last else _GOES_ON
    parts = [*((_CLIENT,) if shape.last else ()), _done(may, last=shape.last)]
    parts += [_numbers(last=shape.last), _JOB, _TRIED, _LOGGED]
    moves = [_STEP_MOVED, _JOB_MOVED]
    if shape.facts:
        parts.append(_facts(shape))
    if shape.checked:
        parts.append(_CHECKED)
        moves.append(_HEALTH_MOVED)
    if shape.last:
        parts += _ENDED
        moves += _END_MOVED
    parts.append(f"moved AS (\n  INSERT INTO {_HISTORY}{_OR.join(moves)})")
    return f"WITH {LOCKED}, " + ", ".join(parts) + "\nSELECT id FROM done"


def _done(may: str, *, last: bool) -> str:
    return f"""
done AS (
  UPDATE deployment_step AS s
     SET status = %(status)s, message = %(message)s, meta = %(details)s, lease_until = NULL,
         owner = NULL, hinted_at = NULL, hints = 0, intent_at = NULL, intent = NULL,
         ended_at = statement_timestamp(), updated_at = statement_timestamp()
    FROM held AS h, seen AS v{", client AS c" if last else ""}
   WHERE s.id = %(step)s AND s.fence = %(fence)s AND s.status = 'running'
     AND s.deployment_id = h.id AND h.next_seq = v.next_seq AND {may}
  RETURNING s.id, s.deployment_id, s.tenant_service_id)"""


def _numbers(*, last: bool) -> str:
    ended = (
        ", status = 'succeeded', ended_at = statement_timestamp(), summary = %(summary)s"
        if last
        else ""
    )
    return f"""
numbers AS (
  UPDATE deployment AS d
     SET next_seq = d.next_seq + %(lines)s, updated_at = statement_timestamp(){ended}
    FROM done WHERE d.id = done.deployment_id
  RETURNING d.next_seq - %(lines)s AS first)"""


def _facts(shape: Shape) -> str:
    written = "".join(f', "{name}" = %(fact_{name})s' for name in shape.facts)
    if shape.deployed:
        written += ", last_deployed_at = statement_timestamp()"
    return f"""
facts AS (
  UPDATE tenant_service AS ts SET updated_at = statement_timestamp(){written}
    FROM done WHERE ts.id = done.tenant_service_id)"""


_HISTORY = "status_change (thing, thing_id, old, new, reason, actor, at)"
_OR = "\n   UNION ALL"
_STEP_MOVED = """
  SELECT 'step', id, 'running', %(status)s, %(message)s, %(owner)s, statement_timestamp()
    FROM done"""
_JOB_MOVED = """
  SELECT 'job', id, 'running', 'completed', 'its step is ' || %(status)s, 'engine',
         statement_timestamp()
    FROM job"""
_JOB = """
job AS (
  UPDATE job_record AS j SET status = 'completed', updated_at = statement_timestamp()
    FROM done WHERE j.step_id = done.id AND j.status = 'running'
  RETURNING j.id)"""
_TRIED = """
tried AS (
  INSERT INTO step_attempt (public_id, step_id, number, epoch, fence, owner, outcome, message,
                            meta, started_at, ended_at)
  SELECT %(attempt_id)s, id, %(attempt)s, %(epoch)s, %(fence)s, %(owner)s, %(status)s, %(message)s,
         %(details)s, %(began)s, statement_timestamp()
    FROM done)"""
_LOGGED = """
logged AS (
  INSERT INTO log_entry (deployment_id, step_id, seq, at, stream, attempt, hidden, text)
  SELECT done.deployment_id, done.id, numbers.first + line.place - 1, statement_timestamp(),
         line.stream, %(attempt)s, line.hidden, line.text
    FROM done, numbers,
         unnest(%(streams)s::text[], %(hidden)s::boolean[], %(texts)s::text[])
           WITH ORDINALITY AS line (stream, hidden, text, place))"""
# What a check found before stands in the row as it was when the statement began.
_HEALTH_MOVED = """
  SELECT 'service', ts.id, ts.health_status, 'ok', 'its check was answered', 'engine',
         statement_timestamp()
    FROM done JOIN tenant_service AS ts ON ts.id = done.tenant_service_id
   WHERE ts.health_status <> 'ok'"""
_CHECKED = """
checked AS (
  INSERT INTO health_check (tenant_service_id, step_id, at, ok, http_status, latency_ms, problem,
                            planned)
  SELECT done.tenant_service_id, done.id, statement_timestamp(), TRUE, %(http_status)s,
         %(latency_ms)s, %(problem)s, FALSE
    FROM done)"""
# Locked before the step, as everywhere; a lock reads the newest version.
_CLIENT = """
client AS MATERIALIZED (
  SELECT te.id, te.status FROM tenant AS te JOIN held AS h ON te.id = h.tenant_id
     FOR NO KEY UPDATE OF te)"""
# The end of a deployment that deployed: `progress.end` and `aftermath` in other words.
_ENDED = (
    f"""
client_runs AS (
  UPDATE tenant AS te
     SET attention = '', detail = '', updated_at = statement_timestamp(),
         completed_at = COALESCE(te.completed_at, statement_timestamp()),
         release_id = COALESCE(h.release_id, te.release_id),
         status = CASE WHEN c.status IN ({_MADE_RUNNING}) THEN 'running' ELSE c.status END
    FROM done, held AS h, client AS c WHERE te.id = c.id)""",
    """
letters AS MATERIALIZED (
  SELECT s.id, s.step_key = 'email.notify_success' AS fits
    FROM done JOIN deployment_step AS s ON s.deployment_id = done.deployment_id
   WHERE NOT s.gates AND s.epoch = %(epoch)s AND s.status = 'pending')""",
    """
due AS (
  UPDATE deployment_step AS s
     SET due_at = statement_timestamp(), hinted_at = statement_timestamp(), hints = 0,
         updated_at = statement_timestamp()
    FROM letters WHERE s.id = letters.id AND letters.fits
  RETURNING s.id, s.deployment_id)""",
    """
unsent AS (
  UPDATE deployment_step AS s
     SET status = 'skipped', ended_at = statement_timestamp(), updated_at = statement_timestamp()
    FROM letters WHERE s.id = letters.id AND NOT letters.fits
  RETURNING s.id)""",
    """
posted AS (
  INSERT INTO job_record (public_id, job_id, deployment_id, step_id, job_type, attempt,
                          next_run_at, status, result_meta, created_at, updated_at)
  SELECT %(job_public)s, %(job_task)s, deployment_id, id, 'email', 1, statement_timestamp(),
         'scheduled', '{}', statement_timestamp(), statement_timestamp()
    FROM due
  RETURNING id)""",
)
_END_MOVED = (
    """
  SELECT 'deployment', deployment_id, 'running', 'succeeded', %(summary)s, 'engine',
         statement_timestamp()
    FROM done""",
    f"""
  SELECT 'tenant', c.id, c.status, 'running', 'a deployment succeeded', 'engine',
         statement_timestamp()
    FROM done, client AS c WHERE c.status IN ({_MADE_RUNNING})""",
    """
  SELECT 'step', id, 'pending', 'skipped', 'the deployment succeeded', 'engine',
         statement_timestamp()
    FROM unsent""",
    f"""
  SELECT 'job', id, '{NEW}', 'scheduled', 'waits for its time', 'engine', statement_timestamp()
    FROM posted""",
)
