"""Invariant I1 at its last step: a finished campaign has nothing that is not final, whoever does what meanwhile."""

from __future__ import annotations

import io
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from broadcaster.crypto import open_vault
from broadcaster.db.engine import open_engine
from broadcaster.db.statements import query, rows
from broadcaster.services import dispatch
from broadcaster.services.campaigns import campaign_reports, lifecycle, settling
from broadcaster.services.campaigns.new_content import text_content
from broadcaster.services.campaigns.settling import Settlement
from broadcaster.services.campaigns.submission import Submission
from broadcaster.services.campaigns.submitting import submit_campaign
from broadcaster.services.instances import add_instance
from broadcaster.services.recipients.list_options import RecipientOptions
from broadcaster.services.recipients.reader import read_recipients
from broadcaster.settings import Settings
from tests.support.database import as_owner
from tests.support.stack import wait_for

LANES = ("a", "b", "c")
PARAMETERS = {
    "campaign_id": 1,
    "settle": timedelta(0),
    "phones": None,
    "target": "pending",
    "settled_by": "me",
    "reasons": None,
    "reserve": timedelta(seconds=30),
    "reason": None,
}
_GATE = 17
"""The advisory lock at which a gated statement waits."""

Row = tuple[Any, ...] | None


@dataclass
class Session:
    """A connection of its own, in autocommit unless in a `with connection.transaction()`."""

    connection: psycopg.Connection[Any]
    thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))

    def run(self, statement: str) -> Row:
        """The first row of a statement of ours, by name."""
        return self.sql(query(statement), PARAMETERS)

    def sql(self, statement: str, parameters: object = None) -> Row:
        cursor = self.connection.execute(statement, parameters)  # type: ignore[arg-type]
        return cursor.fetchone() if cursor.description else None

    def begin(self, statement: str, parameters: object = PARAMETERS) -> Future[Row]:
        """Run SQL in a thread."""
        return self.thread.submit(self.sql, statement, parameters)


@pytest.fixture
def sessions(settings: Settings) -> Iterator[tuple[Session, Session, Session]]:
    with (
        psycopg.connect(settings.libpq_url, autocommit=True) as one,
        psycopg.connect(settings.libpq_url, autocommit=True) as two,
        psycopg.connect(settings.libpq_url, autocommit=True) as three,
    ):
        opened = Session(one), Session(two), Session(three)
        yield opened
        for session in opened:
            session.thread.shutdown()


@pytest.fixture
def campaign(engine: Engine, settings: Settings) -> None:
    """Number 1, of nine messages on three lanes, running."""
    for name in LANES:
        add_instance(engine, open_vault(settings), name, f"key-{name}", rate_per_second=None)
    content = text_content("Hi")
    file = io.BytesIO(b"phone\n" + b"".join(b"+1202555%04d\n" % (100 + seq) for seq in range(9)))
    with read_recipients(file, RecipientOptions(text=content.text)) as recipients:
        submit_campaign(engine, Submission(name="c", instances=LANES, content=content, max_attempts=3), recipients)
    assert dispatch.start_due_campaigns(engine) == [1]


def execute(engine: Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def all_become(engine: Engine, state: str) -> None:
    execute(engine, f"UPDATE messages SET state = '{state}'")


def stands(engine: Engine) -> tuple[str, dict[str, int]]:
    """The campaign's state, and its messages by state; counters are checked against a recount."""
    summary = campaign_reports.campaign_summary(engine, "c")
    with engine.begin() as connection:
        assert rows(connection, "miscounted_lanes", tuple) == []
        states = connection.exec_driver_sql("SELECT state::text, count(*) FROM messages GROUP BY 1").all()
    return summary.state, {row.state: row.count for row in states}


def waits(session: Session, engine: Engine) -> None:
    pid = session.connection.info.backend_pid
    waiting = f"SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = {pid}"

    def asked() -> bool:
        with engine.begin() as connection:
            return bool(connection.scalar(text(waiting)))

    wait_for(asked, "the statement waits for a lock")


def gated(statement: str) -> str:
    """A statement of ours that stops after it has begun, before it has locked anything."""
    sql = query(statement)
    gate = f"FROM (SELECT pg_advisory_lock_shared({_GATE})) gate, campaigns c\n"
    assert "FROM campaigns c\n" in sql
    return sql.replace("FROM campaigns c\n", gate, 1)


@pytest.mark.usefixtures("campaign")
@pytest.mark.parametrize(("final", "again"), [("failed", "retry_campaign"), ("unknown", "settle_messages")])
def test_who_sends_again_after_finishing_has_begun_keeps_the_campaign_running(
    engine: Engine, sessions: tuple[Session, Session, Session], final: str, again: str
) -> None:
    finishing, other, gate = sessions
    all_become(engine, final)
    gate.sql(f"SELECT pg_advisory_lock({_GATE})")
    finished = finishing.begin(gated("finish_campaigns"), {})
    waits(finishing, engine)
    assert other.run(again) == ("running", 9)
    gate.sql(f"SELECT pg_advisory_unlock({_GATE})")
    assert finished.result(10) is None
    assert stands(engine) == ("running", {"pending": 9})
    all_become(engine, "sent")
    assert dispatch.finish_campaigns(engine) == [1]


@pytest.mark.usefixtures("campaign")
@pytest.mark.parametrize(("final", "again"), [("failed", "retry_campaign"), ("unknown", "settle_messages")])
def test_who_sends_again_while_a_campaign_is_being_finished_re_opens_it(
    engine: Engine, sessions: tuple[Session, Session, Session], final: str, again: str
) -> None:
    finishing, other, _ = sessions
    all_become(engine, final)
    with finishing.connection.transaction():
        assert finishing.run("finish_campaigns") == (1,)
        sent_again = other.begin(query(again))
        waits(other, engine)
    assert sent_again.result(10) == ("running", 9)
    assert stands(engine) == ("running", {"pending": 9})
    assert campaign_reports.campaign_summary(engine, "c").finished_at is None


@pytest.mark.usefixtures("campaign")
def test_finishing_passes_by_a_campaign_that_somebody_sends_again(
    engine: Engine, sessions: tuple[Session, Session, Session]
) -> None:
    finishing, other, _ = sessions
    all_become(engine, "failed")
    with other.connection.transaction():
        other.run("retry_campaign")
        assert finishing.run("finish_campaigns") is None
    assert stands(engine) == ("running", {"pending": 9})


# Who comes second waits for who comes first, and then does what the new state allows, or nothing.
RACES = [
    ("draft", "pending", "start_campaign", "cancel_campaign", ("cancelled", 9)),
    ("draft", "pending", "cancel_campaign", "start_campaign", None),
    ("running", "pending", "cancel_campaign", "pause_campaign", None),
    ("running", "pending", "cancel_campaign", "cancel_campaign", None),
    ("running", "pending", "pause_campaign", "cancel_campaign", ("cancelled", 9)),
    ("paused", "pending", "cancel_campaign", "resume_campaign", None),
    ("paused", "pending", "resume_campaign", "resume_campaign", None),
    ("running", "failed", "cancel_campaign", "retry_campaign", None),
    ("running", "failed", "pause_campaign", "retry_campaign", ("paused", 9)),
    ("running", "unknown", "cancel_campaign", "settle_messages", None),
    ("running", "unknown", "settle_messages", "settle_messages", ("running", 0)),
    ("running", "failed", "finish_campaigns", "pause_campaign", None),
    ("running", "failed", "finish_campaigns", "cancel_campaign", None),
    ("paused", "failed", "finish_campaigns", "resume_campaign", None),
]


@pytest.mark.usefixtures("campaign")
@pytest.mark.parametrize(("state", "messages", "first", "second", "comes_to"), RACES)
def test_a_statement_that_waited_is_guarded_by_the_state_that_it_finds(
    engine: Engine,
    sessions: tuple[Session, Session, Session],
    state: str,
    messages: str,
    first: str,
    second: str,
    comes_to: Row,
) -> None:
    one, two, _ = sessions
    execute(engine, f"UPDATE campaigns SET state = '{state}'", f"UPDATE messages SET state = '{messages}'")
    with one.connection.transaction():
        assert one.run(first) is not None
        waited = two.begin(query(second))
        waits(two, engine)
    assert waited.result(10) == comes_to
    stands(engine)


ROGUES = [
    # What the campaign's messages are, whether it is finished, and what somebody says in psql.
    ("pending", False, "UPDATE campaigns SET state = 'finished', finished_at = now()"),
    ("sending", False, "UPDATE campaigns SET state = 'finished', finished_at = now()"),
    ("in_doubt", False, "UPDATE campaigns SET state = 'finished', finished_at = now()"),
    ("failed", True, "UPDATE messages SET state = 'pending' WHERE seq = 5"),
    ("unknown", True, "UPDATE messages SET state = 'in_doubt'"),
    ("sent", True, "UPDATE campaign_lanes SET open = true WHERE lane_id = 2"),
    ("sent", True, "INSERT INTO messages (segment, campaign_id, seq, lane_id, phone) VALUES (0, 1, 10, 1, '1')"),
    ("sent", True, "INSERT INTO campaign_lanes (campaign_id, lane_id) VALUES (1, 4)"),
    ("pending", False, "UPDATE campaign_lanes SET open = false"),
    (
        "failed",
        False,
        "WITH again AS (UPDATE messages SET state = 'pending')"
        " UPDATE campaigns SET state = 'finished', finished_at = now()",
    ),
]


@pytest.mark.usefixtures("campaign")
@pytest.mark.parametrize(("messages", "finished", "statement"), ROGUES)
def test_the_database_refuses_what_would_leave_something_open_in_a_finished_campaign(
    engine: Engine,
    settings: Settings,
    sessions: tuple[Session, Session, Session],
    messages: str,
    finished: bool,
    statement: str,
) -> None:
    add_instance(engine, open_vault(settings), "unused", "key-unused", rate_per_second=None)
    all_become(engine, messages)
    if finished:
        assert dispatch.finish_campaigns(engine) == [1]
    with pytest.raises(psycopg.errors.CheckViolation):
        sessions[0].sql(statement)
    assert stands(engine) == ("finished" if finished else "running", {messages: 9})


@pytest.mark.usefixtures("campaign")
def test_messages_that_no_counter_would_count_are_refused(engine: Engine, settings: Settings) -> None:
    add_instance(engine, open_vault(settings), "unused", "key-unused", rate_per_second=None)
    for statement in (
        "INSERT INTO messages (segment, campaign_id, seq, lane_id, phone) VALUES (0, 1, 10, 4, '1')",
        "INSERT INTO messages (segment, campaign_id, seq, lane_id, phone) VALUES (0, 2, 1, 1, '1')",
        "UPDATE messages SET lane_id = 4 WHERE seq = 1",
    ):
        with pytest.raises(IntegrityError, match="does not go over lane"), as_owner(engine).begin() as connection:
            connection.execute(text(statement))
    # What a campaign that was deleted by hand has left behind can be.
    with as_owner(engine).begin() as connection:
        connection.execute(text("DELETE FROM campaigns"))
        connection.execute(text("DELETE FROM messages"))
        assert connection.scalar(text("SELECT count(*) FROM messages")) == 0


FINISH = "UPDATE campaigns SET state = 'finished', finished_at = now()"
OPENERS = {
    "a counter that is open": "UPDATE messages SET state = 'pending' WHERE seq = 5",
    "a counter that is closed": "UPDATE messages SET state = 'pending' WHERE seq = 5",
    "a counter that is new": "WITH lane AS (INSERT INTO campaign_lanes (campaign_id, lane_id) VALUES (1, 4))"
    " INSERT INTO messages (segment, campaign_id, seq, lane_id, phone) VALUES (0, 1, 10, 4, '1')",
}


@pytest.mark.usefixtures("campaign")
@pytest.mark.parametrize("opener", OPENERS)
@pytest.mark.parametrize(
    ("finishes_first", "isolation"), [(False, "READ COMMITTED"), (True, "READ COMMITTED"), (True, "REPEATABLE READ")]
)
def test_of_two_that_do_not_see_each_other_the_second_waits_and_is_refused(
    engine: Engine,
    settings: Settings,
    sessions: tuple[Session, Session, Session],
    opener: str,
    finishes_first: bool,
    isolation: str,
) -> None:
    one, two, _ = sessions
    add_instance(engine, open_vault(settings), "unused", "key-unused", rate_per_second=None)
    all_become(engine, "failed")
    if opener == "a counter that is closed":
        execute(engine, FINISH, "UPDATE campaigns SET state = 'running', finished_at = NULL")
    first, second = (FINISH, OPENERS[opener]) if finishes_first else (OPENERS[opener], FINISH)
    two.sql(f"BEGIN ISOLATION LEVEL {isolation}")
    two.sql("SELECT count(*) FROM campaigns")  # what it sees from now on, where reads are repeatable
    with one.connection.transaction():
        one.sql(first)
        waited = two.begin(second, None)
        waits(two, engine)
    with pytest.raises((psycopg.errors.CheckViolation, psycopg.errors.SerializationFailure)):
        waited.result(10)
    two.sql("ROLLBACK")
    state, messages = stands(engine)
    assert (state, messages.get("pending", 0)) == (("finished", 0) if finishes_first else ("running", 1))


@pytest.mark.usefixtures("campaign")
def test_nobody_finishes_a_campaign_by_what_was_true_when_a_transaction_began(
    engine: Engine, sessions: tuple[Session, Session, Session]
) -> None:
    all_become(engine, "sent")
    sessions[0].sql("SET default_transaction_isolation = 'REPEATABLE READ'")
    with pytest.raises(psycopg.errors.FeatureNotSupported, match="read committed, not in one that is repeatable read"):
        sessions[0].sql(FINISH)
    assert dispatch.finish_campaigns(engine) == [1]


@pytest.mark.usefixtures("campaign")
def test_finishing_locks_counters_in_the_order_in_which_the_trigger_does(
    engine: Engine, sessions: tuple[Session, Session, Session]
) -> None:
    finishing, other, _ = sessions
    all_become(engine, "sent")
    with other.connection.transaction():
        other.sql("SELECT FROM campaign_lanes WHERE lane_id = 1 FOR UPDATE")
        finished = finishing.begin(query("finish_campaigns"), {})
        waits(finishing, engine)
        # It holds none of the others: nobody who locks them in this order can meet it.
        other.sql("SELECT FROM campaign_lanes FOR UPDATE NOWAIT")
    assert finished.result(10) == (1,)


@pytest.mark.usefixtures("campaign")
@pytest.mark.parametrize("statement", ["close_cancelled", "refresh_next_due", "start_due_campaigns"])
def test_ticks_wait_for_nobody(engine: Engine, sessions: tuple[Session, Session, Session], statement: str) -> None:
    tick, other, _ = sessions
    prepare = {
        "close_cancelled": [
            "UPDATE messages SET state = 'sent'",
            "UPDATE campaigns SET state = 'cancelled', finished_at = now()",
        ],
        "refresh_next_due": ["UPDATE campaign_lanes SET next_due_at = 'infinity'"],
        "start_due_campaigns": ["UPDATE campaigns SET state = 'scheduled'"],
    }
    execute(engine, *prepare[statement])
    tick.sql("SET lock_timeout = 2000")
    with other.connection.transaction():
        other.sql("SELECT FROM campaigns FOR UPDATE")
        other.sql("SELECT FROM campaign_lanes WHERE lane_id = 2 FOR UPDATE")
        tick.run(statement)
    tick.run(statement)
    done = {
        "close_cancelled": "SELECT bool_and(NOT open) FROM campaign_lanes",
        "refresh_next_due": "SELECT bool_and(next_due_at < now()) FROM campaign_lanes",
        "start_due_campaigns": "SELECT bool_and(state = 'running') FROM campaigns",
    }
    assert tick.sql(done[statement]) == (True,)


COMMANDS = {
    "pause": lambda engine: lifecycle.pause_campaign(engine, "c"),
    "cancel": lambda engine: lifecycle.cancel_campaign(engine, "c"),
    "retry": lambda engine: lifecycle.retry_campaign(engine, "c"),
    "settle": lambda engine: settling.settle_messages(
        engine, "c", Settlement.RESEND, settle_seconds=0, settled_by="me"
    ),
}


@contextmanager
def impatient(settings: Settings) -> Iterator[Engine]:
    opened = open_engine(settings, lock_timeout=0.2)
    yield opened
    opened.dispose()


@pytest.mark.usefixtures("campaign")
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_gets_no_lock_in_time_is_repeated(
    engine: Engine, settings: Settings, sessions: tuple[Session, Session, Session], command: str
) -> None:
    all_become(engine, {"retry": "failed", "settle": "unknown"}.get(command, "pending"))
    other = sessions[0]
    other.sql("BEGIN")
    other.sql("SELECT FROM campaigns FOR UPDATE")
    with impatient(settings) as hurried, ThreadPoolExecutor(1) as thread:
        moved = thread.submit(COMMANDS[command], hurried)
        assert not wait([moved], 0.4).done  # it has not got the lock in time, once at least
        other.sql("ROLLBACK")
        assert moved.result(10).state == {"pause": "paused", "cancel": "cancelled"}.get(command, "running")
