"""Runs the naive baseline."""

from __future__ import annotations

from dataclasses import dataclass

from celery import Celery
from sqlalchemy import text

from benchmarks.contenders import messages as each_message
from benchmarks.meter import Run, metered
from benchmarks.processes import wait_until
from benchmarks.stand import Stand
from broadcaster.db.engine import transaction

_APP = "benchmarks.contenders.naive_app"
_QUEUE = "naive"


@dataclass(frozen=True, slots=True)
class Naive:
    """The naive app in one of Celery's pools."""

    pool: str
    concurrency: int

    @property
    def label(self) -> str:
        """For the report."""
        return f"naive Celery, {self.pool} {self.concurrency}"

    def run(self, stand: Stand, messages: int) -> Run:
        """One task a message, all published beforehand: from the moment that the worker may begin."""
        _store(stand, messages)
        app = Celery(broker=stand.settings.broker_url)
        with app.connection() as connection:
            for number in range(1, messages + 1):
                app.send_task(f"{_APP}.send", [number], queue=_QUEUE, ignore_result=True, connection=connection)
        options = f"--pool {self.pool} --concurrency {self.concurrency} --queues idle --loglevel WARNING"
        command = f"-m celery --app {_APP} worker {options} --without-gossip --without-mingle"

        def all_sent() -> bool:
            return bool(stand.scalar("SELECT NOT EXISTS (SELECT FROM naive_messages WHERE state <> 'sent')"))

        with stand.python("naive", *command.split()) as worker:
            stand.await_workers([worker])
            with metered(stand, [worker.pid], messages) as run:
                with app.connection() as connection:
                    app.control.add_consumer(_QUEUE, connection=connection)
                wait_until(all_sent, worker, every=0.1)
        run.rate = (messages - 1) / float(
            stand.scalar("SELECT extract(epoch FROM max(changed_at) - min(changed_at)) FROM naive_messages")
        )
        return run


def _store(stand: Stand, messages: int) -> None:
    rows = [
        {"id": number, "phone": each_message.phone(number), "body": each_message.body(number)}
        for number in range(1, messages + 1)
    ]
    with transaction(stand.engine) as connection:
        connection.execute(
            text(
                "CREATE TABLE IF NOT EXISTS naive_messages"
                " (id int PRIMARY KEY, phone text NOT NULL, body text NOT NULL, state text NOT NULL,"
                " changed_at timestamptz NOT NULL)"
            )
        )
        connection.execute(text("TRUNCATE naive_messages"))
        connection.execute(text("INSERT INTO naive_messages VALUES (:id, :phone, :body, 'pending', now())"), rows)
