"""No form of a key survives in what is kept of a reply, and nothing else goes."""

from __future__ import annotations

import base64
import html
import json
import time
import tracemalloc
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from broadcaster.gateway.key_ring import KeyRing
from broadcaster.gateway.redaction import LONGEST_TEXT, Redactor
from broadcaster.gateway.texts import readable

KEYS = [
    "abc123DEF",
    "a/b+c=d",
    'quote" \\ back',
    "ключ",
    "a&b<c>'d",
    "emoji🔑key",
    "sp ace%41",
    "tab\tkey",
    "~!*()-._",
]


def in_javascript_url(text: str) -> str:
    """What encodeURIComponent makes of it."""
    return quote(text, safe="!'()*~-._")


SPELLINGS = {
    "plain": str,
    "upper case": str.upper,
    "json": lambda key: json.dumps(key)[1:-1],
    "json in utf-8": lambda key: json.dumps(key, ensure_ascii=False)[1:-1],
    "json with escaped slashes": lambda key: json.dumps(key)[1:-1].replace("/", "\\/"),
    "url": lambda key: quote(key, safe=""),
    "url in lower case": lambda key: quote(key, safe="").lower(),
    "form": quote_plus,
    "javascript's url": in_javascript_url,
    "html": html.escape,
    "json in a url": lambda key: quote_plus(json.dumps(key)[1:-1]),
    "url twice": lambda key: quote(quote(key, safe=""), safe=""),
    "json twice": lambda key: json.dumps(json.dumps(key)[1:-1])[1:-1],
}


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_key_is_blanked_out_however_it_is_spelled(spelling: str, key: str) -> None:
    written = SPELLINGS[spelling](key)
    assert Redactor(key)(f"before {written} after {written}.") == "before [key] after [key]."


def test_the_keys_of_other_accounts_are_blanked_out_as_they_are_written() -> None:
    ring = KeyRing()
    of_main = ring.redactor("main-key-0123456789")
    assert of_main("SECOND-key-98765 is disconnected") == "SECOND-key-98765 is disconnected"
    of_second = ring.redactor("second-key-98765")
    ring.redactor("thanks")
    said = "SECOND-key-98765 is disconnected, thanks to main-key-0123456789"
    assert of_main(said) == of_second(said) == of_main.whole(said) == "[key] is disconnected, thanks to [key]"


@given(
    # Digits would make another spelling of some keys: %25 is one of %.
    noise=st.text(alphabet="~"),
    key=st.text(alphabet=st.characters(blacklist_characters="~"), min_size=1),
)
def test_the_key_and_nothing_else_is_blanked_out(noise: str, key: str) -> None:
    assert Redactor(key)(f"{noise}{key}{noise}") == f"{noise}[key]{noise}"


LONG = "SuperSecretKey-0123456789abcdef"
PIECES: dict[str, Callable[[str], str]] = {
    "its start": lambda key: key[:24],
    "half of it": lambda key: key[:16],
    "its end": lambda key: key[-13:],
    "halves with a label": lambda key: f"{key[:15]} and then {key[15:]}",
    "a piece in hex": lambda key: key[4:20].encode().hex(),
    "a piece in base64": lambda key: base64.b64encode(key[3:27].encode()).decode(),
    "a piece as decimal bytes": lambda key: str(list(key[2:22].encode())),
    "a piece in reverse": lambda key: key[2:22][::-1],
    "a piece in JSON": lambda key: "".join(f"\\u{ord(letter):04x}" for letter in key[2:22]),
}


@pytest.mark.parametrize("piece", PIECES)
def test_a_piece_of_a_key_is_blanked_out_too(piece: str) -> None:
    written = PIECES[piece](LONG)
    shown = Redactor(LONG)(f"Sorry: {written} is wrong.")
    assert "[key]" in shown
    assert written not in shown
    left = "".join(shown.removeprefix("Sorry: ").removesuffix(" is wrong.").split("[key]"))
    assert len(left) <= max(len(written) // 4, len("- and then ")), shown


@pytest.mark.parametrize("key", ["0" * 32, "1234" * 8, "abc" * 10])
def test_a_piece_that_says_little_is_none(key: str) -> None:
    assert Redactor(key)(f"<{key[:12]}>") == f"<{key[:12]}>"


@pytest.mark.parametrize("key", ["k", "ab", "a-b", "é"])
def test_a_short_key_is_blanked_out_as_a_word_only(key: str) -> None:
    redact = Redactor(key)
    assert redact(f"thanks, {key}: ask x{key}x {key.upper()}") == f"thanks, [key]: ask x{key}x [key]"
    assert redact.whole(f"about x{key} and {key}9") == f"about x{key} and {key}9"


def test_an_empty_key_blanks_nothing() -> None:
    assert Redactor("")("abc") == "abc"


def test_a_redactor_shows_no_key() -> None:
    assert "s3cret" not in repr(Redactor("s3cret"))


KEY = "wa-7f3Kq9/Zt0+xL5"
Form = Callable[[str], str]


def each(written: Callable[[str], str], between: str = "") -> Form:
    return lambda key: between.join(map(written, key))


def utf16_unit(character: str) -> str:
    data = character.encode("utf-16-be")
    return "".join(f"\\u{data[at : at + 2].hex()}" for at in range(0, len(data), 2))


FORMS: dict[str, Form] = {
    "base64": lambda key: base64.b64encode(key.encode()).decode(),
    "base64 for URLs": lambda key: base64.urlsafe_b64encode(key.encode()).decode(),
    "base64 in lines": lambda key: base64.encodebytes((key * 4).encode()).decode(),
    "base64 of UTF-16": lambda key: base64.b64encode(key.encode("utf-16")).decode(),
    "base64 in a URL": lambda key: quote(base64.b64encode(key.encode()).decode(), safe=""),
    "base64 in JSON": lambda key: base64.b64encode(key.encode()).decode().replace("/", "\\/"),
    "hex": lambda key: key.encode().hex(),
    "upper hex": lambda key: key.encode().hex().upper(),
    "hex with blanks": lambda key: key.encode().hex(" "),
    "hex with colons": lambda key: key.encode().hex(":"),
    "a list of bytes": lambda key: str([hex(byte) for byte in key.encode()]).replace("0x", ""),
    "hex of UTF-16": lambda key: key.encode("utf-16").hex(),
    "\\uXXXX": each(utf16_unit),
    "\\UXXXX": lambda key: each(utf16_unit)(key).upper().replace("\\U", "\\u"),
    "\\u{X}": each(lambda character: f"\\u{{{ord(character):x}}}"),
    "\\xXX": lambda key: "".join(f"\\x{byte:02x}" for byte in key.encode()),
    "percent": lambda key: "".join(f"%{byte:02x}" for byte in key.encode()),
    "percent twice": lambda key: "".join(f"%25{byte:02X}" for byte in key.encode()),
    "HTML": each(lambda character: f"&#{ord(character)};"),
    "hexadecimal HTML": each(lambda character: f"&#x{ord(character):04X};"),
    "HTML with blanks": each(lambda character: f"&#{ord(character)};", "\n"),
    "JSON in HTML": lambda key: html.escape(each(utf16_unit)(key)).replace("\\", "&#92;"),
    "blanks between": " ".join,
    "line breaks between": "\r\n".join,
    "escaped line breaks between": "\\n".join,
    "zero-width characters between": "\u200b".join,
    "read as UTF-16": lambda key: readable(key.encode("utf-16")),
    "read as big UTF-16": lambda key: readable(key.encode("utf-16-be")),
    "reversed": lambda key: key[::-1],
    "decimal bytes": lambda key: str(list(key.encode())),
    "octal": lambda key: "".join(f"\\{byte:03o}" for byte in key.encode()),
    "octal numbers": lambda key: " ".join(f"0{byte:o}"[1:] for byte in key.encode()),
    "hexadecimal numbers": lambda key: " ".join(f"0x{byte:02X}" for byte in key.encode()),
    "base32": lambda key: base64.b32encode(key.encode()).decode(),
    "base85": lambda key: base64.b85encode(key.encode()).decode(),
    "ascii85": lambda key: base64.a85encode(key.encode()).decode(),
    "base64 twice": lambda key: base64.b64encode(base64.b64encode(key.encode())).decode(),
    "base64 of hex": lambda key: base64.b64encode(key.encode().hex().encode()).decode(),
    "reversed hex": lambda key: key.encode().hex()[::-1],
    "reversed base64": lambda key: base64.b64encode(key.encode()).decode()[::-1],
    "full-width letters": each(lambda letter: chr(ord(letter) + 0xFEE0) if "!" <= letter <= "~" else letter),
    "bold letters": each(lambda letter: chr(ord(letter) - 97 + 0x1D41A) if "a" <= letter <= "z" else letter),
    "a list of characters": lambda key: json.dumps(list(key)),
    "JSON's line breaks in a URL": "%5Cn".join,
    "JSON's line breaks in HTML": "&#92;n".join,
    "other escaped blanks": "\\v".join,
    "line breaks of HTML": "<wbr>".join,
    "%uXXXX": each(lambda character: utf16_unit(character).replace("\\", "%")),
    "octal between letters": lambda key: "".join(
        f"\\{ord(letter):03o}" if number % 2 and letter.isascii() else letter for number, letter in enumerate(key)
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_key_is_blanked_out_in_whatever_form_it_comes_back(form: str) -> None:
    written = FORMS[form](KEY)
    shown = Redactor(KEY)(f"Sorry: {written} is wrong.")
    assert shown.startswith("Sorry: ")
    assert shown.endswith(" is wrong.")
    assert "[key]" in shown
    assert len(shown) <= len("Sorry: [key] is wrong.") + 24, shown


ALPHABET = st.characters(codec="utf-8", exclude_categories=["Cc", "Cf", "Zs", "Zl", "Zp", "Co", "Cn"])
ANY_KEY = st.one_of(
    st.text(ALPHABET, min_size=8, max_size=40),
    st.from_regex(r"[A-Za-z0-9_.~+/=-]{16,48}", fullmatch=True),
    # Of one that is mostly punctuation, pieces cannot be told from ordinary punctuation.
).filter(lambda key: sum(map(str.isalnum, key)) >= 8)
SURROUNDINGS = st.text(st.characters(codec="utf-8"), max_size=40) | st.sampled_from(
    ["\\", "%", "&", "&#", "\\u00", "%2", "\\\\", '{"key":"', "key=", "AA", "0", "a\n", "Key:\r\n", "\\x"]
)


@settings(max_examples=300)
@given(key=ANY_KEY, before=SURROUNDINGS, after=SURROUNDINGS, form=st.sampled_from(sorted(FORMS)))
def test_no_form_of_any_key_survives_in_any_surroundings(key: str, before: str, after: str, form: str) -> None:
    # Of others that reading keeps only a part, which may be too short to be told from ordinary text.
    assume(key.isascii() or not form.startswith("read as"))
    # What stands before may take letters of the key into an escape of its own; of a short key too few are left.
    assume(len(key) >= 16 or form not in ("escaped line breaks between", "base64 in a URL"))
    written = FORMS[form](key)
    # A form with fewer letters and digits cannot be told from ordinary punctuation, as a key cannot. Of base85 only
    # whole groups are looked for.
    whole = written[: len(written) // 5 * 5] if form in ("base85", "ascii85") else written
    assume(sum(map(str.isalnum, whole)) >= 8)
    redact = Redactor(key)
    shown = redact(before + written + after)
    assert "[key]" in shown
    assert written not in shown
    assert redact(shown) == shown


CUT_OFF = ["&#", "&#x", "&#1", "\\u", "\\u00", "\\x", "\\", "%", "%2", "%u", "%u00"]
ESCAPED: dict[str, Form] = {
    "JSON": utf16_unit,
    "a URL": lambda letter: f"%{ord(letter):02x}",
    "HTML": lambda letter: f"&#{ord(letter)};",
    "C": lambda letter: f"\\x{ord(letter):02x}",
}


@settings(max_examples=300)
@given(
    key=st.from_regex(r"[A-Za-z0-9]{16,40}", fullmatch=True),
    places=st.tuples(st.integers(0, 28), st.integers(12, 16)),
    cut_off=st.sampled_from(CUT_OFF),
    escape=st.sampled_from(sorted(ESCAPED)),
    escaped=st.sets(st.integers(8, 15)),
)
def test_no_piece_survives_behind_an_escape_that_is_cut_off(
    key: str, places: tuple[int, int], cut_off: str, escape: str, escaped: set[int]
) -> None:
    start, length = places
    piece = key[start : start + length]
    assume(len(piece) >= 12)
    assume(len(set(piece[:12].lower())) >= 5)
    written = "".join(ESCAPED[escape](letter) if n in escaped else letter for n, letter in enumerate(piece))
    assert "[key]" in Redactor(key)(f"{cut_off}{written}")


@pytest.mark.parametrize("cut_off", CUT_OFF)
def test_a_key_behind_an_escape_that_is_cut_off_goes_with_the_letters_that_this_took(cut_off: str) -> None:
    key = "12ab34cdEFghIJklMN"
    assert Redactor(key)(f"<{cut_off}12ab34cdEFghIJ\\u006blMN>") == f"<{cut_off}[key]>"


@given(key=ANY_KEY, before=st.binary(max_size=20), after=st.binary(max_size=20), for_urls=st.booleans())
def test_no_base64_that_holds_the_key_survives(key: str, before: bytes, after: bytes, for_urls: bool) -> None:
    encode = base64.urlsafe_b64encode if for_urls else base64.b64encode
    shown = Redactor(key)(encode(before + key.encode() + after).decode())
    # What is left is of the bytes around it, and of those that share a character with them.
    assert len(shown) <= len(encode(before)) + len("[key]") + len(encode(after)) + 8
    assert "[key]" in shown


@given(key=ANY_KEY)
def test_what_another_encoding_leaves_of_a_key_does_not_survive(key: str) -> None:
    for encoding in ("latin-1", "cp1252"):
        shown = Redactor(key)(f"<{key.encode().decode(encoding, 'replace')}>")
        assert shown == "<[key]>" or len(shown) <= 14, shown


@pytest.mark.parametrize("written", [readable("clé-7f3Kq9Zt0xL5".encode("latin-1")), "cl?-7f3Kq9Zt0xL5"])
def test_a_key_that_lost_its_letters_beyond_ascii_does_not_survive(written: str) -> None:
    assert Redactor("clé-7f3Kq9Zt0xL5")(f"<{written}>") == "<[key]>"


ORDINARY = [
    '{"sent":true,"message":"Message queued","id":"true_6281234567890@c.us_3EB0C767D26A1B2E"}',
    '{"error":"Instance is not running; scan the QR code at https:\\/\\/wa.example\\/qr?x=1%202&amp;y=3"}',
    "Сообщение поставлено в очередь, 100% · ✓ \\u0421\\u0435",
    "<html><body>502 Bad Gateway&nbsp;</body></html>",
    base64.b64encode(b"an ordinary text that is no key at all").decode(),
]


@pytest.mark.parametrize("text", ORDINARY)
@pytest.mark.parametrize("key", [*KEYS, KEY, "0" * 8 + "f" * 24, "a" * 32])
def test_ordinary_text_stays_as_it_is(text: str, key: str) -> None:
    assert Redactor(key)(text) == text


def test_no_more_is_kept_than_is_asked_for_and_a_key_across_its_end_goes() -> None:
    redact = Redactor(KEY)
    assert redact("x" * 70_000) == "x" * LONGEST_TEXT
    for written in (KEY, FORMS["hexadecimal HTML"](KEY)):
        for start in range(LONGEST_TEXT - len(written), LONGEST_TEXT):
            assert redact("." * start + written + "." * 70_000).rstrip(".") == "." * start + "[key]"


@pytest.mark.parametrize(
    "unit",
    [
        KEY,
        LONG,
        LONG[:14],
        LONG[:6],
        "%25",
        "\\u0025",
        "&amp;",
        "\\",
        "&",
        "%",
        "w" * 60,
        FORMS["HTML"](KEY),
        FORMS["\\uXXXX"](KEY),
    ],
)
def test_a_hostile_reply_takes_milliseconds(unit: str) -> None:
    for redact in (Redactor(KEY), Redactor(LONG)):
        started = time.process_time()
        redact(unit * (65_536 // len(unit)))
        assert time.process_time() - started < 0.5
        redact.whole(unit * (65_536 // len(unit)))
        assert time.process_time() - started < 2.0


def test_a_usual_reply_takes_microseconds() -> None:
    for key in (KEY, LONG):
        redact = Redactor(key)
        fastest = min(_seconds(redact, ORDINARY[0] * 2) for _ in range(200))
        assert fastest < 100e-6, "some 10 µs where nothing else runs"


def _seconds(redact: Redactor, text: str) -> float:
    started = time.perf_counter()
    redact(text)
    return time.perf_counter() - started


def test_what_is_kept_of_a_key_is_small() -> None:
    # Ten thousand instances in one worker have as many keys.
    Redactor(LONG)
    tracemalloc.start()
    try:
        kept = Redactor(LONG)
        assert tracemalloc.get_traced_memory()[0] < 60_000, kept
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("before", range(3))
def test_a_piece_of_twelve_letters_is_found_in_base64_wherever_it_begins(before: int) -> None:
    key = "Zk7Qp2Rb9TfLw4XcMd8Yh3Vn"
    for start in range(len(key) - 12 + 1):
        piece = "id"[:before] + key[start : start + 12]
        written = base64.b64encode(piece.encode()).decode()
        assert written not in Redactor(key)(f'{{"id":"{written}"}}'), (start, written)
