"""Every statement that moves messages, tried on a message in each state: what it does is in the table of transitions.

The same table is enforced by a trigger in the tests of whole flows (tests/support/transitions.py).
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import msgspec
import psycopg
import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import IntegrityError

import broadcaster.db
from broadcaster.crypto import open_vault
from broadcaster.db.statements import execute as run_statement
from broadcaster.domain.states import FINAL_MESSAGE_STATES, MESSAGE_TRANSITIONS, CampaignState, MessageState
from broadcaster.services.campaigns.new_content import text_content
from broadcaster.services.campaigns.settling import TARGETS
from broadcaster.services.campaigns.submission import Submission
from broadcaster.services.campaigns.submitting import submit_campaign
from broadcaster.services.instances import add_instance
from broadcaster.services.recipients.list_options import RecipientOptions
from broadcaster.services.recipients.reader import read_recipients
from broadcaster.settings import Settings
from tests.support.database import as_owner

STATES = dict(enumerate(MessageState, start=1))
"""The state that each message (seq) is in."""
TOKEN = uuid4()
LEASE = timedelta(seconds=60)
NOTHING = timedelta(0)
FINAL = ", ".join(f"'{state}'" for state in sorted(FINAL_MESSAGE_STATES))
BEGUN = datetime(2020, 1, 1, tzinfo=UTC)
READ_BACK = datetime(2020, 1, 2, tzinfo=UTC)
_UPDATES = re.compile(r"UPDATE( /\* \w+ \*/)?\s(--[^\n]*\n)*\s*messages\b")

Move = tuple[MessageState, MessageState]


def rows(**values: object) -> str:
    """What the statements on groups are given, with everything that any of them wants, for all messages."""
    key = {"segment": 0, "campaign_id": 1, "lane_id": 1, "claim": TOKEN, "attempt": 1}
    return msgspec.json.encode([{**key, "seq": seq, **values} for seq in STATES]).decode()


def turn_over(outcomes: str, *lanes: int) -> tuple[str, dict[str, object]]:
    """Outcomes to write, and the lanes to claim for."""
    claiming = {"lanes": list(lanes), "tokens": [TOKEN for _ in lanes], "wants": [100 for _ in lanes]}
    return "turn_over", {
        "outcomes": outcomes,
        **claiming,
        "claim": uuid4(),
        "lease": LEASE,
        "lead": 100.0,
        "hold": LEASE,
        "reserve": NOTHING,
    }


def outcome(state: MessageState) -> str:
    return rows(state=state.value, delay=0, spent=1, outcome="accepted", reason="")


_MESSAGED = """
WITH capped AS (INSERT INTO caps VALUES (86400, 1)),
recorded AS (INSERT INTO frequency_records (since, span_seconds, grace_seconds) VALUES (now(), 86400, 75)),
careful AS (UPDATE campaigns SET care = '{"skips_recent": true}')
INSERT INTO messaged_phones (phone, moments) SELECT phone, ARRAY[now() - interval '1 hour'] FROM messages
"""
_OPT_OUTS = "INSERT INTO opt_outs (phone, forms, lane_id, way) SELECT phone, ARRAY[phone], 0, 'command' FROM messages"
"""Of everybody. Others' claims would find nobody to send to."""
KIND = {"number_class": "plain", "content_kind": "text", "entries": 0}
ENDS_OF_SENDING = sorted(MESSAGE_TRANSITIONS[MessageState.SENDING])


_MARKED = "CREATE TEMPORARY TABLE candidates AS SELECT phone, lane_id, seq, 'not_known' AS reason FROM messages"

CASES: list[tuple[str, dict[str, object]]] = [
    ("cancel_campaign", {"campaign_id": 1}),
    ("expire_messages", {"most": 100}),
    ("give_up_doubts", {"deadline": NOTHING, "most": 100}),
    ("mend_messages", {"back": 1.0}),
    ("recover_leases", {"request_timeout": NOTHING, "ended": []}),
    *(
        ("resolve_doubts", {"rows": rows(sight=sight, **KIND), "read_at": READ_BACK, "proof": LEASE, "hidden": LEASE})
        for sight in ("found", "absent", "silent")
    ),
    ("put_off_recent", {"campaign_id": 1, "open_lanes": [], "open_groups": [], "opens_at": []}),
    ("free_put_off", {"campaign_id": 1}),
    ("release_slice", {"segment": 0, "campaign_id": 1, "share": 1.0, "open": 1, "beyond": 0, "most": 100}),
    ("retry_campaign", {"campaign_id": 1, "reasons": None}),
    *(
        (
            "settle_messages",
            {
                "campaign_id": 1,
                "settle": NOTHING,
                "phones": None,
                "target": target.value,
                "settled_by": "me",
                "reason": None,
            },
        )
        for target in TARGETS.values()
    ),
    ("skip_marked", {"segment": 0, "campaign_id": 1}),
    ("skip_opted_out", {"campaign_id": 1}),
    ("skip_without_consent", {"campaign_id": 1}),
    (
        "share_pending",
        {"campaign_id": 1, "evenly": True, "to": None, "most": None, "reason": "reshared", "shares": None},
    ),
    ("sweep_cancelled", {}),
    turn_over("[]", 1),
    *(turn_over(outcome(state)) for state in ENDS_OF_SENDING),
    *(turn_over(outcome(state), 1) for state in ENDS_OF_SENDING),
]
RECORD_DOUBTS = {"turn_over", "recover_leases"}
CHANGES_NO_STATE = {"free_put_off", "mend_messages", "release_slice", "share_pending"}
"""They change moments, or through which lane a message goes."""


@pytest.fixture
def connection(settings: Settings, engine: Engine) -> Iterator[Connection]:
    """A campaign of a message in each state, claimed under TOKEN in its first attempt, in a transaction."""
    add_instance(engine, open_vault(settings), "main", "a-key", rate_per_second=None)
    content = text_content("Hi")
    file = io.BytesIO(b"phone\n" + b"".join(b"+1202555%04d\n" % (100 + seq) for seq in STATES))
    with read_recipients(file, RecipientOptions(text=content.text)) as recipients:
        submit_campaign(engine, Submission(name="c", instances=["main"], content=content, max_attempts=5), recipients)
    with as_owner(engine).connect() as opened:
        opened.execute(
            text("UPDATE messages SET claim_token = :token, attempt = 1, content_version = 1"), {"token": TOKEN}
        )
        for seq, state in STATES.items():
            opened.execute(text(f"UPDATE messages SET state = '{state}' WHERE seq = {seq}"))
        opened.execute(
            text("INSERT INTO looks SELECT id, 1, 1, -1, 'plain', 'text', now(), now(), true, 0, 100 FROM accounts")
        )
        yield opened


def moves(connection: Connection, name: str, parameters: dict[str, object]) -> set[Move]:
    """What one statement does, which is then undone. One that breaks a constraint does nothing."""
    stand = text("SELECT seq, state::text FROM messages ORDER BY seq")
    before = connection.execute(stand).all()
    step = connection.begin_nested()
    try:
        run_statement(connection, name, **parameters)
        after = connection.execute(stand).all()
    except IntegrityError as error:
        assert isinstance(error.orig, psycopg.errors.CheckViolation), error
        return set()
    finally:
        step.rollback()
    moved = {(old.state, new.state) for old, new in zip(before, after, strict=True) if old != new}
    return {(MessageState(old), MessageState(new)) for old, new in moved}


@pytest.mark.parametrize(("name", "parameters"), CASES, ids=lambda value: value if isinstance(value, str) else "")
def test_a_statement_makes_no_move_that_is_not_in_the_table(
    connection: Connection, name: str, parameters: dict[str, object]
) -> None:
    if name not in RECORD_DOUBTS:
        connection.execute(
            text(
                "INSERT INTO doubts (segment, campaign_id, seq, attempt, lane_id, account_id, phone, started_at,"
                " ended_at) SELECT segment, campaign_id, seq, attempt, lane_id, 1, phone, :begun, :begun FROM messages"
            ),
            {"begun": BEGUN},
        )
    if name == "expire_messages":
        connection.execute(text("UPDATE campaigns SET expires_at = now()"))
    made = set()
    for campaign in CampaignState:
        for lease in ("now() + interval '1 minute'", "now()"):
            for spent in (0, 5):
                step = connection.begin_nested()
                if campaign is CampaignState.FINISHED:
                    connection.execute(text(f"DELETE FROM messages WHERE state NOT IN ({FINAL})"))
                connection.execute(
                    text(
                        f"UPDATE campaigns SET state = '{campaign}', finished_at = "
                        f"CASE WHEN '{campaign}' IN ('finished', 'cancelled', 'failed') THEN now() END"
                    )
                )
                connection.execute(
                    text(f"UPDATE lanes SET lease_token = :token, lease_expires_at = {lease}"), {"token": TOKEN}
                )
                connection.execute(text(f"UPDATE messages SET spent = {spent}"))
                if name == "skip_marked":
                    connection.execute(text(_MARKED))
                if name == "put_off_recent":
                    connection.execute(text(_MESSAGED))
                if name == "skip_opted_out":
                    connection.execute(text(_OPT_OUTS))
                made |= moves(connection, name, parameters)
                step.rollback()
    assert (made == set()) is (name in CHANGES_NO_STATE), "its parameters are not those that it wants"
    assert {move for move in made if move[1] not in MESSAGE_TRANSITIONS[move[0]]} == set()


def test_every_statement_that_moves_messages_is_tried() -> None:
    directory = Path(broadcaster.db.__path__[0]) / "sql"
    found = {path.stem for path in directory.glob("*.sql") if _UPDATES.search(path.read_text(encoding="utf-8"))}
    assert found == {name for name, _ in CASES}
