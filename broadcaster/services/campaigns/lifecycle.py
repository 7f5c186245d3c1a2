"""Starting, pausing, resuming, cancelling and retrying campaigns: each one guarded transaction."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection, Engine, func, select

from broadcaster.db import tables
from broadcaster.db.engine import transaction
from broadcaster.db.statements import first
from broadcaster.domain.states import CampaignState
from broadcaster.errors import ConflictError, ContentionError, NotFoundError
from broadcaster.services.campaigns.purged import refuse_purged
from broadcaster.time_zones import day_and_time

_TRIES = 5
"""Workers write the messages of a running campaign all the time; a command that loses against them is repeated."""
_OPENS = {"start_campaign", "retry_campaign"}
"""Statements that would let an expired campaign have something to send, which would expire at once."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A campaign after a command: its new state, and how many messages the command moved."""

    name: str
    state: CampaignState
    messages: int = 0


class Change(msgspec.Struct, frozen=True):
    """What a statement that changes a campaign has made of it."""

    state: CampaignState
    messages: int


def start_campaign(engine: Engine, name: str) -> Moved:
    """`draft → scheduled`; when its time has come, `scheduled → running` follows at once."""
    return _move(engine, name, "start_campaign", CampaignState.SCHEDULED, "draft")


def pause_campaign(engine: Engine, name: str) -> Moved:
    """Nothing leaves any more but what is in flight."""
    return _move(engine, name, "pause_campaign", CampaignState.PAUSED, "running or scheduled")


def resume_campaign(engine: Engine, name: str) -> Moved:
    """Go on where it was paused: only what was not sent is sent."""
    return _move(engine, name, "resume_campaign", CampaignState.RUNNING, "paused")


def cancel_campaign(engine: Engine, name: str) -> Moved:
    """What has not left is cancelled for good; what is in flight still gets its outcome."""
    sources = "draft or paused or running or scheduled"
    return _move(engine, name, "cancel_campaign", CampaignState.CANCELLED, sources)


def retry_campaign(engine: Engine, name: str) -> Moved:
    """Send the failed messages of a campaign again, with a new set of attempts.

    Never one that may have been sent, unless an operator has settled it as failed.
    """
    return _move(engine, name, "retry_campaign", CampaignState.RUNNING, "finished or paused or running")


def patiently(move: Callable[[], Moved]) -> Moved:
    """What `move` returns, a transaction that Postgres may end in favour of another one: it is repeated then.

    Raises ContentionError where it loses again and again.
    """
    for _ in range(_TRIES - 1):
        with suppress(ContentionError):
            return move()
    return move()


def _move(engine: Engine, name: str, statement: str, target: CampaignState, sources: str) -> Moved:
    """Run a statement that changes the campaign if its state allows it, and else returns no row.

    `sources` are the states that do, for people. A campaign that is `target` already is left as it is.
    """

    def move() -> Moved:
        with transaction(engine) as connection:
            campaign_id, state = lock_campaign(connection, name)
            if statement in _OPENS:
                _refuse_expired(connection, campaign_id, name)
            changed = first(connection, statement, Change, campaign_id=campaign_id)
            if changed is not None:
                return Moved(name, changed.state, changed.messages)
            if state is target:
                return Moved(name, state)
            raise ConflictError(f"campaign {name!r} is {state}; only a campaign that is {sources} can become {target}")

    return patiently(move)


def _refuse_expired(connection: Connection, campaign_id: int, name: str) -> None:
    table = tables.campaigns
    expired = select(table.c.expires_at).where(table.c.id == campaign_id, table.c.expires_at <= func.now())
    if (expires_at := connection.scalar(expired)) is not None:
        raise ConflictError(f"campaign {name!r} expired at {day_and_time(expires_at)}: nothing of it is sent any more")


def lock_campaign(connection: Connection, name: str) -> tuple[int, CampaignState]:
    """Its id and state, which nobody else changes until the transaction ends.

    Raises NotFoundError, and ConflictError where its messages are deleted.
    """
    table = tables.campaigns
    found = select(table.c.id, table.c.state, table.c.purged_at).where(table.c.name == name)
    row = connection.execute(found.with_for_update(key_share=True)).first()
    if row is None:
        raise NotFoundError(f"no campaign is called {name!r}: see `broadcaster campaign list`")
    refuse_purged(name, row.purged_at)
    return row.id, CampaignState(row.state)
