"""The send path on a real database and over real HTTP, in one process and without Celery."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import msgspec
import pytest

from broadcaster.crypto import open_vault
from broadcaster.domain.outcome_run import HANDFUL, MANY
from broadcaster.services import dispatch
from broadcaster.services.campaigns import lifecycle
from broadcaster.services.instance_changes import InstanceChanges, set_instance
from broadcaster.services.instance_health import pause_instance, resume_instance
from broadcaster.services.sending.sending_process import SendingProcess
from broadcaster.services.sending.sending_store import Claim, SendingStore
from broadcaster.simulator.fault_plan import FaultPlan
from broadcaster.simulator.fault_rule import FaultRule
from tests.support.shop import INSTANCES, POISON, Shop, drain


def test_every_message_is_sent_once_over_several_lanes(shop: Shop) -> None:
    for name in INSTANCES:
        shop.add(name)
    shop.submit("c", 900, *INSTANCES)
    counts = drain(shop)
    assert {name: lane["sent"] for name, lane in counts.items()} == dict.fromkeys(INSTANCES, 300)
    assert shop.states("c") == {"sent": 900}
    assert shop.state("c") == "finished"
    assert len(shop.accepted()) == 900


def test_each_recipient_gets_its_own_text_and_its_reply_is_kept(shop: Shop) -> None:
    shop.add("a")
    shop.submit("c", 3, "a")
    drain(shop)
    assert {entry.body for entry in shop.gateway.ledger.entries} == {"Hi N0", "Hi N1", "Hi N2"}
    rows = shop.sql("SELECT outcome, http_status, reply IS NOT NULL, duration_ms IS NOT NULL FROM attempts")
    assert rows == [("accepted", 200, True, True)] * 3
    assert all(gateway_id for (gateway_id,) in shop.sql("SELECT gateway_id FROM messages"))


def test_many_workers_woken_for_the_same_lanes_send_each_message_once(shop: Shop) -> None:
    for name in INSTANCES:
        shop.add(name)
    shop.submit("c", 600, *INSTANCES)
    lanes = shop.lanes()

    async def run() -> int:
        async with AsyncExitStack() as stack:
            workers = [await stack.enter_async_context(SendingProcess(shop.settings)) for _ in range(3)]
            drained = await asyncio.gather(*(worker.send_due(lanes) for worker in workers for _ in range(3)))
        return sum(lane["sent"] for report in drained for lane in report.counts.values())

    assert asyncio.run(run()) == 600
    assert len(shop.accepted()) == 600


def test_no_committed_claim_no_request(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.add("a")
    shop.submit("c", 50, "a")

    async def unavailable(*_: object) -> dict[int, Claim]:
        raise ConnectionError("Postgres went away")

    monkeypatch.setattr(SendingStore, "turn_over", unavailable)
    drain(shop)
    assert shop.gateway.ledger.entries == []
    assert shop.states("c") == {"pending": 50}
    assert shop.sql("SELECT lease_token FROM lanes") == [(None,)]


def test_what_the_gateway_may_have_accepted_is_in_doubt_and_never_retried(shop: Shop) -> None:
    shop.add("a", max_in_flight=2)
    shop.submit("c", 40, "a")
    # Never as many in a row as would stop the lane.
    kinds = ("drop_after_accept", "http_500_after_accept", "drop_before_accept")
    shop.fault(*(f"kind={kinds[n % 3]},phone=62812{2 * n:07d}" for n in range(20)))
    drain(shop)
    drain(shop)
    assert shop.states("c") == {"sent": 20, "in_doubt": 20}
    assert shop.state("c") == "running"
    assert len(shop.gateway.ledger.entries) == 40


def test_a_refused_number_fails_and_the_others_go_on(shop: Shop) -> None:
    shop.add("a")
    shop.submit("c", 10, "a")
    shop.fault("kind=invalid_number,phone=628120000003")
    drain(shop)
    assert shop.states("c") == {"sent": 9, "failed": 1}
    assert shop.state("c") == "finished"
    [(phone, reason)] = shop.sql("SELECT phone, reason FROM messages WHERE state = 'failed'")
    assert phone == "628120000003"
    assert reason


@pytest.mark.parametrize(
    ("kind", "failed", "health"),
    [("no_whatsapp", MANY, "down"), ("too_big", MANY, "down"), ("too_often", 0, "throttled")],
)
def test_words_about_a_recipient_that_are_said_of_all_stop_the_lane_and_the_rest_is_sent_after_it(
    shop: Shop, kind: str, failed: int, health: str
) -> None:
    shop.add("a", max_in_flight=8)
    shop.submit("c", 200, "a")
    shop.fault(f"kind={kind}")
    drain(shop)
    assert len(shop.gateway.ledger.entries) <= failed + HANDFUL + 8
    assert shop.sql("SELECT health FROM lanes") == [(health,)]
    assert shop.states("c") == {"pending": 200 - failed, **({"failed": failed} if failed else {})}
    shop.fault()
    resume_instance(shop.engine, "a")
    shop.sql("UPDATE messages SET next_attempt_at = now() WHERE state = 'pending'")
    shop.sql("UPDATE lanes SET woken_at = NULL")
    drain(shop)
    assert shop.states("c").get("sent") == 200 - failed


def test_throttling_rests_the_lane_and_spends_no_attempt(shop: Shop) -> None:
    shop.add("a")
    shop.submit("c", 100, "a")
    shop.fault("kind=http_429,retry_after=1,nth=20,count=1")
    drain(shop)
    assert shop.sql("SELECT health, not_before > now() FROM lanes")[0] == ("throttled", True)
    assert shop.lanes() == []
    shop.sql("UPDATE lanes SET not_before = now(), woken_at = NULL")
    shop.sql("UPDATE messages SET next_attempt_at = now() WHERE state = 'pending'")
    drain(shop)
    assert shop.states("c") == {"sent": 100}
    assert shop.sql("SELECT health FROM lanes") == [("ok",)]
    assert shop.sql("SELECT max(spent) FROM messages") == [(1,)]


def test_a_refused_key_parks_the_lane_after_no_more_than_the_requests_in_flight(shop: Shop) -> None:
    shop.add("a", max_in_flight=8)
    shop.submit("c", 200, "a")
    shop.fault("kind=bad_key")
    drain(shop)
    assert 1 <= len(shop.gateway.ledger.entries) <= 8
    assert shop.sql("SELECT health FROM lanes") == [("refused",)]
    assert shop.states("c") == {"pending": 200}
    assert shop.lanes() == []
    shop.fault()
    set_instance(shop.engine, open_vault(shop.settings), "a", InstanceChanges(key="key-a"))
    shop.sql("UPDATE messages SET next_attempt_at = now()")
    shop.sql("UPDATE lanes SET woken_at = NULL")
    drain(shop)
    assert shop.states("c") == {"sent": 200}


def test_an_instance_that_is_down_is_probed_with_one_request_until_it_answers(shop: Shop) -> None:
    shop.add("a", max_in_flight=8)
    shop.submit("c", 50, "a")
    shop.fault("kind=not_running")
    drain(shop)
    before = len(shop.gateway.ledger.entries)
    assert shop.sql("SELECT health, failures FROM lanes") == [("down", 1)]
    for probe in (1, 2):
        shop.sql("UPDATE lanes SET not_before = now(), woken_at = NULL")
        shop.sql("UPDATE messages SET next_attempt_at = now() WHERE state = 'pending'")
        drain(shop)
        assert len(shop.gateway.ledger.entries) == before + probe
    shop.fault()
    shop.sql("UPDATE lanes SET not_before = now(), woken_at = NULL")
    shop.sql("UPDATE messages SET next_attempt_at = now() WHERE state = 'pending'")
    drain(shop)
    assert shop.states("c") == {"sent": 50}


def test_a_lane_whose_key_cannot_be_decrypted_is_parked_and_the_others_go_on(shop: Shop) -> None:
    shop.add("a")
    shop.add("b")
    shop.submit("c", 20, "a", "b")
    shop.sql("UPDATE accounts SET key_encrypted = 'garbage' WHERE id = 1")
    drain(shop)
    assert shop.states("c") == {"sent": 10, "pending": 10}
    [(health, reason)] = shop.sql("SELECT health, health_reason FROM lanes WHERE health <> 'ok'")
    assert health == "refused"
    assert "BROADCASTER_SECRET_KEY" in str(reason)


def test_trouble_of_one_lane_leaves_the_others_alone(shop: Shop) -> None:
    shop.add("a")
    shop.add("b")
    shop.submit("c", 100, "a", "b")
    shop.fault("kind=not_running,instance=a")
    counts = drain(shop)
    assert counts["b"]["sent"] == 50
    assert shop.states("c") == {"sent": 50, "pending": 50}


def test_the_limit_holds_in_every_window_through_handovers(shop: Shop) -> None:
    shop.add("a", "40/s", burst=4)
    shop.submit("c", 100, "a")
    settings = msgspec.structs.replace(shop.settings, drain_seconds=0.4)
    while shop.states("c") != {"sent": 100}:
        shop.sql("UPDATE lanes SET woken_at = NULL")
        drain(shop, settings=settings)
    moments = sorted(entry.monotonic_ns / 1e9 for entry in shop.gateway.ledger.entries)
    worst = max((j - i + 1) - (40 * (moments[j] - moments[i]) + 4) for i in range(100) for j in range(i, 100))
    assert worst <= 1e-6


def test_a_lane_left_by_a_dead_worker_starts_as_if_it_had_just_used_its_burst(shop: Shop) -> None:
    shop.add("a", "1/s", burst=5)
    shop.submit("c", 10, "a")
    shop.sql("UPDATE lanes SET lease_token = gen_random_uuid(), lease_expires_at = now() - interval '1 second'")
    shop.sql("UPDATE lanes SET clock = now() - interval '1 hour'")
    dispatch.recover_leases(shop.engine)
    drain(shop, settings=msgspec.structs.replace(shop.settings, drain_seconds=0.5))
    assert len(shop.gateway.ledger.entries) <= 1


def test_a_campaign_of_higher_priority_goes_first(shop: Shop) -> None:
    shop.add("a", max_in_flight=1)
    shop.submit("low", 30, "a")
    shop.submit("high", 30, "a", priority=5, first=1000)
    drain(shop)
    order = [int(entry.phone[5:]) >= 1000 for entry in shop.gateway.ledger.entries]
    assert order == [True] * 30 + [False] * 30


def test_campaigns_of_one_priority_share_a_lane_equally(shop: Shop) -> None:
    shop.add("a", "200/s", burst=2)
    shop.submit("large", 400, "a")
    shop.submit("small", 40, "a", first=1000)
    drain(shop, settings=msgspec.structs.replace(shop.settings, drain_seconds=1.5))
    order = [int(entry.phone[5:]) >= 1000 for entry in shop.gateway.ledger.entries][:40]
    assert sum(order) == pytest.approx(len(order) / 2, abs=4)


def test_pause_holds_everything_back_but_what_is_in_flight_and_resume_sends_the_rest(shop: Shop) -> None:
    shop.add("a", max_in_flight=4)
    shop.submit("c", 300, "a")
    shop.fault("kind=latency,seconds=0.02")

    async def run() -> None:
        async with SendingProcess(shop.settings) as process:
            draining = asyncio.create_task(process.send_due(shop.lanes()))
            await shop.requests(50)
            await asyncio.to_thread(lifecycle.pause_campaign, shop.engine, "c")
            seen = len(shop.gateway.ledger.entries)
            await draining
            assert len(shop.gateway.ledger.entries) <= seen + 4

    asyncio.run(run())
    states = shop.states("c")
    assert set(states) == {"sent", "pending"}
    lifecycle.resume_campaign(shop.engine, "c")
    shop.sql("UPDATE lanes SET woken_at = NULL")
    drain(shop)
    assert shop.states("c") == {"sent": 300}


def test_cancel_is_final_and_nothing_leaves_after_it(shop: Shop) -> None:
    shop.add("a", max_in_flight=4)
    shop.submit("c", 300, "a")
    shop.fault("kind=latency,seconds=0.02")

    async def run() -> None:
        async with SendingProcess(shop.settings) as process:
            draining = asyncio.create_task(process.send_due(shop.lanes()))
            await shop.requests(50)
            await asyncio.to_thread(lifecycle.cancel_campaign, shop.engine, "c")
            seen = len(shop.gateway.ledger.entries)
            await draining
            assert len(shop.gateway.ledger.entries) <= seen + 4

    asyncio.run(run())
    states = shop.states("c")
    assert set(states) == {"sent", "cancelled"}
    assert states["sent"] == len(shop.accepted())


def test_what_comes_back_unsent_to_a_cancelled_campaign_is_cancelled_with_it(shop: Shop) -> None:
    shop.add("a", max_in_flight=4)
    shop.submit("c", 100, "a")
    shop.fault("kind=latency,seconds=0.5", "kind=http_429,retry_after=1")

    async def run() -> None:
        async with SendingProcess(shop.settings) as process:
            draining = asyncio.create_task(process.send_due(shop.lanes()))
            await shop.requests(4)
            await asyncio.to_thread(lifecycle.cancel_campaign, shop.engine, "c")
            await draining

    asyncio.run(run())
    dispatch.finish_campaigns(shop.engine)
    assert shop.states("c") == {"cancelled": 100}
    assert shop.sql("SELECT open FROM campaign_lanes") == [(False,)]


def test_a_paused_instance_is_not_sent_through(shop: Shop) -> None:
    shop.add("a")
    shop.submit("c", 5, "a")
    pause_instance(shop.engine, "a")
    assert shop.lanes() == []
    assert drain(shop) == {}


def test_a_stopped_worker_sends_what_it_has_claimed_and_gives_its_lanes_back(shop: Shop) -> None:
    shop.add("a", "20/s", max_in_flight=4)
    shop.submit("c", 200, "a")

    async def run() -> None:
        async with SendingProcess(shop.settings) as process:
            draining = asyncio.create_task(process.send_due(shop.lanes()))
            await shop.requests(5)
            process.stop()
            report = await asyncio.wait_for(draining, 30)
            assert report.unfinished

    asyncio.run(run())
    states = shop.states("c")
    assert set(states) == {"sent", "pending"}
    assert states["sent"] == len(shop.accepted())
    assert shop.sql("SELECT lease_token FROM lanes") == [(None,)]


def hold(shop: Shop, expires: str, sending: int) -> None:
    """As if a worker held the only lane and were sending so many messages."""
    token = "00000000-0000-4000-8000-000000000001"
    shop.sql(f"UPDATE lanes SET lease_token = :t, lease_expires_at = now() + interval '{expires}'", t=token)
    shop.sql(
        "UPDATE messages SET state = 'sending', attempt = 1, content_version = 1, claim_token = :t WHERE seq <= :n",
        t=token,
        n=sending,
    )


def test_a_lane_whose_lease_ended_is_free_and_what_it_was_sending_in_doubt(shop: Shop) -> None:
    shop.add("a")
    shop.submit("c", 10, "a")
    hold(shop, "-1 s", sending=2)
    assert shop.lanes() == [], "it is taken before it is recovered"
    recovered = dispatch.recover_leases(shop.engine)
    assert (recovered.lanes, recovered.in_doubt) == (1, 2)
    assert shop.states("c") == {"pending": 8, "in_doubt": 2}
    assert shop.sql("SELECT seq, attempt, outcome FROM attempts ORDER BY seq") == [
        (1, 1, "unknown"),
        (2, 1, "unknown"),
    ]
    again = dispatch.recover_leases(shop.engine)
    assert (again.lanes, again.in_doubt) == (0, 0)
    assert len(shop.lanes()) == 1


def test_a_lease_that_holds_is_left_alone(shop: Shop) -> None:
    shop.add("a")
    shop.submit("c", 10, "a")
    hold(shop, "9 s", sending=3)
    recovered = dispatch.recover_leases(shop.engine)
    assert (recovered.lanes, recovered.in_doubt) == (0, 0)
    assert shop.states("c") == {"pending": 7, "sending": 3}


def test_what_is_sent_through_a_free_lane_by_nobody_is_in_doubt(shop: Shop) -> None:
    shop.add("a")
    shop.submit("c", 10, "a")
    hold(shop, "9 s", sending=3)
    shop.sql("UPDATE lanes SET lease_token = NULL, lease_expires_at = NULL")
    assert dispatch.recover_leases(shop.engine).in_doubt == 3


def test_a_zombie_changes_nothing(shop: Shop) -> None:
    shop.add("a")
    shop.submit("c", 20, "a")
    shop.fault("kind=latency,seconds=0.4")

    async def run() -> dict[str, dict[str, int]]:
        async with SendingProcess(shop.settings) as process:
            draining = asyncio.create_task(process.send_due(shop.lanes()))
            await shop.requests(5)
            shop.sql("UPDATE lanes SET lease_expires_at = now()")
            assert dispatch.recover_leases(shop.engine).lanes == 1
            before = shop.states("c")
            counts = (await asyncio.wait_for(draining, 10)).counts
            assert shop.states("c") == before
            return counts

    assert asyncio.run(run())["a"]["late"] >= 1


def test_a_retry_in_the_future_is_found_when_it_is_due(shop: Shop) -> None:
    shop.add("a")
    shop.submit("c", 10, "a")
    shop.sql("UPDATE messages SET next_attempt_at = now() + interval '1 hour' WHERE seq <= 5")
    drain(shop)
    assert shop.states("c") == {"sent": 5, "pending": 5}
    shop.sql("UPDATE lanes SET woken_at = NULL")
    assert shop.lanes() == []
    shop.sql("UPDATE messages SET next_attempt_at = now() WHERE state = 'pending'")
    drain(shop)
    assert shop.states("c") == {"sent": 10}


def test_a_hint_that_is_too_late_is_mended(shop: Shop) -> None:
    shop.add("a")
    shop.submit("c", 10, "a")
    shop.sql("UPDATE campaign_lanes SET next_due_at = 'infinity'")
    assert shop.lanes() == []
    dispatch.recover_leases(shop.engine)
    assert len(shop.lanes()) == 1


def test_two_dispatchers_wake_each_lane_once(shop: Shop) -> None:
    for name in INSTANCES:
        shop.add(name)
    shop.submit("c", 30, *INSTANCES)
    assert len(shop.lanes()) == 3
    assert shop.lanes() == []


def test_a_template_that_fails_at_run_time_fails_only_its_own_message(shop: Shop) -> None:
    shop.add("a")
    shop.submit("c", 10, "a")
    for seq, poison in enumerate(POISON, start=3):
        shop.sql("UPDATE messages SET variables = CAST(:poison AS jsonb) WHERE seq = :seq", poison=poison, seq=seq)
    drain(shop)
    assert shop.states("c") == {"sent": 10 - len(POISON), "failed": len(POISON)}
    assert len(shop.gateway.ledger.entries) == 10 - len(POISON)


def test_retry_sends_only_what_failed(shop: Shop) -> None:
    shop.add("a")
    shop.submit("c", 10, "a")
    shop.fault("kind=invalid_number,phone=628120000003")
    drain(shop)
    shop.fault()
    assert lifecycle.retry_campaign(shop.engine, "c").messages == 1
    shop.sql("UPDATE lanes SET woken_at = NULL")
    drain(shop)
    assert shop.states("c") == {"sent": 10}
    assert shop.state("c") == "finished"


def test_what_a_gateway_says_of_another_instances_key_is_kept_without_it(shop: Shop) -> None:
    shop.add("a")
    shop.add("second-sender")
    shop.submit("theirs", 1, "second-sender")
    [(ours,)] = shop.sql("SELECT id FROM instances WHERE name = 'a'")

    async def run() -> None:
        async with SendingProcess(shop.settings) as process:
            await process.send_due(shop.lanes())
            shop.submit("ours", 1, "a", first=10)
            body = {"error": "invalid number; key-second-sender is free"}
            shop.gateway.gateway.faults = FaultPlan([FaultRule(kind="reply", status=400, body=body)])
            await process.send_due([int(str(ours))])

    asyncio.run(run())
    [(reason, reply)] = shop.sql(
        "SELECT m.reason, a.reply FROM messages m JOIN campaigns c ON c.id = m.campaign_id AND c.name = 'ours'"
        " JOIN attempts a ON a.campaign_id = c.id"
    )
    for kept in (reason, reply):
        assert "[key] is free" in str(kept)
        assert "key-second-sender" not in str(kept)
