"""`broadcaster campaign settle`, through the real command line."""

from __future__ import annotations

import getpass

import pytest
from sqlalchemy import Engine, text

from broadcaster.crypto import open_vault
from broadcaster.services.campaigns.lifecycle import cancel_campaign
from broadcaster.services.dispatch import finish_campaigns, start_due_campaigns
from broadcaster.services.instances import add_instance
from broadcaster.settings import Settings
from tests.support.cli import RunCli, assert_done, assert_refused

ANN, BOB, CID = "628123456789", "628123456780", "628123456781"


@pytest.fixture(autouse=True)
def campaign(run_cli: RunCli, settings: Settings, engine: Engine) -> None:
    """`promo`: Ann's message is unknown, Bob's in doubt since an hour, Cid's sent."""
    add_instance(engine, open_vault(settings), "a", "key-a", rate_per_second=None)
    arguments = ("--instance", "a", "--recipients", "-", "--text", "Hi")
    assert_done(run_cli("campaign", "submit", "promo", *arguments, stdin=f"phone\n{ANN}\n{BOB}\n{CID}\n"))
    start_due_campaigns(engine)
    sql(engine, "UPDATE messages SET state = 'sending', attempt = 1, spent = 5")
    sql(
        engine,
        "UPDATE messages SET state = 'in_doubt', reason = 'no reply', changed_at = now() - interval '1 hour'"
        f" WHERE phone <> '{CID}'",
    )
    sql(engine, f"UPDATE messages SET state = 'unknown' WHERE phone = '{ANN}'")
    sql(engine, f"UPDATE messages SET state = 'sent' WHERE phone = '{CID}'")


def sql(engine: Engine, statement: str) -> list[tuple[object, ...]]:
    with engine.begin() as connection:
        result = connection.execute(text(statement))
        return [tuple(row) for row in result] if result.returns_rows else []


def states(engine: Engine) -> dict[str, str]:
    return {str(phone): str(state) for phone, state in sql(engine, "SELECT phone, state FROM messages")}


def test_without_yes_it_lists_what_it_would_do_and_changes_nothing(run_cli: RunCli, engine: Engine) -> None:
    before = states(engine)
    told = assert_done(run_cli("campaign", "settle", "promo")).stdout
    assert ANN in told and BOB in told and CID not in told and "no reply" in told
    assert "messages: 2; settle them with --as" in told
    resend = assert_done(run_cli("campaign", "settle", "promo", "--as", "resend")).stdout
    assert "to be sent again, which makes it twice" in resend
    assert states(engine) == before
    assert sql(engine, "SELECT 1 FROM settlements") == []


def test_sent_and_failed_are_counted_and_recorded_and_the_campaign_finishes(run_cli: RunCli, engine: Engine) -> None:
    arguments = ("--phone", f"+{ANN[:2]} {ANN[2:]}", "--reason", "she answered", "--by", "Zoe", "--yes", "--json")
    done = assert_done(run_cli("campaign", "settle", "promo", "--as", "sent", *arguments)).json
    assert (done["settled"], [row["phone"] for row in done["messages"]]) == (1, [ANN])
    assert_done(run_cli("campaign", "settle", "promo", "--as", "failed", "--yes"))
    assert states(engine) == {ANN: "sent", BOB: "failed", CID: "sent"}
    rows = sql(engine, "SELECT seq, attempt, from_state, to_state, settled_by, reason FROM settlements ORDER BY id")
    assert sql(engine, "SELECT DISTINCT settled_at > now() - interval '1 minute' FROM settlements") == [(True,)]
    assert rows == [
        (1, 1, "unknown", "sent", "Zoe", "she answered"),
        (2, 1, "in_doubt", "failed", getpass.getuser(), None),
    ]
    assert finish_campaigns(engine)
    assert "nothing to settle" in assert_done(run_cli("campaign", "settle", "promo")).stdout


def test_resend_re_opens_a_finished_campaign_with_new_attempts(run_cli: RunCli, engine: Engine) -> None:
    assert_done(run_cli("campaign", "settle", "promo", "--as", "sent", "--phone", BOB, "--yes"))
    assert finish_campaigns(engine)
    assert sql(engine, "SELECT open FROM campaign_lanes") == [(False,)]
    assert_done(run_cli("campaign", "settle", "promo", "--as", "resend", "--yes"))
    assert states(engine) == {ANN: "pending", BOB: "sent", CID: "sent"}
    assert sql(engine, "SELECT state, finished_at FROM campaigns") == [("running", None)]
    assert sql(engine, "SELECT open, pending FROM campaign_lanes") == [(True, 1)]
    assert sql(engine, f"SELECT spent, attempt, next_attempt_at <= now() FROM messages WHERE phone = '{ANN}'") == [
        (0, 1, True)
    ]


def test_a_message_that_is_in_doubt_just_now_is_left_to_reading_back(run_cli: RunCli, engine: Engine) -> None:
    sql(engine, "UPDATE messages SET changed_at = now() WHERE state = 'in_doubt'")
    listed = assert_done(run_cli("campaign", "settle", "promo", "--json")).json
    assert [row["phone"] for row in listed["messages"]] == [ANN]
    told = assert_done(run_cli("campaign", "settle", "promo")).stdout
    assert "messages in doubt that are still being read back: 1; the first can be settled in " in told
    assert "messages: 1; settle them" in told
    refused = run_cli("campaign", "settle", "promo", "--phone", ANN, "--phone", BOB, "--as", "sent", "--yes")
    assert_refused(refused, BOB)
    assert "try again in " in refused.stderr
    assert (states(engine)[ANN], states(engine)[BOB]) == ("unknown", "in_doubt")


def test_what_was_doubted_is_closed_with_the_settlement(run_cli: RunCli, engine: Engine) -> None:
    sql(
        engine,
        "INSERT INTO doubts (segment, campaign_id, seq, attempt, lane_id, account_id, phone, started_at, ended_at)"
        " SELECT segment, campaign_id, seq, attempt, lane_id, 1, phone, changed_at, changed_at FROM messages"
        " WHERE state = 'in_doubt'",
    )
    assert_done(run_cli("campaign", "settle", "promo", "--as", "sent", "--yes"))
    assert sql(engine, "SELECT resolved_as FROM doubts") == [("settled",)]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("promo", "--yes"), 2, "--as"),
        (("promo", "--as", "lost"), 2, "lost"),
        (("promo", "--as", "sent", "--phone", "word", "--yes"), 2, "word"),
        (("promo", "--as", "sent", "--phone", CID, "--yes"), 1, CID),
        (("nobody",), 1, "nobody"),
    ],
)
def test_what_cannot_be_settled_is_refused(
    run_cli: RunCli, engine: Engine, arguments: tuple[str, ...], code: int, said: str
) -> None:
    before = states(engine)
    assert_refused(run_cli("campaign", "settle", *arguments), said, code=code)
    assert states(engine) == before


def test_nothing_of_a_cancelled_campaign_is_sent_again(run_cli: RunCli, engine: Engine) -> None:
    cancel_campaign(engine, "promo")
    assert_refused(run_cli("campaign", "settle", "promo", "--as", "resend", "--yes"), "cancelled")
    assert_done(run_cli("campaign", "settle", "promo", "--as", "sent", "--yes"))
    assert states(engine) == {ANN: "sent", BOB: "sent", CID: "sent"}
