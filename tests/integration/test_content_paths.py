"""What is previewed is what is sent, shown as a sample and looked for in the chat; a test copy is it with a mark."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from broadcaster.domain.contents import Content, MessageContent
from broadcaster.services import dispatch
from broadcaster.services.audiences.imports import import_file
from broadcaster.services.campaigns.new_content import file_content, file_url_content, text_content
from broadcaster.services.campaigns.previews import preview_audience, preview_campaign
from broadcaster.services.campaigns.test_copies import send_test
from broadcaster.services.recipients.list_options import RecipientOptions
from broadcaster.services.recipients.reader import read_recipients
from tests.support.shop import Shop, drain

TEMPLATE = "{{ name | default('you') }}: 100 % off <b> {{name}}"


def _file(directory: Path, caption: str | None) -> Content:
    (directory / "a.pdf").write_bytes(b"%PDF-1.7")
    return file_content(directory / "a.pdf", 100, caption=caption, filename="Prices.pdf")


MADE: dict[str, Callable[[Path], Content]] = {
    "text": lambda _: text_content(TEMPLATE),
    "file": lambda directory: _file(directory, TEMPLATE),
    "file without a caption": lambda directory: _file(directory, None),
    "link": lambda _: file_url_content("https://example.com/a%20b.pdf", caption=TEMPLATE),
    "link without a caption": lambda _: file_url_content("https://example.com/a.pdf"),
}


def _sent(shop: Shop) -> MessageContent:
    """What the gateway has taken last."""
    entry = shop.gateway.ledger.entries[-1]
    assert entry.accepted
    return MessageContent(entry.body or None, entry.caption or None, entry.filename or None, entry.url or None)


@pytest.mark.parametrize("make", MADE.values(), ids=MADE)
def test_what_is_previewed_is_what_is_sent(shop: Shop, tmp_path: Path, make: Callable[[Path], Content]) -> None:
    content = make(tmp_path)
    shop.add("a")
    with read_recipients(io.BytesIO(b"phone,name\n628120000000,N0\n"), RecipientOptions()) as recipients:
        import_file(shop.engine, "customers", recipients)
    shop.submit("promo", 1, "a", content=content)
    [before] = preview_audience(shop.engine, "customers", (), content, most=1)
    [after] = preview_campaign(shop.engine, "promo", most=1).messages
    drain(shop)
    assert before.content == after.content == _sent(shop) == content.render({"name": "N0"})


@pytest.mark.parametrize("make", MADE.values(), ids=MADE)
def test_a_test_copy_is_what_is_sent_with_a_mark(shop: Shop, tmp_path: Path, make: Callable[[Path], Content]) -> None:
    content = make(tmp_path)
    shop.add("a")
    shop.submit("promo", 1, "a", content=content)
    drain(shop)
    plain = _sent(shop)
    send_test(shop.engine, "promo", "628129999999")
    dispatch.start_due_campaigns(shop.engine)
    drain(shop)
    marked = _sent(shop)
    assert (marked.filename, marked.url) == (plain.filename, plain.url)
    words, plain_words = (each.text or each.caption for each in (marked, plain))
    assert words == ("[TEST]" if plain_words is None else f"[TEST] {plain_words}")
