"""`broadcaster db`: the database's schema."""

from __future__ import annotations

from typing import Annotated

import typer

from broadcaster.cli.database import database, open_to_reader, upgrade_database
from broadcaster.cli.groups import lazy_group
from broadcaster.cli.output import say
from broadcaster.db.grants import require_privileges
from broadcaster.db.migrate import differences, require_current
from broadcaster.errors import UnavailableError
from broadcaster.services.server_diagnosis import require_durability
from broadcaster.settings import load

app = lazy_group(
    {
        "upgrade": ("broadcaster.cli.db:upgrade", "Bring the database to this version's schema."),
        "reader": ("broadcaster.cli.db:reader", "Let a role of the server read the views for reports."),
        "check": ("broadcaster.cli.db:check", "Tell whether the database has this version's schema."),
    },
    "Bring the database up to date, or check it.",
)


def upgrade() -> None:
    """Bring the database to this version's schema, and grant the role of BROADCASTER_DATABASE_URL what it needs.

    Works as the role of BROADCASTER_MIGRATION_DATABASE_URL, where that is set. Safe to run again, and on several
    machines at once.
    """
    applied = upgrade_database(load())
    say(f"upgraded: {', '.join(applied)}" if applied else "the database is up to date")


def reader(
    role: Annotated[str, typer.Argument(metavar="ROLE", help="A role that the server has.", show_default=False)],
    no_phones: Annotated[
        bool, typer.Option("--no-phones", help="Without the views that show who somebody is.", show_default=False)
    ] = False,
) -> None:
    """Let a role of the server read the views for reports, and nothing else: for a BI tool. It may be run again.

    Works as the role of BROADCASTER_MIGRATION_DATABASE_URL. docs/reporting.md tells what the views show.

    Example: broadcaster db reader bi --no-phones
    """
    views = open_to_reader(load(), role, phones=not no_phones)
    say(f"{role} may read {', '.join(views)}")


def check() -> None:
    """Tell whether the database has this version's schema, its role what it needs, and commits are durable.

    Exit code 1: it has not.
    """
    with database(load()) as engine:
        require_current(engine)
        require_privileges(engine)
        require_durability(engine)
        found = differences(engine)
    if found:
        raise UnavailableError(f"the database differs from this version's schema: {found}")
    say("the database is up to date")
