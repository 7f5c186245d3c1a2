"""Fairness: seconds until a campaign of a hundred is sent, alone and while one of a million runs on the same lane.

One instance at 20 messages a second with a burst of 2, so that what an idle lane has saved up counts for nothing.
Of equal rights the two share the lane, so twice as long is the least that can be.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.campaigns import add_campaign, add_instances
from benchmarks.processes import wait_until
from benchmarks.results import Row
from benchmarks.stand import Stand, open_stand
from broadcaster.services.campaigns.lifecycle import start_campaign

_RATE, _BURST = 20.0, 2
_SMALL = 100
_LARGE = "large"
_RUNNING_FOR = 100
"""Messages that the large campaign has sent before the first small one begins."""
_TIME = """
SELECT extract(epoch FROM max(m.changed_at) - max(c.started_at))
FROM messages m JOIN campaigns c ON c.id = m.campaign_id
WHERE m.campaign_id = :id
"""


def measure(quick: bool) -> Sequence[Row]:
    """Ratios are to the campaign alone."""
    rounds, large = (1, 20_000) if quick else (3, 1_000_000)
    priorities = {"alone": 0, "equal": 0, "higher": 1}
    with open_stand() as stand:
        [lane] = add_instances(stand, {"instance": _RATE}, burst=_BURST)
        drafts = {
            (what, turn): add_campaign(stand, f"{what} {turn}", {lane: _SMALL}, priority=priority)
            for what, priority in priorities.items()
            for turn in range(rounds)
        }
        add_campaign(stand, _LARGE, {lane: large})
        with stand.workers(1):
            seconds: dict[str, list[float]] = {what: [] for what in priorities}
            for (what, turn), campaign in drafts.items():
                if (what, turn) == ("equal", 0):
                    _start_large(stand)
                seconds[what].append(_send(stand, f"{what} {turn}", campaign))
    alone = Row("a hundred messages alone", seconds["alone"], "s")
    beside = Row(f"beside {large:,} of the same priority", seconds["equal"], "s")
    before = Row(f"beside {large:,}, at a higher priority", seconds["higher"], "s")
    return [
        alone,
        beside.against(alone, "alone").at_most(2.2),
        before.against(alone, "alone").at_most(1.2),
    ]


def _start_large(stand: Stand) -> None:
    start_campaign(stand.engine, _LARGE)
    sent = "SELECT sent FROM campaign_lanes cl JOIN campaigns c ON c.id = cl.campaign_id WHERE c.name = :name"
    wait_until(lambda: stand.scalar(sent, name=_LARGE) >= _RUNNING_FOR, every=0.1)


def _send(stand: Stand, name: str, campaign: int) -> float:
    """Seconds from the start to the last outcome."""
    start_campaign(stand.engine, name)
    stand.nudge()
    sent = "SELECT sent FROM campaign_lanes WHERE campaign_id = :id"
    wait_until(lambda: stand.scalar(sent, id=campaign) == _SMALL, every=0.1)
    return float(stand.scalar(_TIME, id=campaign))
