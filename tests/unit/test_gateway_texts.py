"""What is kept of replies: Retry-After read, everything storable."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.gateway.texts import excerpt, is_page, parse_json, readable, retry_after, spoken, storable

LONGEST = 86_400.0


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", 0.0),
        ("120", 120.0),
        (" 7 ", 7.0),
        ("1.5", 1.5),
        ("999999999999", LONGEST),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("١٢", None),
        ("120, 240", None),
        ("1e9", None),
        ("nan", None),
    ],
)
def test_retry_after_in_seconds(value: str, expected: float | None) -> None:
    assert retry_after({"Retry-After": value}, LONGEST) == expected


NOON = "Sun, 06 Nov 1994 12:00:00 GMT"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Sun, 06 Nov 1994 12:01:30 GMT", 90.0),
        ("Sunday, 06-Nov-94 12:01:30 GMT", 90.0),
        ("Sun Nov  6 12:01:30 1994", 90.0),
        ("Sun, 06 Nov 1994 11:59:00 GMT", 0.0),
        ("Sun, 06 Nov 2994 12:00:00 GMT", LONGEST),
        ("Sun, 99 Nov 1994 12:00:00 GMT", None),
    ],
)
def test_retry_after_as_a_date_counts_from_the_replys_own_date(value: str, expected: float | None) -> None:
    assert retry_after({"retry-after": value, "DATE": NOON}, LONGEST) == expected


def test_retry_after_as_a_date_counts_from_now_without_a_usable_date() -> None:
    in_a_minute = formatdate(time.time() + 60, usegmt=True)
    for headers in ({"retry-after": in_a_minute}, {"retry-after": in_a_minute, "date": "yesterday"}):
        waited = retry_after(headers, LONGEST)
        assert waited is not None
        assert 50 < waited <= 60


@given(value=st.text(max_size=40), date=st.text(max_size=40))
def test_no_header_makes_retry_after_raise(value: str, date: str) -> None:
    waited = retry_after({"retry-after": value, "date": date}, LONGEST)
    assert waited is None or 0 <= waited <= LONGEST


@given(st.binary())
def test_any_bytes_become_text_that_can_be_stored(body: bytes) -> None:
    text = readable(body)
    assert "\0" not in text
    assert len(excerpt(text, 20).encode("utf-8")) <= 20


@given(st.text(alphabet=st.characters(codec=None)))
def test_any_json_text_can_be_stored(text: str) -> None:
    stored = storable(text)
    assert "\0" not in stored
    stored.encode("utf-8")


@pytest.mark.parametrize(
    ("body", "expected"),
    [(b'\xef\xbb\xbf{"a":1}', {"a": 1}), (b'["Envi\xe9"]', ["Envi\ufffd"]), (b'"\\ud83d"', "\ud83d"), (b" 1\n", 1)],
)
def test_json_is_read_tolerantly(body: bytes, expected: object) -> None:
    assert parse_json(body) == expected


@pytest.mark.parametrize("body", [b"", b"OK", b"{", b"[" * 100_000, b'{"a":' * 100_000, b"<html>"])
def test_what_is_not_json_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse_json(body)


@pytest.mark.parametrize(
    ("text", "forms"),
    [
        ("Not_Running  now", ("not running now",)),
        ("Nomor ini tidak terdaftar di WhatsApp", ("nomor ini tidak terdaftar di whatsapp",)),
        ("A instância está", ("a instância está", "a instancia esta")),
        ("It isn't, it can’t", ("it isn't, it can’t", "it is not, it cannot")),
        ("BalanceTooLow", ("balancetoolow", "balance too low")),
        ("BAĞLANTI Kapalı", ("bağlanti kapalı", "baglanti kapali")),
        ("", ("",)),
    ],
)
def test_words_are_searched_as_they_are_and_in_their_plainest_form(text: str, forms: tuple[str, ...]) -> None:
    assert spoken(text) == forms


@given(st.text(alphabet=st.characters(codec=None), max_size=50))
def test_any_text_can_be_searched(text: str) -> None:
    assert len(spoken(text)) in (1, 2)


@pytest.mark.parametrize(
    ("content_type", "body", "expected"),
    [
        ("text/html", "Not here", True),
        ("text/html", "", False),
        ("application/json", "<html>", True),
        ("", " \n<!DOCTYPE HTML>", True),
        ("", '<?xml version="1.0"?><!DOCTYPE html><html xmlns="x">', True),
        ("", '<?xml version="1.0"?><Error/>', False),
        ("text/plain", "a < b", False),
    ],
)
def test_a_web_page_is_known_by_its_beginning_or_its_type(content_type: str, body: str, expected: bool) -> None:
    assert is_page({"Content-Type": content_type}, body) is expected
