"""The configured database and broker, as commands use them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from broadcaster.cli.output import warn
from broadcaster.db.engine import open_engine
from broadcaster.errors import UnavailableError
from broadcaster.settings import Settings, redact_url


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


def nudge_workers(settings: Settings) -> None:
    """Let the workers look now instead of at the next tick. Without Redis: a warning, since nothing is lost."""
    # Celery takes longer to import than all else, and only commands that start something need it.
    from broadcaster.worker.nudge import nudge  # noqa: PLC0415

    if not nudge():
        where = redact_url(settings.broker_url) if settings.redis_url else f"the Redis in {settings.home}"
        warn(f"{where} cannot be reached: everything is stored, and is sent once Redis and the workers are back")


def _nobody_answers(error: UnavailableError) -> bool:
    """Whether the error is that no connection came about, and not something that a server said."""
    cause = error.__cause__
    return isinstance(cause, OperationalError) and getattr(cause.orig, "sqlstate", None) is None
