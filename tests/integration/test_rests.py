"""The rest of a campaign: whoever has not got it gets it once, whatever was cancelled, retried or settled before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from broadcaster.domain.contents import Content
from broadcaster.domain.templates import TemplateError
from broadcaster.errors import ConflictError, InputError, NotFoundError
from broadcaster.services import dispatch
from broadcaster.services.campaigns import lifecycle, snapshots
from broadcaster.services.campaigns.new_content import recipient_files_content, text_content
from broadcaster.services.campaigns.recipient_files import RecipientFiles
from broadcaster.services.campaigns.rests import campaign_of, submit_rest
from broadcaster.services.campaigns.submission import Submission
from broadcaster.services.campaigns.submission_result import Submitted
from broadcaster.settings import Settings
from tests.support.shop import Shop, open_shop

NAME = "campaign_id = (SELECT id FROM campaigns WHERE name = '{}')"
STATES = ("pending", "sending", "sent", "in_doubt", "unknown", "failed", "expired", "cancelled", "skipped", "skipped")


@pytest.fixture
def shop(engine: Engine, settings: Settings) -> Iterator[Shop]:
    with open_shop(engine, settings) as opened:
        opened.add("a")
        opened.add("b")
        yield opened


def phone(number: int) -> str:
    return f"62812{number:07d}"


def rest(
    shop: Shop, name: str, of: str = "c", content: Content | None = None, dry_run: bool = False, **options: Any
) -> Submitted:
    """As the command submits it."""
    given = content or campaign_of(shop.engine, of).content
    submission = Submission(name=name, instances=["a", "b"], content=given, max_attempts=3, **options)
    return submit_rest(shop.engine, submission, of, same_content=content is None, allow_private=False, dry_run=dry_run)


def come_to(shop: Shop, states: Mapping[int, str], campaign: str = "c") -> None:
    """Let these messages of a campaign have come to these states, by their number from 0."""
    moves = {
        "pending": (),
        "sending": ("sending",),
        "in_doubt": ("sending", "in_doubt"),
        "unknown": ("sending", "in_doubt", "unknown"),
        "sent": ("sending", "sent"),
        "failed": ("sending", "failed"),
    }
    for number, state in states.items():
        for move in moves.get(state, (state,)):
            spent = ", attempt = 1, spent = 1" if move == "sending" else ""
            shop.sql(
                f"UPDATE messages SET state = '{move}', reason = 'because'{spent}"
                f" WHERE {NAME.format(campaign)} AND phone = :phone",
                phone=phone(number),
            )


def of_campaign(shop: Shop, name: str) -> list[Any]:
    return shop.sql(f"SELECT phone, ordinal, variables, state FROM messages WHERE {NAME.format(name)} ORDER BY seq")


def phones(shop: Shop, name: str) -> list[int]:
    return [int(str(row[0])[5:]) for row in of_campaign(shop, name)]


@pytest.fixture(params=["shared", "segment"])
def size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Whether a rest shares a segment or has one of its own."""
    if request.param == "segment":
        monkeypatch.setattr(snapshots, "LARGE_CAMPAIGN", 1)
    return str(request.param)


@pytest.mark.usefixtures("size")
@pytest.mark.parametrize("draft", [False, True])
def test_it_goes_to_those_who_have_not_got_it_and_to_nobody_who_may_have(shop: Shop, draft: bool) -> None:
    shop.submit("c", len(STATES), "a")
    come_to(shop, dict(enumerate(STATES)))
    shop.sql("UPDATE messages SET reason = 'opted out by STOP' WHERE seq = 10")
    blocked = "INSERT INTO opt_outs (phone, forms, way) VALUES (:phone, ARRAY[:phone], 'command')"
    shop.sql(blocked, phone=phone(9))
    lifecycle.cancel_campaign(shop.engine, "c")
    for dry_run in (True, False):
        done = rest(shop, "r", dry_run=dry_run, draft=draft)
        assert (done.read, done.total, done.rejected) == (5, 5, 0)
        assert done.not_in_rest == {"sent": 1, "sending": 1, "in_doubt": 1, "unknown": 1, "opted_out": 1}
        assert done.unsettled == ["c"]
        assert done.samples[0] == (phone(0), "Hi N0")
        assert (done.campaign_id is None) == dry_run
    assert phones(shop, "r") == [0, 5, 6, 7, 8]
    assert of_campaign(shop, "r")[0][2] == {"name": "N0"}
    assert shop.state("r") == ("draft" if draft else "scheduled")
    assert shop.states("r") == {"pending": 5}


def test_what_came_back_pending_to_a_cancelled_campaign_is_in_its_rest(shop: Shop) -> None:
    shop.submit("c", 2, "a")
    come_to(shop, {0: "sending"})
    lifecycle.cancel_campaign(shop.engine, "c")
    shop.sql("UPDATE messages SET state = 'pending' WHERE state = 'sending'")
    rest(shop, "r")
    assert phones(shop, "r") == [0, 1]


@pytest.mark.parametrize("state", ["draft", "running", "paused"])
def test_a_campaign_that_still_has_something_to_send_is_refused_with_the_command(shop: Shop, state: str) -> None:
    shop.submit("c", 2, "a")
    shop.sql(f"UPDATE campaigns SET state = '{state}'")
    with pytest.raises(ConflictError, match=f"is {state} and has messages to send: 2; .*campaign cancel c"):
        rest(shop, "r")
    lifecycle.cancel_campaign(shop.engine, "c")
    assert rest(shop, "r").total == 2
    with pytest.raises(ConflictError, match=r"'r' is scheduled with the rest of 'c' and .*send: 2; .*cancel r"):
        rest(shop, "r2")
    assert not shop.sql("SELECT FROM campaigns WHERE name = 'r2'")


def test_one_that_is_running_and_only_in_doubt_may_have_a_rest(shop: Shop) -> None:
    shop.submit("c", 2, "a")
    come_to(shop, {0: "in_doubt", 1: "failed"})
    assert rest(shop, "r").not_in_rest == {"in_doubt": 1}
    assert phones(shop, "r") == [1]


def test_who_got_it_from_an_earlier_rest_is_in_no_later_one_whichever_it_is_of(shop: Shop) -> None:
    shop.submit("c", 5, "a")
    come_to(shop, {0: "sent", 1: "failed", 2: "failed", 3: "unknown"})
    lifecycle.cancel_campaign(shop.engine, "c")
    rest(shop, "r1")
    assert phones(shop, "r1") == [1, 2, 4]
    come_to(shop, {1: "sent", 2: "failed", 4: "failed"}, "r1")
    lifecycle.cancel_campaign(shop.engine, "r1")
    # An operator has found out meanwhile that this one was not reached.
    shop.sql(f"UPDATE messages SET state = 'failed' WHERE {NAME.format('c')} AND state = 'unknown'")
    rest(shop, "r2")
    assert phones(shop, "r2") == [2, 3, 4]
    come_to(shop, {2: "sent", 3: "unknown", 4: "failed"}, "r2")
    lifecycle.cancel_campaign(shop.engine, "r2")
    again = rest(shop, "r3", of="r1")
    assert phones(shop, "r3") == [4]
    assert again.not_in_rest == {"sent": 2}
    assert again.unsettled == ["r2"]
    assert shop.sql("SELECT DISTINCT rest_of FROM campaigns WHERE name LIKE 'r%'") == shop.sql(
        "SELECT id FROM campaigns WHERE name = 'c'"
    )
    come_to(shop, {4: "sent"}, "r3")
    lifecycle.cancel_campaign(shop.engine, "r3")
    with pytest.raises(InputError, match=r"nobody is left of campaign 'c' \(sent: 4, unknown: 1\)"):
        rest(shop, "r4")


def test_who_is_in_a_rest_is_not_retried(shop: Shop) -> None:
    shop.submit("c", 1, "a")
    come_to(shop, {0: "failed"})
    dispatch.finish_campaigns(shop.engine)
    rest(shop, "r1", dry_run=True)
    assert lifecycle.retry_campaign(shop.engine, "c", dry_run=True).messages == 1
    rest(shop, "r1")
    for dry_run in (True, False):
        with pytest.raises(ConflictError, match=r"another one has its rest: .* --rest-of c"):
            lifecycle.retry_campaign(shop.engine, "c", dry_run=dry_run)
    dispatch.start_due_campaigns(shop.engine)
    come_to(shop, {0: "failed"}, "r1")
    assert lifecycle.retry_campaign(shop.engine, "r1").messages == 1, "the latest one can be"


def test_two_at_once_and_a_retry_meanwhile_message_nobody_twice(shop: Shop) -> None:
    shop.submit("c", 40, "a")
    come_to(shop, dict.fromkeys(range(40), "failed"))
    dispatch.finish_campaigns(shop.engine)

    def attempt(name: str) -> bool:
        try:
            lifecycle.retry_campaign(shop.engine, "c") if name == "retry" else rest(shop, name)
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(3) as threads:
        assert sum(threads.map(attempt, ("r1", "retry", "r2"))) == 1
    assert shop.sql("SELECT count(*) FROM messages WHERE state = 'pending'") == [(40,)]


def test_a_family_that_shares_a_phone_is_looked_at_one_by_one(shop: Shop) -> None:
    shop.submit("c", 2, "a")
    shop.sql(f"UPDATE messages SET phone = '{phone(0)}', ordinal = seq, state = 'sending'")
    shop.sql("UPDATE messages SET state = 'sent' WHERE seq = 1")
    shop.sql("UPDATE messages SET state = 'failed' WHERE seq = 2")
    lifecycle.cancel_campaign(shop.engine, "c")
    rest(shop, "r1")
    assert of_campaign(shop, "r1") == [(phone(0), 2, {"name": "N1"}, "pending")]


def test_a_content_of_its_own_is_checked_with_the_variables_that_there_are(shop: Shop) -> None:
    shop.submit("c", 3, "a")
    shop.sql("""UPDATE messages SET variables = '{"name": " "}' WHERE seq = 1""")
    lifecycle.cancel_campaign(shop.engine, "c")
    with pytest.raises(TemplateError, match="there is no column 'nam'; did you mean 'name'"):
        rest(shop, "r", content=text_content("Dear {{ nam }}"))
    done = rest(shop, "r", content=text_content("{{ name }}"), dry_run=True)
    assert (done.read, done.total, done.rejected) == (3, 2, 1)
    assert done.rejects == [(0, phone(0), "The text would be blank.")]
    rest(shop, "r", content=text_content("Dear {{ name }}, {{ phone }}"))
    assert of_campaign(shop, "r")[1][2] == {"name": "N1", "phone": phone(1)}
    assert shop.sql("SELECT source FROM campaigns WHERE name = 'r'") == [("the rest of campaign c",)]


def test_everybody_gets_the_file_that_was_theirs(shop: Shop, tmp_path: Path) -> None:
    for number in range(2):
        (tmp_path / f"N{number}").write_bytes(b"file %d" % number)
    shop.submit("c", 2, "a")
    come_to(shop, {0: "sent"})
    lifecycle.cancel_campaign(shop.engine, "c")
    own = recipient_files_content("name")
    done = rest(shop, "r1", content=own, files=RecipientFiles("name", tmp_path, 100))
    assert done.total == 1
    lifecycle.cancel_campaign(shop.engine, "r1")
    rest(shop, "r2", of="r1")
    files = "SELECT f.path, c.name, f.messages FROM campaign_files f JOIN campaigns c ON c.id = campaign_id ORDER BY 2"
    assert shop.sql(files) == [("N1", "r1", 1), ("N1", "r2", 1)]


def test_what_is_purged_forgotten_or_not_there_is_told(shop: Shop) -> None:
    with pytest.raises(NotFoundError, match="no campaign is called 'd'"):
        submit_rest(
            shop.engine,
            Submission(name="r", instances=["a"], content=text_content("Hi"), max_attempts=1),
            "d",
            same_content=False,
            allow_private=False,
        )
    shop.submit("c", 2, "a")
    come_to(shop, {0: "failed", 1: "failed"})
    dispatch.finish_campaigns(shop.engine)
    shop.sql("UPDATE messages SET phone = NULL WHERE seq = 1")
    done = rest(shop, "r1")
    assert (done.total, done.not_in_rest) == (1, {"forgotten": 1})
    lifecycle.cancel_campaign(shop.engine, "r1")
    shop.sql("UPDATE campaigns SET purged_at = now() WHERE name = 'r1'")
    with pytest.raises(ConflictError, match="campaign 'r1' has no messages any more"):
        rest(shop, "r2")
    shop.sql("UPDATE campaigns SET purged_at = NULL")
