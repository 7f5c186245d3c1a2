"""The configured database and broker, as commands use them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from broadcaster.cli.output import warn
from broadcaster.db.engine import open_engine
from broadcaster.errors import UnavailableError
from broadcaster.settings import Settings


@contextmanager
def database(settings: Settings) -> Iterator[Engine]:
    """An engine for the length of one command.

    Raises UnavailableError that says how to start the embedded Postgres, where that is what is missing.
    """
    engine = open_engine(settings)
    try:
        yield engine
    except UnavailableError as error:
        if settings.database_url is None and _nobody_answers(error):
            raise UnavailableError(
                f"no Postgres is running in {settings.home}: start it with `broadcaster up`"
            ) from error
        raise
    finally:
        engine.dispose()


def nudge_workers(settings: Settings, occurrence: tuple[str, str] | None = None) -> None:
    """Let the workers look now instead of at the next tick. Without Redis: a warning, since nothing is lost.

    `occurrence` is the schedule and the campaign of one that was made, if that is what there is to see.
    """
    # Celery takes longer to import than all else, and only commands that start something need it.
    from broadcaster.worker.nudge import nudge  # noqa: PLC0415

    if not nudge(occurrence):
        start = "" if settings.redis_url else " (start them with `broadcaster up`)"
        warn(f"Redis cannot be reached: all is stored, and is sent once Redis and the workers are back{start}")


def _nobody_answers(error: UnavailableError) -> bool:
    """Whether the error is that no connection came about, and not something that a server said."""
    cause = error.__cause__
    return isinstance(cause, DBAPIError) and getattr(cause.orig, "sqlstate", None) is None
