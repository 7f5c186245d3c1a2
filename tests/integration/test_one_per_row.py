"""One message for each row: a family shares a phone, and everybody gets their own message once."""

from __future__ import annotations

import asyncio
import io
from collections import Counter
from collections.abc import Iterator

import msgspec
import pytest
from sqlalchemy import Engine

from broadcaster.crypto import open_vault
from broadcaster.errors import InputError
from broadcaster.services import dispatch
from broadcaster.services.campaigns import campaign_reports, loading
from broadcaster.services.campaigns.loading import MOST_PER_PHONE, OnePer, Repeat
from broadcaster.services.campaigns.new_content import text_content
from broadcaster.services.campaigns.submission import Submission
from broadcaster.services.campaigns.submission_result import Submitted
from broadcaster.services.campaigns.submitting import submit_campaign
from broadcaster.services.forgetting.phone_forgetting import forget_phone
from broadcaster.services.recipients.list_options import RecipientOptions
from broadcaster.services.recipients.reader import read_recipients
from broadcaster.services.sending.sending_process import SendingProcess
from broadcaster.settings import Settings
from tests.support.reading_back import read_back
from tests.support.shop import Shop, open_shop

A, B = "628120000001", "628120000002"
FAMILY = f"phone,name\n{A},Ayu\n{B},Budi\n+{A},Citra\n\n{A},Ayu\n"


@pytest.fixture
def shop(engine: Engine, settings: Settings) -> Iterator[Shop]:
    quick = msgspec.structs.replace(settings, doubt_settle_seconds=0.05, doubt_poll_seconds=0.01, doubt_polls=2)
    with open_shop(engine, quick) as opened:
        for name in ("a", "b"):
            opened.add(name)
        yield opened


@pytest.fixture(params=["shared", "segment"])
def size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Whether campaigns share a segment or have one of their own."""
    if request.param == "segment":
        monkeypatch.setattr(loading, "LARGE_CAMPAIGN", 1)
    return str(request.param)


def send(
    shop: Shop, people: str, one_per: OnePer, *, text: str = "Hi {{ name }}", name: str = "c", dry_run: bool = False
) -> Submitted:
    content = text_content(text)
    submission = Submission(name=name, instances=["a", "b"], content=content, max_attempts=9, one_per=one_per)
    with read_recipients(io.BytesIO(people.encode()), RecipientOptions(text=content.text)) as recipients:
        submitted = submit_campaign(shop.engine, submission, recipients, dry_run=dry_run)
    dispatch.start_due_campaigns(shop.engine)
    return submitted


@pytest.mark.usefixtures("size")
def test_every_row_is_a_message_and_the_lines_that_repeat_others_are_told(shop: Shop) -> None:
    for dry_run in (True, False):
        told = send(shop, FAMILY, OnePer.ROW, dry_run=dry_run)
        assert (told.read, told.total, told.rejected, told.duplicates, told.repeated) == (4, 4, 0, 0, 2)
        assert list(told.repeats) == [Repeat(4, 2), Repeat(6, 2)]
    assert shop.sql("SELECT phone, ordinal, variables ->> 'name' FROM messages ORDER BY seq") == [
        (A, 1, "Ayu"),
        (B, 1, "Budi"),
        (A, 2, "Citra"),
        (A, 3, "Ayu"),
    ]
    assert not campaign_reports.rejected_recipients(shop.engine, "c")


@pytest.mark.usefixtures("size")
def test_without_it_the_first_row_of_a_phone_is_sent_and_the_others_are_told_by_line(shop: Shop) -> None:
    for dry_run in (True, False):
        told = send(shop, FAMILY, OnePer.PHONE, dry_run=dry_run)
        assert (told.total, told.duplicates, told.repeated) == (2, 2, 2)
        assert list(told.repeats) == [Repeat(4, 2), Repeat(6, 2)]
    assert [row.line for row in campaign_reports.rejected_recipients(shop.engine, "c")] == [4, 6]


@pytest.mark.usefixtures("size")
def test_a_phone_on_more_rows_than_a_family_has_refuses_the_file(shop: Shop) -> None:
    people = "phone\n" + f"{B}\n" + f"{A}\n" * (MOST_PER_PHONE + 1)
    with pytest.raises(InputError, match=f"the phone on line 3 is on more than {MOST_PER_PHONE} lines"):
        send(shop, people, OnePer.ROW, text="Hi")
    assert shop.sql("SELECT count(*) FROM campaigns") == [(0,)]


def test_the_lines_that_are_told_are_the_first_ones_and_few(shop: Shop) -> None:
    people = "phone\n" + "".join(f"62812{n:07d}\n" for n in range(40)) * 2
    told = send(shop, people, OnePer.PHONE, text="Hi", dry_run=True)
    assert told.repeated == 40
    assert list(told.repeats) == [Repeat(42 + n, 2 + n) for n in range(loading.MOST_REPEATS_SHOWN)]


@pytest.mark.usefixtures("quick_rounds")
@pytest.mark.parametrize("text", ["Hi {{ name }}", "Hi"], ids=["their own texts", "one text"])
def test_two_workers_and_faults_send_each_message_of_a_shared_phone_exactly_once(shop: Shop, text: str) -> None:
    phones = [f"62812{n:07d}" for n in range(12)]
    people = "phone,name\n" + "".join(f"{phone},{name}\n" for name in ("Ayu", "Budi") for phone in phones)
    send(shop, people, OnePer.ROW, text=text)
    shop.fault(
        "kind=drop_after_accept,nth=2,count=1",
        "kind=http_500_after_accept,nth=5,count=1",
        "kind=http_429,nth=3,count=2,retry_after=0",
        "kind=drop_after_accept,nth=9,count=1",
    )

    async def work() -> None:
        async with SendingProcess(shop.settings) as one, SendingProcess(shop.settings) as other:
            await asyncio.gather(one.send_due(shop.lanes()[:1]), other.send_due(shop.lanes()[1:]))

    for _ in range(40):
        shop.sql("UPDATE lanes SET woken_at = NULL, not_before = NULL WHERE health IN ('ok', 'throttled')")
        shop.sql("ALTER TABLE messages DISABLE TRIGGER refuse_moves")
        shop.sql("UPDATE messages SET next_attempt_at = now() WHERE state = 'pending'")
        shop.sql("ALTER TABLE messages ENABLE TRIGGER refuse_moves")
        shop.sql("UPDATE campaign_lanes SET next_due_at = '-infinity'")
        asyncio.run(work())
        read_back(shop, rounds=2)
        if shop.states("c") == {"sent": 24}:
            break
    assert shop.states("c") == {"sent": 24}
    assert shop.accepted() == Counter(dict.fromkeys(phones, 2))
    assert shop.sql("SELECT count(*) > 0 FROM doubts") == [(True,)]


def test_a_person_with_two_messages_is_forgotten_of_both(shop: Shop) -> None:
    send(shop, FAMILY, OnePer.ROW)
    forgotten = forget_phone(shop.engine, open_vault(shop.settings), A)
    assert forgotten.messages == {"pending": 3}
    assert (
        shop.sql("SELECT state, phone, variables FROM messages WHERE phone IS DISTINCT FROM :b", b=B)
        == [("skipped", None, None)] * 3
    )
