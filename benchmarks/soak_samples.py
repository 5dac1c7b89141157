"""What a soak looks at every few seconds: processes, the database, the queues."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine, text

from benchmarks.meter import family, handles, own_megabytes
from tenantry.planning.catalogue import QUEUES

# They grow with the work, so that their sizes are told by row.
TABLES = (
    "deployment",
    "deployment_step",
    "step_attempt",
    "log_entry",
    "status_change",
    "job_record",
    "tenant",
    "tenant_service",
)
SIZES = text(
    "SELECT relname, n_live_tup, n_dead_tup, pg_table_size(relid) AS heap,"
    " pg_indexes_size(relid) AS indexes FROM pg_stat_user_tables WHERE relname = ANY(:tables)"
)
LOAD = text(
    "SELECT count(*) AS active, coalesce(extract(epoch FROM max(statement_timestamp()"
    " - queued_at)), 0) AS oldest FROM deployment WHERE status IN ('pending', 'running')"
)
CONNECTIONS = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
# Below that, the first pages of a table weigh more than its rows.
FEWEST_ROWS = 500


def take(roots: Mapping[str, int], engine: Engine, broker: Any) -> dict[str, float]:
    """One value for each series; the word before the colon says of which kind it is."""
    found: dict[str, float] = {}
    for name, root in roots.items():
        pids = family([root])
        found[f"memory:{name}"] = sum(own_megabytes(pid) for pid in pids)
        found[f"handles:{name}"] = sum(handles(pid) for pid in pids)
    with engine.begin() as conn:
        found["connections:postgres"] = conn.execute(CONNECTIONS).scalar_one()
        load = conn.execute(LOAD).one()
        for row in conn.execute(SIZES, {"tables": list(TABLES)}):
            if row.n_live_tup >= FEWEST_ROWS:
                found[f"bytes/row:{row.relname}"] = row.heap / row.n_live_tup
                found[f"index B/row:{row.relname}"] = row.indexes / row.n_live_tup
                found[f"dead/live:{row.relname}"] = row.n_dead_tup / row.n_live_tup
            found[f"rows {row.relname}"] = row.n_live_tup
    found["in flight:deployments"] = load.active
    found["oldest s:deployment"] = float(load.oldest)
    for name in QUEUES:
        found[f"queued:{name}"] = int(broker.llen(name))
    return found
