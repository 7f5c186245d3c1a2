"""Pending messages go from one lane of their campaign to another: one statement moves them, whoever asks for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

import structlog
from sqlalchemy import Connection, Engine

from broadcaster.db.engine import transaction
from broadcaster.db.statements import execute, rows, value, values
from broadcaster.domain.dealing import is_worth_moving
from broadcaster.domain.giving import SharingLane, takers_and_given
from broadcaster.domain.sharing import MoveReason
from broadcaster.services.campaigns.dealing_ahead import as_parameter, stored_shares

MOST_MOVED = 10_000
"""Messages that one statement of a tick takes from one lane, at most."""
PIECES_A_SCAN = 3
"""So many times one scan takes that many."""

log = structlog.get_logger(__name__)


class _Part(NamedTuple):
    lane_id: int
    pending: int


def deal_anew(connection: Connection, campaign_id: int, reason: MoveReason) -> int:
    """Give each lane of the campaign its part of what is pending; returns how many messages moved.

    The transaction has locked none of the campaign's counters: they come after the messages.
    """
    there = _pending(connection, campaign_id)
    shares = stored_shares(connection, campaign_id, sum(there.values()))
    return _share(connection, campaign_id, evenly=True, reason=reason, shares=as_parameter(shares))


def deal_draft(connection: Connection, campaign_id: int, *, now: bool) -> int:
    """Deal a draft that is started anew, `now` or at its time, where that makes a difference.

    Returns how many messages moved. What the transaction may have locked: as with `deal_anew`.
    """
    there = _pending(connection, campaign_id)
    shares = stored_shares(connection, campaign_id, sum(there.values()), now=now)
    if shares is None or not is_worth_moving(there, shares):
        return 0
    return _share(connection, campaign_id, evenly=True, reason=MoveReason.RESHARED, shares=as_parameter(shares))


def give_away(connection: Connection, campaign_id: int, to: int | None = None) -> int:
    """Move what is pending in lanes that the campaign has no more to its others, or all to the lane `to`."""
    lanes = rows(connection, "lanes_that_share", SharingLane, campaign_id=campaign_id)
    shares = None if to or not lanes else _shares_of_moved(connection, lanes)
    return _share(connection, campaign_id, to=to, shares=as_parameter(shares))


def move_pending(engine: Engine) -> int:
    """Begin and end failovers, and move what is pending where it cannot stay; returns how many messages moved.

    That is: in lanes that were taken away from their campaign, that are retired, or that have been in trouble for as
    long as their campaign lets them. A lane that is well again gets its part back. The next scan goes on.
    """
    with transaction(engine) as connection:
        if begun := execute(connection, "begin_failovers"):
            log.warning("failovers have begun", lanes=begun)
    moved = sum(end_failovers(engine).values())
    with transaction(engine) as connection:
        found = rows(connection, "lanes_that_share", SharingLane, campaign_id=None)
        sharing = {
            campaign_id: as_parameter(_shares_of_moved(connection, list(lanes)))
            for campaign_id, lanes in groupby(found, key=lambda lane: lane.campaign_id)
        }
    return moved + sum(_move_by_pieces(engine, campaign_id, shares) for campaign_id, shares in sharing.items())


def _move_by_pieces(engine: Engine, campaign_id: int, shares: str | None) -> int:
    moved = 0
    for _ in range(PIECES_A_SCAN):
        with transaction(engine) as connection:
            execute(connection, "join_by_key")
            piece = _share(connection, campaign_id, most=MOST_MOVED, shares=shares)
        moved += piece
        if piece < MOST_MOVED:
            break
    return moved


def _shares_of_moved(connection: Connection, lanes: Sequence[SharingLane]) -> Mapping[int, int] | None:
    """How many messages each lane of a campaign is to have in the end; None: nothing has to be reckoned."""
    takers, given = takers_and_given(lanes)
    if not given:
        return None
    messages = given + sum(each.pending for each in takers)
    return stored_shares(connection, lanes[0].campaign_id, messages, among={each.id for each in takers})


def end_failovers(engine: Engine) -> Mapping[int, int]:
    """End those that have no reason any more; returns how many messages moved, by campaign (id)."""
    with transaction(engine) as connection:
        moved = {}
        for campaign_id in sorted(set(values(connection, "end_failovers"))):
            log.info("a failover has ended", campaign_id=campaign_id)
            moved[campaign_id] = deal_anew(connection, campaign_id, MoveReason.BACK)
        return moved


def _pending(connection: Connection, campaign_id: int) -> Mapping[int, int]:
    """How many messages of the campaign are pending, by lane."""
    return {part.lane_id: part.pending for part in rows(connection, "pending_by_lane", _Part, campaign_id=campaign_id)}


def _share(
    connection: Connection,
    campaign_id: int,
    *,
    evenly: bool = False,
    reason: MoveReason = MoveReason.RESHARED,
    to: int | None = None,
    most: int | None = None,
    shares: str | None = None,
) -> int:
    parameters = {"campaign_id": campaign_id, "evenly": evenly, "reason": reason.value, "to": to, "most": most}
    parameters["shares"] = shares
    return int(value(connection, "share_pending", **parameters))
