"""Purging a campaign: what is personal goes, the proof stays, and nothing goes that may be wanted yet."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import msgspec
import pytest
from psycopg import errors
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from broadcaster.domain.states import MessageState
from broadcaster.errors import ConflictError, ContentionError, NotFoundError
from broadcaster.services import dispatch
from broadcaster.services.campaigns import campaign_reports, loading, purging
from broadcaster.services.campaigns.lifecycle import cancel_campaign, retry_campaign
from broadcaster.services.campaigns.previews import preview_campaign
from broadcaster.services.campaigns.settling import Settlement, settle_messages, settleable
from broadcaster.services.campaigns.test_copies import send_test
from broadcaster.services.diagnosis import examine_database
from broadcaster.services.findings import Level
from tests.support.database import as_owner, everything
from tests.support.shop import Shop, assert_counters_equal_a_recount, drain

MONTH = timedelta(days=30)
GONE = ("messages", "attempts", "doubts", "rejected_recipients", "looks")
PEOPLE = 20
UNSENT = "kind=invalid_number,phone=628120000003"
"""One of them is refused."""


@pytest.fixture
def shop(shop: Shop) -> Shop:
    shop.add("a")
    shop.add("b")
    return shop


@pytest.fixture
def old(shop: Shop) -> Shop:
    """A campaign `old` that ended long ago, with all that a campaign can have, and `new`, which has just ended."""
    shop.fault(UNSENT)
    shop.submit("old", PEOPLE, "a", "b")
    shop.submit("new", 10, "a", first=100)
    drain(shop)
    shop.sql(
        "INSERT INTO rejected_recipients SELECT id, 7, '0812-secret', 'no country' FROM campaigns;"
        "UPDATE campaigns SET variables = '{\"shop\": \"Ann\"}', audience_filter = '[]';"
        "INSERT INTO doubts (segment, campaign_id, seq, attempt, lane_id, account_id, phone, started_at, ended_at,"
        " resolved_as, resolved_at) SELECT segment, campaign_id, seq, 1, lane_id, 1, phone, now(), now(), 'found',"
        " now() FROM messages WHERE seq = 1;"
        "INSERT INTO settlements (segment, campaign_id, seq, attempt, from_state, to_state, settled_by, reason)"
        " SELECT segment, campaign_id, 1, 1, 'unknown', 'sent', 'me', 'Ann said so' FROM messages WHERE seq = 1;"
        "INSERT INTO looks SELECT 1, segment, campaign_id, 1, 'plain', 'text', now(), now(), true, 0, 100"
        " FROM messages WHERE seq = 1"
    )
    shop.end_long_ago("old")
    return shop


def campaign_id(shop: Shop, name: str) -> int:
    [(found,)] = shop.sql("SELECT id FROM campaigns WHERE name = :name", name=name)
    return int(str(found))


def purge(shop: Shop, name: str = "old", older_than: timedelta = MONTH) -> purging.Purge | None:
    return purging.purge_campaign(shop.engine, campaign_id(shop, name), older_than)


def rows_of(shop: Shop, name: str) -> dict[str, int]:
    """How many rows each table has of the campaign."""
    campaign = campaign_id(shop, name)
    return {
        table: int(str(shop.sql(f"SELECT count(*) FROM {table} WHERE campaign_id = {campaign}")[0][0]))
        for table in GONE
    }


def test_what_is_personal_goes_and_the_proof_that_the_books_balanced_stays(old: Shop) -> None:
    before, states = rows_of(old, "new"), old.states("old")
    assert states == {"sent": PEOPLE - 1, "failed": 1}
    purged = purge(old)
    assert purged == purging.Purge(states, {"accepted": PEOPLE - 1, "rejected": 1}, 1)
    assert rows_of(old, "old") == dict.fromkeys(GONE, 0)
    assert rows_of(old, "new") == before
    assert old.states("old") == states
    campaign = campaign_id(old, "old")
    assert old.sql("SELECT settled_by, reason FROM settlements WHERE campaign_id = :id", id=campaign) == [("me", None)]
    fields = "purged_at IS NOT NULL, variables, audience_filter"
    assert old.sql(f"SELECT {fields} FROM campaigns ORDER BY name DESC") == [
        (True, None, None),
        (False, {"shop": "Ann"}, []),
    ]
    proof = "operator, messages, attempts, doubts, rejected_recipients, accepted_more_than_once"
    attempts = {"accepted": PEOPLE - 1, "rejected": 1}
    assert old.sql(f"SELECT {proof} FROM purges") == [("schedule", states, attempts, {"found": 1}, 1, 0)]
    report = campaign_reports.campaign_detail(old.engine, "old")
    assert [(row.messages, row.example_phone) for row in report.failures] == [(1, None)]
    assert_counters_equal_a_recount(old)


def test_what_was_tried_again_stays_counted(old: Shop) -> None:
    old.sql("UPDATE doubts SET resolved_as = 'absent'")
    before = old.sql("SELECT campaign, tried_again FROM speed_report ORDER BY campaign")
    assert purge(old) is not None
    assert old.sql("SELECT campaign, tried_again FROM speed_report ORDER BY campaign") == before
    assert ("old", 1) in before


def test_what_was_accepted_twice_is_in_the_proof(old: Shop) -> None:
    old.sql(
        "INSERT INTO attempts (segment, campaign_id, seq, attempt, content_version, account_id, outcome, reason)"
        " SELECT segment, campaign_id, seq, 2, 1, account_id, outcome, '' FROM attempts WHERE seq IN (1, 2)"
    )
    assert purge(old) is not None
    assert old.sql("SELECT accepted_more_than_once FROM purges") == [(2,)]


def test_a_second_time_there_is_nothing_to_do(old: Shop) -> None:
    assert purge(old) is not None
    assert purge(old) is None
    assert old.sql("SELECT count(*) FROM purges") == [(1,)]
    assert [each.name for each in purging.find_candidates(old.engine, MONTH)] == []


def test_a_doubt_of_no_attempt_keeps_nothing(old: Shop) -> None:
    old.sql(
        "INSERT INTO doubts (segment, campaign_id, seq, attempt, lane_id, account_id, phone, started_at, ended_at)"
        " VALUES (0, 1, 999, 1, 1, 1, '628', now() - interval '1 year', now())"
    )
    assert purge(old) is not None


OPEN_DOUBT = (
    "UPDATE doubts SET resolved_as = NULL, resolved_at = NULL, started_at = {since}"
    " WHERE campaign_id = (SELECT id FROM campaigns WHERE name = '{name}')"
)
COUNTER = "UPDATE campaign_lanes SET {change} WHERE campaign_id = (SELECT id FROM campaigns WHERE name = 'old')"


@pytest.mark.parametrize(
    ("meanwhile", "why"),
    [
        pytest.param("UPDATE campaigns SET state = 'running', finished_at = NULL", "it is running", id="running"),
        pytest.param("UPDATE campaigns SET finished_at = now()", "it is finished only since", id="just ended"),
        pytest.param(
            COUNTER.format(change="open = true, sent = sent - 1, in_doubt = in_doubt + 1"),
            "it has messages that are not final",
            id="not final",
        ),
        pytest.param(
            OPEN_DOUBT.format(since="now()", name="old"), "a message of campaign old is in doubt", id="own doubt"
        ),
        pytest.param(
            OPEN_DOUBT.format(since="now() - interval '99.5 days'", name="new"),
            "a message of campaign new is in doubt, and what this one sent may explain its chat",
            id="another's doubt",
        ),
        pytest.param("UPDATE campaigns SET segment = id + 1", "is not its own", id="segment"),
        pytest.param(COUNTER.format(change="sent = sent + 1, total = total + 1"), "a recount says", id="books"),
        pytest.param(
            COUNTER.format(change="sent = sent - 1, failed = failed + 1"), "a recount says", id="books between states"
        ),
    ],
)
def test_a_campaign_stays_that_may_be_wanted_yet(old: Shop, meanwhile: str, why: str) -> None:
    before = everything(old.engine)
    with as_owner(old.engine).begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("CREATE TABLE kept AS SELECT * FROM campaign_lanes"))
        connection.execute(text(meanwhile))
    changed = everything(old.engine)
    assert changed != before
    with pytest.raises(ConflictError, match=f"^campaign old stays: .*{why}"):
        purge(old)
    assert everything(old.engine) == changed
    with as_owner(old.engine).begin() as connection:  # for the audit at the end
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("DELETE FROM campaign_lanes; INSERT INTO campaign_lanes SELECT * FROM kept"))


def test_a_doubt_that_arose_long_after_keeps_nothing(old: Shop) -> None:
    old.sql(OPEN_DOUBT.format(since="now()", name="new"))
    assert purge(old) is not None


@pytest.mark.parametrize("span", ["INTERVAL '0'", "INTERVAL '-10 years'", "INTERVAL '1 hour'", "NULL"])
def test_what_ended_within_a_day_stays_whatever_is_asked_for(old: Shop, span: str) -> None:
    old.end_long_ago("new", 0.9)
    statement = text(f"SELECT * FROM purge_campaign({campaign_id(old, 'new')}, {span})")
    with pytest.raises(DBAPIError, match="finished only since") as refused, old.engine.begin() as connection:
        connection.execute(statement)
    assert isinstance(refused.value.orig, errors.ObjectNotInPrerequisiteState)
    old.end_long_ago("new", 1.1)
    with old.engine.begin() as connection:
        assert len(connection.execute(statement).all()) == 1


@pytest.mark.parametrize("campaign", ["77", "0", "NULL"])
def test_a_campaign_that_is_none_is_refused(old: Shop, campaign: str) -> None:
    with pytest.raises(DBAPIError, match="stays: there is none"), old.engine.begin() as connection:
        connection.execute(text(f"SELECT purge_campaign({campaign}, INTERVAL '30 days')"))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE campaigns SET finished_at = now() - interval '1 year' WHERE name = 'new'",
        "UPDATE campaigns SET finished_at = finished_at - interval '1 s' WHERE name = 'new'",
        "UPDATE campaigns SET state = 'cancelled', finished_at = now() - interval '2 days' WHERE name = 'new'",
        "UPDATE campaigns SET purged_at = NULL",
        "DELETE FROM purges",
        "UPDATE purges SET messages = '{}'",
        "INSERT INTO purges (campaign_id, operator, messages, attempts, doubts, rejected_recipients,"
        " accepted_more_than_once) VALUES (2, '', '{}', '{}', '{}', 0, 0)",
        "DELETE FROM messages_0",
    ],
)
def test_the_role_of_commands_can_neither_hasten_nor_forge_a_purge(old: Shop, statement: str) -> None:
    purge(old)
    with pytest.raises(DBAPIError, match=r"that is past|permission denied"), old.engine.begin() as connection:
        connection.execute(text(statement))


def test_temporary_tables_stand_for_nothing_that_a_purge_reads_or_writes(old: Shop) -> None:
    old.engine.dispose()  # in a new session, which has not found the real ones yet
    with old.engine.begin() as connection:
        for name in ("campaigns", "campaign_lanes", "doubts", "messages", "attempts", "settlements", "purges"):
            connection.execute(text(f"CREATE TEMPORARY TABLE {name} (LIKE public.{name}) ON COMMIT DROP"))
        connection.execute(text("INSERT INTO campaigns SELECT * FROM public.campaigns"))
        connection.execute(text("UPDATE campaigns SET id = 3 - id"))  # the new one for the old one
        purge_of = f"SELECT messages FROM public.purge_campaign({campaign_id(old, 'old')}, INTERVAL '30 days')"
        assert connection.scalar(text(purge_of)) == {"sent": PEOPLE - 1, "failed": 1}
        assert connection.scalar(text("SELECT count(*) FROM purges")) == 0
    assert old.sql("SELECT count(*) FROM purges") == [(1,)]
    assert rows_of(old, "new")["messages"] == 10


def test_a_purged_campaign_never_runs_again(old: Shop) -> None:
    purge(old)
    with pytest.raises(DBAPIError, match="campaigns_purged_is_final_check"):
        old.sql("UPDATE campaigns SET state = 'running', finished_at = NULL WHERE name = 'old'")


def test_commands_say_plainly_that_its_messages_are_deleted(old: Shop) -> None:
    purge(old)
    settings = {"settle_seconds": 0.0}
    for command in (
        lambda: retry_campaign(old.engine, "old"),
        lambda: cancel_campaign(old.engine, "old"),
        lambda: settleable(old.engine, "old", **settings),
        lambda: settle_messages(old.engine, "old", Settlement.SENT, settled_by="me", **settings),
        lambda: send_test(old.engine, "old", "628120000001"),
        lambda: preview_campaign(old.engine, "old", most=1),
        lambda: list(campaign_reports.export_messages(old.engine, "old")),
        lambda: campaign_reports.rejected_recipients(old.engine, "old"),
        lambda: purging.find_candidates(old.engine, MONTH, "old"),
    ):
        with pytest.raises(
            ConflictError, match=r"^campaign 'old' has no messages any more: what was personal of it was"
        ):
            command()


def test_the_candidates_are_told_with_what_would_go_and_what_keeps_them(old: Shop) -> None:
    send_test(old.engine, "old", "628120000001")
    old.end_long_ago("new", 40)
    old.sql(OPEN_DOUBT.format(since="now() - interval '39.5 days'", name="new"))

    def told(name: str | None = None, span: timedelta = MONTH) -> list[tuple[str, int, int, int, bool]]:
        found = purging.find_candidates(old.engine, span, name)
        return [(c.name[:10], c.messages, c.attempts, c.rejected, c.kept_because is None) for c in found]

    assert told() == [("old", 20, 20, 1, True), ("new", 10, 10, 1, False)]
    assert told(span=timedelta(days=50)) == [("old", 20, 20, 1, True)]
    assert told("new", timedelta(days=50)) == [("new", 10, 10, 1, False)]
    with pytest.raises(NotFoundError):
        told("nobody")


def test_tests_go_with_their_campaign(old: Shop) -> None:
    copy = send_test(old.engine, "new", "628120000001")
    dispatch.start_due_campaigns(old.engine)
    drain(old)
    dispatch.finish_campaigns(old.engine)
    for name in ("new", copy.name):
        old.end_long_ago(name)
    assert [each.name for each in purging.find_candidates(old.engine, MONTH, "new")] == ["new", copy.name]
    assert purging.purge_due(old.engine, 30)["campaigns"] == 3
    assert old.sql("SELECT count(*) FROM messages") == [(0,)]


def test_a_large_campaign_goes_with_its_segment(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "LARGE_CAMPAIGN", 1)
    shop.submit("old", 40, "a", "b")
    shop.submit("new", 10, "a", first=100)
    drain(shop)
    shop.end_long_ago("old")
    assert purge(shop) == purging.Purge({"sent": 40}, {"accepted": 40}, 0)
    campaign = campaign_id(shop, "old")
    names = f"^(messages|attempts)_{campaign}$"
    assert shop.sql("SELECT relname FROM pg_class WHERE relname ~ :names", names=names) == []
    assert (shop.states("old"), shop.states("new")) == ({"sent": 40}, {"sent": 10})
    assert purge(shop) is None


def test_a_large_campaign_that_is_being_read_stays_until_the_reader_has_ended(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "LARGE_CAMPAIGN", 1)
    monkeypatch.setattr(purging, "_PAUSE", 0.01)  # three seconds would be lost
    monkeypatch.setattr(purging, "_TRIES", 2)  # and as often
    shop.submit("old", 4, "a")
    drain(shop)
    shop.end_long_ago("old")
    with shop.engine.connect() as reader:
        reader.execute(text("SELECT count(*) FROM message_log"))
        with pytest.raises(ContentionError):
            purge(shop)
        shop.submit("meanwhile", 5, "a", first=500)
        drain(shop)
        assert shop.states("meanwhile") == {"sent": 5}
    assert purge(shop) is not None


@pytest.mark.parametrize("large", [False, True])
def test_of_two_purges_at_once_one_does_it(shop: Shop, monkeypatch: pytest.MonkeyPatch, large: bool) -> None:
    monkeypatch.setattr(loading, "LARGE_CAMPAIGN", 1 if large else 100_000)
    for number in range(4):
        shop.submit(f"old {number}", 50, "a", first=100 * number)
    drain(shop)
    for number in range(4):
        shop.end_long_ago(f"old {number}")
    both = threading.Barrier(2)

    def run() -> int:
        both.wait()
        return purging.purge_due(shop.engine, 30)["messages"]

    with ThreadPoolExecutor(2) as pool:
        assert sum(each.result() for each in [pool.submit(run), pool.submit(run)]) == 200
    assert shop.sql("SELECT count(*), sum((messages ->> 'sent')::int) FROM purges") == [(4, 200)]


def test_the_hourly_task_takes_the_oldest_first_and_goes_on_where_one_stays(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        shop.submit(f"old {number}", 5, "a", first=100 * number)
    shop.submit("young", 5, "a", first=1000)
    drain(shop)
    for number in range(4):
        shop.end_long_ago(f"old {number}", 100 - number)
    shop.end_long_ago("young", 29)
    miscounted = "UPDATE campaign_lanes SET total = total {0} 1, sent = sent {0} 1 WHERE campaign_id = :id"
    shop.sql(miscounted.format("+"), id=campaign_id(shop, "old 0"))
    clock = iter([0.0, 1.0, 2.0, purging._RUN_SECONDS])  # the moment at which a run is over
    monkeypatch.setattr(purging, "monotonic", lambda: next(clock))
    done = {"campaigns": 1, "messages": 5, "attempts": 5, "replies": 0, "rejected": 0}
    assert purging.purge_due(shop.engine, 30) == done
    monkeypatch.undo()
    assert purging.purge_due(shop.engine, 30)["campaigns"] == 2
    assert purging.purge_due(shop.engine, 30)["campaigns"] == 0
    assert shop.sql("SELECT name FROM campaigns WHERE purged_at IS NULL ORDER BY name") == [("old 0",), ("young",)]
    shop.sql(miscounted.format("-"), id=campaign_id(shop, "old 0"))


def test_doctor_tells_of_what_should_have_been_purged_where_that_is_wanted(old: Shop) -> None:
    def found(days: int | None, running: float | None = None) -> list[tuple[Level, str | None]]:
        settings = msgspec.structs.replace(old.settings, retention_days=days)
        told = [each for each in examine_database(old.engine, settings, running=running) if each.check == "retention"]
        return [(each.level, each.command) for each in told]

    assert found(None) == [(Level.OK, None)]
    assert found(30) == [(Level.WARN, "broadcaster purge --older-than 30d")]
    assert found(30, running=4 * 3600) == [(Level.WARN, "broadcaster purge --older-than 30d")]
    assert found(30, running=60) == [(Level.OK, None)]  # it could not be done yet
    assert found(100) == [(Level.OK, None)]  # for three hours it may wait
    purge(old)
    assert found(30) == [(Level.OK, None)]
    [counters] = [each for each in examine_database(old.engine, old.settings) if each.check == "counters"]
    assert counters.level is Level.OK


def test_doctor_is_calm_while_the_hourly_task_gets_on(old: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    old.submit("older", 2, "a", first=500)
    drain(old)
    old.end_long_ago("older", 150)
    settings = msgspec.structs.replace(old.settings, retention_days=30)

    def level() -> Level:
        [told] = [each for each in examine_database(old.engine, settings) if each.check == "retention"]
        return told.level

    assert level() is Level.WARN
    clock = iter([0.0, 1.0, purging._RUN_SECONDS])  # the moment at which a run is over
    monkeypatch.setattr(purging, "monotonic", lambda: next(clock))
    assert purging.purge_due(old.engine, 30)["campaigns"] == 1
    assert level() is Level.OK
    with as_owner(old.engine).begin() as connection:
        connection.execute(text("UPDATE purges SET purged_at = now() - interval '4 hours'"))
    assert level() is Level.WARN


def test_the_states_in_the_proof_are_all_of_them(shop: Shop) -> None:
    shop.sql("ALTER TABLE messages DISABLE TRIGGER refuse_moves")
    shop.submit("old", 9, "a")
    for number, state in enumerate(MessageState, 1):
        if state in (MessageState.PENDING, MessageState.SENDING, MessageState.IN_DOUBT):
            state = MessageState.SENT  # noqa: PLW2901
        shop.sql(f"UPDATE messages SET state = '{state}', reason = 'because' WHERE seq = {number}")
    dispatch.finish_campaigns(shop.engine)
    shop.end_long_ago("old")
    done = purge(shop)
    assert done is not None
    assert done.messages == {"sent": 4, "failed": 1, "unknown": 1, "skipped": 1, "cancelled": 1, "expired": 1}
