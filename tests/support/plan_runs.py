"""Plans and what becomes of them: real claims, on a database's clock that is stepped to whenever something is due."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime
from unittest.mock import patch

from broadcaster.crypto import open_vault
from broadcaster.domain.campaign_plans import CampaignPlan
from broadcaster.domain.span_limits import parse_span_limit
from broadcaster.services import dispatch, shared_limits
from broadcaster.services.campaigns.judging import judge_campaigns
from broadcaster.services.campaigns.moving import move_pending
from broadcaster.services.campaigns.planning import open_work
from broadcaster.services.instance_changes import InstanceChanges, set_instance
from broadcaster.services.openings import move_openings
from broadcaster.services.schedules.due_occurrences import make_due_occurrences
from broadcaster.services.sending import lane
from broadcaster.services.sending.sending_process import SendingProcess
from broadcaster.services.stored_limits import LaneLimits
from tests.support.database_clock import DatabaseClock
from tests.support.shop import Shop

WITHIN = 0.05
"""By which share of the time that it takes a plan may be wrong,"""
SECONDS_OFF = 1.5
"""and by how many seconds: a worker begins, and ticks come once a second."""
TICK = 0.5
"""Seconds until ticks are fired again while something is being sent."""
IDLE_TICKS = 60
LONGEST_IDLE = 2.0
"""A lane is given back rather than held for so many seconds until its next slot: the clock is stepped instead."""
_NEXT = """
SELECT extract(epoch FROM min(moment) - now())::float8
FROM (
    SELECT free_at AS moment FROM limits
    UNION ALL SELECT step_since + interval '1 day' FROM limits WHERE step < cardinality(ramp)
    UNION ALL SELECT opens_at FROM openings
    UNION ALL SELECT closes_at FROM openings
    UNION ALL SELECT starts_at FROM campaigns WHERE state = 'scheduled'
    UNION ALL SELECT next_at FROM schedules WHERE state = 'active'
    UNION ALL SELECT expires_at FROM campaigns WHERE state = 'running'
    UNION ALL SELECT next_slice_at FROM campaign_judgements
    UNION ALL SELECT clock - make_interval(secs => i.tolerance_seconds) FROM lanes JOIN instances i USING (id)
    UNION ALL SELECT not_before FROM lanes
    UNION ALL SELECT next_due_at FROM campaign_lanes WHERE open AND next_due_at < 'infinity'
    UNION ALL
    SELECT l.health_since + make_interval(secs => (c.sharing ->> 'failover_after')::float8)
    FROM lanes l
    JOIN campaign_lanes cl ON cl.lane_id = l.id AND cl.open
    JOIN campaigns c ON c.id = cl.campaign_id
    WHERE l.health = 'refused'
) due
WHERE moment > :looked_at
"""
"""What became due since somebody looked for it counts too: it has not been done yet."""
_LEDGER = """
SELECT (a.finished_at AT TIME ZONE 'UTC')::date, i.name, count(*)
FROM attempts a
JOIN instances i USING (account_id)
WHERE a.outcome = 'accepted' AND a.campaign_id = (SELECT id FROM campaigns WHERE name = :name)
GROUP BY 1, 2
"""


def run_to_its_end(shop: Shop, clock: DatabaseClock, *names: str) -> datetime:
    """Send until these campaigns have finished; returns when the last message was accepted, by that clock."""
    run_until(shop, clock, lambda: all(shop.state(name) == "finished" for name in names))
    return max(sent_until(shop, name) for name in names)


def run_until(shop: Shop, clock: DatabaseClock, is_over: Callable[[], bool]) -> None:
    """Send until something is so, which is asked at each tick."""
    with patch.object(lane, "LONGEST_IDLE", LONGEST_IDLE):
        asyncio.run(_run(shop, clock, is_over))


async def _run(shop: Shop, clock: DatabaseClock, is_over: Callable[[], bool]) -> None:
    sending: set[asyncio.Task[object]] = set()
    idle = 0
    async with SendingProcess(shop.settings) as process:
        while True:
            [(looked_at,)] = shop.sql("SELECT now()")
            if await asyncio.to_thread(_tick, shop, is_over):
                return
            if lanes := await asyncio.to_thread(shop.lanes):
                sending.add(asyncio.create_task(process.send_due(lanes)))
            if sending:
                done, sending = await asyncio.wait(sending, timeout=TICK, return_when=asyncio.FIRST_COMPLETED)
                await asyncio.gather(*done)
                continue
            [(seconds,)] = shop.sql(_NEXT, looked_at=looked_at)
            idle = idle + 1 if seconds is None else 0
            assert idle < IDLE_TICKS, "nothing is due any more"
            # A lane that was woken just now is not woken again for a while.
            clock.step(1.0 if seconds is None else max(0.0, float(str(seconds))) + 0.01)


def _tick(shop: Shop, is_over: Callable[[], bool]) -> bool:
    """What beat fires; returns whether it is over."""
    dispatch.finish_campaigns(shop.engine)
    dispatch.expire_messages(shop.engine)
    move_openings(shop.engine)
    list(make_due_occurrences(shop.engine))
    dispatch.start_due_campaigns(shop.engine)
    judge_campaigns(shop.engine)
    dispatch.climb_ramps(shop.engine)
    move_pending(shop.engine)
    return is_over()


def sent_until(shop: Shop, name: str) -> datetime:
    """When the last message of a campaign was accepted."""
    [(ends_at,)] = shop.sql(
        "SELECT max(finished_at) FROM attempts WHERE campaign_id = (SELECT id FROM campaigns WHERE name = :name)",
        name=name,
    )
    assert isinstance(ends_at, datetime)
    return ends_at


def ledger(shop: Shop, name: str) -> Counter[tuple[date, str]]:
    """How many messages of a campaign were accepted, by day (UTC) and instance."""
    found: Counter[tuple[date, str]] = Counter()
    for day, instance, messages in shop.sql(_LEDGER, name=name):
        assert isinstance(day, date)
        assert isinstance(messages, int)
        found[day, str(instance)] = messages
    return found


def foreseen(shop: Shop, name: str) -> CampaignPlan:
    """The plan of a campaign, as it stands."""
    plan = open_work(shop.engine, name).plan()
    assert plan is not None
    return plan


def skips(plan: CampaignPlan) -> int:
    """How many messages of a plan are skipped, or were."""
    return sum(each.messages for each in plan.skips)


def share(shop: Shop, name: str, limit: str, *instances: str) -> None:
    """A limit that these instances share, or none yet."""
    grace = shop.settings.acceptance_seconds
    shared_limits.add_limit(shop.engine, name, parse_span_limit(limit), grace=grace)
    for instance in instances:
        limit_lane(shop, instance, LaneLimits(grace, shared=[name]))


def limit_lane(shop: Shop, instance: str, limits: LaneLimits) -> None:
    """Change the limits of an instance."""
    set_instance(shop.engine, open_vault(shop.settings), instance, InstanceChanges(limits=limits))
