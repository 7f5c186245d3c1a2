"""The baseline: a broadcast as most people would write it with Celery.

One task per message, a synchronous HTTP client with a pool of connections, and two commits: what is about to be sent,
and what was. It has no limits, no retries, no accounting and no recovery.
"""

from __future__ import annotations

import os
import threading
from functools import cache

import httpx
import psycopg
from celery import Celery

from benchmarks.sink import URL_VARIABLE
from broadcaster.settings import load

_settings = load(dotenv=None)

app = Celery("naive", broker=_settings.broker_url)
app.conf.update(task_ignore_result=True, broker_connection_retry_on_startup=True)


@app.task  # type: ignore[untyped-decorator]  # Celery ships no types
def send(message_id: int) -> None:
    """Send one message."""
    database = _database().connection
    with database.transaction():
        row = database.execute(
            "UPDATE naive_messages SET state = 'sending' WHERE id = %s AND state = 'pending' RETURNING phone, body",
            [message_id],
        ).fetchone()
    if row is None:
        return
    reply = _client().post(
        f"{os.environ[URL_VARIABLE]}/wa/send", json={"key": "benchmark-key", "phone": row[0], "body": row[1]}
    )
    state = "sent" if reply.is_success and reply.json()["sent"] else "failed"
    with database.transaction():
        database.execute("UPDATE naive_messages SET state = %s, changed_at = now() WHERE id = %s", [state, message_id])


class _Database(threading.local):
    """A connection for each thread, and so for each forked process."""

    def __init__(self) -> None:
        url = _settings.migration_url.replace("postgresql+psycopg://", "postgresql://", 1)
        self.connection = psycopg.connect(url, autocommit=True)


@cache
def _database() -> _Database:
    return _Database()


@cache
def _client() -> httpx.Client:
    return httpx.Client()
