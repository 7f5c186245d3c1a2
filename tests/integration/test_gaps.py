"""Gaps of chance between the messages of a lane, at the gateway's ledger, whichever worker has the lane."""

from __future__ import annotations

from itertools import pairwise
from statistics import pstdev

import pytest
from sqlalchemy.exc import IntegrityError

from broadcaster.crypto import open_vault
from broadcaster.domain.gaps import GapChange, Gaps, Rest, Span
from broadcaster.domain.holds import HoldCause
from broadcaster.domain.pacing import parse_rate
from broadcaster.domain.states import LaneHealth
from broadcaster.errors import UsageError
from broadcaster.services import clocks
from broadcaster.services.campaigns.campaign_reports import speed_limits
from broadcaster.services.instance_changes import InstanceChanges, set_instance
from broadcaster.services.instance_reports import list_instances, show_instance
from broadcaster.services.standstill import look_at_campaign
from tests.support.shop import Shop, drain
from tests.support.stack import wait_for

GAP = Span(0.2, 0.7)
REST = Rest(Span(1.2, 1.5), 4)
LEAD = 0.15
"""A message is claimed up to 100 ms before its moment, and the machine is not the fastest."""


def moments(shop: Shop) -> list[float]:
    return sorted(entry.monotonic_ns / 1e9 for entry in shop.gateway.ledger.entries if entry.accepted)


def apart(shop: Shop) -> list[float]:
    return [later - earlier for earlier, later in pairwise(moments(shop))]


def send_all(shop: Shop) -> None:
    """Drain by drain, as ticks wake the lane."""
    wait_for(lambda: bool(drain(shop)) and shop.state("spring") == "finished", "the campaign's end")


def test_messages_are_apart_by_chance_and_rest_after_so_many(shop: Shop) -> None:
    shop.add("a", gaps=Gaps(GAP, REST))
    shop.submit("spring", 13, "a")
    send_all(shop)
    gaps = apart(shop)
    rests = [gap for place, gap in enumerate(gaps, 1) if place % REST.after == 0]
    others = [gap for place, gap in enumerate(gaps, 1) if place % REST.after]
    assert len(rests) == 3
    assert min(rests) >= GAP.least + REST.span.least - LEAD
    assert min(others) >= GAP.least
    assert max(others) < min(rests)
    # An even pace of the same speed varies by a few milliseconds.
    assert pstdev(others) > 0.04


def test_a_gap_holds_for_the_next_worker(shop: Shop) -> None:
    """What chance has drawn stays when a lane is given back before its time."""
    shop.add("a", gaps=Gaps(Span(0.2, 3600.0)))
    shop.submit("spring", 3, "a")
    drain(shop)
    [(ahead,)] = shop.sql("SELECT extract(epoch FROM clock - now())::float8 FROM lanes")
    assert float(str(ahead)) > 5
    assert shop.lanes() == []
    assert len(moments(shop)) == 1


def test_the_rate_holds_beside_a_gap(shop: Shop) -> None:
    shop.add("a", "60/min", gaps=Gaps(Span(0.1, 0.2)))
    shop.submit("spring", 4, "a")
    send_all(shop)
    assert min(apart(shop)) >= 1.0


def test_a_shorter_gap_holds_from_the_next_tick_on(shop: Shop) -> None:
    shop.add("a", gaps=Gaps(Span(3600.0, 3600.0)))
    shop.submit("spring", 2, "a")
    drain(shop)
    vault = open_vault(shop.settings)
    change = InstanceChanges(gaps=GapChange(gap=Span(0.1, 0.2)))
    set_instance(shop.engine, vault, "a", change)
    assert shop.lanes() == []
    clocks.mend_clocks(shop.engine, shop.settings)
    send_all(shop)
    assert len(moments(shop)) == 2


@pytest.mark.parametrize(
    ("rate", "gaps", "apart"),
    [
        ("unlimited", Gaps(), None),
        ("20/min", Gaps(), 3),
        ("20/min", Gaps(Span(20, 60)), 40),
        ("20/min", Gaps(Span(20, 60), Rest(Span(300, 600), 50)), 40 + 450 / 50),
        ("6/h", Gaps(Span(20, 60)), 600),
    ],
)
def test_plans_and_shares_reckon_with_what_gaps_come_to(
    shop: Shop, rate: str, gaps: Gaps, apart: float | None
) -> None:
    shop.add("a", rate, gaps=gaps)
    [(typical,)] = shop.sql("SELECT typical_rate_per_second FROM instances")
    assert typical == (apart and pytest.approx(1 / apart))
    if apart:
        assert gaps.typical_interval(parse_rate(rate) or 0.0) == pytest.approx(apart)


def test_what_holds_and_what_is_permitted_reckon_with_gaps_and_rests(shop: Shop) -> None:
    """One that may send 90 a minute by its rate, and keeps far larger gaps."""
    shop.add("a", "90/min", gaps=Gaps(Span(3600, 3600)))
    shop.add("b", "90/min", gaps=Gaps(rest=Rest(Span(3600, 3600), 1)))
    shop.submit("spring", 4, "a", "b")
    drain(shop)
    [(gap_until,), (rest_until,)] = shop.sql(
        "SELECT clock - make_interval(secs => tolerance_seconds) FROM lanes JOIN instances USING (id) ORDER BY id"
    )
    shop.sql("INSERT INTO ticks (name, period_seconds, done_at) VALUES ('lifecycle', 1, now())")
    stands, [of_gap, of_rest] = look_at_campaign(shop.engine, shop.settings, "spring")
    assert (of_gap.cause, of_gap.what, of_gap.until) == (HoldCause.GAP, "gaps of 1h, next message", gap_until)
    assert (of_rest.cause, of_rest.what, of_rest.until) == (HoldCause.REST, "rest of 1h after 1, goes on", rest_until)
    assert [each.detail for each in stands] == ["instance a keeps gaps of 1h"]
    assert [each.permitted_per_second for each in list_instances(shop.engine)] == [
        pytest.approx(1 / 3600),
        pytest.approx(1 / (3600 + 60 / 90)),
    ]
    both = 1 / 3600 + 1 / (3600 + 60 / 90)
    assert speed_limits(shop.engine, [1])[1].per_second == pytest.approx(both)


def test_what_is_not_said_of_gaps_stays(shop: Shop) -> None:
    vault = open_vault(shop.settings)
    shop.add("a", "20/min", burst=7)

    def set_gaps(**changes: object) -> tuple[Gaps | None, int]:
        set_instance(shop.engine, vault, "a", InstanceChanges(**changes))  # type: ignore[arg-type]
        shown = show_instance(shop.engine, "a")
        return shown.gaps, shown.burst

    rest = Rest(Span(60.0, 90.0), 10)
    assert set_gaps(gaps=GapChange(rest=rest)) == (Gaps(rest=rest), 7)
    assert set_gaps(gaps=GapChange(gap=Span(20.0, 60.0))) == (Gaps(Span(20.0, 60.0), rest), 1)
    assert set_gaps(rate_per_second=1.0) == (Gaps(Span(20.0, 60.0), rest), 1)
    assert set_gaps(gaps=GapChange(without_gap=True)) == (Gaps(rest=rest), 2)
    assert set_gaps(gaps=GapChange(without_rest=True)) == (None, 2)


def test_a_rest_needs_something_to_rest_from(shop: Shop) -> None:
    shop.add("a", gaps=Gaps(GAP, REST))
    with pytest.raises(UsageError, match="--rest is for an instance with a rate or a gap"):
        set_instance(shop.engine, open_vault(shop.settings), "a", InstanceChanges(gaps=GapChange(without_gap=True)))
    with pytest.raises(IntegrityError):
        shop.sql("UPDATE instances SET interval_seconds = 0")


def test_trouble_does_not_shorten_a_gap(shop: Shop) -> None:
    shop.add("a", gaps=Gaps(Span(0.3, 0.5)))
    shop.fault("kind=http_429,count=2,retry_after=1")
    shop.submit("spring", 4, "a")
    send_all(shop)
    assert show_instance(shop.engine, "a").health is LaneHealth.OK
    assert min(apart(shop)) >= 0.3
