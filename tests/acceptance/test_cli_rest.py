"""Changing one's mind about a campaign that runs: cancel it, send what is left, retry some of what failed."""

from __future__ import annotations

import sys

import pytest
import typer
from sqlalchemy import Engine, text

from broadcaster.cli.campaign.steer import _ask_to_cancel  # it asks only at a terminal
from broadcaster.crypto import open_vault
from broadcaster.errors import ConflictError
from broadcaster.services.campaigns.campaign_reports import campaign_summary
from broadcaster.services.campaigns.over_audience import start_audience_campaigns
from broadcaster.services.dispatch import start_due_campaigns
from broadcaster.services.instances import add_instance
from broadcaster.settings import Settings
from tests.support.cli import RunCli, assert_done, assert_refused

PEOPLE = "phone,name\n628123456001,Ann\n628123456002,Bob\n628123456003,Cid\n628123456004,Dee\n"
REST = ("--instance", "a", "--rest-of", "promo")


@pytest.fixture(autouse=True)
def campaign(run_cli: RunCli, settings: Settings, engine: Engine) -> None:
    """`promo`: Ann has it, Bob's and Cid's failed for different reasons, Dee's is pending."""
    add_instance(engine, open_vault(settings), "a", "key-a", rate_per_second=None)
    arguments = ("--instance", "a", "--recipients", "-", "--text", "Hello {{ name }}, STOP ends this")
    assert_done(run_cli("campaign", "submit", "promo", *arguments, stdin=PEOPLE))
    start_due_campaigns(engine)
    sql(engine, "UPDATE messages SET state = 'sending', attempt = 1, spent = 5 WHERE seq < 4")
    sql(engine, "UPDATE messages SET state = 'sent' WHERE seq = 1")
    sql(engine, "UPDATE messages SET state = 'failed', reason = 'no such user' WHERE seq = 2")
    sql(engine, "UPDATE messages SET state = 'failed', reason = 'blocked 628123456003' WHERE seq = 3")


def sql(engine: Engine, statement: str) -> list[tuple[object, ...]]:
    with engine.begin() as connection:
        result = connection.execute(text(statement))
        return [tuple(row) for row in result] if result.returns_rows else []


def pending(engine: Engine, name: str) -> list[object]:
    found = sql(
        engine,
        "SELECT phone FROM messages m JOIN campaigns c ON c.id = m.campaign_id"
        f" WHERE m.state = 'pending' AND c.name = '{name}' ORDER BY seq",
    )
    return [phone for (phone,) in found]


def test_cancel_proposes_instances_that_are_not_retired_and_says_it_once(run_cli: RunCli) -> None:
    assert_done(run_cli("instance", "add", "b", "--key", "k"))
    assert_done(run_cli("instance", "retire", "a", "--to", "b", "--yes"))
    told = assert_done(run_cli("campaign", "cancel", "promo", "--yes")).stdout
    assert "`broadcaster campaign submit NEW --instance b --rest-of promo`" in told
    again = assert_done(run_cli("campaign", "cancel", "promo")).stdout
    assert again == "campaign promo was cancelled already: nothing was changed\n"


def test_cancel_says_what_it_does_and_how_to_go_on(run_cli: RunCli, engine: Engine) -> None:
    counts = "have got it: 1, will not get it any more: 1"
    assert_refused(run_cli("campaign", "cancel", "promo"), f"'promo' is running: {counts}".replace("'", ""), "--yes")
    assert pending(engine, "promo")
    told = assert_done(run_cli("campaign", "cancel", "promo", "--yes")).stdout.splitlines()
    assert told[0] == "campaign promo is cancelled; messages cancelled: 1"
    assert "`broadcaster campaign submit NEW --instance a --rest-of promo`" in told[1]
    again = assert_done(run_cli("campaign", "cancel", "promo", "--json")).json
    assert again == {
        "name": "promo",
        "state": "cancelled",
        "cancelled": 0,
        "sent": 1,
        "sending": 0,
        "in_doubt": 0,
        "unknown": 0,
    }


@pytest.mark.parametrize("answer", [True, False])
def test_at_a_terminal_it_asks(monkeypatch: pytest.MonkeyPatch, engine: Engine, answer: bool) -> None:
    asked: list[str] = []

    def confirm(question: str, **_: object) -> bool:
        asked.append(question)
        return answer

    monkeypatch.setattr(typer, "confirm", confirm)
    for stream in (sys.stdin, sys.stderr):
        monkeypatch.setattr(stream, "isatty", lambda: True, raising=False)
    summary = campaign_summary(engine, "promo")
    if answer:
        _ask_to_cancel(summary)
    else:
        with pytest.raises(ConflictError, match="was not cancelled: nothing was changed"):
            _ask_to_cancel(summary)
    assert "have got it: 1" in asked[0]


def test_the_rest_goes_to_those_who_have_not_got_it(run_cli: RunCli, engine: Engine) -> None:
    refused = run_cli("campaign", "submit", "rest", *REST)
    assert_refused(refused, "'promo' is running and has messages to send: 1", "`broadcaster campaign cancel promo`")
    assert_done(run_cli("campaign", "cancel", "promo", "--yes"))
    told = assert_done(run_cli("campaign", "submit", "rest", *REST, "--dry-run")).stdout
    assert "left of campaign promo: 3; messages: 3; rejected: 0\n" in told
    assert "  not among them, since they have got it: 1\n" in told
    assert "628123456002  Hello Bob, STOP ends this" in told
    assert pending(engine, "rest") == []
    done = assert_done(run_cli("campaign", "submit", "rest", *REST, "--draft", "--json")).json
    assert (done["rest_of"], done["not_in_rest"], done["unsettled"], done["total"]) == ("promo", {"sent": 1}, [], 3)
    assert pending(engine, "rest") == ["628123456002", "628123456003", "628123456004"]
    assert_refused(run_cli("campaign", "submit", "more", *REST), "'rest' is draft with the rest of 'promo'")
    assert_refused(run_cli("campaign", "submit", "more", "--instance", "a", "--rest-of", "nobody"), "'nobody'")
    assert_refused(run_cli("campaign", "retry", "rest"), "'rest' is draft")


def test_the_rest_may_have_another_text_and_is_checked_as_any(run_cli: RunCli, engine: Engine) -> None:
    assert_done(run_cli("campaign", "cancel", "promo", "--yes"))
    assert_refused(run_cli("campaign", "submit", "rest", *REST, "--text", "Hi {{ nam }}"), "did you mean 'name'")
    assert_refused(run_cli("campaign", "submit", "rest", *REST, "--text", "Hi", "--strict"), "how to opt out")
    for wrong in (["--recipients", "-"], ["--audience", "x"], ["--country", "ID"], ["--again"], ["--where", "a=b"]):
        assert_refused(run_cli("campaign", "submit", "rest", *REST, *wrong), wrong[0], code=2)
    assert_done(run_cli("campaign", "submit", "rest", *REST, "--text", "Sorry {{ name }}", "--draft"))
    assert "Sorry Bob" in assert_done(run_cli("campaign", "preview", "rest")).stdout


def test_retry_takes_reasons_and_shows_what_it_would_do(run_cli: RunCli, engine: Engine) -> None:
    shown = assert_done(run_cli("campaign", "retry", "promo", "--dry-run")).stdout.splitlines()
    assert [line.split(maxsplit=1) for line in shown[1:3]] == [["1", "blocked …"], ["1", "no such user"]]
    assert shown[3] == "campaign promo is running; messages that would be sent again: 2"
    assert pending(engine, "promo") == ["628123456004"]
    unknown = run_cli("campaign", "retry", "promo", "--reason", "nope")
    assert_refused(unknown, "no message that failed for 'nope'; the reasons are: 'blocked …'; 'no such user'")
    part = assert_done(run_cli("campaign", "retry", "promo", "--reason", "SUCH", "--dry-run")).stdout
    assert "no such user" in part and "would be sent again: 1" in part
    assert_refused(run_cli("campaign", "retry", "promo", "--reason", ""), "no message that failed for")
    done = assert_done(run_cli("campaign", "retry", "promo", "--reason", "blocked …", "--json")).json
    assert (done["messages"], done["reasons"]) == (1, [{"reason": "blocked …", "messages": 1}])
    assert pending(engine, "promo") == ["628123456003", "628123456004"]
    both = assert_done(run_cli("campaign", "retry", "promo", "--reason", "no such user")).stdout
    assert both.splitlines()[-1] == "campaign promo is running; messages to be sent again: 1"
    assert_refused(run_cli("campaign", "retry", "promo", "--reason", "blocked …"), "no message failed")


def over_audience(run_cli: RunCli, engine: Engine) -> None:
    """`news`, cancelled when Ann alone had got it, over the audience `people` with Ann, Bob, Cid and Dee."""
    assert_done(run_cli("audience", "import", "people", "-", stdin=PEOPLE))
    arguments = ("--instance", "a", "--audience", "people", "--text", "Hi {{ name }}, STOP ends this")
    assert_done(run_cli("campaign", "submit", "news", *arguments))
    start_audience_campaigns(engine)
    of_news = "campaign_id = (SELECT id FROM campaigns WHERE name = 'news')"
    sql(engine, f"UPDATE messages SET state = 'sending', attempt = 1 WHERE seq = 1 AND {of_news}")
    sql(engine, f"UPDATE messages SET state = 'sent' WHERE seq = 1 AND {of_news}")
    assert_done(run_cli("campaign", "cancel", "news", "--yes"))


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_rest_has_the_members_and_the_values_of_now(run_cli: RunCli, engine: Engine, dry_run: bool) -> None:
    over_audience(run_cli, engine)
    assert_done(run_cli("audience", "edit-member", "people", "+628123456002", "--set", "name=Robert"))
    assert_done(run_cli("audience", "remove-member", "people", "+628123456003"))
    assert_done(run_cli("phone", "block", "+628123456004"))
    rest = ("campaign", "submit", "rest", "--instance", "a", "--rest-of", "news")
    told = assert_done(run_cli(*rest, *(["--dry-run"] if dry_run else ["--draft"]))).stdout
    assert "left of campaign news: 2; messages: 2" in told
    assert "  not among them, since they have got it: 1" in told
    assert "  not among them, since they are in its audience no more: 1" in told
    assert "  their values have changed since, and they get those of now: 1" in told
    assert "opted out by now: 1; their messages are skipped when it starts" in told
    if not dry_run:
        assert "Hi Robert" in assert_done(run_cli("campaign", "preview", "rest")).stdout


def test_who_was_unblocked_is_of_the_rest(run_cli: RunCli, engine: Engine) -> None:
    assert_done(run_cli("campaign", "cancel", "promo", "--yes"))
    sql(engine, "UPDATE messages SET state = 'pending' WHERE seq = 2")
    sql(engine, "UPDATE messages SET state = 'skipped', reason = 'opted_out' WHERE seq = 2")
    assert_done(run_cli("phone", "block", "+628123456002"))
    rest = ("campaign", "submit", "rest", *REST, "--dry-run")
    assert "since they have opted out: 1" in assert_done(run_cli(*rest)).stdout
    assert_done(run_cli("phone", "unblock", "+628123456002", "--reason", "asked for it"))
    told = assert_done(run_cli(*rest)).stdout
    assert "opted out" not in told
    assert "628123456002  Hello Bob" in told
