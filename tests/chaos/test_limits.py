"""Invariant I5 for all kinds of limits at once, while workers die and Postgres's clock goes forward and back.

The judge is a ledger of the test's own, a proxy before the gateway. A row of docs/reliability.md.
"""

from __future__ import annotations

import time
from itertools import chain, repeat

import pytest

from broadcaster.crypto import open_vault
from broadcaster.domain.span_limits import parse_rates, parse_span_limit
from broadcaster.services import shared_limits
from broadcaster.services.campaigns.changing import CampaignChange, change_campaign
from broadcaster.services.campaigns.lifecycle import pause_campaign, resume_campaign
from broadcaster.services.instance_changes import InstanceChanges, set_instance
from broadcaster.services.stored_limits import LaneLimits
from broadcaster.simulator.config import parse_listing
from tests.support.chaos import AT_ONCE, INSTANCES, Chaos
from tests.support.database_clock import DatabaseClock
from tests.support.own_ledger import OwnLedger, own_ledger

HOUR, DAY = 3600, 86_400
HOURLY, DAILY, SHARED, OF_CAMPAIGN = 20, 45, 70, 50
COUNT = 240
KILLS = 3
SOON = 8.0
"""Seconds until what there are places for is being sent: a step forward ends leases, which a tick takes back."""
QUIET = 1.5
"""Seconds without a request: whatever limits let through has left."""


@pytest.mark.chaos
def test_no_window_of_any_limit_has_more(chaos: Chaos) -> None:
    clock = DatabaseClock(chaos.shop.engine)
    with own_ledger(chaos.shop.gateway.base_url) as ledger:
        chaos.shop.front = ledger.base_url
        chaos.begin(COUNT, workers=0)
        _limit(chaos)
        chaos.workers = chaos.start_workers(2)
        killed = forward = 0
        # Some come and go. At last there is time enough for everything.
        for step in chain((HOUR, -HOUR, DAY + HOUR, -HOUR, 5000, -5000), repeat(DAY + HOUR)):
            if not chaos.unsent():
                break
            if ledger.comes(within=SOON) and killed < KILLS:
                victim = chaos.workers[killed % 2]
                victim.kill()
                chaos.replace(victim)
                killed += 1
            _until_quiet(ledger)
            _step(clock, ledger, step)
            forward += step > 0
        assert killed == KILLS
        # What was accepted before a step of a day proves nothing about doubts: a few more messages do, once the
        # gateway's clock agrees with Postgres's.
        _until_quiet(ledger)
        _step(clock, ledger, DAY + HOUR)
        chaos.shop.gateway.gateway.set_listing(parse_listing(f"clock={clock.ahead}"))
        chaos.also("after", 4 * len(INSTANCES), first=COUNT)
        chaos.finish(
            "all kinds of limits at once: workers killed, Postgres's clock stepped both ways",
            runs=KILLS,
            most_in_doubt=AT_ONCE * (KILLS + forward + 1),
            steps_forward=forward + 1,
        )
        _assert_held(ledger)


def _step(clock: DatabaseClock, ledger: OwnLedger, seconds: float) -> None:
    clock.step(seconds)
    ledger.skip(seconds)


def _limit(chaos: Chaos) -> None:
    """Several limits of each instance, one of which all share, and one of the campaign."""
    engine, grace = chaos.shop.engine, chaos.shop.settings.acceptance_seconds
    for name, most in (("customers", SHARED), ("promos", OF_CAMPAIGN)):
        shared_limits.add_limit(engine, name, parse_span_limit(f"{most}/d"), grace=grace)
    counted = parse_rates([f"{HOURLY}/h", f"{DAILY}/d"]).counted
    for name in INSTANCES:
        own = LaneLimits(grace, counted, shared=["customers"])
        set_instance(engine, open_vault(chaos.shop.settings), name, InstanceChanges(limits=own))
    pause_campaign(engine, "c")
    change_campaign(engine, "c", CampaignChange(limits=["promos"]))
    resume_campaign(engine, "c")


def _until_quiet(ledger: OwnLedger) -> None:
    """Until nothing has come for a while: all is full, and a step meets nothing that was claimed before it."""
    known, since = len(ledger.accepted), time.monotonic()
    while time.monotonic() < since + QUIET:
        if len(ledger.accepted) > known or not ledger.is_idle:
            known, since = len(ledger.accepted), time.monotonic()
        time.sleep(0.05)  # that nothing happens tells nobody


def _assert_held(ledger: OwnLedger) -> None:
    for name in INSTANCES:
        for most, span in ((HOURLY, HOUR), (DAILY, DAY)):
            assert 0 < ledger.most_in_any_window(span, lambda each, name=name: each.key == f"key-{name}") <= most
    assert ledger.most_in_any_window(DAY) <= min(SHARED, OF_CAMPAIGN)
    assert len({each.phone for each in ledger.accepted}) == len(ledger.accepted)
