"""Everything of one person goes, whatever happens meanwhile, and nobody takes the person in again by accident."""

from __future__ import annotations

import asyncio
import io
import re
import shlex
import subprocess
import sys
import threading
import unicodedata
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from broadcaster.crypto import Vault, open_vault
from broadcaster.db.statements import execute
from broadcaster.domain.phones import PhoneFault
from broadcaster.embedded.postgres_install import bundled
from broadcaster.errors import ConflictError, ContentionError, InputError, SettingsError
from broadcaster.services import dispatch, secret_keys
from broadcaster.services.audiences.imports import Imported, import_file, import_members
from broadcaster.services.campaigns import campaign_reports, loading, over_audience
from broadcaster.services.campaigns.audience_submission import submit_over_audience
from broadcaster.services.campaigns.lifecycle import retry_campaign
from broadcaster.services.campaigns.new_content import text_content
from broadcaster.services.campaigns.previews import preview_campaign
from broadcaster.services.campaigns.settling import Settlement, settle_messages, settleable
from broadcaster.services.campaigns.submission import Submission
from broadcaster.services.campaigns.submission_result import Submitted
from broadcaster.services.campaigns.submitting import submit_campaign
from broadcaster.services.campaigns.test_copies import send_test
from broadcaster.services.consent.person_records import PersonRecords, records_of_phone
from broadcaster.services.forgetting.phone_forgetting import (
    OnItsWay,
    Traces,
    forget_phone,
    forgotten_count,
    readmit_phone,
    reset_forgotten,
    traces_of_phone,
)
from broadcaster.services.instance_trial import start_trial
from broadcaster.services.recipients.batches import Batch
from broadcaster.services.recipients.list_options import RecipientOptions
from broadcaster.services.recipients.reader import RecipientReader, read_recipients
from broadcaster.services.sending.sending_process import SendingProcess
from broadcaster.settings import Settings
from tests.support.database import everything
from tests.support.reading_back import read_back
from tests.support.shop import Shop, drain, prove

ANN = "628120000000"
"""The first recipient of each campaign."""
BOB = "628120000001"
MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?\+00")
"""A moment as Postgres writes it: noon on any day has the digits of ANN's number."""
ANY = RecipientOptions(accept_rejected=True, accept_countries=True)
"""Whatever a file is like as a whole: here it is about its rows."""
OPEN_STATES = {"pending": "skipped", "in_doubt": "unknown"}
REFUSED = PhoneFault.FORGOTTEN.sentence


@pytest.fixture
def shop(shop: Shop) -> Shop:
    shop.add("a")
    shop.add("b")
    return shop


def forgotten(shop: Shop, phone: str = ANN, patience: float = 10) -> Traces:
    return forget_phone(shop.engine, open_vault(shop.settings), phone, patience=patience)


def found_of(shop: Shop) -> Traces:
    return traces_of_phone(shop.engine, ANN, lambda: open_vault(shop.settings))


def put(shop: Shop, campaign: str, state: str) -> None:
    """Ann's message of the campaign into a state, with what is stored of it then."""
    shop.sql("ALTER TABLE messages DISABLE TRIGGER refuse_moves")
    shop.sql(
        "UPDATE messages m SET state = CAST(:state AS message_state), attempt = 1, reason = 'no ' || :ann,"
        " gateway_id = 'true_' || :ann || '@c.us', claim_token = CASE :state WHEN 'sending' THEN gen_random_uuid() END"
        " FROM campaigns c WHERE c.id = campaign_id AND c.name = :name AND phone = :ann",
        state=state,
        name=campaign,
        ann=ANN,
    )
    shop.sql(
        "INSERT INTO attempts"
        " (segment, campaign_id, seq, attempt, content_version, account_id, outcome, reason, reply)"
        " SELECT m.segment, campaign_id, seq, 1, 1, 1, 'unknown', 'said ' || phone, jsonb_build_object('to', phone)"
        " FROM messages m JOIN campaigns c ON c.id = campaign_id WHERE c.name = :name AND phone = :ann",
        name=campaign,
        ann=ANN,
    )
    if state in ("in_doubt", "unknown"):
        shop.sql(
            "INSERT INTO doubts (segment, campaign_id, seq, attempt, lane_id, account_id, phone, started_at, ended_at,"
            " reading, resolved_as, resolved_at)"
            " SELECT m.segment, campaign_id, seq, 1, lane_id, 1, phone, now(), now(), 'nothing of ' || phone,"
            " CASE m.state WHEN 'unknown' THEN CAST('unknown' AS resolution) END,"
            " CASE m.state WHEN 'unknown' THEN now() END"
            " FROM messages m JOIN campaigns c ON c.id = campaign_id WHERE c.name = :name AND phone = :ann",
            name=campaign,
            ann=ANN,
        )
    shop.sql("ALTER TABLE messages ENABLE TRIGGER refuse_moves")


def send(
    shop: Shop, name: str, people: str, *, dry_run: bool = False, reader: RecipientReader | None = None
) -> Submitted:
    content = text_content("Hi")
    submission = Submission(name=name, instances=["a"], content=content, max_attempts=3)
    with reader or read_recipients(io.BytesIO(people.encode()), replace(ANY, text=content.text)) as recipients:
        return submit_campaign(
            shop.engine, submission, recipients, open_vault=lambda: open_vault(shop.settings), dry_run=dry_run
        )


def keep(shop: Shop, people: str) -> Imported:
    with read_recipients(io.BytesIO(people.encode()), ANY) as recipients:
        return import_file(shop.engine, "people", recipients, open_vault=lambda: open_vault(shop.settings))


@pytest.mark.parametrize(
    "state", ["pending", "in_doubt", "sent", "failed", "unknown", "skipped", "cancelled", "expired"]
)
def test_a_message_is_final_and_nobodys_afterwards(shop: Shop, state: str) -> None:
    shop.submit("c", 2, "a")
    put(shop, "c", state)
    assert forgotten(shop).messages == {state: 1}
    assert shop.sql("SELECT state, phone, variables, reason, gateway_id FROM messages WHERE seq = 1") == [
        (OPEN_STATES.get(state, state), None, None, "forgotten", None)
    ]
    assert shop.sql("SELECT reason, reply FROM attempts") == [("forgotten", None)]
    assert set(shop.sql("SELECT phone, reading, resolved_as FROM doubts")) <= {(None, None, "unknown")}
    assert shop.sql("SELECT phone, state, reason FROM messages WHERE seq = 2") == [(BOB, "pending", None)]


def test_a_message_that_is_on_its_way_is_waited_for_and_nothing_is_changed_before(shop: Shop) -> None:
    shop.submit("c", 1, "a")
    shop.submit("d", 1, "a")
    put(shop, "d", "sending")
    before = everything(shop.engine)
    with pytest.raises(ConflictError, match=r"a message of campaign 'd' .* `broadcaster status`"):
        forgotten(shop, patience=0)
    after = everything(shop.engine)
    assert {name for name in before if before[name] != after[name]} <= {"forgetting_key"}
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(forgotten, shop)
        shop.sql("UPDATE messages SET state = 'sent', claim_token = NULL WHERE state = 'sending'")
        assert waiting.result(30).messages == {"pending": 1, "sent": 1}


def test_the_number_is_nowhere_in_the_database_afterwards(shop: Shop) -> None:
    states = ("pending", "in_doubt", "sent", "failed", "unknown")
    for state in states:
        shop.submit(state, 1, "a")
        put(shop, state, state)
    keep(shop, f"phone,name\n{ANN},Ann\n{BOB},Bob\n")
    shop.sql(
        "INSERT INTO settlements (segment, campaign_id, seq, attempt, from_state, to_state, settled_by, reason)"
        " SELECT segment, campaign_id, seq, attempt, 'unknown', 'sent', 'me', 'she (+62 812-000-0000) said'"
        " FROM messages"
    )
    spellings = (
        ANN,
        "+62 812-0000 000",
        "0812 0000 000",
        "\u0660\u0668\u0661\u0662\u0660\u0660\u0660\u0660\u0660\u0660\u0660",
    )
    for line, written in enumerate([*spellings, "nobody"]):
        shop.sql("INSERT INTO rejected_recipients VALUES (1, :line, :written, 'why')", line=line, written=written)
    shop.sql(f"UPDATE campaigns SET state_reason = 'for {ANN}' WHERE id = 1")
    with shop.engine.begin() as connection:
        connection.execute(text("SELECT set_config('broadcaster.operator', 'me', true)"))
        for health, reason in (("down", f"number +{ANN} is banned"), ("ok", None), ("down", f"{ANN} is banned")):
            connection.execute(
                text("UPDATE lanes SET health = CAST(:health AS lane_health), health_reason = :reason WHERE id = 1"),
                {"health": health, "reason": reason},
            )
    shop.sql("ANALYZE")
    assert found_of(shop) == Traces(messages=dict.fromkeys(states, 1), members=1, rejected=4)
    found = forgotten(shop)
    assert (found.messages, found.members, found.rejected) == (dict.fromkeys(states, 1), 1, 4)
    contents = everything(shop.engine)
    contents["pg_stats"] = [str(row) for row in shop.sql("SELECT s::text FROM pg_stats s WHERE schemaname = 'public'")]
    tail = ANN[-9:]
    for table, rows in contents.items():
        for row in rows:
            digits = "".join(each for each in MOMENT.sub("", row) if each.isdecimal() and each.isascii())
            assert tail not in row, (table, row)
            assert tail.encode().hex() not in row, (table, row)
            if table not in ("contents", "accounts", "forgotten_phones", "forgetting_key", "pg_stats", "messages"):
                assert tail not in digits, (table, row)
    assert shop.sql("SELECT phone FROM rejected_recipients") == [("nobody",)]
    left = found_of(shop)
    assert (left.messages, left.members, left.rejected) == ({}, 0, 0)
    assert left.forgotten_at is not None


def test_only_the_keyed_hash_is_left_and_its_key_is_sealed(shop: Shop) -> None:
    forgotten(shop)
    [(first,)] = shop.sql("SELECT digest FROM forgotten_phones")
    assert isinstance(first, bytes)
    assert len(first) == 32
    [(sealed,)] = shop.sql("SELECT key_encrypted FROM forgetting_key")
    assert isinstance(sealed, bytes)
    assert sealed.startswith(b"gAAAA")
    forgotten(shop)
    forgotten(shop, BOB)
    assert len(shop.sql("SELECT digest FROM forgotten_phones")) == 2
    with pytest.raises(SettingsError, match="BROADCASTER_SECRET_KEY"):
        forget_phone(shop.engine, Vault([Fernet.generate_key().decode()]), ANN)


def test_who_was_forgotten_is_known_under_the_next_secret_key_too(shop: Shop, settings: Settings) -> None:
    forgotten(shop)
    new = Fernet.generate_key().decode()
    secret_keys.rotate_secret_keys(shop.engine, Vault([new, settings.secret_key or ""]))
    shop.settings = msgspec.structs.replace(settings, secret_key=new)
    with pytest.raises(InputError, match="none of its 1 recipients"):
        send(shop, "c", f"phone\n{ANN}\n")


PEOPLE = f"phone,name\n{ANN},Ann\n{BOB},Bob\n+62 812-0000-000,Ann again\n12,\n"


@pytest.mark.parametrize("large", [False, True])
def test_a_file_does_not_bring_back_who_was_forgotten(
    shop: Shop, large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "LARGE_CAMPAIGN", 1 if large else 100)
    forgotten(shop)
    tried = send(shop, "c", PEOPLE, dry_run=True)
    done = send(shop, "c", PEOPLE)
    assert (done.read, done.total, done.rejected) == (tried.read, tried.total, tried.rejected) == (4, 1, 3)
    assert sorted(done.rejects) == sorted(tried.rejects)
    assert shop.sql("SELECT phone FROM messages") == [(BOB,)]
    assert [tuple(row) for row in campaign_reports.rejected_recipients(shop.engine, "c")] == [
        (2, "(forgotten)", REFUSED),
        (4, "(forgotten)", REFUSED),
        (5, "12", PhoneFault.TOO_SHORT.sentence),
    ]


def test_an_audience_does_not_bring_back_who_was_forgotten(shop: Shop) -> None:
    keep(shop, PEOPLE)
    forgotten(shop)
    done = keep(shop, PEOPLE)
    assert (done.read, done.rejected, done.members) == (4, 3, 1)
    synced = Imported("people")
    vault = open_vault(shop.settings)
    import_members(shop.engine, [(ANN, {}), (BOB, {})], (), synced, open_vault=lambda: vault, source="instance a")
    assert (synced.rejected, synced.members, synced.rejects) == (1, 1, [(1, "(forgotten)", REFUSED)])
    assert shop.sql("SELECT phone FROM audience_members") == [(BOB,)]


def test_nobody_who_was_forgotten_is_sent_a_test(shop: Shop) -> None:
    shop.submit("c", 2, "a")
    forgotten(shop)
    vault = open_vault(shop.settings)
    for attempt in (
        lambda: send_test(shop.engine, "c", ANN, open_vault=lambda: vault),
        lambda: start_trial(shop.engine, "a", ANN, open_vault=lambda: vault),
    ):
        with pytest.raises(InputError, match="was forgotten"):
            attempt()


def test_without_the_secret_key_nobody_is_taken_in(shop: Shop) -> None:
    shop.submit("before", 1, "a", first=5)
    forgotten(shop)
    with pytest.raises(SettingsError, match="BROADCASTER_SECRET_KEY"):
        shop.submit("after", 1, "a", first=7)


def test_who_agrees_again_is_taken_in_again(shop: Shop) -> None:
    forgotten(shop)
    vault = open_vault(shop.settings)
    assert readmit_phone(shop.engine, vault, BOB) is None
    assert readmit_phone(shop.engine, vault, ANN)
    assert readmit_phone(shop.engine, vault, ANN) is None
    assert send(shop, "c", PEOPLE).total == 2


def paused_reader(people: str, read: threading.Event, go_on: threading.Event) -> RecipientReader:
    """A file of which all is read, and whose end is long in coming."""
    reader = read_recipients(io.BytesIO(people.encode()), RecipientOptions())

    class Paused(RecipientReader):
        def __init__(self) -> None:
            self.name, self.variables, self.total_bytes = reader.name, reader.variables, None
            self.census = reader.census

        bytes_read = 0

        def __iter__(self) -> Iterable[Batch]:  # type: ignore[override]
            yield from reader
            read.set()
            assert go_on.wait(30)

        def __exit__(self, *_: object) -> None:
            reader.__exit__()

    return Paused()


def test_a_file_that_is_read_while_somebody_is_forgotten_is_not_stored(shop: Shop) -> None:
    read, go_on = threading.Event(), threading.Event()
    with ThreadPoolExecutor(1) as pool:
        storing = pool.submit(send, shop, "c", "", reader=paused_reader(PEOPLE, read, go_on))
        assert read.wait(30)
        forgotten(shop)
        go_on.set()
        with pytest.raises(ContentionError, match=r"somebody was forgotten meanwhile .* run it again"):
            storing.result(30)
    assert shop.sql("SELECT count(*) FROM messages") == [(0,)]
    assert send(shop, "c", PEOPLE).total == 1


def test_a_campaign_that_starts_meanwhile_has_no_message_to_them(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(shop, PEOPLE)
    submission = Submission(name="c", instances=["a"], content=text_content("Hi"), max_attempts=3)
    submit_over_audience(shop.engine, submission, "people")
    made, go_on = threading.Event(), threading.Event()
    snapshot = over_audience._snapshot  # within the transaction that starts it

    def slow_snapshot(*arguments: Any) -> int:
        segment = snapshot(*arguments)
        made.set()
        assert go_on.wait(30)
        return segment

    monkeypatch.setattr(over_audience, "_snapshot", slow_snapshot)  # within the transaction that starts it
    with ThreadPoolExecutor(2) as pool:
        starting = pool.submit(dispatch.start_due_campaigns, shop.engine)
        assert made.wait(30)
        waiting = pool.submit(forgotten, shop)
        with pytest.raises(TimeoutError):
            waiting.result(0.5)
        go_on.set()
        starting.result(30)
        assert waiting.result(30).messages == {"pending": 1}
    assert shop.states("c") == {"pending": 1, "skipped": 1}


def test_a_late_writer_changes_nothing(shop: Shop) -> None:
    shop.submit("c", 1, "a")
    shop.fault("kind=latency,seconds=6")

    async def run() -> dict[str, dict[str, int]]:
        async with SendingProcess(shop.settings) as process:
            draining = asyncio.create_task(process.send_due(shop.lanes()))
            await shop.requests(1)
            shop.sql("UPDATE lanes SET lease_expires_at = now()")
            assert dispatch.recover_leases(shop.engine).in_doubt == 1
            shop.sql("UPDATE doubts SET ended_at = now()")
            assert (await asyncio.to_thread(forgotten, shop)).messages == {"in_doubt": 1}
            assert shop.states("c") == {"unknown": 1}
            assert len(dispatch.finish_campaigns(shop.engine)) == 1
            before = everything(shop.engine)
            assert not draining.done()
            counts = (await asyncio.wait_for(draining, 20)).counts
            after = everything(shop.engine)
            assert {name for name in before if before[name] != after[name]} <= {"lanes"}
            return counts

    assert asyncio.run(run())["a"]["late"] == 1


@pytest.mark.usefixtures("quick_rounds")
def test_nobody_reads_their_chat_or_sends_them_anything_more(shop: Shop) -> None:
    shop.submit("sent", 1, "a")
    drain(shop)
    shop.submit("doubted", 1, "a")
    put(shop, "doubted", "in_doubt")
    shop.submit("failed", 1, "a")
    put(shop, "failed", "failed")
    shop.submit("waiting", 1, "a")
    prove(shop)
    forgotten(shop)
    sends = shop.accepted()
    read_back(shop)
    assert retry_campaign(shop.engine, "failed").messages == 0
    for name in ("doubted", "failed"):
        assert settleable(shop.engine, name, settle_seconds=0).messages == []
        moved = settle_messages(shop.engine, name, Settlement.RESEND, settle_seconds=0, settled_by="me")
        assert moved.messages == 0
    drain(shop)
    assert shop.accepted() == sends
    with pytest.raises(InputError, match="goes to nobody"):
        preview_campaign(shop.engine, "failed", most=3)
    dispatch.finish_campaigns(shop.engine)
    assert {shop.state(name) for name in ("sent", "doubted", "failed", "waiting")} == {"finished"}
    with pytest.raises(DBAPIError, match="forgotten_is_final"):
        shop.sql("UPDATE messages SET state = 'pending' WHERE reason = 'forgotten' AND state = 'failed'")


def test_claims_settlements_and_forgetting_meet_without_harm(shop: Shop) -> None:
    for n in range(6):
        shop.submit(f"c{n}", 20, "a", "b")
        put(shop, f"c{n}", "unknown" if n % 2 else "pending")

    def settle_all() -> None:
        for n in range(6):
            settle_messages(shop.engine, f"c{n}", Settlement.RESEND, settle_seconds=0, settled_by="me")

    with ThreadPoolExecutor(3) as pool:
        running = [pool.submit(each) for each in (lambda: drain(shop), settle_all, lambda: forgotten(shop))]
        for each in running:
            each.result(60)
    drain(shop)
    assert shop.sql("SELECT count(*) FROM messages WHERE phone = :ann", ann=ANN) == [(0,)]
    assert shop.sql("SELECT count(*) FROM messages WHERE phone IS NULL AND reason = 'forgotten'") == [(6,)]
    assert shop.accepted()[ANN] <= 6


def test_a_report_shows_nobody(shop: Shop) -> None:
    shop.submit("c", 2, "a")
    put(shop, "c", "failed")
    [before] = campaign_reports.campaign_detail(shop.engine, "c").failures
    assert before.reason == "no …"
    forgotten(shop)
    [after] = campaign_reports.campaign_detail(shop.engine, "c").failures
    assert (after.reason, after.messages, after.example_phone) == ("forgotten", 1, None)
    [first, _] = campaign_reports.export_messages(shop.engine, "c")
    assert (first.phone, first.variables, first.last_reply) == (None, None, None)


def test_a_reason_still_has_an_example_when_its_last_one_is_forgotten(shop: Shop) -> None:
    shop.submit("c", 3, "a")
    shop.sql("ALTER TABLE messages DISABLE TRIGGER refuse_moves")
    shop.sql("UPDATE messages SET state = 'failed', reason = 'refused'")
    [[kept], [gone]] = shop.sql("SELECT phone FROM messages WHERE seq > 1 ORDER BY seq")
    forgotten(shop, str(gone))
    failures = campaign_reports.campaign_detail(shop.engine, "c").failures
    assert {row.reason: row.example_phone for row in failures} == {"forgotten": None, "refused": kept}


@pytest.mark.parametrize(
    ("number", "digest"), [("", b"x" * 32), ("%", b"x" * 32), ("62' OR true --", b"x" * 32), (ANN, b"x"), (ANN, None)]
)
def test_the_function_takes_nothing_but_a_number_and_its_digest(shop: Shop, number: str, digest: bytes | None) -> None:
    shop.submit("c", 1, "a")
    with pytest.raises(DBAPIError, match="not the digits"), shop.engine.begin() as connection:
        connection.execute(
            text("SELECT * FROM forget_phone(ARRAY[CAST(:number AS text)], ARRAY[CAST(:digest AS bytea)], :digest)"),
            {"number": number, "digest": digest},
        )


def test_a_person_is_found_without_a_look_at_everybody_elses_messages(shop: Shop) -> None:
    scanned = (
        "SELECT sum(seq_scan), sum(seq_tup_read) FROM pg_stat_user_tables"
        " WHERE relname ~ '^(messages|attempts|audience_members)'"
    )
    for name in ("c", "d"):
        shop.submit(name, 300, "a")
    shop.sql("ANALYZE")
    shop.engine.dispose()  # What a session has counted is told when it ends.
    before = shop.sql(scanned)
    assert forgotten(shop).messages == {"pending": 2}
    shop.engine.dispose()
    assert shop.sql(scanned) == before


SPELLINGS = {
    "plain": ANN,
    "full width": ANN.translate({48 + n: 0xFF10 + n for n in range(10)}),
    "Thai": ANN.translate({48 + n: 0x0E50 + n for n in range(10)}),
    "mathematical": ANN.translate({48 + n: 0x1D7CE + n for n in range(10)}),
    "slashes": "62/812/0000/000",
    "underscores": "62812_0000_000",
    "commas": "62,812,0000,000",
    "no-break spaces": "62\u00a0812\u00a00000\u00a0000",
    "no-break hyphens": "62812\u20110000\u2011000",
    "zero width": "628120\u200b000000",
    "brackets and dashes": "+62 (812) - 0000 - 000",
    "letters": "62812x0000x000",
    "many slashes": "62812 / / / 0000 000",
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_counts_and_the_trail_have_no_number_however_a_gateway_writes_it(shop: Shop, spelling: str) -> None:
    written = SPELLINGS[spelling]
    said = f"number {written} is not registered"
    assert shop.sql("SELECT without_numbers(:said), mentions(:said, :ann)", said=said, ann=ANN) == [
        ("number … is not registered", True)
    ]
    shop.sql("UPDATE lanes SET health = 'down', health_reason = :said WHERE id = 1", said=said)
    forgotten(shop)
    assert shop.sql("SELECT health_reason FROM lanes WHERE id = 1") == [("number … is not registered",)]


def test_digits_of_every_script_are_digits(shop: Shop) -> None:
    digits = "".join(chr(c) for c in range(sys.maxunicode + 1) if unicodedata.category(chr(c)) == "Nd")
    plain = "".join(str(unicodedata.decimal(each)) for each in digits)
    assert shop.sql("SELECT plain_digits(:digits)", digits=digits) == [(plain,)]
    assert shop.sql("SELECT without_numbers('for ' || :digits || '.')", digits=digits) == [("for ….",)]


@pytest.mark.parametrize(
    "text",
    [
        "3 of 20 at 12:30",
        "HTTP 503",
        "code 12, a letter b, code 34567",
        "failed: 8 of 399 (2.005%), above 2%; opted out: 1,234,567 of 12,345,678 (10%), above 2%",
        "answered: 9 of 1,234,567 (0.000729%), below 1%",
    ],
)
def test_what_is_no_number_stays(shop: Shop, text: str) -> None:
    assert shop.sql("SELECT without_numbers(:text)", text=text) == [(text,)]


@pytest.mark.parametrize(
    "text",
    ["{} of 399 (2%)", "+62 812-0000-001 of 399 (2%)", "8 of {} (2%)", "1 of 2 (2%) {}", "{}: 8 of 399 (2.005%)"],
)
def test_a_number_beside_figures_is_one(shop: Shop, text: str) -> None:
    said = text.format("628120000001")
    read = shop.sql("SELECT without_numbers(:said), mentions(:said, '628120000001')", said=said)
    assert [("0000" in each, mentioned) for each, mentioned in read] == [(False, True)]
    assert shop.sql("SELECT mentions('failed: 8 of 1,399 (2.005%), above 2%', '628113992005')") == [(False,)]


def test_who_may_yet_get_a_message_is_not_forgotten_before(shop: Shop) -> None:
    shop.submit("c", 1, "a")
    put(shop, "c", "in_doubt")
    shop.submit("d", 1, "a")
    shop.sql("UPDATE doubts SET ended_at = now() + interval '1 hour'")
    before = everything(shop.engine)
    with pytest.raises(ConflictError, match=r"campaign 'c' to this number is in doubt, and may arrive until .* UTC"):
        forgotten(shop)
    after = everything(shop.engine)
    assert {name for name in before if before[name] != after[name]} <= {"forgetting_key"}
    shop.sql("UPDATE doubts SET ended_at = now() + interval '2 s'")
    waited: list[OnItsWay] = []
    found = forget_phone(shop.engine, open_vault(shop.settings), ANN, patience=10, on_wait=waited.append)
    assert found.messages == {"in_doubt": 1, "pending": 1}
    [held] = waited
    assert held.campaign == "c"


def test_a_chat_that_shows_the_message_is_waited_for_no_longer(shop: Shop) -> None:
    shop.submit("c", 1, "a")
    put(shop, "c", "unknown")
    shop.sql("UPDATE doubts SET ended_at = now() + interval '1 hour', resolved_as = 'found'")
    assert forgotten(shop, patience=0).messages == {"unknown": 1}


REJECTED = (
    "0812-0000-000",
    f"+{ANN} / +{BOB}",
    "62812/0000/000 (WA)",
    f"tel +{ANN}",
    f"{ANN} ext 3",
    f"00{ANN}x",
    "\u0e50\u0e58\u0e51\u0e52-0000-000x",
)


def test_a_rejected_row_does_not_bring_back_who_was_forgotten(shop: Shop) -> None:
    people = f"phone,name\n{BOB},Bob\n" + "".join(f"{written},Ann\n" for written in REJECTED) + "0812x,nobody\n"
    assert send(shop, "before", people).rejected == len(REJECTED) + 1
    forgotten(shop)
    assert shop.sql("SELECT phone FROM rejected_recipients") == [("0812x",)]
    done = send(shop, "after", people)
    assert done.rejected == len(REJECTED) + 1
    assert sorted(shop.sql("SELECT DISTINCT phone FROM rejected_recipients")) == [("(forgotten)",), ("0812x",)]
    assert {phone for _, phone, _ in done.rejects} == {"(forgotten)"}
    assert {phone for _, phone, _ in keep(shop, people).rejects} == {"(forgotten)"}
    assert shop.sql("SELECT count(*) FROM rejected_recipients WHERE reason = :reason", reason=REFUSED) == [(0,)]


@pytest.mark.parametrize("large", [False, True])
def test_postgres_samples_nobodys_number(shop: Shop, large: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "LARGE_CAMPAIGN", 1 if large else 100)
    send(shop, "c", f"phone,name\n{ANN},Ann\n{BOB},Bob\n12,\n")
    keep(shop, f"phone,name\n{ANN},Ann\n{BOB},Bob\n")
    put(shop, "c", "unknown")
    shop.sql("ANALYZE")
    samples = str(shop.sql("SELECT s::text FROM pg_stats s WHERE schemaname = 'public'"))
    assert "messages" in samples
    assert ANN not in samples and BOB not in samples and "Bob" not in samples


def test_whoever_calls_the_function_leaves_a_note(shop: Shop) -> None:
    def call() -> None:
        with shop.engine.begin() as connection:
            execute(connection, "forget_phone", phones=[ANN], digests=[b"x" * 32], ending=b"y" * 32)

    shop.submit("c", 1, "a")
    for _ in range(2):
        call()
    nothing = {"members": 0, "rejected": 0, "opt_outs": 0, "consents": 0, "replies": 0}
    counts = {"messages": {"pending": 1}, **nothing}
    assert shop.sql("SELECT operator, db_role, object_name, after FROM audit_log WHERE object_kind = 'phone'") == [
        ("", "broadcaster_runtime", "787878787878", counts)
    ]


def test_a_doubt_of_no_message_is_nobodys_either(shop: Shop) -> None:
    shop.sql(
        "INSERT INTO doubts (segment, campaign_id, seq, attempt, lane_id, account_id, phone, started_at, ended_at)"
        " VALUES (7, 7, 7, 1, 1, 1, :ann, now(), now())",
        ann=ANN,
    )
    forgotten(shop)
    assert shop.sql("SELECT phone, resolved_as FROM doubts") == [(None, "unknown")]


def test_a_lost_secret_key_has_words_of_its_own_and_a_way_out(shop: Shop, settings: Settings) -> None:
    forgotten(shop)
    forgotten(shop, BOB)
    shop.settings = msgspec.structs.replace(settings, secret_key=Fernet.generate_key().decode())
    for refused in (lambda: forgotten(shop), lambda: send(shop, "c", PEOPLE), lambda: found_of(shop)):
        with pytest.raises(SettingsError, match=r"forgotten numbers are known.*`broadcaster phone reset`"):
            refused()
    assert forgotten_count(shop.engine) == 2
    assert reset_forgotten(shop.engine, open_vault(shop.settings)) == 2
    assert send(shop, "c", PEOPLE).total == 2
    assert forgotten(shop).messages == {"pending": 1}
    assert send(shop, "d", PEOPLE).total == 1


def test_what_is_stored_of_a_person_is_shown(shop: Shop) -> None:
    send(shop, "c", f"phone,name\n{ANN},Ann\n{BOB},Bob\n{ANN}x,Ann\n")
    keep(shop, PEOPLE)

    def shown() -> tuple[datetime | None, PersonRecords]:
        return records_of_phone(shop.engine, ANN, lambda: open_vault(shop.settings))

    forgotten_at, before = shown()
    assert [(row["campaign"], row["state"], row["variables"]) for row in before.messages] == [
        ("c", "pending", {"name": "Ann"})
    ]
    assert [(row["audience"], row["variables"]) for row in before.audiences] == [("people", {"name": "Ann"})]
    assert [(row["campaign"], row["line"], row["phone"]) for row in before.rejected] == [("c", 4, f"{ANN}x")]
    assert forgotten_at is None
    forgotten(shop)
    forgotten_at, after = shown()
    assert forgotten_at is not None
    assert not any(after)


def test_hashes_that_are_put_back_after_a_restore_know_who_was_forgotten(
    shop: Shop, owner: Engine, tmp_path: Path
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "personal-data.md").read_text(encoding="utf-8")
    save, restore = re.findall(r"```sh\n(psql .*?)```", page, re.DOTALL)
    url = owner.url.set(drivername="postgresql").render_as_string(hide_password=False)

    def run(command: str) -> None:
        program = (
            f"{shlex.quote(str(bundled().program('psql')))} --no-psqlrc -v ON_ERROR_STOP=1 -d {shlex.quote(url)} "
        )
        done = command.replace("psql ", program, 1)
        subprocess.run(done, shell=True, check=True, cwd=tmp_path, timeout=60)

    forgotten(shop)
    forgotten(shop, BOB)
    run(save)
    with owner.begin() as connection:
        connection.exec_driver_sql("DELETE FROM forgetting_key; DELETE FROM forgotten_phones")
    forgotten(shop, "628120000009")
    run(restore)
    with pytest.raises(InputError, match="none of its 2 recipients"):
        send(shop, "c", f"phone\n{ANN}\n{BOB}\n")
