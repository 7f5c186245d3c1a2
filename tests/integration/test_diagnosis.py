"""What `doctor` finds in a database."""

from __future__ import annotations

import io
import re

import msgspec
import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Engine, text

from broadcaster.crypto import open_vault
from broadcaster.db.engine import open_engine
from broadcaster.domain.states import MessageState
from broadcaster.services import diagnosis
from broadcaster.services.campaigns.new_content import text_content
from broadcaster.services.campaigns.submission import Submission
from broadcaster.services.campaigns.submitting import submit_campaign
from broadcaster.services.diagnosis import examine_database, examine_ticks
from broadcaster.services.findings import Finding, Level
from broadcaster.services.instances import add_instance
from broadcaster.services.recipients.list_options import RecipientOptions
from broadcaster.services.recipients.reader import read_recipients
from broadcaster.services.ticks import note_tick
from broadcaster.settings import Settings
from broadcaster.worker.app import SENDS, make_app
from broadcaster.worker.examination import examine_workers
from tests.support.commands import assert_runnable
from tests.support.database import as_owner
from tests.support.servers import redis_client


@pytest.fixture(autouse=True)
def campaign(settings: Settings, engine: Engine) -> None:
    """A campaign with three messages, not started."""
    add_instance(engine, open_vault(settings), "main", "a-key", rate_per_second=None)
    content = text_content("Hi")
    submission = Submission(name="news", instances=["main"], content=content, max_attempts=5, draft=True)
    file = io.BytesIO(b"phone\n+12025550100\n+12025550101\n+12025550102\n")
    with read_recipients(file, RecipientOptions(text=content.text)) as recipients:
        submit_campaign(engine, submission, recipients)


def findings(engine: Engine, settings: Settings) -> list[Finding]:
    return list(examine_database(engine, settings))


def unwell(engine: Engine, settings: Settings) -> list[tuple[str, Level, str]]:
    """What is wrong, in the words before the command, which each of them has."""
    return [told(finding) for finding in findings(engine, settings) if finding.level is not Level.OK]


def told(finding: Finding) -> tuple[str, Level, str]:
    assert finding.command is not None
    assert finding.detail.endswith(f"`{finding.command}`"), finding
    assert_runnable(f"`{finding.command}`")
    return finding.check, finding.level, finding.detail.rpartition(": ")[0]


def execute(engine: Engine, statement: str) -> None:
    with as_owner(engine).begin() as connection:
        connection.execute(text(statement))


def doubt(engine: Engine, *, seconds: int = 0) -> None:
    """Reading back knows of all messages, whose requests ended so many seconds ago."""
    execute(
        engine,
        "INSERT INTO doubts (segment, campaign_id, seq, attempt, lane_id, account_id, phone, started_at, ended_at) "
        f"SELECT segment, campaign_id, seq, attempt, lane_id, 1, phone, now(), now() - interval '{seconds} seconds' "
        "FROM messages",
    )


def test_nothing_is_wrong_with_a_database_that_is_left_alone(engine: Engine, settings: Settings) -> None:
    assert unwell(engine, settings) == []
    assert "counters" in {finding.check for finding in findings(engine, settings)}


def test_a_counter_that_differs_from_a_recount_is_bad(engine: Engine, settings: Settings) -> None:
    # As if a change had gone past the trigger: the sum still balances, so that only a recount can tell.
    execute(engine, "UPDATE campaign_lanes SET pending = pending - 1, sent = sent + 1")
    assert unwell(engine, settings) == [
        ("counters", Level.BAD, "campaign news on main keeps 2 pending, a recount says 3"),
        ("counters", Level.BAD, "campaign news on main keeps 1 sent, a recount says 0"),
    ]


def test_a_message_that_was_lost_after_its_campaign_finished_is_bad(engine: Engine, settings: Settings) -> None:
    # As if nothing kept a campaign from finishing with something open.
    execute(engine, "ALTER TABLE campaigns DISABLE TRIGGER close_counters")
    execute(engine, "UPDATE campaigns SET state = 'finished', finished_at = now()")
    execute(engine, "UPDATE messages SET state = 'sent' WHERE seq = 1")
    assert unwell(engine, settings) == [
        ("counters", Level.BAD, "campaign news on main is finished with 2 messages pending")
    ]
    execute(engine, "UPDATE campaign_lanes SET pending = pending - 2, sent = sent + 2")
    assert unwell(engine, settings) == [
        ("counters", Level.BAD, "campaign news on main keeps 0 pending, a recount says 2")
    ]
    execute(engine, "UPDATE campaign_lanes SET sending = 1, sent = sent - 1")
    assert [detail for _, _, detail in unwell(engine, settings)] == [
        "campaign news on main keeps 0 pending, a recount says 2",
        "campaign news on main keeps 1 sending, a recount says 0",
    ]


def test_what_is_in_flight_of_a_cancelled_campaign_is_nothing_wrong(engine: Engine, settings: Settings) -> None:
    execute(engine, "UPDATE messages SET state = 'sending' WHERE seq = 1")
    execute(engine, "UPDATE campaigns SET state = 'cancelled', finished_at = now()")
    assert unwell(engine, settings) == []


@pytest.mark.parametrize(
    ("state", "unusual"),
    [
        (MessageState.SENDING, Level.BAD),
        (MessageState.IN_DOUBT, Level.WARN),
    ],
)
def test_messages_that_have_long_been_on_their_way_are_told(
    engine: Engine, settings: Settings, state: MessageState, unusual: Level
) -> None:
    way = [MessageState.SENDING, MessageState.IN_DOUBT]
    for step in way[: way.index(state) + 1]:
        execute(engine, f"UPDATE messages SET state = '{step}', changed_at = now() WHERE seq <= 2")
    doubt(engine)
    assert unwell(engine, settings) == []
    execute(engine, "UPDATE messages SET changed_at = now() - interval '1 hour' WHERE seq = 1")
    [(check, level, detail)] = unwell(engine, settings)
    assert (check, level) == (state.replace("_", " "), unusual)
    assert detail.startswith("2 messages, the oldest for 3600 s, longer than")


def test_doubts_past_their_deadline_or_unknown_to_reading_back_are_bad(engine: Engine, settings: Settings) -> None:
    execute(engine, "UPDATE messages SET state = 'in_doubt', changed_at = now() - interval '4000 seconds'")
    doubt(engine, seconds=3500)
    assert [check for check, level, _ in unwell(engine, settings) if level is Level.BAD] == []
    execute(engine, "UPDATE doubts SET ended_at = now() - interval '3700 seconds' WHERE seq = 1")
    execute(engine, "UPDATE doubts SET resolved_as = 'unknown', resolved_at = now() WHERE seq = 2")
    [detail] = [detail for check, level, detail in unwell(engine, settings) if level is Level.BAD]
    assert re.fullmatch(
        "2 messages stay in doubt beyond BROADCASTER_DOUBT_DEADLINE_SECONDS, the oldest for 40[0-5][0-9] s, "
        "1 of them unknown to reading back",
        detail,
    )


def test_doubts_that_stay_until_chats_can_be_read_are_a_warning(engine: Engine, settings: Settings) -> None:
    execute(engine, "UPDATE messages SET state = 'sending'")
    execute(engine, "UPDATE messages SET state = 'in_doubt', changed_at = now() - interval '673 seconds'")
    doubt(engine, seconds=673)
    hurry = msgspec.structs.replace(settings, doubt_deadline_seconds=90.0)
    assert ("in doubt", Level.WARN) in {(check, level) for check, level, _ in unwell(engine, hurry)}
    execute(engine, "UPDATE accounts SET unreadable_since = now() - interval '680 seconds'")
    told = [(level, detail) for check, level, detail in unwell(engine, hurry) if check == "doubts"]
    assert [level for level, _ in told] == [Level.WARN]
    assert re.fullmatch(
        r"3 messages through main stay in doubt until its chats can be read, the oldest for 67[0-9] s", told[0][1]
    )
    patient = msgspec.structs.replace(settings, doubt_deadline_seconds=1000.0)
    assert [each for each in unwell(engine, patient) if each[0] in ("doubts", "in doubt")] == []


def test_messages_that_are_unknown_are_a_warning_until_somebody_decides(engine: Engine, settings: Settings) -> None:
    execute(engine, "UPDATE messages SET state = 'sending'")
    execute(engine, "UPDATE messages SET state = 'in_doubt'")
    execute(engine, "UPDATE messages SET state = 'unknown', reason = 'read timeout' WHERE seq <= 2")
    execute(engine, "UPDATE messages SET state = 'sent' WHERE seq > 2")
    execute(engine, "UPDATE campaigns SET state = 'finished', finished_at = now()")
    what = "news has 2 messages unknown: nobody knows whether they were accepted"
    assert unwell(engine, settings) == [("doubts", Level.WARN, what)]
    execute(engine, "UPDATE messages SET state = 'failed' WHERE state = 'unknown'")
    assert unwell(engine, settings) == []


def many_doubts(engine: Engine, doubts: int, attempts: int) -> None:
    """So many messages through `main` are in doubt, of so many attempts within the hour."""
    execute(
        engine,
        "INSERT INTO doubts (segment, campaign_id, seq, attempt, lane_id, account_id, phone, started_at, ended_at) "
        f"SELECT 0, 1, 100 + n, 1, 1, 1, n::text, now(), now() FROM generate_series(1, {doubts}) n",
    )
    execute(
        engine,
        "INSERT INTO attempts (segment, campaign_id, seq, attempt, content_version, account_id, outcome, "
        "reason, finished_at) "
        "SELECT 0, 1, 100 + n, 1, 1, 1, 'unknown', '', now() - interval '50 min' "
        f"FROM generate_series(1, {attempts}) n",
    )


@pytest.mark.parametrize(("doubts", "attempts", "is_bad"), [(20, 0, False), (21, 21, True), (21, 421, False)])
def test_doubts_that_are_many_for_what_was_sent_are_bad(
    engine: Engine, settings: Settings, doubts: int, attempts: int, is_bad: bool
) -> None:
    many_doubts(engine, doubts, attempts)
    what = f"21 messages through main are in doubt, many for its {attempts} attempts of the last hour"
    assert unwell(engine, settings) == ([("doubts", Level.BAD, what)] if is_bad else [])


def test_doubts_that_cannot_be_read_back_in_time_are_bad(engine: Engine, settings: Settings) -> None:
    many_doubts(engine, 20, 20)
    execute(engine, "UPDATE accounts SET reads_a_second = 1")
    hurry = msgspec.structs.replace(settings, doubt_deadline_seconds=60.0, doubt_polls=3)
    assert unwell(engine, hurry) == []
    slower = msgspec.structs.replace(hurry, doubt_deadline_seconds=59.0)
    what = "20 messages through main are in doubt, more than can be read back in time at 1 a second"
    assert unwell(engine, slower) == [("doubts", Level.BAD, what)]


@pytest.mark.parametrize(("seconds", "level"), [(10, Level.WARN), (90, Level.BAD)])
def test_chats_that_cannot_be_read_are_no_hiccup_after_a_minute(
    engine: Engine, settings: Settings, seconds: int, level: Level
) -> None:
    unreadable = f"UPDATE accounts SET unreadable_since = now() - interval '{seconds} s'"
    execute(engine, unreadable)
    assert unwell(engine, settings) == []
    execute(engine, "UPDATE campaigns SET state = 'running', started_at = now()")
    execute(engine, "UPDATE messages SET state = 'sending'")
    execute(engine, "UPDATE messages SET state = 'in_doubt'")
    doubt(engine)
    [(check, found, detail)] = unwell(engine, settings)
    assert (check, found) == ("instances", level)
    assert detail == (
        "main does not let its chats be read (nobody can tell whether messages in doubt arrived), "
        "3 messages waiting for it"
    )


def test_ticks_that_are_late_or_were_never_done_are_bad(engine: Engine) -> None:
    periods = {"dispatch": 1.0, "recover": 5.0}
    note_tick(engine, "dispatch", 1.0)
    [never] = examine_ticks(engine, periods)
    assert (never.check, never.level) == ("beat", Level.BAD)
    assert told(never)[2] == "recover, due every 5 s, was never done"
    note_tick(engine, "recover", 5.0)
    [fine] = examine_ticks(engine, periods)
    assert fine.level is Level.OK
    assert re.fullmatch(r"has its ticks done, each within its time, \w+ the longest ago: \d\.\d s", fine.detail)
    execute(engine, "UPDATE ticks SET done_at = now() - interval '14 seconds'")
    [late] = examine_ticks(engine, periods)
    assert told(late)[2] == "dispatch, due every 1 s, was last done 14 s ago"


def test_tasks_that_pile_up_and_workers_that_are_not_there_are_told(engine: Engine, settings: Settings) -> None:
    app = make_app(settings)

    def found() -> dict[str, Level]:
        return {finding.check: finding.level for finding in examine_workers(app, engine)}

    expected = {"redis": Level.OK, "workers": Level.BAD, "queues": Level.OK, "beat": Level.BAD}
    assert found() == expected
    with redis_client(settings) as client:
        client.rpush(SENDS, *["wake-up"] * 101)
    assert found() == {**expected, "queues": Level.BAD}
    assert all(told(each) for each in examine_workers(app, engine) if each.level is not Level.OK)
    app.close()


def test_without_redis_what_it_would_tell_is_not_known(engine: Engine, settings: Settings) -> None:
    app = make_app(msgspec.structs.replace(settings, redis_url="redis://127.0.0.1:1/0"))
    found = [told(finding) for finding in examine_workers(app, engine)]
    app.close()
    assert [(check, level) for check, level, _ in found[:1]] == [("redis", Level.BAD)]
    assert found[1:3] == [(check, Level.WARN, "not known: Redis is away") for check in ("workers", "queues")]
    assert {check for check, _, _ in found[3:]} == {"beat"}


def test_a_campaign_that_is_due_and_not_started_is_bad(engine: Engine, settings: Settings) -> None:
    execute(engine, "UPDATE campaigns SET state = 'scheduled', starts_at = now() - interval '1 minute'")
    [(check, level, detail)] = unwell(engine, settings)
    assert (check, level) == ("campaigns", Level.BAD)
    assert detail == "news has been due for 60 s, and no beat or no worker starts it"
    [running] = [each for each in examine_database(engine, settings, running=60.0) if each.check == "campaigns"]
    # `up` alone would say that it runs already.
    assert running.detail.endswith("start all anew with `broadcaster down` and `broadcaster up`")


@pytest.mark.parametrize(
    ("health", "says"),
    [
        ("paused", "is paused by an operator"),
        ("refused", "is stopped (wrong key)"),
        ("down", "is down (wrong key)"),
        ("throttled", "has to rest (wrong key)"),
    ],
)
def test_an_instance_that_is_not_well_is_a_warning_and_bad_where_messages_wait_for_it(
    engine: Engine, settings: Settings, health: str, says: str
) -> None:
    lasting = "health_reason = 'wrong key', health_since = now() - interval '2 min'"
    execute(engine, f"UPDATE lanes SET health = '{health}', {lasting}")
    assert unwell(engine, settings) == [("instances", Level.WARN, f"main {says}, nothing waiting for it")]
    execute(engine, "UPDATE campaigns SET state = 'running', started_at = now()")
    assert unwell(engine, settings) == [("instances", Level.BAD, f"main {says}, 3 messages waiting for it")]


def test_a_short_rest_is_a_warning(engine: Engine, settings: Settings) -> None:
    note_tick(engine, "dispatch", 1.0)
    execute(engine, "UPDATE campaigns SET state = 'running', started_at = now()")
    rest = "UPDATE lanes SET health = 'throttled', health_reason = 'HTTP 429', health_since = now()"
    execute(engine, f"{rest}, not_before = now() + interval '30 s'")
    assert unwell(engine, settings)[0][:2] == ("instances", Level.WARN)
    execute(engine, f"{rest}, not_before = now() + interval '1 hour'")
    assert unwell(engine, settings)[0][:2] == ("instances", Level.BAD)
    execute(engine, f"{rest}, not_before = now() - interval '20 min'")
    assert unwell(engine, settings) == []


def test_tests_that_are_long_in_doubt_are_named(engine: Engine, settings: Settings) -> None:
    execute(engine, "UPDATE messages SET state = 'sending' WHERE seq <= 2")
    execute(engine, "UPDATE messages SET state = 'in_doubt' WHERE seq <= 2")
    doubt(engine)
    execute(engine, "UPDATE messages SET changed_at = now() - interval '1 hour' WHERE seq <= 2")
    execute(engine, "UPDATE campaigns SET test_of = id, name = 'main (check a1)'")
    [finding] = [each for each in findings(engine, settings) if each.level is not Level.OK]
    assert "2 of them tests, such as main (check a1): `status` tells of no tests, see that one" in finding.detail
    assert finding.command == "broadcaster campaign show 'main (check a1)'"


@pytest.mark.parametrize(
    ("reason", "why"),
    [
        ("stopped by its own limit: failed: 6 of 50 (12%), above 10%", "failed: 6 of 50 (12%), above 10%"),
        ("there is nobody to send to in the audience people", "there is nobody to send to in the audience people"),
    ],
)
def test_a_campaign_that_has_paused_itself_is_a_warning(
    engine: Engine, settings: Settings, reason: str, why: str
) -> None:
    execute(engine, "UPDATE campaigns SET state = 'running', started_at = now()")
    execute(engine, "UPDATE campaigns SET state = 'paused'")
    assert unwell(engine, settings) == [], "an operator knows"
    execute(engine, f"UPDATE campaigns SET state_reason = '{reason}'")
    what = f"news has paused itself: {why}, 3 messages waiting for it"
    assert unwell(engine, settings) == [("campaigns", Level.WARN, what)]
    [finding] = [each for each in findings(engine, settings) if each.check == "campaigns"]
    assert finding.command == "broadcaster campaign resume news"


def test_messages_that_no_worker_takes_are_bad(engine: Engine, settings: Settings) -> None:
    note_tick(engine, "dispatch", 1.0)
    execute(engine, "UPDATE campaigns SET state = 'running', started_at = now() - interval '2 min'")
    execute(engine, "UPDATE lanes SET clock = now() - interval '2 min', woken_at = now()")
    assert unwell(engine, settings) == []
    execute(engine, "UPDATE lanes SET health_since = clock")
    what = "news has had 3 messages due for a minute or longer, and no worker takes them"
    assert unwell(engine, settings) == [("campaigns", Level.BAD, what)]


def test_a_clock_that_is_far_off_is_told_with_what_sets_it(
    engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnosis, "CLOCK_SECONDS", -1.0)
    [(check, level, _)] = unwell(engine, settings)
    assert (check, level) == ("clock", Level.WARN)


def test_a_secret_key_that_does_not_open_the_instances_keys_is_bad(engine: Engine, settings: Settings) -> None:
    other = msgspec.structs.replace(settings, secret_key=Fernet.generate_key().decode())
    [(check, level, detail)] = unwell(engine, other)
    assert (check, level) == ("secret key", Level.BAD)
    assert detail.startswith("BROADCASTER_SECRET_KEY: does not open")


def test_a_schema_of_another_version_is_bad_and_ends_the_examination(engine: Engine, settings: Settings) -> None:
    execute(engine, "UPDATE alembic_version SET version_num = '0000'")
    found = findings(engine, settings)
    assert [(finding.check, finding.level) for finding in found] == [("postgres", Level.OK), ("schema", Level.BAD)]
    assert "does not know" in told(found[-1])[2]


def test_a_server_that_cannot_be_reached_is_bad_and_ends_the_examination(settings: Settings) -> None:
    elsewhere = msgspec.structs.replace(settings, database_url="postgresql://nobody@127.0.0.1:1/x")
    engine = open_engine(elsewhere)
    bad, *rest = [told(finding) for finding in findings(engine, elsewhere)]
    [beat] = [told(finding) for finding in examine_ticks(engine, {"dispatch": 1.0})]
    engine.dispose()
    assert bad[:2] == ("postgres", Level.BAD)
    assert [check for check, _, _ in rest] == [
        *("schema", "role", "counters", "doubts", "campaigns", "schedules", "replies", "instances", "failovers"),
        "notices",
    ]
    assert {(level, detail) for _, level, detail in [*rest, beat]} == {(Level.WARN, "not known: Postgres is away")}
