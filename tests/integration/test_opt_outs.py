"""Invariant I10: nothing more is started for whoever has opted out, and every opt-out has its evidence."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from broadcaster.crypto import open_vault
from broadcaster.db.engine import transaction
from broadcaster.db.statements import execute, rows
from broadcaster.domain.whatsapp_numbers import forms
from broadcaster.errors import InputError
from broadcaster.services import dispatch
from broadcaster.services.audiences.imports import Imported, import_members
from broadcaster.services.campaigns.audience_submission import submit_over_audience
from broadcaster.services.campaigns.lifecycle import retry_campaign
from broadcaster.services.campaigns.new_content import text_content
from broadcaster.services.campaigns.settling import Settlement, settle_messages
from broadcaster.services.campaigns.submission import Submission
from broadcaster.services.campaigns.submitting import submit_campaign
from broadcaster.services.campaigns.test_copies import send_test
from broadcaster.services.consent.block_list import (
    Blocked,
    block_file,
    block_phones,
    list_opt_outs,
    unblock_phones,
)
from broadcaster.services.consent.opt_outs import has_opted_out, opt_in_by_reply, opt_out_by_reply
from broadcaster.services.consent.person_records import records_of_phone
from broadcaster.services.forgetting.phone_forgetting import forget_phone, readmit_phone
from broadcaster.services.instance_trial import start_trial
from broadcaster.services.recipients.list_options import RecipientOptions
from broadcaster.services.recipients.reader import read_recipients
from broadcaster.services.sending.sending_process import SendingProcess
from tests.support.shop import Shop, drain

ANN, BOB, CAT = "628120000000", "628120000001", "628120000002"
"""The first recipients of each campaign."""
MEXICAN = ("525512345678", "5215512345678")
"""Two forms of one number."""


@pytest.fixture
def shop(shop: Shop) -> Shop:
    shop.add("a")
    shop.add("b")
    return shop


def block(shop: Shop, *phones: str, instance: str | None = None) -> Blocked:
    return block_phones(shop.engine, phones, reason="asked", instance=instance)


def block_text(shop: Shop, text: str, faults: list[str] | None = None) -> Blocked:
    options = RecipientOptions(accept_rejected=True, again=True)
    with read_recipients(io.BytesIO(text.encode()), options) as numbers:
        told = [] if faults is None else faults
        vault = open_vault(shop.settings)
        return block_file(shop.engine, numbers, open_vault=lambda: vault, on_fault=told.append)


def gets(shop: Shop, phone: str) -> bool:
    with transaction(shop.engine) as connection:
        return not has_opted_out(connection, phone)


def reasons(shop: Shop, name: str) -> list[tuple[object, ...]]:
    return shop.sql(
        "SELECT phone, m.state::text, reason, attempt FROM messages m JOIN campaigns c ON c.id = campaign_id"
        " WHERE c.name = :name AND m.state = 'skipped' ORDER BY seq",
        name=name,
    )


def test_the_claim_skips_whoever_has_opted_out_since_the_campaign_started(shop: Shop) -> None:
    shop.submit("c", 5, "a")
    block(shop, ANN, CAT)
    report = drain(shop)
    assert reasons(shop, "c") == [(ANN, "skipped", "opted_out", 0), (CAT, "skipped", "opted_out", 0)]
    assert shop.states("c") == {"sent": 3, "skipped": 2}
    assert report["a"] == {"claimed": 3, "sent": 3, "skipped": 2}
    dispatch.finish_campaigns(shop.engine)
    assert shop.state("c") == "finished"


def test_who_is_skipped_spends_no_slot(shop: Shop) -> None:
    """Five of a lane's slots are claimed for, and three of those people have opted out: its clock moves by two."""
    shop.add("c", rate="1/s", burst=20)
    shop.submit("c", 5, "c")
    block(shop, ANN, BOB, CAT)
    [(lane,)] = shop.sql("SELECT id FROM lanes ORDER BY id DESC LIMIT 1")
    token, lease = uuid4(), timedelta(minutes=1)
    ask = {"lanes": [lane], "tokens": [token], "wants": [5], "outcomes": "[]", "claim": uuid4()}
    with transaction(shop.engine) as connection:
        execute(connection, "take_lanes", lanes=[lane], token=token, holder="test", lease=lease)
        rows(connection, "turn_over", tuple, **ask, lease=lease, lead=0.1, hold=timedelta(0), reserve=lease)
        ahead = connection.exec_driver_sql("SELECT clock - now() FROM lanes ORDER BY id DESC LIMIT 1").scalar_one()
    assert ahead == timedelta(seconds=2)
    assert shop.states("c") == {"sending": 2, "skipped": 3}


def test_who_is_skipped_keeps_nobody_waiting(shop: Shop) -> None:
    """Of a lane that claims one at a time sixty are skipped, one after the other, and those behind them are sent."""
    shop.add("c", rate="10/s", burst=1)
    shop.submit("c", 63, "c")
    block(shop, *(f"62812{n:07d}" for n in range(60)))
    drain(shop)
    assert shop.states("c") == {"sent": 3, "skipped": 60}
    [(spent,)] = shop.sql("SELECT sum(attempt) FROM messages")
    assert spent == 3


def test_a_campaign_that_starts_skips_them_at_once(shop: Shop) -> None:
    block(shop, BOB)
    shop.submit("c", 3, "a")
    assert shop.states("c") == {"pending": 2, "skipped": 1}
    assert drain(shop)["a"] == {"claimed": 2, "sent": 2}


def test_an_instance_that_is_blocked_alone_leaves_the_others_alone(shop: Shop) -> None:
    block(shop, ANN, instance="a")
    shop.submit("by a", 1, "a")
    shop.submit("by b", 1, "b")
    drain(shop)
    assert (shop.states("by a"), shop.states("by b")) == ({"skipped": 1}, {"sent": 1})
    with pytest.raises(InputError, match="opted out"):
        start_trial(shop.engine, "a", ANN)
    start_trial(shop.engine, "b", ANN)
    drain(shop)


@pytest.mark.parametrize("again", ["a retry", "an operator's resend", "absence that was shown"])
def test_what_is_sent_again_is_claimed_like_anything_else(shop: Shop, again: str) -> None:
    shop.submit("c", 2, "a")
    drain(shop)
    state = "failed" if again == "a retry" else "unknown"
    shop.sql("ALTER TABLE messages DISABLE TRIGGER refuse_moves")
    shop.sql(f"UPDATE messages SET state = '{state}'")
    block(shop, ANN)
    if again == "a retry":
        retry_campaign(shop.engine, "c")
    elif again == "an operator's resend":
        settle_messages(shop.engine, "c", Settlement.RESEND, settled_by="me", settle_seconds=0.0)
    else:
        shop.sql("UPDATE campaigns SET state = 'running', finished_at = NULL")
        shop.sql("UPDATE messages SET state = 'pending'")
    shop.sql("ALTER TABLE messages ENABLE TRIGGER refuse_moves")
    before = shop.accepted()
    drain(shop)
    assert shop.states("c") == {"sent": 1, "skipped": 1}
    assert set(shop.accepted() - before) == {BOB}
    shop.old += shop.accepted()


@pytest.mark.parametrize(("stopped", "sent_to"), [MEXICAN, MEXICAN[::-1]])
def test_every_form_of_a_number_is_the_same_person(shop: Shop, stopped: str, sent_to: str) -> None:
    shop.submit("c", 1, "a")
    shop.sql("UPDATE messages SET phone = :phone", phone=sent_to)
    block(shop, stopped)
    drain(shop)
    assert shop.states("c") == {"skipped": 1}
    assert unblock_phones(shop.engine, [sent_to]).ended == 1
    assert all(gets(shop, form) for form in forms(stopped))


def test_a_message_that_waits_too_long_before_it_leaves_is_looked_up_again(shop: Shop) -> None:
    """It was claimed before the opt-out, and its content came late: nothing leaves, and the next claim skips it."""
    shop.submit("c", 3, "a")

    async def run() -> None:
        async with SendingProcess(shop.settings) as process:
            contents = process._path.contents  # what is slow in this test
            read = contents.of

            async def late(*of: Any) -> Any:
                if gets(shop, ANN):
                    block(shop, ANN)
                await asyncio.sleep(1.0)  # what the claim saw holds for less than that
                return await read(*of)

            contents.of = late  # type: ignore[method-assign]
            await process.send_due(shop.lanes())

    asyncio.run(run())
    shop.sql("UPDATE messages SET next_attempt_at = now() WHERE state = 'pending'")
    shop.sql("UPDATE campaign_lanes SET next_due_at = now()")
    [(reason,)] = shop.sql("SELECT reason FROM attempts WHERE outcome = 'not_sent'")
    assert reason == "held back: its phone has opted out"
    drain(shop)
    assert shop.states("c") == {"sent": 2, "skipped": 1}
    assert ANN not in shop.accepted()


# Its evidence


def test_an_opt_out_and_its_end_are_on_record(shop: Shop) -> None:
    block(shop, ANN)
    assert block(shop, ANN).already == 1
    unblock_phones(shop.engine, [ANN], reason="agreed again")
    block(shop, ANN)
    last, first = list_opt_outs(shop.engine, ended=True, limit=10)
    assert (last.phone, last.holds, first.holds) == (ANN, True, False)
    assert (first.way, first.words, first.ended_way, first.ended_words) == (
        "command",
        "asked",
        "command",
        "agreed again",
    )
    assert [each.id for each in list_opt_outs(shop.engine, limit=10)] == [last.id]


def test_a_reply_stops_and_starts_what_replies_have_stopped(shop: Shop) -> None:
    def stop(phone: str, inbound: int) -> bool:
        with transaction(shop.engine) as connection:
            return opt_out_by_reply(connection, phone, words="STOP", inbound_id=inbound) is not None

    def start(phone: str) -> int:
        with transaction(shop.engine) as connection:
            return opt_in_by_reply(connection, phone, words="START", inbound_id=9, said_at=datetime.now(UTC))

    block(shop, BOB)
    assert (stop(ANN, 1), stop(ANN, 2), stop(BOB, 3)) == (True, False, True)
    assert (start(ANN), start(BOB), start(CAT)) == (1, 1, 0)
    assert (gets(shop, ANN), gets(shop, BOB)) == (True, False)
    first = list_opt_outs(shop.engine, ended=True, limit=10)[-2]
    assert (first.phone, first.inbound_id, first.words, first.ended_inbound_id, first.ended_words) == (
        ANN, 1, "STOP", 9, "START",
    )  # fmt: skip


@pytest.mark.parametrize(
    "forbidden",
    [
        "DELETE FROM opt_outs",
        "UPDATE opt_outs SET words = 'no'",
        "UPDATE opt_outs SET phone = '628120000009'",
        "DELETE FROM opted_out",
        "INSERT INTO opted_out VALUES ('628120000009', 1, 0)",
        "UPDATE opt_outs SET ended_at = NULL, ended_way = NULL",
    ],
)
def test_nobody_rewrites_the_evidence_or_opts_anybody_out_without_it(shop: Shop, forbidden: str) -> None:
    block(shop, ANN)
    unblock_phones(shop.engine, [ANN])
    with pytest.raises(DBAPIError, match=r"permission denied|holds never again"), shop.engine.begin() as connection:
        connection.exec_driver_sql(forbidden)


# Files


def test_a_file_is_blocked_whole_or_not_at_all(shop: Shop) -> None:
    faults: list[str] = []
    with pytest.raises(InputError, match="2 of its 4 rows have no usable number"):
        block_text(shop, f"phone\n+{ANN}\n12\n+{BOB}\nAnn\n", faults)
    assert [fault.partition(":")[0] for fault in faults] == [
        "the recipients file, line 3",
        "the recipients file, line 5",
    ]
    assert shop.sql("SELECT FROM opt_outs") == []
    blocked = block_text(shop, f"phone\n+{ANN}\n+{BOB}\n+{ANN}\n")
    assert (blocked.blocked, blocked.already, blocked.repeated) == (2, 0, 1)


def test_whoever_is_forgotten_leaves_no_number_in_a_block_list(shop: Shop) -> None:
    forget_phone(shop.engine, open_vault(shop.settings), ANN)
    blocked = block_text(shop, f"phone\n+{ANN}\n+{BOB}\n")
    assert (blocked.blocked, blocked.forgotten) == (1, 1)
    assert shop.sql("SELECT phone FROM opt_outs") == [(BOB,)]


# Submissions, imports, tests


def submitted(shop: Shop, phones: Sequence[str], *, dry_run: bool) -> int:
    text = "".join(f"+{phone}\n" for phone in phones)
    with read_recipients(io.BytesIO(f"phone\n{text}".encode()), RecipientOptions()) as recipients:
        submission = Submission(name="c", instances=["a", "b"], content=text_content("Hi"), max_attempts=1, draft=True)
        return submit_campaign(shop.engine, submission, recipients, dry_run=dry_run).opted_out


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_submission_counts_whoever_has_opted_out(shop: Shop, dry_run: bool) -> None:
    block(shop, ANN, BOB)
    assert submitted(shop, [ANN, BOB, CAT], dry_run=dry_run) == 2


def test_an_audience_counts_and_skips_whoever_has_opted_out(shop: Shop) -> None:
    block(shop, ANN)
    imported = Imported("people")
    import_members(shop.engine, [(ANN, {}), (BOB, {})], [], imported, source="a test")
    assert (imported.opted_out, imported.added) == (1, 2)
    submission = Submission(name="c", instances=["a"], content=text_content("Hi"), max_attempts=1)
    assert submit_over_audience(shop.engine, submission, "people").opted_out == 1
    dispatch.start_due_campaigns(shop.engine)
    assert shop.states("c") == {"pending": 1, "skipped": 1}
    drain(shop)


def test_nobody_tests_on_who_has_opted_out(shop: Shop) -> None:
    shop.submit("c", 1, "a")
    block(shop, CAT)
    with pytest.raises(InputError, match="phone unblock"):
        send_test(shop.engine, "c", CAT)


# Forgetting


def test_who_is_forgotten_stays_opted_out_and_is_again_when_readmitted(shop: Shop) -> None:
    vault = open_vault(shop.settings)
    old, new = MEXICAN[::-1]
    block(shop, old)
    unblock_phones(shop.engine, [old])
    block(shop, old)
    assert forget_phone(shop.engine, vault, new).opt_outs == 2
    assert shop.sql("SELECT FROM opted_out") == []
    assert shop.sql("SELECT FROM opt_outs WHERE phone IS NOT NULL OR words IS NOT NULL OR forms <> '{}'") == []
    # Whichever form a file has, she is not taken in.
    for form in MEXICAN:
        assert records_of_phone(shop.engine, form, lambda: vault)[0] is not None
    assert readmit_phone(shop.engine, vault, old)
    assert not gets(shop, new)
    [opt_out] = list_opt_outs(shop.engine, limit=10)
    assert (opt_out.way, "before it was forgotten" in str(opt_out.words)) == ("command", True)
    assert records_of_phone(shop.engine, new, lambda: vault)[0] is None


def test_forgetting_takes_every_form_of_the_number(shop: Shop) -> None:
    shop.submit("c", 1, "a")
    shop.sql("UPDATE messages SET phone = :phone", phone=MEXICAN[0])
    assert forget_phone(shop.engine, open_vault(shop.settings), MEXICAN[1]).messages == {"pending": 1}
    assert shop.states("c") == {"skipped": 1}


# A long list


@pytest.fixture
def long_list(owner: Engine, shop: Shop) -> int:
    """More opt-outs than any plan should read for one phone."""
    with owner.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO opt_outs (phone, forms, way) SELECT n::text, ARRAY[n::text], 'file'"
            " FROM generate_series(628900000001, 628900100000) n"
        )
        connection.exec_driver_sql("ANALYZE opt_outs, opted_out")
    return 100_000


@pytest.mark.parametrize(
    ("statement", "parameters"),
    [
        ("opted_out", {"phones": [ANN, BOB], "lanes": [1, 1], "campaigns": [None, None]}),
        ("end_opt_outs", {"phone": "628900000009", "lane_id": None, "ways": None, "way": "command", "words": None,
                          "inbound_id": None, "said_at": None}),
    ],
)  # fmt: skip
def test_a_long_list_is_never_read_for_one_phone(
    shop: Shop, owner: Engine, long_list: int, statement: str, parameters: dict[str, Any]
) -> None:
    with owner.begin() as connection:
        before = _read(connection)
        execute(connection, statement, **parameters)
        assert _read(connection) - before < long_list / 10


def _read(connection: Any) -> int:
    """Rows of both tables that sequential scans of this transaction have read."""
    return int(
        connection.exec_driver_sql(
            "SELECT sum(seq_tup_read) FROM pg_stat_xact_all_tables WHERE relname IN ('opt_outs', 'opted_out')"
        ).scalar_one()
    )
