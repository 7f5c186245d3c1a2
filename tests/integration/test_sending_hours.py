"""Nothing is accepted outside of a window or after expiry, whatever workers, ticks and replies do."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from sqlalchemy import Engine

from broadcaster.crypto import open_vault
from broadcaster.db.engine import transaction
from broadcaster.db.statements import execute
from broadcaster.domain.opening_hours import NOBODY, HoursChange, OpeningHours
from broadcaster.domain.recipient_groups import recipient_group
from broadcaster.errors import ConflictError, UsageError
from broadcaster.services import dispatch
from broadcaster.services.campaigns.lifecycle import retry_campaign
from broadcaster.services.instance_changes import InstanceChanges, set_instance
from broadcaster.services.openings import ask_for_openings, move_openings, number_groups, store_hours
from broadcaster.services.sending.prepared_contents import PreparedContents
from broadcaster.services.sending.sending_process import SendingProcess
from tests.support.shop import Shop, drain

ALWAYS = OpeningHours(windows=("00:00-24:00",), zone="UTC")
BY_RECIPIENT = OpeningHours(windows=("00:00-24:00",), zone="UTC", is_by_recipient=True)
TIMEOUT = 1.0
"""Seconds a request may take in these tests."""
LATENCY = 0.4


class Row(msgspec.Struct):
    """An opening, and whether SQL says that it is open."""

    document: OpeningHours
    country: str | None
    zones: list[str] | None
    is_open: bool
    now: datetime


@pytest.fixture
def quick(shop: Shop) -> Shop:
    """The shop, where requests may take TIMEOUT and replies do take LATENCY."""
    shop.settings = msgspec.structs.replace(shop.settings, request_timeout_seconds=TIMEOUT, drain_seconds=4.0)
    shop.fault(f"kind=latency,seconds={LATENCY}")
    return shop


def open_for(shop: Shop, seconds: float, *, after: float = 0.0, where: str = "true") -> None:
    """Let the openings begin in `after` seconds, and last for `seconds`, as a tick would have written it."""
    shop.sql(
        "UPDATE openings SET opens_at = clock_timestamp() + make_interval(secs => :after),"
        " closes_at = clock_timestamp() + make_interval(secs => :after + :seconds), reckoned_at = clock_timestamp()"
        f" WHERE {where}",
        after=after,
        seconds=seconds,
    )


def close(shop: Shop, where: str = "true") -> None:
    shop.sql(f"UPDATE openings SET opens_at = '-infinity', closes_at = now() WHERE {where}")


def closes_at(shop: Shop) -> datetime:
    [(moment,)] = shop.sql("SELECT max(closes_at) FROM openings")
    assert isinstance(moment, datetime)
    return moment


def accepted_at(shop: Shop) -> list[datetime]:
    return [
        datetime.fromtimestamp(entry.time_ns / 1e9, UTC) for entry in shop.gateway.ledger.entries if entry.accepted
    ]


def two_workers(shop: Shop, rounds: int = 8) -> None:
    """Both send whatever is woken, for as long as a task lasts."""

    async def work() -> None:
        async with SendingProcess(shop.settings) as process:
            for _ in range(rounds):
                await process.send_due(shop.lanes())
                await asyncio.sleep(0.1)  # in place of the tick: what opens is noticed by looking again

    async def both() -> None:
        await asyncio.gather(work(), work())

    asyncio.run(both())


@pytest.mark.parametrize("whose", ["campaign", "instances"])
def test_nothing_is_accepted_after_it_closes_by_two_workers_with_slow_replies(quick: Shop, whose: str) -> None:
    hours = ALWAYS if whose == "instances" else None
    for name in ("a", "b"):
        quick.add(name, "20/s", burst=4, hours=hours)
    quick.submit("c", 400, "a", "b", hours=None if hours else ALWAYS)
    open_for(quick, 3.5)
    two_workers(quick)
    accepted = accepted_at(quick)
    assert 20 < len(accepted) < 200
    assert max(accepted) + timedelta(seconds=LATENCY) <= closes_at(quick)
    # A worker that finds it closed goes on to something else: nothing is left with it.
    assert quick.sql("SELECT count(*) FROM lanes WHERE lease_token IS NOT NULL") == [(0,)]
    assert quick.states("c") == {"sent": len(accepted), "pending": 400 - len(accepted)}


def test_nothing_is_accepted_before_it_opens(quick: Shop) -> None:
    quick.add("a", hours=ALWAYS)
    quick.submit("c", 40, "a", hours=BY_RECIPIENT)
    open_for(quick, 60.0)
    open_for(quick, 60.0, after=1.5, where="recipient_group <> 0")
    [(opens_at,)] = quick.sql("SELECT max(opens_at) FROM openings")
    assert quick.lanes() == []
    two_workers(quick, rounds=30)
    assert quick.states("c") == {"sent": 40}
    assert min(accepted_at(quick)) >= opens_at


def test_what_was_claimed_in_time_and_is_late_is_held_back_unspent(
    quick: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that stands still between its claim and its request looks at the time again; limits lose no place."""
    quick.add("a", "1000/s 5/h", max_in_flight=4, burst=4)
    quick.submit("c", 4, "a", hours=ALWAYS)
    open_for(quick, TIMEOUT + 1.2)
    of = PreparedContents.of

    async def slowly(self: PreparedContents, *arguments: object) -> object:
        await asyncio.sleep(1.5)  # this is the worker that stands still
        return await of(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(PreparedContents, "of", slowly)
    drain(quick)
    assert quick.gateway.ledger.entries == []
    assert quick.states("c") == {"pending": 4}
    assert quick.sql("SELECT DISTINCT outcome::text, reason FROM attempts") == [
        ("not_sent", "held back: its window closes, or its campaign expires")
    ]
    assert quick.sql("SELECT DISTINCT spent FROM messages") == [(0,)]
    assert quick.sql("SELECT sum(taken)::int FROM limits, unnest(counts) AS taken") == [(0,)]


@pytest.mark.parametrize(
    "why",
    [
        "UPDATE openings SET closes_at = now() WHERE hours_id = (SELECT hours_id FROM campaigns)",
        "UPDATE openings SET opens_at = now() + interval '1 h' WHERE hours_id = (SELECT hours_id FROM campaigns)",
        "UPDATE openings SET closes_at = now() + interval '1 s' WHERE hours_id = (SELECT hours_id FROM campaigns)",
        "UPDATE openings SET closes_at = now() WHERE hours_id = (SELECT hours_id FROM instances)",
        "UPDATE openings SET opens_at = now() + interval '1 h' WHERE hours_id = (SELECT hours_id FROM instances)",
        "UPDATE openings SET closes_at = now() + interval '1 s' WHERE hours_id = (SELECT hours_id FROM instances)",
        "DELETE FROM openings",
        "UPDATE campaigns SET expires_at = now()",
        "UPDATE campaigns SET expires_at = now() + interval '1 s'",
    ],
)
def test_the_claim_itself_takes_nothing_whoever_holds_the_lane(quick: Shop, why: str) -> None:
    """A lane may be held already when something closes: that nobody is woken for it is not enough."""
    quick.add("a", hours=ALWAYS)
    quick.submit("c", 3, "a", hours=BY_RECIPIENT)
    open_for(quick, 600.0)
    quick.sql(why)

    async def send_anyway() -> None:
        async with SendingProcess(quick.settings) as process:
            await process.send_due([row[0] for row in quick.sql("SELECT id FROM lanes")])

    asyncio.run(send_anyway())
    assert quick.states("c") == {"pending": 3}
    assert quick.sql("SELECT max(attempt) FROM messages") == [(0,)]
    assert quick.lanes() == []


def test_a_late_tick_leaves_it_closed_and_the_next_one_opens_it(shop: Shop) -> None:
    shop.add("a")
    shop.submit("c", 3, "a", hours=ALWAYS)
    assert shop.lanes() == []
    assert drain(shop) == {}
    assert move_openings(shop.engine)
    assert not move_openings(shop.engine)
    drain(shop)
    assert shop.states("c") == {"sent": 3}


def test_a_tick_that_was_slow_takes_nothing_back(engine: Engine, shop: Shop) -> None:
    """Two ticks that looked at different moments: what was reckoned for the later one is kept."""
    shop.add("a", hours=ALWAYS)
    move_openings(engine)
    before = shop.sql("SELECT * FROM openings")
    [row] = shop.sql("SELECT hours_id, recipient_group FROM openings")
    old = datetime(2020, 1, 1, tzinfo=UTC)
    late = {"hours_id": row[0], "recipient_group": row[1], "opens_at": old, "closes_at": old, "reckoned_at": old}
    with transaction(engine) as connection:
        execute(connection, "move_openings", openings=msgspec.json.encode([late]).decode())
    assert shop.sql("SELECT * FROM openings") == before
    # A clock that was put back has left it open too far ahead: that is reckoned anew.
    shop.sql("UPDATE openings SET opens_at = now() + interval '1 day', reckoned_at = now() + interval '1 day'")
    assert move_openings(engine)
    assert shop.sql("SELECT opens_at <= now() FROM openings") == [(True,)]


def test_other_windows_of_an_instance_hold_at_once(shop: Shop) -> None:
    shop.add("a", hours=ALWAYS)
    shop.submit("c", 3, "a")
    close(shop)
    assert shop.lanes() == []
    vault = open_vault(shop.settings)
    set_instance(shop.engine, vault, "a", InstanceChanges(hours=HoursChange(at_any_time=True)))
    assert len(shop.lanes()) == 1
    set_instance(shop.engine, vault, "a", InstanceChanges(hours=HoursChange(windows=("00:00-24:00",), zone="UTC")))
    drain(shop)
    assert shop.states("c") == {"pending": 3}


def test_recipients_are_sent_to_while_it_is_open_where_they_are(shop: Shop) -> None:
    shop.add("a")
    shop.submit("c", 30, "a", prefix="62812", hours=BY_RECIPIENT)
    shop.submit("d", 30, "a", prefix="49170", hours=BY_RECIPIENT)
    numbers = {row[1]: row[0] for row in shop.sql("SELECT id, country FROM recipient_groups")}
    assert set(numbers) == {"ID", "DE"}
    open_for(shop, 60.0, where=f"recipient_group = {numbers['DE']}")
    open_for(shop, 60.0, after=3600, where=f"recipient_group = {numbers['ID']}")
    shop.sql("UPDATE lanes SET woken_at = NULL")
    drain(shop)  # it learns that nothing of the first one is due now
    drain(shop)
    assert shop.states("c") == {"pending": 30}
    assert shop.states("d") == {"sent": 30}
    # It is asked again when it opens, and not before.
    due = shop.sql(
        "SELECT cl.next_due_at = o.opens_at FROM campaign_lanes cl JOIN campaigns c ON c.id = cl.campaign_id"
        f" JOIN openings o ON o.hours_id = c.hours_id AND o.recipient_group = {numbers['ID']} WHERE c.name = 'c'"
    )
    assert due == [(True,)]
    with transaction(shop.engine) as connection:
        execute(connection, "refresh_next_due", reserve=timedelta(0))
    shop.sql("UPDATE lanes SET woken_at = NULL")
    assert shop.lanes() == []
    open_for(shop, 60.0, where=f"recipient_group = {numbers['ID']}")
    with transaction(shop.engine) as connection:
        execute(connection, "refresh_next_due", reserve=timedelta(0))
    drain(shop)
    assert shop.states("c") == {"sent": 30}


def test_hours_that_never_open_are_refused(shop: Shop) -> None:
    shop.add("a")
    hours = OpeningHours(windows=("09:00-10:00",), zone="UTC", is_by_recipient=True)
    with pytest.raises(UsageError, match="is not open within 100 days for recipients in Asia/Jakarta, Asia/Jayapura"):
        shop.submit("c", 3, "a", hours=hours)
    assert shop.sql("SELECT count(*) FROM campaigns") == [(0,)]


def test_nothing_is_accepted_after_expiry_and_the_rest_expires(quick: Shop) -> None:
    for name in ("a", "b"):
        quick.add(name, "20/s", burst=4)
    expires_at = datetime.now(UTC) + timedelta(seconds=4)
    quick.submit("c", 400, "a", "b", expires_at=expires_at)
    two_workers(quick)
    accepted = accepted_at(quick)
    assert max(accepted) + timedelta(seconds=LATENCY) <= expires_at
    quick.sql("SELECT pg_sleep(greatest(0, extract(epoch FROM CAST(:at AS timestamptz) - now())))", at=expires_at)
    # No tick has expired anything yet: nothing is claimed all the same.
    assert quick.lanes() == []
    assert dispatch.expire_messages(quick.engine, most=150) == 400 - len(accepted)
    assert quick.states("c") == {"sent": len(accepted), "expired": 400 - len(accepted)}
    dispatch.finish_campaigns(quick.engine)
    assert quick.state("c") == "finished"
    assert quick.sql("SELECT DISTINCT reason FROM messages WHERE state = 'expired'") == [("the campaign had expired",)]
    with pytest.raises(ConflictError, match="expired at"):
        retry_campaign(quick.engine, "c")


def test_a_doubt_is_not_sent_again_after_expiry(shop: Shop) -> None:
    """It is looked for as ever: if its chat does not show it, it expires."""
    shop.add("a")
    shop.submit("c", 2, "a", expires_at=datetime.now(UTC) + timedelta(hours=1))
    shop.fault("kind=http_500")
    drain(shop)
    assert shop.states("c") == {"in_doubt": 2}
    shop.sql("UPDATE campaigns SET expires_at = now()")
    assert dispatch.expire_messages(shop.engine) == 0
    dispatch.finish_campaigns(shop.engine)
    assert shop.state("c") == "running"
    shop.sql("UPDATE doubts SET resolved_as = 'absent', resolved_at = now()")
    shop.sql("UPDATE messages SET state = 'pending', claim_token = NULL, next_attempt_at = now()")
    shop.fault()
    sent = len(shop.gateway.ledger.entries)
    assert drain(shop) == {}
    assert len(shop.gateway.ledger.entries) == sent
    assert dispatch.expire_messages(shop.engine) == 2
    dispatch.finish_campaigns(shop.engine)
    assert shop.state("c") == "finished"


def test_the_claim_is_open_exactly_when_the_rules_are(engine: Engine, shop: Shop) -> None:
    """SQL compares moments that the pure code reckoned: for random hours and zones both say the same."""
    choice = random.Random(34)
    groups = [NOBODY, *(recipient_group(each) for each in ("62812345", "49170123", "12125551", "61412345"))]
    with transaction(engine) as connection:
        for number in range(150):
            opens, closes = sorted(choice.sample(range(24), 2))
            hours = OpeningHours(
                windows=(f"{opens:02}:00-{closes:02}:{choice.choice(['00', '30'])}",),
                zone=choice.choice(["UTC", "Asia/Kathmandu", "America/St_Johns", "Pacific/Chatham"]),
                is_by_recipient=number % 2 == 1,
            )
            hours_id = store_hours(connection, hours)
            if hours.goes_by_recipient:
                numbers = number_groups(connection, groups[1:])
                ask_for_openings(connection, hours_id, numbers.values())
    shop.add("a")
    for row in shop.sql("SELECT id FROM opening_hours"):
        shop.sql("UPDATE instances SET hours_id = :id", id=row[0])
        move_openings(engine)

    found = [
        Row(msgspec.convert(document, OpeningHours), country, zones, is_open, now)
        for document, country, zones, is_open, now in shop.sql(
            "SELECT h.document, g.country, g.zones, o.opens_at <= now() AND o.closes_at > now(), now() FROM openings o"
            " JOIN opening_hours h ON h.id = o.hours_id LEFT JOIN recipient_groups g ON g.id = o.recipient_group"
        )
    ]
    assert len(found) > 300
    for row in found:
        group = NOBODY if row.country is None else type(NOBODY)(row.country, tuple(row.zones or ()))
        opening = row.document.opening(group, row.now)
        assert row.is_open == (opening is not None and opening.opens_at <= row.now), row
