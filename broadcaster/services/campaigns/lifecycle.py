"""Starting, pausing, resuming, cancelling and retrying campaigns: each one guarded transaction."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, select

from broadcaster.db import tables
from broadcaster.db.engine import transaction
from broadcaster.db.queries import query
from broadcaster.domain.states import CAMPAIGN_TRANSITIONS, CampaignState
from broadcaster.errors import ConflictError, ContentionError, NotFoundError

_TRIES = 5
"""Workers write the messages of a running campaign all the time; a command that loses against them is repeated."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A campaign after a command: its new state, and how many messages the command moved."""

    name: str
    state: CampaignState
    messages: int = 0


def start_campaign(engine: Engine, name: str) -> Moved:
    """`draft → scheduled`; when its time has come, `scheduled → running` follows at once."""
    return _move(engine, name, CampaignState.SCHEDULED, frozenset({CampaignState.DRAFT}), "start_campaign")


def pause_campaign(engine: Engine, name: str) -> Moved:
    """Nothing leaves any more but what is in flight."""
    sources = frozenset({CampaignState.RUNNING, CampaignState.SCHEDULED})
    return _move(engine, name, CampaignState.PAUSED, sources, "pause_campaign")


def resume_campaign(engine: Engine, name: str) -> Moved:
    """Go on where it was paused: only what was not sent is sent."""
    return _move(engine, name, CampaignState.RUNNING, frozenset({CampaignState.PAUSED}), "resume_campaign")


def cancel_campaign(engine: Engine, name: str) -> Moved:
    """What has not left is cancelled for good; what is in flight still gets its outcome."""
    sources = frozenset(state for state, targets in CAMPAIGN_TRANSITIONS.items() if CampaignState.CANCELLED in targets)
    return _move(engine, name, CampaignState.CANCELLED, sources, "cancel_campaign")


def retry_campaign(engine: Engine, name: str) -> Moved:
    """Send the failed messages of a campaign again, with a new set of attempts. Never one that may have been sent."""
    sources = frozenset({CampaignState.RUNNING, CampaignState.PAUSED, CampaignState.FINISHED})
    return _move(engine, name, CampaignState.RUNNING, sources, "retry_campaign")


def _move(
    engine: Engine, name: str, target: CampaignState, sources: frozenset[CampaignState], statement: str
) -> Moved:
    for _ in range(_TRIES - 1):
        with suppress(ContentionError):
            return _move_once(engine, name, target, sources, statement)
    return _move_once(engine, name, target, sources, statement)


def _move_once(
    engine: Engine, name: str, target: CampaignState, sources: frozenset[CampaignState], statement: str
) -> Moved:
    with transaction(engine) as connection:
        campaign_id, state = lock_campaign(connection, name)
        if state is target and state not in sources:
            return Moved(name, state)
        if state not in sources:
            wanted = " or ".join(sorted(sources))
            raise ConflictError(f"campaign {name!r} is {state}; only a campaign that is {wanted} can become {target}")
        row = connection.exec_driver_sql(query(statement), {"campaign_id": campaign_id}).one()
        return Moved(name, CampaignState(row.state), row.messages)


def lock_campaign(connection: Connection, name: str) -> tuple[int, CampaignState]:
    """Its id and state, which nobody else changes until the transaction ends. Raises NotFoundError."""
    table = tables.campaigns
    found = select(table.c.id, table.c.state).where(table.c.name == name)
    row = connection.execute(found.with_for_update(key_share=True)).first()
    if row is None:
        raise NotFoundError(f"no campaign is called {name!r}: see `broadcaster campaign list`")
    return row.id, CampaignState(row.state)
