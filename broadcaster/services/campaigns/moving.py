"""Pending messages go from one lane of their campaign to another: one statement moves them, whoever asks for it."""

from __future__ import annotations

import structlog
from sqlalchemy import Connection, Engine

from broadcaster.db.engine import transaction
from broadcaster.db.statements import execute, value, values
from broadcaster.domain.sharing import MoveReason

MOST_MOVED = 10_000
"""Messages that one statement of a tick takes from one lane, at most."""
PIECES_A_SCAN = 3
"""So many times one scan takes that many."""

log = structlog.get_logger(__name__)


def deal_anew(connection: Connection, campaign_id: int, reason: MoveReason) -> int:
    """Give each lane of the campaign its part of what is pending; returns how many messages moved.

    The transaction has locked none of the campaign's counters: they come after the messages.
    """
    return _share(connection, campaign_id, evenly=True, reason=reason)


def give_away(connection: Connection, campaign_id: int, to: int | None = None) -> int:
    """Move what is pending in lanes that the campaign has no more to its others, or all to the lane `to`."""
    return _share(connection, campaign_id, to=to)


def move_pending(engine: Engine) -> int:
    """Begin and end failovers, and move what is pending where it cannot stay; returns how many messages moved.

    That is: in lanes that were taken away from their campaign, that are retired, or that have been in trouble for as
    long as their campaign lets them. A lane that is well again gets its part back. The next scan goes on.
    """
    with transaction(engine) as connection:
        if begun := execute(connection, "begin_failovers"):
            log.warning("failovers have begun", lanes=begun)
    moved = 0
    with transaction(engine) as connection:
        for campaign_id in sorted(set(values(connection, "end_failovers"))):
            log.info("a failover has ended", campaign_id=campaign_id)
            moved += deal_anew(connection, campaign_id, MoveReason.BACK)
    for _ in range(PIECES_A_SCAN):
        with transaction(engine) as connection:
            execute(connection, "join_by_key")
            piece = _share(connection, None, most=MOST_MOVED)
        moved += piece
        if piece < MOST_MOVED:
            break
    return moved


def _share(
    connection: Connection,
    campaign_id: int | None,
    *,
    evenly: bool = False,
    reason: MoveReason = MoveReason.RESHARED,
    to: int | None = None,
    most: int | None = None,
) -> int:
    parameters = {"campaign_id": campaign_id, "evenly": evenly, "reason": reason.value, "to": to, "most": most}
    return int(value(connection, "share_pending", **parameters))
