"""The idempotent scans that beat fires: starting, finishing, waking, recovering, giving up. Many may run at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from math import ceil
from typing import NamedTuple

from sqlalchemy import Engine

from broadcaster.db.engine import transaction
from broadcaster.db.statements import execute, rows, value, values
from broadcaster.domain.pacing import closing_reserve
from broadcaster.services.campaigns.moving import move_pending
from broadcaster.services.campaigns.over_audience import start_audience_campaigns
from broadcaster.services.campaigns.starting import start_careful_campaigns
from broadcaster.services.frequency import keep_due_frequency, put_off_recent
from broadcaster.services.reconcile.reconciler import RUN_SECONDS
from broadcaster.services.reconcile.truth_check import SINCE, UNTIL
from broadcaster.settings import Settings

WAKE_AGAIN_AFTER = timedelta(seconds=2)
"""A wake-up that led to nothing in this time counts as lost, and another is published."""
MOST_LANES_A_TASK = 250
MOST_GIVEN_UP = 1000
"""Doubts that one scan gives up, at most: the next one goes on."""
MOST_EXPIRED = 10_000
"""Messages that one statement expires, at most."""
PIECES_A_SCAN = 10
"""So many times one scan expires that many."""
TASKS_A_WAVE = 4
"""A wave of wake-ups is spread over this many tasks, so that several workers share it."""


WAKE_WITHIN = timedelta(seconds=2)
"""How long before its next slot a lane is woken: there is time for the wake-up to find a worker."""


class Recovered(NamedTuple):
    """What became of leases that ended: how many lanes are free again, and how many messages are in doubt."""

    lanes: int
    in_doubt: int


class _Woken(NamedTuple):
    lane_id: int
    name: str


def wake_lanes(engine: Engine, *, request_timeout: float = 30.0) -> list[dict[int, str]]:
    """The lanes to wake now, in groups of one task each: the names of their instances by lane id.

    Its cost follows the lanes, never the backlog.

    Nothing starts where a request of `request_timeout` seconds could end outside of a window.
    """
    reserve = closing_reserve(request_timeout)
    with transaction(engine) as connection:
        lanes = sorted(
            rows(connection, "wake_lanes", _Woken, again_after=WAKE_AGAIN_AFTER, within=WAKE_WITHIN, reserve=reserve)
        )
    return in_tasks(dict(lanes), at_least=TASKS_A_WAVE)


def in_tasks(lanes: Mapping[int, str], *, at_least: int = 1) -> list[dict[int, str]]:
    """Lanes, each with its instance's name by its id, in groups of one `send` task each, dealt like cards.

    Instances that were added together often have the same rate, and should not all be with one worker.
    """
    tasks = max(at_least, ceil(len(lanes) / MOST_LANES_A_TASK))
    dealt = list(lanes.items())
    return [dict(dealt[first::tasks]) for first in range(min(tasks, len(lanes)))]


def start_due_campaigns(engine: Engine, *, grace: float = 75.0) -> list[int]:
    """Make campaigns that are due `running`; returns their ids. Those over audiences get their messages first.

    Whoever has not given the consent that a campaign requires, or is left out by its care, is skipped before.
    Whoever has opted out is skipped afterwards, and whoever was messaged too lately waits or is skipped, each campaign
    in transactions of its own. Where that fails, the claim does it. `grace`: how many seconds after its claim the
    gateway may accept a message.
    """
    keep_due_frequency(engine, grace=grace)
    with transaction(engine) as connection:
        started = values(connection, "start_due_campaigns")
    _leave_out(engine, started)
    for start in (start_careful_campaigns, start_audience_campaigns):
        prepared = start(engine)
        _leave_out(engine, prepared)
        started += prepared
    return started


def _leave_out(engine: Engine, campaigns: Sequence[int]) -> None:
    for campaign_id in campaigns:
        with transaction(engine) as connection:
            execute(connection, "skip_opted_out", campaign_id=campaign_id)
        put_off_recent(engine, campaign_id)


def expire_messages(engine: Engine, *, most: int = MOST_EXPIRED) -> int:
    """Expire what has not left of campaigns that have expired; returns how many messages.

    In pieces of so many, each committed by itself, so that nobody waits for all of them; the next scan goes on.
    """
    expired = 0
    for _ in range(PIECES_A_SCAN):
        with transaction(engine) as connection:
            piece = len(values(connection, "expire_messages", most=most))
        expired += piece
        if piece < most:
            break
    return expired


def finish_campaigns(engine: Engine) -> list[int]:
    """Make campaigns that balance `finished` (invariant I1), and clear up after cancelled ones.

    What is pending in a lane where it cannot stay moves on before (`move_pending`). Returns the ids of those that
    finished.
    """
    with transaction(engine) as connection:
        execute(connection, "sweep_cancelled")
    move_pending(engine)
    with transaction(engine) as connection:
        execute(connection, "close_cancelled")
        return values(connection, "finish_campaigns")


def recover_leases(engine: Engine, *, request_timeout: float = 30.0) -> Recovered:
    """Free the lanes whose lease has ended; what they were sending is in doubt.

    `request_timeout` is for how many seconds a request may be under way that nobody waits for any more.
    """
    waited = timedelta(seconds=request_timeout)
    with transaction(engine) as connection:
        [recovered] = rows(connection, "recover_leases", Recovered, request_timeout=waited, ended=[])
        execute(connection, "refresh_next_due", reserve=closing_reserve(request_timeout))
    return recovered


def climb_ramps(engine: Engine) -> int:
    """Let lanes that were well for a day send more in the next one, as their ramps say; returns how many."""
    with transaction(engine) as connection:
        climbed = values(connection, "climb_ramps")
        for limit in climbed:
            execute(connection, "refresh_limit", limit=limit)
    return len(climbed)


def give_up_doubts(engine: Engine, *, deadline: float) -> int:
    """Make unknown what has been in doubt for more than `deadline` seconds; returns how many messages."""
    with transaction(engine) as connection:
        return int(value(connection, "give_up_doubts", deadline=timedelta(seconds=deadline), most=MOST_GIVEN_UP))


def doubts_are_due(engine: Engine) -> bool:
    """Whether there is a chat to read back while a run would go on that started now."""
    with transaction(engine) as connection:
        return bool(value(connection, "due_doubts", within=timedelta(seconds=RUN_SECONDS)))


def replies_are_due(engine: Engine) -> bool:
    """Whether there is an account to read for replies while a run would go on that started now."""
    with transaction(engine) as connection:
        return bool(value(connection, "due_inboxes", within=timedelta(seconds=RUN_SECONDS)))


def truths_are_due(engine: Engine, settings: Settings) -> bool:
    """Whether there is an accepted message to look for in its chat."""
    if not settings.truth_check_seconds:
        return False
    with transaction(engine) as connection:
        return bool(value(connection, "due_truths", since=SINCE, until=UNTIL))
