"""Care for the number: what pauses itself, canaries, and who is left out; the gateway's ledger is the judge."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable

import pytest

from broadcaster.db.engine import transaction
from broadcaster.db.statements import rows
from broadcaster.domain.care import Care, Stops
from broadcaster.domain.sending_plans import Hold
from broadcaster.errors import UsageError
from broadcaster.services import dispatch
from broadcaster.services.audiences.imports import Imported, import_file
from broadcaster.services.campaigns import lifecycle
from broadcaster.services.campaigns.audience_submission import submit_over_audience
from broadcaster.services.campaigns.changed_care import CareChange
from broadcaster.services.campaigns.changing import CampaignChange, change_campaign
from broadcaster.services.campaigns.cloning import clone_campaign
from broadcaster.services.campaigns.judging import judge_campaigns
from broadcaster.services.campaigns.new_content import text_content
from broadcaster.services.campaigns.planning import open_work
from broadcaster.services.campaigns.rests import submit_rest
from broadcaster.services.campaigns.stored_campaign import read_campaign
from broadcaster.services.campaigns.submission import Submission
from broadcaster.services.campaigns.submission_result import Submitted
from broadcaster.services.campaigns.submitting import submit_campaign
from broadcaster.services.inbox import inbox_reader
from broadcaster.services.instance_health import resume_instance
from broadcaster.services.instance_judging import judge_instances
from broadcaster.services.recipients.list_options import RecipientOptions
from broadcaster.services.recipients.reader import read_recipients
from broadcaster.services.sending.sending_process import SendingProcess
from tests.support.people import listens, read_replies, write
from tests.support.shop import Shop, drain

ANN, BOB, CAT = "628120000000", "628120000001", "628120000002"
CANARY = Care(canary=(0.02, 0.1), after=60.0)


@pytest.fixture
def shop(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setattr(inbox_reader, "RUN_SECONDS", 0.1)
    shop.add("a")
    shop.add("b")
    return shop


def submission(care: Care | None, name: str = "c", *instances: str) -> Submission:
    return Submission(name=name, instances=instances or ("a",), content=text_content("Hi"), max_attempts=3, care=care)


def submit(
    shop: Shop, care: Care | None, count: int = 200, *instances: str, name: str = "c", dry_run: bool = False
) -> Submitted:
    people = "".join(f"62812{n:07d}\n" for n in range(count))
    options = RecipientOptions(accept_countries=True)
    with read_recipients(io.BytesIO(f"phone\n{people}".encode()), options) as recipients:
        return submit_campaign(shop.engine, submission(care, name, *instances), recipients, dry_run=dry_run)


def tick(shop: Shop) -> None:
    dispatch.finish_campaigns(shop.engine)
    dispatch.start_due_campaigns(shop.engine)
    judge_campaigns(shop.engine)


def passes(shop: Shop) -> None:
    """The time after which the next slice opens."""
    assert shop.sql("UPDATE campaign_judgements SET next_slice_at = now() RETURNING 1 ") != []


def told(shop: Shop, name: str = "c") -> tuple[object, object]:
    [row] = shop.sql("SELECT state::text, state_reason FROM campaigns WHERE name = :name", name=name)
    return row[0], row[1]


def reasons(shop: Shop, name: str = "c") -> dict[str, str]:
    found = shop.sql(
        "SELECT phone, m.reason FROM messages m JOIN campaigns c ON c.id = m.campaign_id"
        " WHERE c.name = :name AND m.state = 'skipped'",
        name=name,
    )
    return {str(phone): str(reason) for phone, reason in found}


def slice_of(shop: Shop, share: float, count: int) -> set[str]:
    """Whom the first slices reach, as the definition says it."""
    found = shop.sql(
        "SELECT seq FROM generate_series(1, :count) seq WHERE canary_turn(seq::integer) < :share",
        count=count,
        share=share,
    )
    return {f"62812{int(str(seq)) - 1:07d}" for (seq,) in found}


def test_each_slice_is_a_sample_of_the_whole_list(shop: Shop) -> None:
    for count in (50, 1_000, 100_000):
        for share in (0.02, 0.1, 0.5):
            assert abs(len(slice_of(shop, share, count)) - share * count) <= 2
    halves = [phone < "628120050000" for phone in slice_of(shop, 0.02, 100_000)]
    assert abs(sum(halves) - len(halves) / 2) <= 2, "not its beginning"
    assert slice_of(shop, 0.0001, 5) == {ANN}, "nobody is left without a first message"


@pytest.mark.parametrize("has_segment", [False, True])
def test_no_message_outside_of_the_open_slices_is_sent(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, has_segment: bool
) -> None:
    if has_segment:
        for module in ("loading", "snapshots"):
            monkeypatch.setattr(f"broadcaster.services.campaigns.{module}.LARGE_CAMPAIGN", 100)
    submit(shop, CANARY, 200, "a", "b")
    assert shop.sql("SELECT segment > 0 FROM campaigns") == [(has_segment,)]
    for share in (0.02, 0.1, 1.0):
        tick(shop)
        for _ in range(2):
            drain_twice(shop)
        assert set(shop.accepted()) == slice_of(shop, share, 200)
        if share < 1:
            assert shop.states("c")["pending"] == 200 - len(shop.accepted())
            tick(shop)
            tick(shop)
            drain_twice(shop)
            assert set(shop.accepted()) == slice_of(shop, share, 200), "its time has not come"
            passes(shop)
    tick(shop)
    assert shop.state("c") == "finished"
    assert set(shop.accepted().values()) == {1}


def test_a_retry_counts_to_its_slice(shop: Shop) -> None:
    submit(shop, CANARY)
    shop.fault("kind=http_429,count=1")
    tick(shop)
    drain(shop)
    tick(shop)
    assert next_slice(shop) is None, "one of them is still to be tried again"
    shop.sql("UPDATE messages SET next_attempt_at = now() WHERE next_attempt_at BETWEEN now() AND now() + '1 day'")
    shop.sql("UPDATE lanes SET not_before = NULL")
    shop.sql("UPDATE campaign_lanes SET next_due_at = now()")
    drain(shop)
    tick(shop)
    assert next_slice(shop) is not None
    assert set(shop.accepted()) == slice_of(shop, 0.02, 200)


def test_a_canary_that_does_not_hold_stays_with_its_figures(shop: Shop) -> None:
    stops = Stops(failures=0.5, judged_from=4)
    submit(shop, Care(canary=(0.1,), after=60.0, stops=stops))
    refuse(shop, 20)
    tick(shop)
    drain(shop)
    tick(shop)
    assert told(shop) == ("paused", "stopped by its own limit: failed: 20 of 21 (95.24%), above 50%")
    assert shop.states("c") == {"pending": 179, "sent": 1, "failed": 20}
    assert next_slice(shop) is None
    lifecycle.resume_campaign(shop.engine, "c")
    assert told(shop) == ("running", None)
    tick(shop)
    assert told(shop) == ("running", None), "old figures say nothing any more"
    passes(shop)
    tick(shop)
    drain(shop)
    assert shop.states("c") == {"sent": 180, "failed": 20}


def test_few_messages_say_nothing(shop: Shop) -> None:
    submit(shop, Care(stops=Stops(failures=0.1)), 49)
    refuse(shop, 49)
    tick(shop)
    drain(shop)
    tick(shop)
    assert told(shop)[0] == "running"


def test_what_opts_out_pauses_a_campaign(shop: Shop) -> None:
    listens(shop, "a")
    submit(shop, Care(stops=Stops(optouts=0.02, judged_from=10)), 40)
    hold_back(shop, 10)
    tick(shop)
    drain(shop)
    write(shop, ANN, "STOP")
    write(shop, BOB, "thank you")
    read_replies(shop, rounds=2)
    tick(shop)
    assert told(shop) == ("paused", "stopped by its own limit: opted out: 1 of 30 (3.333%), above 2%")
    [audited] = shop.sql(
        "SELECT operator, object_name, after ->> 'state' FROM audit_log WHERE object_kind = 'campaign'"
    )
    assert audited == ("broadcaster", "c", "paused")


def test_a_campaign_that_nobody_answers_pauses_itself_when_there_was_time(shop: Shop) -> None:
    listens(shop, "a")
    submit(shop, Care(stops=Stops(replies=0.1, judged_from=10), after=60.0), 40)
    hold_back(shop, 10)
    tick(shop)
    drain(shop)
    write(shop, ANN, "hello")
    read_replies(shop, rounds=2)
    judge_replies(shop)
    assert told(shop)[0] == "running", "they have had no time"
    shop.sql("UPDATE messages SET changed_at = changed_at - interval '2 min' WHERE state = 'sent'")
    shop.sql("UPDATE inbound_messages SET messaged_at = messaged_at - interval '2 min'")
    shop.sql("UPDATE campaign_judgements SET since = since - interval '3 min'")
    judge_replies(shop)
    assert told(shop) == ("paused", "stopped by its own limit: answered: 1 of 30 (3.333%), below 10%")


@pytest.mark.parametrize("begins", [lifecycle.resume_campaign, None])
def test_old_figures_pause_nothing_that_was_let_go_on_meanwhile(
    shop: Shop, begins: Callable[..., object] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the count and the pause an operator pauses and resumes."""
    submit(shop, Care(stops=Stops(failures=0.1, judged_from=10)), 40)
    hold_back(shop, 10)
    refuse(shop, 30)
    tick(shop)
    drain(shop)
    judged = "broadcaster.services.campaigns.judging.rows"

    def count_and_go_on(*arguments: object, **parameters: object) -> object:
        found = rows(*arguments, **parameters)  # type: ignore[arg-type]
        if begins is not None and arguments[1] == "judged_campaigns":
            lifecycle.pause_campaign(shop.engine, "c")
            begins(shop.engine, "c")
        return found

    monkeypatch.setattr(judged, count_and_go_on)
    tick(shop)
    assert told(shop)[0] == ("running" if begins else "paused")


def test_a_clone_a_rest_and_a_draft_have_the_same_care(shop: Shop) -> None:
    care = Care(stops=Stops(failures=0.1), canary=(0.02, 0.1), after=60.0, only_known=True)
    submit(shop, care, 3)
    tick(shop)
    drain(shop)
    clone_campaign(shop.engine, "c", "clone")
    lifecycle.cancel_campaign(shop.engine, "c")
    listens(shop, "a")
    rest = submission(Care(max_unanswered=3), "rest")
    submit_rest(shop.engine, rest, "c", same_content=True, allow_private=False)
    with transaction(shop.engine) as connection:
        assert read_campaign(connection, "clone").care == care
        of_rest = read_campaign(connection, "rest").care
    assert of_rest == Care(
        stops=Stops(failures=0.1), canary=(0.02, 0.1), after=60.0, only_known=True, max_unanswered=3
    )
    held = (
        "SELECT DISTINCT c.name, m.next_attempt_at = 'infinity' FROM messages m JOIN campaigns c ON c.id = campaign_id"
    )
    assert set(shop.sql(f"{held} WHERE m.state = 'pending'")) == {("clone", True), ("rest", True)}


def test_who_has_not_answered_the_last_few_is_left_out(shop: Shop) -> None:
    listens(shop, "a")
    for name in ("one", "two"):
        submit(shop, None, 3, name=name)
        tick(shop)
        drain(shop)
        if name == "one":
            write(shop, CAT, "tell me more")
            read_replies(shop, rounds=2)
    write(shop, BOB, "ok")
    read_replies(shop, rounds=2)
    care = Care(max_unanswered=2, after=0.001)
    for dry_run in (True, False):
        assert submit(shop, care, 4, dry_run=dry_run).unanswered == 1
    tick(shop)
    drain(shop)
    assert reasons(shop) == {ANN: "unanswered"}
    assert submit(shop, Care(max_unanswered=3, after=0.001), 4, name="d", dry_run=True).unanswered == 0
    assert submit(shop, Care(max_unanswered=2), 4, name="d", dry_run=True).unanswered == 0, "no time to answer"


def test_what_went_through_instances_that_read_nothing_counts_as_nothing(shop: Shop) -> None:
    write(shop, CAT, "before anything was read")
    listens(shop, "a")
    for name in ("one", "two"):
        submit(shop, None, 1, "b", name=name)
        tick(shop)
        drain(shop)
    assert submit(shop, Care(max_unanswered=1, after=0.001), 1, "a", "b").unanswered == 0
    with pytest.raises(UsageError, match="instance set b --read-replies 30s"):
        submit(shop, Care(max_unanswered=1), 1, "b", name="d")


def test_only_contacts_and_who_wrote_first_are_known(shop: Shop) -> None:
    listens(shop, "a")
    submit(shop, None, 1, name="before")
    tick(shop)
    drain(shop)
    for phone in (ANN, BOB):
        write(shop, phone, "hello")
    read_replies(shop, rounds=2)
    shop.sql("INSERT INTO known_phones SELECT account_id, :phone, true FROM instances WHERE name = 'a'", phone=CAT)
    care = Care(only_known=True)
    for dry_run in (True, False):
        assert submit(shop, care, 4, dry_run=dry_run).not_known == 2
    take_in(shop, 4)
    over = submit_over_audience(shop.engine, submission(care, "over"), "people")
    assert over.not_known == 2
    assert submit(shop, care, 4, "b", name="other", dry_run=True).not_known == 4, "each account has its own"
    tick(shop)
    drain(shop)
    left_out = {ANN: "not_known", "628120000003": "not_known"}
    assert reasons(shop) == reasons(shop, "over") == left_out, "who has answered has not written first"


def test_an_instance_pauses_itself_and_counts_anew_when_it_is_resumed(shop: Shop) -> None:
    shop.sql("UPDATE instances SET stops = '{\"failures\": 0.1, \"judged_from\": 10}' WHERE name = 'a'")
    submit(shop, None, 40)
    refuse(shop, 5)
    tick(shop)
    drain(shop)
    assert judge_instances(shop.engine) == ["a"]
    [row] = shop.sql("SELECT health::text, health_reason FROM lanes JOIN instances i USING (id) WHERE i.name = 'a'")
    assert row == ("paused", "stopped by its own limit: failed: 5 of 40 (12.5%), above 10%")
    assert judge_instances(shop.engine) == []
    resume_instance(shop.engine, "a")
    assert judge_instances(shop.engine) == []


def test_slices_of_a_paused_campaign_stay_closed(shop: Shop) -> None:
    submit(shop, CANARY)
    dispatch.start_due_campaigns(shop.engine)
    lifecycle.pause_campaign(shop.engine, "c")
    tick(shop)
    assert shop.sql("SELECT count(*) FROM messages WHERE next_attempt_at < 'infinity'") == [(0,)]
    lifecycle.resume_campaign(shop.engine, "c")
    tick(shop)
    assert shop.sql("SELECT count(*) FROM messages WHERE next_attempt_at < 'infinity'") != [(0,)]


def test_what_is_paused_before_it_is_released_is_released_when_it_goes_on(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit(shop, CANARY)
    dispatch.start_due_campaigns(shop.engine)

    def find_and_pause(*arguments: object, **parameters: object) -> object:
        found = rows(*arguments, **parameters)  # type: ignore[arg-type]
        if arguments[1] == "unreleased_slices":
            lifecycle.pause_campaign(shop.engine, "c")
        return found

    with monkeypatch.context() as patched:
        patched.setattr("broadcaster.services.campaigns.judging.rows", find_and_pause)
        tick(shop)
    assert shop.sql("SELECT count(*) FROM messages WHERE next_attempt_at < 'infinity'") == [(0,)]
    lifecycle.resume_campaign(shop.engine, "c")
    tick(shop)
    drain(shop)
    assert set(shop.accepted()) == slice_of(shop, 0.02, 200)


def test_what_is_released_in_pieces_is_released_wholly(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("broadcaster.services.campaigns.judging.MOST_RELEASED", 3)
    monkeypatch.setattr("broadcaster.services.campaigns.judging.PIECES_A_SCAN", 2)
    submit(shop, Care(canary=(0.1,), after=60.0))
    for _ in range(5):
        tick(shop)
    drain(shop)
    assert set(shop.accepted()) == slice_of(shop, 0.1, 200)


def refuse(shop: Shop, first: int) -> None:
    """The gateway does, for the recipient's sake."""
    shop.fault(f'kind=reply,count={first},body={{"sent":false,"message":"number is not registered on WhatsApp"}}')


def hold_back(shop: Shop, last: int) -> None:
    """So many messages, the last ones, are for tomorrow: what is paused has something left."""
    shop.sql(
        "UPDATE messages SET next_attempt_at = now() + interval '1 day'"
        " WHERE seq > (SELECT max(seq) FROM messages) - :n",
        n=last,
    )


def judge_replies(shop: Shop) -> None:
    shop.sql("UPDATE campaign_judgements SET replies_due_at = now()")
    judge_campaigns(shop.engine)


def next_slice(shop: Shop) -> object:
    [(moment,)] = shop.sql("SELECT next_slice_at FROM campaign_judgements")
    return moment


def take_in(shop: Shop, count: int) -> Imported:
    people = "".join(f"62812{n:07d}\n" for n in range(count))
    with read_recipients(io.BytesIO(f"phone\n{people}".encode()), RecipientOptions(accept_countries=True)) as found:
        return import_file(shop.engine, "people", found)


def drain_twice(shop: Shop) -> None:
    """Two workers at once."""

    async def run() -> None:
        async with SendingProcess(shop.settings) as one, SendingProcess(shop.settings) as other:
            lanes = shop.lanes()
            await asyncio.gather(*(process.send_due(lanes) for process in (one, other)))

    asyncio.run(run())


def test_the_slices_to_come_are_part_of_the_plan_at_each_moment(shop: Shop) -> None:
    shop.sql("UPDATE instances SET interval_seconds = 1, tolerance_seconds = 0, burst = 1, rate_per_second = 1")
    before = submit(shop, Care(canary=(0.1, 0.5), after=600.0), 100).seconds_to_send
    assert before == pytest.approx(9 + 601.5 + 39 + 601.5 + 49, abs=2)

    def ends_in() -> float:
        plan = open_work(shop.engine, "c").plan()
        assert plan is not None
        assert plan.seconds is not None
        return plan.seconds

    assert ends_in() == pytest.approx(before, abs=2)
    tick(shop)
    assert ends_in() == pytest.approx(before, abs=3)
    shop.sql("UPDATE instances SET interval_seconds = 0, rate_per_second = NULL")
    drain(shop)
    shop.sql("UPDATE instances SET interval_seconds = 1, rate_per_second = 1")
    judge_campaigns(shop.engine)
    assert ends_in() == pytest.approx(600 + 39 + 600 + 49, abs=10)
    passes(shop)
    judge_campaigns(shop.engine)
    assert ends_in() == pytest.approx(39 + 600 + 49, abs=10)
    # Another one sends while it waits, and its end moves by what they share.
    shop.submit("other", 30, "a")
    dispatch.start_due_campaigns(shop.engine)
    assert ends_in() == pytest.approx(30 + 39 + 600 + 49, abs=10)


WITHOUT_CANARY = CampaignChange(care=CareChange(without_canary=True))
WITHOUT_CARE = CampaignChange(care=CareChange(without_care=True))


@pytest.mark.parametrize("change", [WITHOUT_CANARY, WITHOUT_CARE])
@pytest.mark.parametrize("stops", [Stops(), Stops(failures=0.5)])
@pytest.mark.parametrize("slices", [0, 1, 2, 3])
def test_without_its_canary_a_campaign_sends_to_everybody_who_is_left(
    shop: Shop, slices: int, stops: Stops, change: CampaignChange
) -> None:
    submit(shop, Care(canary=(0.02, 0.1), after=60.0, stops=stops), 200)
    for number in range(slices):
        if number:
            passes(shop)
        tick(shop)
        if number < 2:
            drain(shop)
            tick(shop)
    if slices:
        lifecycle.pause_campaign(shop.engine, "c")
    assert "canary" in [each.what for each in change_campaign(shop.engine, "c", change).changes]
    assert next_slice(shop) is None
    if slices:
        lifecycle.resume_campaign(shop.engine, "c")
    plan = open_work(shop.engine, "c").plan()
    assert plan is not None and not [wait for wait in plan.waits if wait.cause is Hold.CANARY]
    tick(shop)
    drain(shop)
    tick(shop)
    assert shop.states("c") == {"sent": 200}
    assert set(shop.accepted().values()) == {1}
    assert shop.state("c") == "finished"


def test_without_its_canary_a_campaign_over_an_audience_starts_with_everybody(shop: Shop) -> None:
    take_in(shop, 20)
    submit_over_audience(shop.engine, submission(CANARY), "people")
    change_campaign(shop.engine, "c", WITHOUT_CANARY)
    tick(shop)
    drain(shop)
    assert shop.states("c") == {"sent": 20}


def test_a_campaign_without_its_canary_still_stops_itself(shop: Shop) -> None:
    submit(shop, Care(canary=(0.02,), stops=Stops(failures=0.5, judged_from=4)), 40)
    change_campaign(shop.engine, "c", WITHOUT_CANARY)
    hold_back(shop, 10)
    refuse(shop, 30)
    tick(shop)
    drain(shop)
    tick(shop)
    assert told(shop)[0] == "paused"


def test_who_counted_the_slices_before_a_canary_was_dropped_lets_nobody_wait(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at what is to be released and the release an operator takes the canary away."""
    submit(shop, CANARY)
    dispatch.start_due_campaigns(shop.engine)

    def count_and_change(*arguments: object, **parameters: object) -> object:
        found = rows(*arguments, **parameters)  # type: ignore[arg-type]
        if arguments[1] == "unreleased_slices" and not shop.sql("SELECT 1 FROM campaigns WHERE care IS NULL"):
            lifecycle.pause_campaign(shop.engine, "c")
            change_campaign(shop.engine, "c", WITHOUT_CARE)
            lifecycle.resume_campaign(shop.engine, "c")
        return found

    monkeypatch.setattr("broadcaster.services.campaigns.judging.rows", count_and_change)
    tick(shop)
    tick(shop)
    drain(shop)
    assert shop.states("c") == {"sent": 200}


def test_a_dry_run_keeps_the_canary(shop: Shop) -> None:
    submit(shop, CANARY)
    change_campaign(shop.engine, "c", WITHOUT_CANARY, dry_run=True)
    tick(shop)
    drain(shop)
    assert set(shop.accepted()) == slice_of(shop, 0.02, 200)
