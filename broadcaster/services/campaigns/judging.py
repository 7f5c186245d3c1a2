"""Careful campaigns by their own figures: they pause themselves, and the slices of their canaries open.

A tick looks once a second: so long, or until its next run, a campaign goes on whose figures have passed a limit.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import structlog
from sqlalchemy import Connection, Engine

from broadcaster.db.engine import transaction
from broadcaster.db.statements import execute, first, rows, values
from broadcaster.domain.care import ANSWERED_AFTER, Care, Figures, exceeded, stop_reason
from broadcaster.services.audit import STOPPED_BY

REPLIES_AGAIN = timedelta(minutes=1)
"""Who has answered is counted so often: that reads the campaign's messages."""
MOST_RELEASED = 10_000
"""Messages that one statement releases, at most."""
PIECES_A_SCAN = 3
"""So many times one scan releases that many."""

log = structlog.get_logger(__name__)


class _Judged(Figures, frozen=True, kw_only=True):
    """A running campaign with care, and its figures since it is judged."""

    id: int
    care: Care
    since: datetime
    open_slices: int
    slice_is_due: bool
    """The next slice opens now, if the figures hold."""
    slice_has_left: bool
    """Nothing of the open slices is left to send, and it is not known yet when the next one opens."""


class _Unreleased(msgspec.Struct, frozen=True):
    """A campaign with an open slice of which messages may still be held."""

    campaign_id: int
    segment: int
    care: Care
    open_slices: int


class _Released(msgspec.Struct, frozen=True):
    last: int | None
    messages: int


def judge_anew(connection: Connection, campaign_id: int) -> None:
    """What came to pass before says nothing any more of it, in the transaction that lets it start or go on."""
    execute(connection, "judge_anew", campaign_id=campaign_id)


def judge_campaigns(engine: Engine) -> bool:
    """Pause the campaigns that have passed a limit of their own, and open the slices whose time has come.

    Returns whether there is more to send now.
    """
    with transaction(engine) as connection:
        judged = rows(connection, "judged_campaigns", _Judged, after=ANSWERED_AFTER)
        looked_at = [each.id for each in judged if each.answerable is not None]
        if looked_at:
            execute(connection, "note_replies_judged", campaigns=looked_at, again=REPLIES_AGAIN)
    for each in judged:
        _judge(engine, each)
    return release_slices(engine) > 0


def _judge(engine: Engine, judged: _Judged) -> None:
    """What follows from the figures, unless somebody let the campaign go on since they were counted."""
    told = list(exceeded(judged.care.stops, judged))
    if not (told or judged.slice_is_due or judged.slice_has_left):
        return
    of_campaign = {"campaign_id": judged.id, "since": judged.since}
    with transaction(engine) as connection:
        values(connection, "lock_campaign_row", campaign_id=judged.id)
        if told:
            execute(connection, "speak_as", name=STOPPED_BY)
            if stopped := values(connection, "stop_campaign", **of_campaign, reason=stop_reason(told)):
                log.warning("campaign has paused itself", campaign=stopped[0], figures=told)
        elif judged.slice_is_due:
            execute(connection, "open_slice", **of_campaign, open=judged.open_slices)
        else:
            after = timedelta(seconds=judged.care.after)
            execute(connection, "note_slice_left", **of_campaign, open=judged.open_slices, after=after)


def release_slices(engine: Engine) -> int:
    """Let messages of open slices go, so many in each transaction; returns how many. The next scan goes on."""
    with transaction(engine) as connection:
        unreleased = rows(connection, "unreleased_slices", _Unreleased)
    return sum(_release(engine, each) for each in unreleased)


def _release(engine: Engine, unreleased: _Unreleased) -> int:
    of_slice = {"campaign_id": unreleased.campaign_id, "open": unreleased.open_slices}
    released, beyond = 0, 0
    for _ in range(PIECES_A_SCAN):
        with transaction(engine) as connection:
            values(connection, "lock_campaign_row", campaign_id=unreleased.campaign_id)
            piece = first(
                connection,
                "release_slice",
                _Released,
                **of_slice,
                segment=unreleased.segment,
                share=unreleased.care.share_of(unreleased.open_slices),
                beyond=beyond,
                most=MOST_RELEASED,
            )
            assert piece is not None
            if piece.messages < MOST_RELEASED:
                execute(connection, "note_slice_released", **of_slice)
        released += piece.messages
        beyond = piece.last or beyond
        if piece.messages < MOST_RELEASED:
            break
    return released
