"""Starts campaigns that need more than a new state, each in a transaction of its own: none waits for a large one."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from sqlalchemy import Engine

from broadcaster.db.engine import transaction
from broadcaster.db.statements import execute, first, values
from broadcaster.domain.care import Care
from broadcaster.errors import UnavailableError
from broadcaster.services.campaigns.judging import judge_anew
from broadcaster.services.campaigns.leaving_out import skip_left_out


class _Asked(msgspec.Struct, frozen=True):
    """What a campaign asks of those that it goes to."""

    segment: int
    require_consent: bool
    care: Care | None


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


def start_careful_campaigns(engine: Engine) -> list[int]:
    """Make those `running` that are due and require consent or have care; returns their ids.

    Whoever they leave out is skipped.

    Those over audiences are started with their messages (over_audience.py). Raises what `start_each` does.
    """
    return start_each(engine, "due_careful_campaigns", start_careful_campaign)


def start_careful_campaign(engine: Engine, campaign_id: int) -> bool:
    """`scheduled → running`; whoever it leaves out is skipped. False where it was not to be started."""
    with transaction(engine) as connection:
        if (asked := first(connection, "lock_due_careful_campaign", _Asked, campaign_id=campaign_id)) is None:
            return False
        if asked.require_consent:
            execute(connection, "skip_without_consent", campaign_id=campaign_id)
        skip_left_out(connection, asked.care, campaign_id, asked.segment)
        is_run = bool(execute(connection, "run_careful_campaign", campaign_id=campaign_id))
        judge_anew(connection, campaign_id)
        return is_run
