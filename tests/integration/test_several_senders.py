"""Several instances of a campaign: by which weights they share it, and what becomes of messages of one in trouble."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import text

from broadcaster.crypto import open_vault
from broadcaster.db.engine import transaction
from broadcaster.db.statements import execute
from broadcaster.domain.notices import TOLD
from broadcaster.domain.receivers import ReceiverWay
from broadcaster.domain.sharing import MoveReason, Sharing, SharingChange
from broadcaster.domain.standstill import What
from broadcaster.domain.states import MessageState
from broadcaster.errors import ConflictError, UsageError
from broadcaster.services import dispatch
from broadcaster.services.campaigns import moving
from broadcaster.services.campaigns.campaign_reports import campaign_detail
from broadcaster.services.campaigns.changing import CampaignChange, change_campaign
from broadcaster.services.campaigns.checks import hold_in_use
from broadcaster.services.campaigns.cloning import clone_campaign
from broadcaster.services.campaigns.lifecycle import cancel_campaign, pause_campaign, resume_campaign
from broadcaster.services.campaigns.move_reports import moves_of_campaign, moves_of_instance, open_failovers
from broadcaster.services.campaigns.moving import move_pending
from broadcaster.services.campaigns.new_content import text_content
from broadcaster.services.campaigns.planning import open_work
from broadcaster.services.campaigns.submission import Submission
from broadcaster.services.campaigns.submission_result import Submitted
from broadcaster.services.campaigns.submitting import submit_campaign
from broadcaster.services.instance_health import resume_instance
from broadcaster.services.instance_reports import list_instances, show_instance
from broadcaster.services.notices.receivers import Destination, add_receiver
from broadcaster.services.recipients.list_options import RecipientOptions
from broadcaster.services.recipients.reader import read_recipients
from broadcaster.services.retirement import retire_instance
from broadcaster.services.schedules.asked_schedules import ScheduleChanges
from broadcaster.services.schedules.editing import add_schedule, set_schedule
from broadcaster.services.schedules.operator_decisions import make_occurrence_now
from broadcaster.services.schedules.schedule_reports import list_schedules
from broadcaster.services.standstill import find_standstills
from tests.support.database import as_owner
from tests.support.meanwhile import meanwhile
from tests.support.schedules import add_audience, new_schedule
from tests.support.shop import Shop, drain
from tests.support.stack import wait_for

PENDING = (
    "SELECT i.name, count(*) FROM messages m JOIN instances i ON i.id = m.lane_id WHERE m.state = 'pending'"
    " GROUP BY i.name ORDER BY i.name"
)
AFTER = Sharing(failover_after=900.0)
_LANE = "(SELECT id FROM instances WHERE name = :name)"


@pytest.fixture
def shop(shop: Shop) -> Shop:
    for name in ("a", "b", "c"):
        shop.add(name)
    return shop


def send(
    shop: Shop,
    count: int,
    *instances: str,
    name: str = "x",
    sharing: Sharing = AFTER,
    dry_run: bool = False,
    weights: dict[str, float] | None = None,
) -> Submitted:
    """A campaign to `count` phones, started unless it is a dry run."""
    rows = "".join(f"62812{n:07d}\n" for n in range(count))
    submission = Submission(
        name=name,
        instances=instances,
        content=text_content("Hi"),
        max_attempts=3,
        sharing=sharing,
        weights=weights or {},
    )
    options = RecipientOptions(text=submission.content.text, accept_countries=True)
    with read_recipients(io.BytesIO(f"phone\n{rows}".encode()), options) as recipients:
        submitted = submit_campaign(shop.engine, submission, recipients, dry_run=dry_run)
    dispatch.start_due_campaigns(shop.engine)
    return submitted


def pending(shop: Shop) -> dict[object, object]:
    return dict(shop.sql(PENDING))  # type: ignore[arg-type]


def are_dealt(found: dict[object, object], **shares: int) -> bool:
    """Whether each has its share of messages, but for one or two: they are spread evenly, and not counted out."""
    return found.keys() == shares.keys() and all(abs(int(str(found[name])) - shares[name]) <= 2 for name in shares)


def be(shop: Shop, name: str, health: str, minutes: float) -> None:
    """The instance has had this health for so long."""
    shop.sql(
        "UPDATE lanes SET health = CAST(:health AS lane_health), health_reason = 'so it is',"
        f" health_since = now() - make_interval(secs => 60 * :minutes) WHERE id = {_LANE}",
        name=name,
        health=health,
        minutes=minutes,
    )


def moves(shop: Shop) -> Sequence[tuple[str, str, str, int]]:
    told = moves_of_campaign(shop.engine, "x")
    return sorted((each.from_instance, each.to_instance, each.reason.value, each.messages) for each in told)


def foreseen(shop: Shop, name: str = "x") -> Counter[object]:
    """How many messages its plan moves at once, by the instance that takes them."""
    plan = open_work(shop.engine, name).plan()
    assert plan is not None
    at_once = timedelta(seconds=1)
    moved: Counter[object] = Counter()
    for each in plan.moves:
        moved[each.to_instance] += each.messages if each.at - plan.begins_at < at_once else 0
    return moved


@pytest.mark.parametrize("health", ["down", "refused"])
def test_what_waits_for_an_instance_in_trouble_goes_to_those_that_are_well(shop: Shop, health: str) -> None:
    send(shop, 90, "a", "b", "c")
    be(shop, "a", health, 14)
    assert move_pending(shop.engine) == 0
    assert foreseen(shop).total() == 0
    be(shop, "a", health, 16)
    # One stays with a lane that is down: only a message shows that it is well again.
    stays = 1 if health == "down" else 0
    planned = foreseen(shop)
    # Without a rate the others have nothing left at once, as a plan has it, and then that one goes, too.
    assert (planned.total(), move_pending(shop.engine)) == (30, 30 - stays)
    assert are_dealt({**planned}, b=15, c=15)
    assert are_dealt(pending(shop), **({"a": 1} if stays else {}), b=45, c=45)
    assert [told[:3] for told in moves(shop)] == [("a", "b", "failover"), ("a", "c", "failover")]
    assert sum(number for *_, number in moves(shop)) == 30 - stays
    [away] = open_failovers(shop.engine)
    assert (away.campaign, away.instance, away.reason, away.messages) == ("x", "a", "so it is", 30 - stays)
    assert [each.messages for each in moves_of_instance(shop.engine, "a")] == [
        each.messages for each in moves_of_campaign(shop.engine, "x")
    ]
    assert move_pending(shop.engine) == 0


def test_they_go_by_the_rates_of_those_that_are_well(shop: Shop) -> None:
    shop.add("d", rate="30/s")
    shop.add("e", rate="10/s")
    send(shop, 300, "a", "d", "e")
    be(shop, "a", "refused", 60)
    move_pending(shop.engine)
    assert are_dealt(pending(shop), d=225, e=75)


def test_the_last_one_of_a_lane_that_is_down_leaves_it_when_others_have_nothing(shop: Shop) -> None:
    send(shop, 9, "a", "b")
    be(shop, "a", "down", 60)
    move_pending(shop.engine)
    assert pending(shop)["a"] == 1
    shop.sql("UPDATE lanes SET not_before = now() + interval '1 h' WHERE id = 1")
    drain(shop)
    assert pending(shop) == {"a": 1}
    dispatch.finish_campaigns(shop.engine)
    drain(shop)
    dispatch.finish_campaigns(shop.engine)
    assert shop.states("x") == {"sent": 9}
    assert shop.state("x") == "finished"


def test_nothing_moves_without_the_option_or_to_others_in_trouble(shop: Shop) -> None:
    send(shop, 8, "a", "b", sharing=Sharing())
    send(shop, 8, "a", "b", name="y")
    be(shop, "a", "down", 60)
    for health in ("down", "refused", "paused"):
        be(shop, "b", health, 1)
        assert move_pending(shop.engine) == 0
        assert not open_failovers(shop.engine)
    be(shop, "b", "throttled", 0)
    assert move_pending(shop.engine) == 3
    assert [each.campaign for each in open_failovers(shop.engine)] == ["y"]


def test_what_is_sending_or_in_doubt_stays_and_what_comes_back_goes_on(shop: Shop) -> None:
    send(shop, 8, "a", "b")
    shop.sql(
        "UPDATE messages SET state = 'sending', attempt = 1, content_version = 1, claim_token = gen_random_uuid()"
        " WHERE seq IN (SELECT min(seq) FROM messages WHERE lane_id = 1)"
    )
    shop.sql("UPDATE messages SET state = 'in_doubt', claim_token = NULL WHERE state = 'sending'")
    shop.sql(
        "UPDATE messages SET state = 'sending', attempt = 1, content_version = 1, claim_token = gen_random_uuid()"
        " WHERE seq IN (SELECT min(seq) FROM messages WHERE lane_id = 1 AND state = 'pending')"
    )
    be(shop, "a", "refused", 60)
    assert move_pending(shop.engine) == 2
    assert shop.sql("SELECT state::text FROM messages WHERE lane_id = 1 ORDER BY 1") == [("in_doubt",), ("sending",)]
    shop.sql("UPDATE messages SET state = 'pending', claim_token = NULL WHERE state = 'sending'")
    assert move_pending(shop.engine) == 1
    shop.sql("UPDATE messages SET state = 'pending' WHERE state = 'in_doubt'")
    assert move_pending(shop.engine) == 1
    assert pending(shop) == {"b": 8}


def test_one_that_is_well_again_gets_its_part_back_once_it_stays_so(shop: Shop) -> None:
    send(shop, 90, "a", "b", "c")
    be(shop, "a", "refused", 60)
    move_pending(shop.engine)
    assert are_dealt(pending(shop), b=45, c=45)
    for _ in range(2):
        be(shop, "a", "ok", 14)
        assert move_pending(shop.engine) == 0
        be(shop, "a", "down", 1)
        assert move_pending(shop.engine) == 0
    be(shop, "a", "ok", 16)
    move_pending(shop.engine)
    assert are_dealt(pending(shop), a=30, b=30, c=30)
    assert not open_failovers(shop.engine)
    assert ("b", "a", "back") in [told[:3] for told in moves(shop)]
    assert move_pending(shop.engine) == 0


def test_it_comes_back_at_once_where_no_other_is_well(shop: Shop) -> None:
    send(shop, 20, "a", "b")
    be(shop, "a", "refused", 60)
    move_pending(shop.engine)
    be(shop, "a", "ok", 1)
    be(shop, "b", "down", 1)
    assert move_pending(shop.engine) == 10
    assert pending(shop) == {"a": 10, "b": 10}


def test_neither_a_failover_nor_its_end_gives_anything_to_who_is_not_well(shop: Shop) -> None:
    send(shop, 90, "a", "b", "c")
    be(shop, "a", "refused", 60)
    be(shop, "c", "paused", 1)
    move_pending(shop.engine)
    assert pending(shop) == {"b": 60, "c": 30}
    be(shop, "a", "ok", 60)
    move_pending(shop.engine)
    assert pending(shop) == {"a": 30, "b": 30, "c": 30}


def test_a_failover_ends_where_the_campaign_asks_for_it_no_more(shop: Shop) -> None:
    send(shop, 20, "a", "b")
    be(shop, "a", "refused", 60)
    move_pending(shop.engine)
    pause_campaign(shop.engine, "x")
    change_campaign(shop.engine, "x", CampaignChange(sharing=SharingChange(never_fails_over=True)))
    resume_campaign(shop.engine, "x")
    assert move_pending(shop.engine) == 0
    assert not open_failovers(shop.engine)
    assert pending(shop) == {"b": 20}


def test_many_go_piece_by_piece(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving, "MOST_MOVED", 7)
    monkeypatch.setattr(moving, "PIECES_A_SCAN", 2)
    send(shop, 60, "a", "b", "c")
    be(shop, "a", "refused", 60)
    assert [move_pending(shop.engine) for _ in range(3)] == [14, 6, 0]
    assert pending(shop) == {"b": 30, "c": 30}


def test_several_ticks_at_once_move_each_message_once(shop: Shop) -> None:
    send(shop, 400, "a", "b", "c")
    be(shop, "a", "refused", 60)
    with ThreadPoolExecutor(4) as pool:
        moved = sum(pool.map(lambda _: move_pending(shop.engine), range(4)))
    assert moved == sum(number for *_, number in moves(shop)) == 134
    be(shop, "a", "ok", 60)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: move_pending(shop.engine), range(4)))
    assert are_dealt(pending(shop), a=134, b=133, c=133)
    assert shop.sql("SELECT count(*), count(ended_at) FROM failovers") == [(1, 1)]


def test_while_messages_are_claimed_each_is_sent_once(shop: Shop) -> None:
    send(shop, 600, "a", "b", "c")
    with ThreadPoolExecutor(2) as pool:
        sending = pool.submit(drain, shop)
        for health in ("refused", "ok") * 6:
            be(shop, "a", health, 60)
            move_pending(shop.engine)
        sending.result()
    be(shop, "a", "ok", 60)
    move_pending(shop.engine)
    for _ in range(10):
        # One that was woken while another lane had all of it is woken again only a while later.
        shop.sql("UPDATE lanes SET woken_at = NULL")
        drain(shop)
        if shop.states("x") == {"sent": 600}:
            break
    dispatch.finish_campaigns(shop.engine)
    assert shop.states("x") == {"sent": 600}


def test_a_tick_need_not_look_at_those_who_stay(shop: Shop) -> None:
    people_know(shop, "a", 12)
    send(shop, 24, "a", "b", sharing=Sharing(failover_after=900.0, sticky=True))
    be(shop, "a", "down", 60)
    move_pending(shop.engine)
    move_pending(shop.engine)
    seen = "SELECT f.seen_version = cl.version FROM failovers f JOIN campaign_lanes cl USING (campaign_id, lane_id)"
    assert shop.sql(seen) == [(True,)]
    shop.sql("UPDATE messages SET home_lane_id = NULL WHERE seq = 1 AND state = 'pending'")
    version = "SELECT version FROM campaign_lanes WHERE campaign_id = 2 AND lane_id = 1"
    shop.sql(f"UPDATE failovers SET seen_version = ({version})")
    assert move_pending(shop.engine) == 0
    shop.sql("UPDATE campaign_lanes SET version = version + 1")
    assert move_pending(shop.engine) == 1


# Who may send only later


def open_later(shop: Shop, name: str, seconds: float) -> None:
    """The instance is closed for so long, to the next minute, and open for an hour then."""
    shop.sql(
        "WITH span AS (SELECT date_trunc('minute', now() + make_interval(secs => :seconds)) + interval '1 min'"
        " AS opens),"
        " hours AS (INSERT INTO opening_hours (digest, document) SELECT convert_to(:name, 'UTF8'),"
        " jsonb_build_object('windows', jsonb_build_array(to_char(opens AT TIME ZONE 'UTC', 'HH24:MI-')"
        " || to_char((opens + interval '1 hour') AT TIME ZONE 'UTC', 'HH24:MI')), 'zone', 'UTC')"
        " FROM span RETURNING id),"
        " opened AS (INSERT INTO openings (hours_id, recipient_group, opens_at, closes_at)"
        " SELECT id, 0, opens, opens + interval '1 hour' FROM hours, span)"
        f" UPDATE instances SET hours_id = hours.id FROM hours WHERE instances.id = {_LANE}",
        name=name,
        seconds=seconds,
    )


def rest(shop: Shop, name: str, seconds: float) -> None:
    """Its gateway has asked for a rest of so long."""
    be(shop, name, "throttled", 0)
    shop.sql(f"UPDATE lanes SET not_before = now() + make_interval(secs => {seconds}) WHERE id = {_LANE}", name=name)


def fill_limit(shop: Shop, name: str, seconds: float) -> None:
    """What it may send in a day is sent, and there are places again then, or up to half an hour later."""
    shop.sql(
        "WITH oldest AS (SELECT ceil((extract(epoch FROM now()) + :seconds - 86475) / 1800) - 1 AS bucket),"
        " full_one AS ("
        "INSERT INTO limits (name, most, span_seconds, bucket_seconds, grace_seconds, counts, newest, free_at)"
        " SELECT 'of ' || :name, 9999, 86400, 1800, 75, '{9999}', bucket,"
        " to_timestamp((bucket + 1) * 1800 + 86475) FROM oldest RETURNING id)"
        f" INSERT INTO lane_limits SELECT {_LANE}, id FROM full_one",
        name=name,
        seconds=seconds,
    )


def pause_by_chance(shop: Shop, name: str, seconds: float) -> None:
    """It rests between its messages."""
    shop.sql(f"UPDATE lanes SET clock = now() + make_interval(secs => {seconds}) WHERE id = {_LANE}", name=name)


LATER = (open_later, rest, fill_limit, pause_by_chance)


@pytest.mark.parametrize("hold", LATER)
def test_nothing_leaves_an_instance_in_trouble_while_no_other_may_send(
    shop: Shop, hold: Callable[[Shop, str, float], None]
) -> None:
    """The other one may send tomorrow, and the campaign expires today: the one in trouble may be well before."""
    send(shop, 90, "a", "b")
    shop.sql("UPDATE campaigns SET expires_at = now() + interval '4 h'")
    hold(shop, "b", 9 * 3600)
    be(shop, "a", "refused", 60)
    assert move_pending(shop.engine) == 0
    assert not open_failovers(shop.engine)
    shop.sql("UPDATE lanes SET not_before = NULL, clock = now()")
    shop.sql("UPDATE limits SET free_at = now()")
    shop.sql("UPDATE openings SET opens_at = now()")
    assert move_pending(shop.engine) == 45


@pytest.mark.parametrize("hold", LATER)
def test_who_may_send_only_later_takes_what_it_can_until_all_are_done(
    shop: Shop, hold: Callable[[Shop, str, float], None]
) -> None:
    for name in ("d", "e", "f"):
        shop.add(name, rate="1/s", burst=1)
    send(shop, 3000, "d", "e", "f")
    be(shop, "d", "refused", 60)
    hold(shop, "f", 600)
    [(held,)] = shop.sql(f"SELECT extract(epoch FROM may_send_from({_LANE}) - now())::float8", name="f")
    move_pending(shop.engine)
    # Each sends one a second, and one of them so much longer; it gets no more than there is to give.
    found, first = pending(shop), min(2000.0, (3000 + float(str(held))) / 2)
    assert found["e"] == pytest.approx(first, abs=5)
    assert found["f"] == pytest.approx(3000 - first, abs=5)


@pytest.mark.parametrize("hold", LATER)
def test_who_may_send_only_after_the_campaign_has_expired_takes_nothing(
    shop: Shop, hold: Callable[[Shop, str, float], None]
) -> None:
    for name in ("d", "e", "f"):
        shop.add(name, rate="1/s", burst=1)
    send(shop, 3000, "d", "e", "f")
    shop.sql("UPDATE campaigns SET expires_at = now() + interval '5 min'")
    be(shop, "d", "refused", 60)
    hold(shop, "f", 400)
    move_pending(shop.engine)
    assert pending(shop) == {"e": 2000, "f": 1000}


def test_what_comes_back_waits_with_the_one_in_trouble_until_another_may_send(shop: Shop) -> None:
    send(shop, 8, "a", "b")
    be(shop, "a", "refused", 60)
    assert move_pending(shop.engine) == 4
    shop.sql("UPDATE messages SET lane_id = 1 WHERE seq = 1")
    open_later(shop, "b", 9 * 3600)
    assert move_pending(shop.engine) == 0
    shop.sql("UPDATE openings SET opens_at = now()")
    assert move_pending(shop.engine) == 1


def test_the_rehearsal_of_a_retirement_deals_as_the_move_does(shop: Shop) -> None:
    for name in ("d", "e", "f", "g"):
        shop.add(name, rate="1/s", burst=1)
    send(shop, 4000, "d", "e", "f", "g", weights={"d": 1, "e": 2, "f": 1, "g": 1})
    rest(shop, "f", 300)
    be(shop, "g", "down", 1)
    [planned] = retire_instance(shop.engine, "d", dry_run=True).campaigns
    before = pending(shop)
    retire_instance(shop.engine, "d")
    after = pending(shop)
    assert planned.takers.keys() == {"e", "f"}
    for name, moved in planned.takers.items():
        assert abs(int(str(after[name])) - int(str(before[name])) - moved) <= 2


# Weights


def test_weights_say_how_they_share(shop: Shop) -> None:
    shop.add("d", rate="30/s")
    assert send(shop, 80, "a", "d", weights={"a": 3, "d": 1}).total == 80
    assert pending(shop) == {"a": 60, "d": 20}
    pause_campaign(shop.engine, "x")
    changed = change_campaign(shop.engine, "x", CampaignChange(instances=["a", "b"], weights={"a": 1, "b": 3}))
    assert [(each.what, each.was, each.now) for each in changed.changes] == [
        ("instances", ["a (3)", "d (1)"], ["a (1)", "b (3)"])
    ]
    assert pending(shop) == {"a": 20, "b": 60}
    clone_campaign(shop.engine, "x", "y")
    assert shop.sql("SELECT lane_id, weight, total FROM campaign_lanes WHERE campaign_id = 2 ORDER BY 1") == [
        (1, 1.0, 20),
        (2, 3.0, 60),
    ]
    assert change_campaign(shop.engine, "x", CampaignChange(instances=["a", "b"])).moved == 20
    assert pending(shop) == {"a": 60, "b": 60 + 40}


def test_a_failover_goes_by_weights(shop: Shop) -> None:
    send(shop, 120, "a", "b", "c", weights={"a": 2, "b": 3, "c": 1})
    assert pending(shop) == {"a": 40, "b": 60, "c": 20}
    be(shop, "a", "refused", 60)
    move_pending(shop.engine)
    assert are_dealt(pending(shop), b=90, c=30)


# Sticky


def people_know(shop: Shop, instance: str, count: int) -> None:
    """The first `count` people were sent something through it."""
    send(shop, count, instance, name=f"before {instance}", sharing=Sharing())
    drain(shop)
    dispatch.finish_campaigns(shop.engine)


def homes(shop: Shop) -> list[tuple[object, ...]]:
    found = "SELECT lane_id, home_lane_id, count(*) FROM messages WHERE state = 'pending' GROUP BY 1, 2 ORDER BY 1, 2"
    return shop.sql(found)


STICKY = Sharing(failover_after=900.0, sticky=True)


def test_people_keep_the_instance_that_talked_to_them_last(shop: Shop) -> None:
    people_know(shop, "a", 6)
    people_know(shop, "b", 2)  # two of them later
    people_know(shop, "c", 1)  # and one through an instance that is none of the campaign's
    tried = send(shop, 10, "a", "b", sharing=STICKY, dry_run=True)
    assert tried.keep_theirs == {"a": 4, "b": 2}
    assert send(shop, 10, "a", "b", sharing=STICKY).keep_theirs == tried.keep_theirs
    assert homes(shop) == [(1, 1, 4), (1, None, 2), (2, 2, 2), (2, None, 2)]
    clone_campaign(shop.engine, "x", "y")
    assert shop.sql("SELECT home_lane_id, count(*) FROM messages WHERE campaign_id = 5 GROUP BY 1 ORDER BY 1") == [
        (1, 4),
        (2, 2),
        (None, 4),
    ]


def test_those_who_wrote_and_contacts_keep_theirs_too(shop: Shop) -> None:
    people_know(shop, "a", 3)
    shop.sql(
        "INSERT INTO inbound_messages (account_id, lane_id, identity, phone, said_at)"
        " VALUES (2, 2, '\\x01', '628120000001', now())"
    )
    shop.sql("INSERT INTO known_phones (account_id, phone, is_contact) VALUES (3, '628120000000', true)")
    shop.sql("INSERT INTO known_phones (account_id, phone, is_contact) VALUES (3, '628120000005', true)")
    send(shop, 6, "a", "b", "c", sharing=STICKY)
    assert shop.sql("SELECT seq, home_lane_id FROM messages WHERE campaign_id = 2 ORDER BY seq") == [
        (1, 1),
        (2, 2),
        (3, 1),
        (4, None),
        (5, None),
        (6, 3),
    ]


def test_what_an_account_before_did_does_not_count(shop: Shop) -> None:
    people_know(shop, "a", 3)
    shop.sql("UPDATE accounts SET created_at = now() WHERE id = 1")
    assert send(shop, 6, "a", "b", sharing=STICKY).keep_theirs == {}


def test_they_stay_through_a_failover_unless_the_campaign_says_otherwise(shop: Shop) -> None:
    people_know(shop, "a", 4)
    send(shop, 12, "a", "b", sharing=STICKY)
    send(shop, 12, "a", "b", name="y", sharing=Sharing(failover_after=900.0, sticky=True, failover_sticky=True))
    be(shop, "a", "refused", 60)
    assert (foreseen(shop), foreseen(shop, "y")) == ({"b": 4}, {"b": 8})
    assert move_pending(shop.engine) == 12
    waiting = "FROM messages WHERE state = 'pending' AND lane_id = 1"
    left = f"SELECT campaign_id, home_lane_id, count(*) {waiting} GROUP BY 1, 2"
    assert shop.sql(left) == [(2, 1, 4)]
    be(shop, "a", "ok", 60)
    move_pending(shop.engine)
    assert shop.sql(f"{left} ORDER BY 1, 2")[0] == (2, 1, 4)
    at_home = "SELECT count(*) FROM messages WHERE campaign_id = 3 AND home_lane_id = 1 AND lane_id = 1"
    assert shop.sql(at_home) == [(4,)]


def test_other_instances_leave_those_who_keep_theirs_where_they_are(shop: Shop) -> None:
    people_know(shop, "a", 6)
    send(shop, 6, "a", "b", sharing=STICKY)
    pause_campaign(shop.engine, "x")
    assert change_campaign(shop.engine, "x", CampaignChange(instances=["b", "c"])).moved == 6
    assert moves(shop) == [("a", "b", "replaced", 3), ("a", "c", "replaced", 3)]
    assert change_campaign(shop.engine, "x", CampaignChange(instances=["a", "b", "c"])).moved == 6
    assert homes(shop) == [(1, 1, 6)]
    assert change_campaign(shop.engine, "x", CampaignChange(instances=["a", "b"])).moved == 0


def test_a_large_campaign_keeps_them_in_its_own_segment(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    people_know(shop, "a", 6)
    monkeypatch.setattr("broadcaster.services.campaigns.loading.LARGE_CAMPAIGN", 10)
    send(shop, 12, "a", "b", sharing=STICKY)
    assert shop.sql("SELECT segment FROM campaigns WHERE name = 'x'") == [(2,)]
    assert homes(shop) == [(1, 1, 6), (1, None, 3), (2, None, 3)]
    drain(shop)
    dispatch.finish_campaigns(shop.engine)
    assert shop.states("x") == {"sent": 12}


def test_a_move_tells_whose_command_it_was(shop: Shop) -> None:
    send(shop, 8, "a", "b")
    with as_owner(shop.engine).begin() as connection:
        connection.execute(text("SELECT set_config('broadcaster.operator', 'ayu', true)"))
        assert moving.deal_anew(connection, 1, MoveReason.RESHARED) == 0
        connection.execute(text("UPDATE campaign_lanes SET retired = true WHERE lane_id = 1"))
        assert moving.give_away(connection, 1) == 4
    [move] = moves_of_campaign(shop.engine, "x")
    assert (move.reason, move.moved_by) == (MoveReason.REPLACED, "ayu")


# Retiring


def test_an_instance_retires_from_all_of_its_campaigns(shop: Shop) -> None:
    send(shop, 12, "a", "b", weights={"a": 1, "b": 1})
    send(shop, 12, "a", "b", "c", name="y", sharing=Sharing())
    pause_campaign(shop.engine, "y")
    tried = retire_instance(shop.engine, "a", dry_run=True)
    assert [(each.campaign, each.pending, dict(each.takers)) for each in tried.campaigns] == [
        ("x", 6, {"b": 6}),
        ("y", 4, {"b": 2, "c": 2}),
    ]
    assert tried.moved == 0
    assert pending(shop)["a"] == 10
    assert retire_instance(shop.engine, "a").moved == 10
    assert are_dealt(pending(shop), b=18, c=6)
    assert 1 not in shop.lanes()
    with pytest.raises(ConflictError, match="instance 'a' is retired"):
        send(shop, 1, "a", name="z")
    clone_campaign(shop.engine, "x", "z")
    assert shop.sql("SELECT lane_id, weight FROM campaign_lanes WHERE campaign_id = 3") == [(2, 1.0)]
    resume_instance(shop.engine, "a")
    send(shop, 3, "a", name="again")
    drain(shop)
    dispatch.finish_campaigns(shop.engine)
    assert shop.states("again") == {"sent": 3}


def test_one_that_retires_is_called_retired_and_its_receivers_are_named(shop: Shop) -> None:
    send(shop, 4, "a", "b")
    boss = Destination(ReceiverWay.WHATSAPP, "6281299999999", "a")
    add_receiver(shop.engine, lambda: open_vault(shop.settings), "boss", boss, TOLD, 0.02)
    for dry_run in (True, False):
        assert list(retire_instance(shop.engine, "a", dry_run=dry_run).receivers) == ["boss"]
    assert list(retire_instance(shop.engine, "b", to="c", dry_run=True).receivers) == []
    listed = {each.name: each for each in list_instances(shop.engine)}
    assert (listed["a"].health, listed["a"].told_health, listed["b"].told_health) == ("paused", "retired", "ok")
    assert show_instance(shop.engine, "a").told_health == "retired"
    lanes = {each.instance: each.told_health for each in campaign_detail(shop.engine, "x").lanes}
    assert lanes == {"a": "retired", "b": "ok"}


def test_the_states_of_an_instance_add_up_to_its_total(shop: Shop) -> None:
    send(shop, 6, "a")
    cancel_campaign(shop.engine, "x")
    shown = show_instance(shop.engine, "a")
    assert (shown.total, shown.cancelled, shown.skipped) == (6, 6, 0)
    assert shown.total == sum(getattr(shown, state) for state in MessageState)


def test_what_a_tick_moves_meanwhile_counts_as_moved(shop: Shop) -> None:
    send(shop, 12, "a", "b")
    send(shop, 8, "a", "b", name="y")
    with meanwhile(shop, "end_failovers", lambda: move_pending(shop.engine)):
        assert retire_instance(shop.engine, "a").moved == 10
    assert pending(shop) == {"b": 20}
    assert retire_instance(shop.engine, "a").moved == 0


def test_what_comes_back_to_a_retired_one_goes_on_elsewhere(shop: Shop) -> None:
    send(shop, 4, "a", "b")
    shop.sql(
        "UPDATE messages SET state = 'sending', attempt = 1, content_version = 1, claim_token = gen_random_uuid()"
        " WHERE seq = 1"
    )
    assert retire_instance(shop.engine, "a").moved == 1
    assert retire_instance(shop.engine, "a").campaigns[0].under_way == 1
    standing = [each.name for each in find_standstills(shop.engine, shop.settings) if each.what is What.INSTANCE]
    assert standing == [], "it sends nothing on purpose"
    shop.sql("UPDATE messages SET state = 'pending', claim_token = NULL WHERE seq = 1")
    dispatch.finish_campaigns(shop.engine)
    assert pending(shop) == {"b": 4}


def test_the_rehearsal_says_how_much_longer_it_takes(shop: Shop) -> None:
    for name in ("d", "e"):
        shop.add(name, rate="1/s", burst=1)
    send(shop, 100, "d", "e")
    [planned] = retire_instance(shop.engine, "d", dry_run=True).campaigns
    assert planned.seconds_before == pytest.approx(49, abs=2)
    assert planned.seconds_after == pytest.approx(99, abs=2)


def test_one_that_stands_in_takes_all_of_it(shop: Shop) -> None:
    send(shop, 12, "a", "b", weights={"a": 2, "b": 1})
    send(shop, 4, "a", name="y")
    with pytest.raises(ConflictError, match="nothing else would send campaign 'y'"):
        retire_instance(shop.engine, "a")
    with pytest.raises(UsageError, match="name another"):
        retire_instance(shop.engine, "a", to="a")
    assert pending(shop) == {"a": 12, "b": 4}
    assert retire_instance(shop.engine, "a", to="c").moved == 12
    assert pending(shop) == {"b": 4, "c": 12}
    assert shop.sql("SELECT weight FROM campaign_lanes WHERE campaign_id = 1 AND lane_id = 3") == [(2.0,)]


def test_what_moves_to_an_instance_in_trouble_is_moved_and_no_end_is_promised(shop: Shop) -> None:
    """Its part has gone to the one that retires: its failover ends, since nobody else is left."""
    send(shop, 12, "a", "b")
    be(shop, "b", "down", 60)
    move_pending(shop.engine)
    assert pending(shop) == {"a": 11, "b": 1}
    [planned] = retire_instance(shop.engine, "a", dry_run=True).campaigns
    assert (dict(planned.takers), dict(planned.in_trouble)) == ({"b": 11}, {"b": "down"})
    assert planned.ends_at_after is None
    assert retire_instance(shop.engine, "a").moved == planned.pending == 11
    assert pending(shop) == {"b": 12}


def test_what_moves_of_a_paused_campaign_is_moved_too(shop: Shop) -> None:
    send(shop, 12, "a", "b")
    be(shop, "b", "refused", 60)
    move_pending(shop.engine)
    pause_campaign(shop.engine, "x")
    assert retire_instance(shop.engine, "a").moved == 12
    assert pending(shop) == {"b": 12}


@pytest.mark.parametrize("health", ["refused", "ok"])
def test_one_whose_part_others_send_takes_nothing_of_what_retires(shop: Shop, health: str) -> None:
    """Be it well again, but not yet for long, or named to stand in."""
    send(shop, 12, "a", "b", "c")
    be(shop, "b", "refused", 60)
    move_pending(shop.engine)
    be(shop, "b", health, 1)
    before = pending(shop)
    assert set(before) == {"a", "c"}
    [planned] = retire_instance(shop.engine, "a", to="b", dry_run=True).campaigns
    assert dict(planned.takers) == {"c": before["a"]}
    assert retire_instance(shop.engine, "a", to="b").moved == before["a"]
    assert pending(shop) == {"c": 12}


def test_nobody_gives_a_campaign_an_instance_while_it_retires(shop: Shop) -> None:
    send(shop, 4, "b", "c")
    waiting = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with ThreadPoolExecutor(1) as pool:
        with transaction(shop.engine) as connection:
            hold_in_use(connection, [1])
            retiring = pool.submit(retire_instance, shop.engine, "a")
            wait_for(lambda: shop.sql(waiting) != [], "it to wait")
            execute(connection, "change_lanes", campaign_id=1, lanes=[1], weights=[None])
        with pytest.raises(ConflictError, match="nothing else would send campaign 'x'"):
            retiring.result()
    assert shop.sql("SELECT retired_at FROM instances WHERE name = 'a'") == [(None,)]


# Schedules


def test_a_schedule_hands_on_how_its_instances_share(shop: Shop) -> None:
    add_audience(shop, "people", 2)
    add_schedule(shop.engine, new_schedule("news", instances=["a", "b"], weights={"a": 3, "b": 1}, sharing=STICKY))
    set_schedule(shop.engine, "news", ScheduleChanges(priority=1))
    make_occurrence_now(shop.engine, "news", by="ayu")
    assert shop.sql("SELECT sharing FROM campaigns") == [({"failover_after": 900.0, "sticky": True},)]
    assert shop.sql("SELECT lane_id, weight FROM campaign_lanes ORDER BY 1") == [(1, 3.0), (2, 1.0)]
    set_schedule(
        shop.engine, "news", ScheduleChanges(instances=["a", "c"], sharing=SharingChange(never_fails_over=True))
    )
    [shown] = list_schedules(shop.engine)
    assert (shown.weights, shown.sharing) == (None, Sharing(sticky=True))
    retire_instance(shop.engine, "c")
    with pytest.raises(ConflictError, match="schedule 'news'"):
        retire_instance(shop.engine, "a")
