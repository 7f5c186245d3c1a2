"""What of Postgres's own settings makes a committed intent less than a promise, or keeps workers from working."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Engine

from broadcaster.db.engine import transaction
from broadcaster.db.grants import connected_role
from broadcaster.db.statements import values
from broadcaster.errors import UnavailableError
from broadcaster.services.findings import Finding, Level, unwell, well
from broadcaster.settings import Settings


def require_durability(engine: Engine) -> None:
    """Raise UnavailableError where the server may lose what was committed: then a message could be sent twice."""
    off = _off(engine)
    if off:
        raise UnavailableError(
            f"{' and '.join(off)} of this Postgres is off: after a crash of its machine what was sent may be sent "
            "again; set it to on in postgresql.conf and reload the server"
        )


def examine_server(engine: Engine, settings: Settings) -> Iterator[Finding]:
    """Whether the server keeps what is committed, and whether its sessions begin as they should."""
    advice, again = "set it to on in postgresql.conf, reload the server, and look again with", "broadcaster doctor"
    off = _off(engine)
    if off:
        what = f"{' and '.join(off)} is off: after a crash of its machine what was sent may be sent again"
        yield unwell("durability", Level.BAD, what, advice, again)
    else:
        yield well("durability", "what is committed survives a crash of the server's machine")
    role, _ = connected_role(engine)
    with transaction(engine) as connection:
        found = values(connection, "own_settings", role=role)
    if found:
        what = f"sessions of {role} begin with {', '.join(found)}, which the role may have set for itself"
        yield unwell("role settings", Level.WARN, what, "take them back with", "broadcaster db upgrade")


def _off(engine: Engine) -> list[str]:
    with transaction(engine) as connection:
        return values(connection, "lossy_settings")
