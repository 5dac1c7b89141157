"""The one line of log that each step stores, for engines that have no log of their own."""

from benchmarks.peers.call import database

TABLE = """CREATE TABLE IF NOT EXISTS step_log (
    id bigserial PRIMARY KEY, token text NOT NULL, step int NOT NULL,
    at timestamptz NOT NULL DEFAULT now(), text text NOT NULL)"""
INSERT = "INSERT INTO step_log (token, step, text) VALUES (%s, %s, %s)"
COUNT = "SELECT count(*) FROM step_log"


def make_table() -> None:
    """Safe to repeat."""
    import psycopg  # noqa: PLC0415 — the peers' own

    with psycopg.connect(database(), autocommit=True) as conn:
        conn.execute(TABLE)


def count() -> int:
    """How many lines there are."""
    import psycopg  # noqa: PLC0415 — the peers' own

    with psycopg.connect(database(), autocommit=True) as conn:
        row = conn.execute(COUNT).fetchone()
    return int(row[0]) if row else 0
