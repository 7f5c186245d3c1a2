"""Starts campaigns that need more than a new state, each in a transaction of its own: none waits for a large one."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Engine

from broadcaster.db.engine import transaction
from broadcaster.db.statements import execute, first, values
from broadcaster.errors import UnavailableError


def start_each(engine: Engine, due: str, start: Callable[[Engine, int], bool]) -> list[int]:
    """`start` each campaign whose id the statement `due` returns; returns the ids of those for which it says True.

    Raises UnavailableError when all have been tried and Postgres did not take one.
    """
    with transaction(engine) as connection:
        found = values(connection, due)
    started, failure = [], None
    for campaign_id in found:
        try:
            if start(engine, campaign_id):
                started.append(campaign_id)
        except UnavailableError as error:
            failure = failure or error
    if failure is not None:
        raise failure
    return started


def start_consenting_campaigns(engine: Engine) -> list[int]:
    """Make those that are due and require consent `running`, without whoever has not given it; returns their ids.

    Those over audiences are started with their messages (over_audience.py). Raises what `start_each` does.
    """
    return start_each(engine, "due_consenting_campaigns", start_consenting_campaign)


def start_consenting_campaign(engine: Engine, campaign_id: int) -> bool:
    """`scheduled → running`; whoever has not agreed to messages is skipped. False where it was not to be started."""
    with transaction(engine) as connection:
        if first(connection, "lock_due_consenting_campaign", tuple, campaign_id=campaign_id) is None:
            return False
        execute(connection, "skip_without_consent", campaign_id=campaign_id)
        return bool(execute(connection, "run_consenting_campaign", campaign_id=campaign_id))
