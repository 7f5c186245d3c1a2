"""The configured database and broker, as commands use them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, NoReturn

from broadcaster.cli.operator import as_operator
from broadcaster.cli.output import warn
from broadcaster.db.faults import nobody_answered
from broadcaster.db.reading import Reader
from broadcaster.errors import UnavailableError
from broadcaster.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from broadcaster.crypto import Vault


@contextmanager
def database(settings: Settings) -> Iterator[Engine]:
    """An engine for the length of one command. Raises UnavailableError as `reader` does."""
    # Half of the CPU of a command that only shows something would be SQLAlchemy's import.
    from broadcaster.db.engine import open_engine  # noqa: PLC0415

    _log_nothing()
    with _disposed(open_engine(settings, session=as_operator())) as engine, _how_to_start(settings):
        yield engine


def upgrade_database(settings: Settings) -> list[str]:
    """Run what is missing of the migrations, then grant commands and workers what they need; returns the revisions.

    Raises what `upgrade_schema` and `grant_runtime` do.
    """
    from broadcaster.db.engine import open_engine, open_migrator, transaction  # noqa: PLC0415 - start-up time, as above
    from broadcaster.db.grants import grant_runtime  # noqa: PLC0415
    from broadcaster.db.migrate import upgrade_schema  # noqa: PLC0415
    from broadcaster.db.statements import execute  # noqa: PLC0415
    from broadcaster.services.audit import note_operation  # noqa: PLC0415

    with (
        _disposed(open_migrator(settings, session=as_operator())) as migrator,
        _disposed(open_engine(settings)) as runtime,
        _how_to_start(settings),
    ):
        applied = upgrade_schema(migrator)
        _restore(settings, migrator, runtime)
        role = grant_runtime(migrator, runtime)
        with transaction(migrator) as connection:
            execute(connection, "drop_abandoned_segments")
            note_operation(connection, "database", str(migrator.url.database), applied=applied, granted_to=role)
    return applied


def open_to_reader(settings: Settings, role: str, *, phones: bool) -> list[str]:
    """Let a role read the views for reports, which are returned. Raises what `grant_reader` does."""
    from broadcaster.db.engine import open_migrator, transaction  # noqa: PLC0415 - start-up time, as above
    from broadcaster.db.grants import grant_reader  # noqa: PLC0415
    from broadcaster.services.audit import note_operation  # noqa: PLC0415

    with _disposed(open_migrator(settings, session=as_operator())) as migrator, _how_to_start(settings):
        views = grant_reader(migrator, role, phones=phones)
        with transaction(migrator) as connection:
            note_operation(connection, "database", str(migrator.url.database), reader=role, phones=phones)
    return views


def _restore(settings: Settings, migrator: Engine, runtime: Engine) -> None:
    """Undo what the runtime role may do to itself: another password, and settings with which nothing works."""
    from broadcaster.db.grants import reset_settings, restore_password  # noqa: PLC0415 - start-up time, as above
    from broadcaster.embedded import runtime_password  # noqa: PLC0415

    role = runtime.url.username
    if role is None or role == migrator.url.username:
        return
    if settings.database_url is None:
        restore_password(migrator, role, runtime_password(settings))
    left = reset_settings(migrator, role)
    if left:
        warn(f"sessions of the role {role} begin with settings of its own; as the server's administrator run: {left}")


@contextmanager
def reader(settings: Settings) -> Iterator[Reader]:
    """The same for a command that only shows something, which starts faster with it.

    Raises UnavailableError that says how to start the embedded Postgres, where that is what is missing.
    """
    with closing(Reader(settings)) as source, _how_to_start(settings):
        yield source


def vault_opener(settings: Settings) -> Callable[[], Vault]:
    """Opens the secret keys when they are called for, which is seldom: start-up time."""

    def opened() -> Vault:
        from broadcaster.crypto import open_vault  # noqa: PLC0415

        return open_vault(settings)

    return opened


def prepare_nudge() -> None:
    """Import what `nudge_workers` needs, so that it does not come between the commit and the nudge.

    Celery takes longer to import than the workers take to answer, and only commands that start something need it.
    """
    from broadcaster.worker.nudge import prepare  # noqa: PLC0415 - start-up time

    prepare()


def nudge_workers(settings: Settings, occurrence: tuple[str, str] | None = None) -> None:
    """Let the workers look now instead of at the next tick. Without Redis: a warning, since nothing is lost.

    `occurrence` is the schedule and the campaign of one that was made, if that is what there is to see.
    """
    from broadcaster.worker.nudge import nudge  # noqa: PLC0415 - see prepare_nudge

    if not nudge(occurrence):
        start = "" if settings.redis_url else " (start them with `broadcaster up`)"
        warn(f"Redis cannot be reached: all is stored, and is sent once Redis and the workers are back{start}")


@contextmanager
def _disposed(engine: Engine) -> Iterator[Engine]:
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def _how_to_start(settings: Settings) -> Iterator[None]:
    try:
        yield
    except UnavailableError as error:
        told = told_of_absence(settings, error)
        if told is error:
            raise
        raise told from error


def told_of_absence(settings: Settings, error: UnavailableError) -> UnavailableError:
    """The error, or one that says how to start the embedded Postgres, where that is what is missing."""
    if settings.database_url is not None or not nobody_answered(error):
        return error
    from broadcaster.cli.server_remedy import server_remedy  # noqa: PLC0415 - start-up time
    from broadcaster.embedded import read_status  # noqa: PLC0415

    stack = read_status(settings)
    what = "no Postgres is running" if stack.process is None else "Postgres does not answer"
    return UnavailableError(f"{what} in {settings.home}: {server_remedy(stack)}")


def _log_nothing() -> None:
    """Keep what services log, for the logs of workers, out of a command's own output, unless this process has logs."""
    # Most commands run nothing that logs, and its import takes a tenth of a second.
    if "structlog" not in sys.modules:
        return
    import structlog  # noqa: PLC0415

    def drop(*_: object) -> NoReturn:
        raise structlog.DropEvent

    if not structlog.is_configured():
        structlog.configure(processors=[drop])
