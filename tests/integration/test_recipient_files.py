"""A file for each recipient: each gets their own, each content is stored once, and it goes with its people."""

from __future__ import annotations

import hashlib
import io
from datetime import timedelta
from pathlib import Path

import pytest

from broadcaster.crypto import open_vault
from broadcaster.errors import InputError
from broadcaster.services import dispatch
from broadcaster.services.campaigns import purging, segments
from broadcaster.services.campaigns.content_rows import ContentRows
from broadcaster.services.campaigns.new_content import file_content, recipient_files_content
from broadcaster.services.campaigns.previews import preview_campaign
from broadcaster.services.campaigns.recipient_files import RecipientFiles
from broadcaster.services.campaigns.submission import Submission
from broadcaster.services.campaigns.submission_result import Submitted
from broadcaster.services.campaigns.submitting import submit_campaign
from broadcaster.services.campaigns.test_copies import send_test
from broadcaster.services.forgetting.phone_forgetting import forget_phone
from broadcaster.services.recipients.list_options import RecipientOptions
from broadcaster.services.recipients.reader import read_recipients
from tests.support.reading_back import read_back
from tests.support.shop import Shop, drain

AYU, BUDI, CITRA = "628120000001", "628120000002", "628120000003"
PEOPLE = f"phone,name,invoice\n{AYU},Ayu,ayu.pdf\n{BUDI},Budi,both.pdf\n{CITRA},Citra,sub/both.pdf\n"
FILES = {"ayu.pdf": b"for Ayu", "both.pdf": b"for both", "sub/both.pdf": b"for both"}


@pytest.fixture
def root(tmp_path: Path, shop: Shop) -> Path:
    shop.add("a")
    for name, body in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(body)
    return tmp_path


def send(shop: Shop, root: Path, name: str = "bills", people: str = PEOPLE, *, dry_run: bool = False) -> Submitted:
    content = recipient_files_content("invoice", caption="Hi {{ name }}")
    files = RecipientFiles("invoice", root, 1_000)
    options = RecipientOptions(caption=content.caption, row_checks=[ContentRows(content, files)])
    with read_recipients(io.BytesIO(people.encode()), options) as recipients:
        submission = Submission(name=name, instances=["a"], content=content, max_attempts=3, files=files)
        done = submit_campaign(
            shop.engine, submission, recipients, open_vault=lambda: open_vault(shop.settings), dry_run=dry_run
        )
    dispatch.start_due_campaigns(shop.engine)
    return done


def stored(shop: Shop) -> list[bytes]:
    """The files that there are, without what stands for files that differ."""
    rows = shop.sql("SELECT body FROM contents WHERE kind = 'file' AND body <> '' ORDER BY id")
    return [bytes(body) for (body,) in rows]  # type: ignore[call-overload]


def sent(shop: Shop) -> dict[str, tuple[str, str, str]]:
    return {
        entry.phone: (entry.filename, entry.caption, entry.content_sha256)
        for entry in shop.gateway.ledger.entries
        if entry.accepted
    }


@pytest.mark.parametrize("large", [1, 100_000], ids=["a segment of its own", "the shared one"])
def test_everybody_gets_the_file_of_their_row(
    shop: Shop, root: Path, large: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broadcaster.services.campaigns.loading.LARGE_CAMPAIGN", large)
    assert send(shop, root).total == 3
    assert stored(shop) == [b"for Ayu", b"for both"]
    assert [each.content.filename for each in preview_campaign(shop.engine, "bills", most=9).messages] == [
        "ayu.pdf", "both.pdf", "both.pdf"
    ]  # fmt: skip
    drain(shop)
    sha = {body: hashlib.sha256(body).hexdigest() for body in FILES.values()}
    assert sent(shop) == {
        AYU: ("ayu.pdf", "Hi Ayu", sha[b"for Ayu"]),
        BUDI: ("both.pdf", "Hi Budi", sha[b"for both"]),
        CITRA: ("both.pdf", "Hi Citra", sha[b"for both"]),
    }
    assert segments.LARGE_CAMPAIGN == 100_000


def test_rows_without_a_file_are_rejected_and_a_dry_run_stores_none(shop: Shop, root: Path) -> None:
    people = PEOPLE + "628120000004,Dewi,dewi.pdf\n628120000005,Eka,../eka.pdf\n"
    tried = send(shop, root, people=people, dry_run=True)
    assert stored(shop) == []
    done = send(shop, root, people=people)
    assert tried.rejects == done.rejects
    assert [(line, reason) for line, _, reason in done.rejects] == [
        (5, "Column 'invoice': there is no such file below --file-root."),
        (6, "Column 'invoice': the path has to lead to a file below --file-root, such as invoices/17.pdf."),
    ]


def test_nothing_is_stored_where_a_file_changes_meanwhile(
    shop: Shop, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = RecipientFiles.read

    def change(files: RecipientFiles, path: str) -> bytes:
        (root / "both.pdf").write_bytes(b"another")
        return look(files, path)

    monkeypatch.setattr(RecipientFiles, "read", change)
    with pytest.raises(InputError, match=r"both\.pdf was changed meanwhile"):
        send(shop, root)
    assert stored(shop) == []
    assert shop.sql("SELECT count(*) FROM campaigns") == [(0,)]


def test_a_test_copy_has_the_file(shop: Shop, root: Path) -> None:
    send(shop, root)
    send_test(shop.engine, "bills", "628129999999")
    dispatch.start_due_campaigns(shop.engine)
    drain(shop)
    filename, caption, digest = sent(shop)["628129999999"]
    assert (filename, caption, digest) == ("ayu.pdf", "[TEST] Hi Ayu", hashlib.sha256(b"for Ayu").hexdigest())


@pytest.mark.usefixtures("quick_rounds")
def test_a_file_in_doubt_is_looked_for_by_its_own_name(shop: Shop, root: Path) -> None:
    send(shop, root)
    shop.fault("kind=drop_after_accept,nth=1,count=1")
    drain(shop)
    assert shop.states("bills") == {"sent": 2, "in_doubt": 1}
    read_back(shop)
    assert shop.states("bills") == {"sent": 3}


def gone(shop: Shop, phone: str) -> None:
    forget_phone(shop.engine, open_vault(shop.settings), phone)


def test_a_file_of_a_person_goes_with_her_and_one_of_several_stays(shop: Shop, root: Path) -> None:
    send(shop, root)
    drain(shop)
    gone(shop, BUDI)
    assert stored(shop) == [b"for Ayu", b"for both"]
    assert shop.sql("SELECT path, messages FROM campaign_files ORDER BY path") == [
        ("ayu.pdf", 1),
        ("sub/both.pdf", 1),
    ]
    gone(shop, AYU)
    assert stored(shop) == [b"for both"]
    gone(shop, CITRA)
    gone(shop, CITRA)
    assert stored(shop) == []


def test_a_file_that_another_campaign_sends_stays(shop: Shop, root: Path) -> None:
    shop.submit("same", 1, "a", content=file_content(root / "ayu.pdf", 100))
    send(shop, root, "first")
    send(shop, root, "second", f"phone,name,invoice\n{CITRA},Citra,both.pdf\n")
    drain(shop)
    gone(shop, AYU)
    gone(shop, BUDI)
    assert stored(shop) == [b"for Ayu", b"for both"]


def test_a_purge_takes_the_files_that_nothing_else_sends(shop: Shop, root: Path) -> None:
    send(shop, root, "old")
    drain(shop)
    send(shop, root, "new", "phone,name,invoice\n628120000009,Dewi,both.pdf\n")
    dispatch.finish_campaigns(shop.engine)
    shop.end_long_ago("old")
    [(old,)] = shop.sql("SELECT id FROM campaigns WHERE name = 'old'")
    assert purging.purge_campaign(shop.engine, int(str(old)), timedelta(days=90)) is not None
    assert stored(shop) == [b"for both"]
    assert shop.sql("SELECT path FROM campaign_files") == [("both.pdf",)]
    drain(shop)
