"""How often people are messaged: caps for all campaigns, and what claims keep so that caps and cooldowns hold."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, Engine, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from broadcaster.db import tables
from broadcaster.db.engine import transaction
from broadcaster.db.statements import execute, value, values
from broadcaster.domain.frequency import Cap
from broadcaster.domain.spans import said_span
from broadcaster.errors import ContentionError, NotFoundError, listed
from broadcaster.services.first_leaving import AT_ONCE, first_leaving

MOST_PURGED = 50_000
"""People whom one statement removes, at most."""


class KeptCap(msgspec.Struct, frozen=True):
    """A cap as it is stored: at most `most` messages to one person in any `span_seconds`."""

    most: int
    span_seconds: int

    @property
    def cap(self) -> Cap:
        return Cap(self.most, self.span_seconds)


def keep_frequency(engine: Engine, span: int, *, grace: float) -> None:
    """See to it that claims know whom anything was sent to in the latest `span` seconds, also before this call.

    Claims are locked out for an instant; the history is read afterwards. `grace`: how many seconds after its claim the
    gateway may accept a message.
    """
    with transaction(engine) as connection:
        if _is_kept(connection, span):
            return
        execute(connection, "lock_claims")
        execute(connection, "begin_frequency", span=span, grace=grace)
        execute(connection, "lengthen_frequency", span=span)
    with transaction(engine) as connection:
        execute(connection, "extend_frequency")


def keep_due_frequency(engine: Engine, *, grace: float) -> None:
    """The same for the campaigns with a cooldown that are to be sent; a cheap look where all is kept already."""
    with transaction(engine) as connection:
        found = values(connection, "frequency_to_keep")
    if found:
        keep_frequency(engine, found[0], grace=grace)


def put_off_recent(engine: Engine, campaign_id: int) -> int:
    """Let whoever of a running campaign was messaged too lately wait, or skip them; returns how many messages.

    That goes by the moment at which what is for them may leave first. What this does not meet, the claim does.
    """
    with transaction(engine) as connection:
        leaving = first_leaving(connection, [campaign_id]).get(campaign_id, AT_ONCE)
        return execute(connection, "put_off_recent", campaign_id=campaign_id, **leaving.parameters)


def purge_frequency(engine: Engine) -> int:
    """Remove whom nothing was sent to for longer than any rule looks back; all of it where no rule is left.

    Returns how many people were removed; the next purge goes on.
    """
    with transaction(engine) as connection:
        is_idle = value(connection, "frequency_is_idle")
    if is_idle:
        with transaction(engine) as connection:
            execute(connection, "lock_claims")
            execute(connection, "forget_frequency")
    with transaction(engine) as connection:
        return execute(connection, "purge_messaged_phones", most=MOST_PURGED)


def set_cap(engine: Engine, cap: Cap, *, grace: float) -> bool:
    """Let a cap hold from now on, for what was sent before as well, instead of another one of its span.

    Returns whether there was another one.
    """
    keep_frequency(engine, cap.span, grace=grace)
    table = tables.caps
    with transaction(engine) as connection:
        execute(connection, "lock_claims")
        if not _is_kept(connection, cap.span):
            raise ContentionError("a purge has just removed whom anything was sent to: try again")
        before = connection.scalar(select(table.c.most).where(table.c.span_seconds == cap.span))
        stored = insert(table).values(most=cap.most, span_seconds=cap.span)
        connection.execute(stored.on_conflict_do_update(index_elements=["span_seconds"], set_={"most": cap.most}))
    _free_put_off(engine)
    return before is not None


def remove_cap(engine: Engine, span: int) -> None:
    """No cap of that span holds any more. Raises NotFoundError."""
    table = tables.caps
    with transaction(engine) as connection:
        if not connection.execute(delete(table).where(table.c.span_seconds == span)).rowcount:
            there_are = [str(each.cap) for each in caps_in(connection)]
            told = f"there are: {listed(there_are, 5)}" if there_are else "there are none"
            raise NotFoundError(f"no cap is of {said_span(span)}; {told}")
    _free_put_off(engine)


def remove_caps(engine: Engine) -> None:
    """No cap holds any more, be there any or not."""
    with transaction(engine) as connection:
        connection.execute(delete(tables.caps))
    _free_put_off(engine)


def show_caps(engine: Engine) -> list[KeptCap]:
    """All of them, the shortest span first."""
    with transaction(engine) as connection:
        return caps_in(connection)


def _free_put_off(engine: Engine) -> None:
    """Other caps hold: let claims look again at whoever waits."""
    with transaction(engine) as connection:
        execute(connection, "free_put_off", campaign_id=None)


def caps_in(connection: Connection) -> list[KeptCap]:
    """The same in the caller's transaction."""
    table = tables.caps
    found = select(table.c.most, table.c.span_seconds).order_by(table.c.span_seconds)
    return [KeptCap(row.most, row.span_seconds) for row in connection.execute(found)]


def _is_kept(connection: Connection, span: int) -> bool:
    return bool(connection.scalar(select(func.frequency_is_kept(span))))
