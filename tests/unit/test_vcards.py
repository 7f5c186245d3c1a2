"""vCards: cards that are damaged, encodings of their values, and which phone of a card is taken."""

from __future__ import annotations

import encodings.aliases
import io

import pytest

from broadcaster.errors import InputError
from broadcaster.services.recipients.list_options import RecipientOptions
from broadcaster.services.recipients.reader import read_recipients
from broadcaster.services.recipients.text import text_codec

A, B, C = "6281234567801", "6281234567802", "6281234567803"


def read(*lines: str) -> list[tuple[str, str]]:
    """Phone and name of each card."""
    content = "".join(f"{line}\r\n" for line in lines)
    with read_recipients(io.BytesIO(content.encode()), RecipientOptions()) as reader:
        return [(phone, values["name"]) for batch in reader for _, phone, values in batch.recipients]


def card(*lines: str) -> list[str]:
    return ["BEGIN:VCARD", "VERSION:3.0", *lines, "END:VCARD"]


def test_a_card_that_begins_within_another_refuses_the_file() -> None:
    open_card = card("FN:A", f"TEL:+{A}")[:-1]
    whole = card("FN:B", f"TEL:+{B}")
    with pytest.raises(InputError, match="line 5: a card begins here, and that of line 1 has not ended"):
        read(*open_card, *whole, "END:VCARD", *card("FN:C", f"TEL:+{C}"))


def test_a_card_that_ends_without_having_begun_refuses_the_file() -> None:
    with pytest.raises(InputError, match="line 8: a card ends here that has not begun"):
        read(*card("FN:A", f"TEL:+{A}"), "FN:B", f"TEL:+{B}", "END:VCARD")


def test_an_agent_s_card_is_part_of_its_card() -> None:
    assert read(*card("FN:A", "AGENT:", *card("FN:B", f"TEL;CELL:+{B}"), f"TEL:+{A}")) == [(A, "A")]


@pytest.mark.parametrize("charset", ["idna", "punycode", "undefined", "unicode_escape", "utf-7", "rot13", "utf\\x-16"])
def test_a_value_in_no_encoding_of_texts_refuses_the_file(charset: str) -> None:
    with pytest.raises(InputError, match=r"line 3: CHARSET '.*' is no encoding of texts"):
        read(*card(f"FN;CHARSET={charset};ENCODING=QUOTED-PRINTABLE:A=FFB", f"TEL:+{A}"))
    assert read(*card(f"NOTE;CHARSET={charset};ENCODING=QUOTED-PRINTABLE:A=FFB", f"TEL:+{A}")) == [(A, "")]


def test_the_encodings_of_texts_are_all_that_python_has_but_some() -> None:
    windows_alone = {"mbcs", "oem"}
    known = {*encodings.aliases.aliases.values(), "cp1006", "koi8_u"} - windows_alone
    of_bytes = {"base64_codec", "bz2_codec", "hex_codec", "quopri_codec", "uu_codec", "zlib_codec"}
    assert {name for name in known if text_codec(name) is None} == of_bytes | {"rot_13", "utf_7"}


@pytest.mark.parametrize(
    "phones",
    [
        [f"TEL;TYPE=cell;PREF=2:+{B}", f"TEL;TYPE=cell;PREF=1:+{A}"],
        [f"TEL;TYPE=cell;PREF=9:+{B}", f"TEL;TYPE=cell;PREF=10:+{C}", f"TEL;TYPE=cell,pref:+{A}"],
        [f"TEL;TYPE=cell:+{B}", f"TEL;TYPE=cell;PREF=100:+{A}"],
        [f"TEL;TYPE=work;PREF=1:+{B}", f"TEL;TYPE=cell;PREF=2:+{A}"],
        [f"item1.TEL:+{B}", "item1.X-ABLabel:Fax", f"item2.TEL:+{A}"],
        ["item1.X-ABLabel:_$!<HomeFAX>!$_", f"item1.TEL;type=pref:+{B}", f"item2.TEL:+{A}"],
        [f"item1.TEL:+{B}", f"item2.TEL:+{A}", "item1.X-ABLabel:Home", "item2.X-ABLabel:WhatsApp"],
    ],
)
def test_the_preferred_mobile_phone_is_taken_and_labels_say_what_phones_are(phones: list[str]) -> None:
    assert read(*card("FN:A", *phones)) == [(A, "A")]
