"""
What a team usually writes: a chain of Celery tasks, each in an application context with an ORM
session, three commits for each step, and a result backend. As the documentation of Flask shows it.

A worker that dies leaves its step `running` for ever: the rows are there, the way back is not.
"""

import sys
from datetime import UTC, datetime
from typing import Any

from celery import Celery, Task, chain
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import ForeignKey, String, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from benchmarks.peers.call import STEPS, broker, call, database, serve, tokens


class Base(DeclarativeBase):
    """Of three tables."""


db = SQLAlchemy(model_class=Base)


class Job(db.Model):  # type: ignore[misc, name-defined]
    """One deployment."""

    id: Mapped[int] = mapped_column(primary_key=True)
    token: Mapped[str] = mapped_column(String(40), unique=True)
    status: Mapped[str] = mapped_column(String(20), default="pending")
    steps: Mapped[list["JobStep"]] = relationship(back_populates="job")


class JobStep(db.Model):  # type: ignore[misc, name-defined]
    """One step."""

    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"), index=True)
    number: Mapped[int]
    status: Mapped[str] = mapped_column(String(20), default="pending")
    message: Mapped[str] = mapped_column(String(500), default="")
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    job: Mapped[Job] = relationship(back_populates="steps")


class JobLog(db.Model):  # type: ignore[misc, name-defined]
    """One line of the log."""

    id: Mapped[int] = mapped_column(primary_key=True)
    step_id: Mapped[int] = mapped_column(ForeignKey("job_step.id"), index=True)
    at: Mapped[datetime]
    text: Mapped[str] = mapped_column(String(500))


def make_app() -> tuple[Flask, Celery]:
    """An application and its Celery, whose tasks run in the application's context."""
    flask = Flask("usual")
    flask.config["SQLALCHEMY_DATABASE_URI"] = database().replace(
        "postgresql:", "postgresql+psycopg:"
    )
    db.init_app(flask)

    class ContextTask(Task):  # type: ignore[misc]
        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            with flask.app_context():
                return self.run(*args, **kwargs)

    made = Celery("usual", task_cls=ContextTask, broker=broker(), backend=broker())
    made.conf.update(broker_connection_retry_on_startup=True)
    return flask, made


flask_app, app = make_app()


@app.task(name="usual.step")  # type: ignore[untyped-decorator]
def step(step_id: int) -> str:
    """Running; the call and its line; done."""
    row = db.session.get(JobStep, step_id)
    assert row is not None
    row.status, row.started_at = "running", _now()
    db.session.commit()
    call(row.job.token, row.number)
    db.session.add(JobLog(step_id=row.id, at=_now(), text=f"step {row.number}: done"))
    db.session.commit()
    row.status, row.ended_at, row.message = "success", _now(), "done"
    if row.number == STEPS - 1:
        row.job.status = "success"
    db.session.commit()
    return "done"


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def prepare(number: int) -> list[str]:
    """Rows of so many deployments."""
    names = tokens(number)
    with flask_app.app_context():
        for name in names:
            db.session.add(Job(token=name, steps=[JobStep(number=n) for n in range(STEPS)]))
        db.session.commit()
    return names


def go(token: str) -> None:
    """The whole chain at once."""
    with flask_app.app_context():
        ids = db.session.scalars(
            select(JobStep.id).join(Job).where(Job.token == token).order_by(JobStep.number)
        ).all()
    chain(step.si(i) for i in ids).apply_async()


def lines() -> int:
    """Lines in the log."""
    with flask_app.app_context():
        return db.session.scalar(select(func.count()).select_from(JobLog)) or 0


def main() -> None:
    """`usual.py ROLE PROCESSES`."""
    if sys.argv[1] == "client":
        with flask_app.app_context():
            db.create_all()
        serve(go=go, prepare=prepare, lines=lines)
        return
    app.worker_main(
        ["worker", "--pool", "prefork", "--concurrency", sys.argv[2], "--loglevel", "ERROR"]
    )


if __name__ == "__main__":
    main()
