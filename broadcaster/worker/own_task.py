"""How our tasks fail: with what an error says, and never with the values of rows (invariant I8).

Celery writes what a task raises, and the errors before it, into its log, into events in Redis, so on Flower's pages.
Postgres's own errors quote rows, and SQLAlchemy's show parameters: phones and variables.
"""

from __future__ import annotations

from typing import Any

from celery import Task

from broadcaster.db.faults import plain_errors, without_values
from broadcaster.errors import BroadcasterError, UnavailableError


class TaskError(Exception):
    """What an error says that nobody expected of a task, without the values of rows."""


class OwnTask(Task):  # type: ignore[misc]  # Celery ships no types
    """A task whose errors may be shown. That Postgres is away is expected: one line without a traceback."""

    throws = (UnavailableError,)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """As in the base class. Raises BroadcasterError, what the task `throws`, and TaskError, without causes."""
        try:
            with plain_errors():
                return super().__call__(*args, **kwargs)
        except (BroadcasterError, TaskError, *self.throws) as error:
            raise error from None
        except Exception as error:  # noqa: BLE001 - whatever it is, it is raised again
            raise TaskError(without_values(error)).with_traceback(error.__traceback__) from None

    def on_failure(self, exc: BaseException, _id: str, _args: Any, _kwargs: Any, einfo: Any) -> None:
        """Of what the task `throws` events, and so Flower, get no way through the code: nothing is wrong with that."""
        if isinstance(exc, self.throws):
            einfo.traceback = ""
