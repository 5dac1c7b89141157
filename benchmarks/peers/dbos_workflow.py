"""
DBOS on PostgreSQL: one workflow for each deployment, one step for each of ours, and its log line.

A client enqueues; two processes take from the queue, at DBOS's own polling interval.
"""

import os
import sys
import threading

from dbos import DBOS, DBOSClient, DBOSConfig
from psycopg_pool import ConnectionPool

from benchmarks.peers import lines
from benchmarks.peers.call import STEPS, call, database, serve

QUEUE = "deployments"
pool = ConnectionPool(database(), min_size=2, max_size=20, open=False, kwargs={"autocommit": True})
CONFIG: DBOSConfig = {
    "name": "bench",
    "system_database_url": database(),
    "application_version": "1",
    "executor_id": f"worker-{os.getpid()}",
    "log_level": "ERROR",
}


@DBOS.step()
def step(token: str, number: int) -> str:
    """The call and its line."""
    call(token, number)
    with pool.connection() as conn:
        conn.execute(lines.INSERT, (token, number, f"step {number}: done"))
    return "done"


@DBOS.workflow()
def deployment(token: str) -> str:
    """Twenty steps, one after the other."""
    for number in range(STEPS):
        step(token, number)
    return "done"


def work() -> None:
    """One worker process, until it is told to stop."""
    pool.open()
    DBOS(config=CONFIG)
    DBOS.launch()
    DBOS.register_queue(QUEUE)
    threading.Event().wait()


def main() -> None:
    """`dbos_workflow.py ROLE`."""
    if sys.argv[1] != "client":
        work()
        return
    lines.make_table()
    # Its tables are there before two workers start at once.
    DBOS(config=CONFIG)
    DBOS.launch()
    DBOS.register_queue(QUEUE)
    DBOS.destroy()
    client = DBOSClient(system_database_url=database())
    serve(
        go=lambda token: client.enqueue(
            {"queue_name": QUEUE, "workflow_name": deployment.__qualname__}, token
        ),
        lines=lines.count,
    )


if __name__ == "__main__":
    main()
