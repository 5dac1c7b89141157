"""The rows of a fleet, as copies inside PostgreSQL; see `benchmarks.fleet`."""

from sqlalchemy import Connection, text

from benchmarks.rows import UUID7, copy_rows

DAYS = 120
# The step at which every so many-th deployment failed, and what was said.
TROUBLES = (
    ("service.deploy", "The build failed: npm ERR! missing script: build"),
    ("service.wait_deploy", "The build ended with an error: exit code 1"),
    ("domains.create", "HTTP 502 from Dokploy: upstream connect error"),
    ("health.check", "502 Bad Gateway after 8 tries"),
)
# Builds and databases take long, calls do not.
WEIGHT = (
    "CASE WHEN step_key LIKE '%wait_deploy' THEN 40 WHEN step_key = 'db.deploy' THEN 18"
    " WHEN step_key LIKE '%propagation' OR step_key = 'health.check' THEN 6 ELSE 1 END"
)
LINES = (
    "#8 [builder 4/7] RUN npm ci --omit=dev",
    "added 412 packages in 9s",
    "vite v6.0.1 building for production...",
    "dist/assets/index.js 214.31 kB (gzip 68.90 kB)",
    "#12 exporting layers",
    "#12 writing image sha256:9b1d",
    "POST /api/trpc/application.deploy 200 in 84 ms",
    "Waiting for the build of revision",
    "Container started, listening on port 3000",
    "warning: peer dependency react@18 is not met",
)


def running(conn: Connection) -> None:
    """All tenants stand where the first one stands after its deployment."""
    conn.execute(
        text(
            "UPDATE tenant t SET status = p.status, completed_at = now() - random() * interval"
            f" '{DAYS} days', dokploy_project_id = 'prj' || t.id, release_id = (SELECT max(r.id)"
            " FROM template_release r WHERE r.project_id = t.project_id), detail = ''"
            " FROM (SELECT * FROM tenant ORDER BY id LIMIT 1) p WHERE t.status = 'pending'"
        )
    )
    conn.execute(
        text(
            "UPDATE tenant_service s SET created = p.created, git_attached = p.git_attached,"
            " build_configured = p.build_configured, env_configured = p.env_configured,"
            " deploy_triggered = p.deploy_triggered, deployed = p.deployed, applied = p.applied,"
            " app_id = CASE WHEN p.app_id IS NOT NULL THEN 'app' || s.id END,"
            " db_id = CASE WHEN p.db_id IS NOT NULL THEN 'db' || s.id END,"
            " commit_hash = md5('c' || s.id / 40), running_replicas = 1,"
            " health_status = CASE WHEN s.id % 97 = 0 THEN 'unhealthy' ELSE 'ok' END,"
            " last_deployed_at = now() - random() * interval '30 days'"
            " FROM tenant_service p WHERE p.tenant_id = (SELECT min(id) FROM tenant)"
            " AND p.name = s.name AND NOT s.deployed"
        )
    )


def deployments(conn: Connection, number: int, most: int) -> None:
    """One of every tenant: the first is whole, later ones of two services."""
    pattern = "whole" if number % 10 == 0 else "part"
    began = f"now() - ({most - number} - random()) * interval '{DAYS / most:.2f} days'"
    copy_rows(
        conn,
        "deployment",
        f"{pattern}_deployment p JOIN tenant t ON t.status <> 'archived',"
        f" LATERAL (SELECT {began} + t.id * interval '0 s' AS began) b",
        {
            "tenant_id": "t.id",
            "tenant_name": "t.name",
            "subdomain": "t.subdomain",
            "template_name": "(SELECT name FROM project_template WHERE id = t.project_id)",
            "release_id": "t.release_id",
            "created_at": "b.began",
            "updated_at": "b.began",
            "queued_at": "b.began",
            "started_at": "b.began + interval '1 s'",
            "ended_at": "b.began + (90 + random() * 240) * interval '1 s'",
            "request_key": "NULL",
            "next_seq": "100000",
        },
    )
    conn.execute(
        text("CREATE INDEX IF NOT EXISTS of_pattern ON deployment (id) WHERE next_seq = 100000")
    )
    copy_rows(
        conn,
        "deployment_step",
        f'(SELECT *, sum(w) OVER (ORDER BY "order") AS behind, sum(w) OVER () AS whole FROM'
        f" (SELECT *, {WEIGHT} AS w FROM {pattern}_deployment_step) weighed) p"
        " JOIN deployment d ON d.next_seq = 100000"
        " LEFT JOIN tenant_service s ON s.tenant_id = d.tenant_id AND s.name = p.service_name",
        {
            "deployment_id": "d.id",
            "tenant_service_id": "s.id",
            "retried_by_id": "NULL",
            "created_at": "d.created_at",
            "updated_at": "d.ended_at",
            "started_at": "d.started_at + (d.ended_at - d.started_at) * (p.behind - p.w) / p.whole",
            "ended_at": "d.started_at + (d.ended_at - d.started_at) * (p.behind - p.w +"
            " p.w * (0.5 + random() * 0.45)) / p.whole",
        },
    )
    conn.execute(text("UPDATE deployment SET next_seq = 1000 WHERE next_seq = 100000"))


def ended_badly(conn: Connection) -> None:
    """Some failed, some were cancelled; of a few tenants the last one still goes on."""
    places = ", ".join(f"({n}, '{key}', '{words}')" for n, (key, words) in enumerate(TROUBLES))
    conn.execute(
        text(
            'CREATE TEMP TABLE bad ON COMMIT DROP AS SELECT d.id, s.id AS step_id, s."order",'
            " v.column3 AS words, v.column2 AS key FROM deployment d"
            f" JOIN (VALUES {places}) v ON v.column1 = (d.id / 25) % {len(TROUBLES)}"
            " JOIN LATERAL (SELECT * FROM deployment_step WHERE deployment_id = d.id"
            ' AND step_key = v.column2 ORDER BY "order" LIMIT 1) s ON true'
            " WHERE d.id % 25 = 0"
        )
    )
    conn.execute(
        text(
            "UPDATE deployment_step s SET status = CASE WHEN s.id = b.step_id THEN 'failed' ELSE"
            " 'pending' END, message = CASE WHEN s.id = b.step_id THEN b.words ELSE '' END,"
            " ended_at = CASE WHEN s.id = b.step_id THEN s.ended_at END,"
            " started_at = CASE WHEN s.id = b.step_id THEN s.started_at END,"
            " due_at = CASE WHEN s.gates THEN COALESCE(s.due_at, now()) END"
            ' FROM bad b WHERE s.deployment_id = b.id AND s."order" >= b."order"'
        )
    )
    conn.execute(
        text(
            "UPDATE deployment d SET status = 'failed', summary = b.key || ': ' || b.words,"
            " cause = b.key || ': ' || b.words FROM bad b WHERE d.id = b.id"
        )
    )
    latest = "d.id = (SELECT max(id) FROM deployment WHERE tenant_id = d.tenant_id)"
    conn.execute(
        text(
            "UPDATE tenant t SET attention = d.summary FROM deployment d"
            f" WHERE d.tenant_id = t.id AND d.status = 'failed' AND {latest}"
        )
    )
    conn.execute(
        text(
            "UPDATE deployment d SET status = 'cancelled', summary = 'Cancelled by staff'"
            f" WHERE d.id % 97 = 0 AND d.status = 'succeeded' AND NOT {latest}"
        )
    )


def of_steps(conn: Connection, lines: int) -> None:
    """What each step that ran has left behind."""
    copied = (
        "deployment_step s WHERE s.started_at IS NOT NULL"
        " AND NOT EXISTS (SELECT FROM step_attempt a WHERE a.step_id = s.id)"
    )
    conn.execute(
        text(
            "INSERT INTO step_attempt (public_id, step_id, number, epoch, fence, owner, outcome,"
            f" message, meta, started_at, ended_at) SELECT {UUID7}, s.id, 1, 0, 1, 'worker:1',"
            " s.status, s.message, '{}', s.started_at, COALESCE(s.ended_at, s.started_at)"
            f" FROM {copied}"
        )
    )
    words = ", ".join(f"'{line}'" for line in LINES)
    conn.execute(
        text(
            "INSERT INTO log_entry (deployment_id, step_id, seq, at, stream, attempt, hidden, text)"
            ' SELECT s.deployment_id, s.id, 2000 + s."order" * 100 + n, s.started_at'
            " + n * interval '0.1 s', CASE WHEN n = 1 THEN 'system' ELSE 'stdout' END, 1, false,"
            f" (ARRAY[{words}])[1 + (s.id + n) % {len(LINES)}] || ' ' || to_hex(s.id * 31 + n)"
            f" FROM deployment_step s, generate_series(1, {lines}) AS n"
            " WHERE s.started_at IS NOT NULL"
        )
    )
    conn.execute(text("UPDATE deployment SET next_seq = 10000 WHERE next_seq = 1000"))
    moves = "(VALUES ('pending', 'running'), ('running', 'success')) v"
    conn.execute(
        text(
            "INSERT INTO status_change (thing, thing_id, old, new, reason, actor, at)"
            " SELECT 'step', s.id, v.column1, v.column2, '', 'engine', s.started_at"
            f" FROM deployment_step s, {moves} WHERE s.status = 'success'"
        )
    )


def probes(conn: Connection, number: int) -> None:
    """A watch, the last probes and a month of days for each service."""
    conn.execute(
        text(
            "INSERT INTO service_watch (tenant_service_id, tenant_id, kind, url, expected_status,"
            " paused, next_due_at, fence, state, state_since, failures, successes, probed_at,"
            " http_status, latency_ms, detail) SELECT s.id, s.tenant_id, 'http', '', '200-399',"
            " false, now() + interval '1 hour', 0, CASE WHEN s.id % 97 = 0 THEN 'down' ELSE 'up'"
            " END, now() - interval '3 days', 0, 60, now(), 200, 40, '' FROM tenant_service s"
            " WHERE NOT EXISTS (SELECT FROM service_watch w WHERE w.tenant_service_id = s.id)"
        )
    )
    conn.execute(
        text(
            "INSERT INTO health_check (tenant_service_id, at, ok, http_status, latency_ms, problem)"
            " SELECT s.id, now() - n * interval '1 minute', s.id % 97 <> 0 OR n > 20, CASE WHEN"
            " s.id % 97 <> 0 OR n > 20 THEN 200 ELSE 502 END, 20 + (random() * 60)::int, ''"
            f" FROM tenant_service s, generate_series(1, {number}) AS n"
        )
    )
    conn.execute(
        text(
            "INSERT INTO health_rollup (tenant_service_id, period, starts_at, checks, failed,"
            " planned, slowest_ms, under_10, under_20, under_35, under_50, under_75, under_100,"
            " under_150, under_250, under_400, under_600, under_1000, under_2000, under_4000,"
            " under_8000, over) SELECT s.id, 'day', date_trunc('day', now()) - n * interval"
            " '1 day', 1440, (s.id + n) % 7, 0, 310, 0, 200, 500, 500, 200, 30, 10, 0, 0, 0, 0, 0,"
            " 0, 0, 0 FROM tenant_service s, generate_series(0, 30) AS n ON CONFLICT DO NOTHING"
        )
    )


def audit(conn: Connection) -> None:
    """One entry for each deployment."""
    conn.execute(
        text(
            "INSERT INTO audit_entry (public_id, at, actor, action, object_type, object_id,"
            f" object_name, outcome, reason, address, request_id) SELECT {UUID7}, d.queued_at,"
            " 'ada@example.com', 'deployment.create', 'tenant', t.public_id::text, t.name, 'done',"
            " '', '', '' FROM deployment d JOIN tenant t ON t.id = d.tenant_id"
        )
    )
