import re

import pytest

from broadcaster.simulator.numbers import Aliases, renaming


@pytest.mark.parametrize(
    ("aliases", "sent", "kept"),
    [
        ("mexico", "525512345678", "5215512345678"),
        ("mexico", "5215512345678", "5215512345678"),
        ("mexico", "628123456789", "628123456789"),
        ("brazil", "5511987654321", "551187654321"),
        ("brazil", "551187654321", "551187654321"),
        ("brazil", "5411987654321", "5411987654321"),
        ("ninth_digit", "5411987654321", "541187654321"),
        ("argentina", "541123456789", "5491123456789"),
        ("argentina", "5491123456789", "5491123456789"),
        ("ivory_coast", "2250712345678", "22512345678"),
        ("ivory_coast", "22512345678", "22512345678"),
        ({"52": "521"}, "525512345678", "5215512345678"),
        ({"52": "521"}, "5215512345678", "5215512345678"),
        ({"521": "52"}, "5215512345678", "525512345678"),
        ({"5": "7", "52": "521"}, "525512345678", "5215512345678"),
        ({"54": "549", "52": "521"}, "541123456789", "5491123456789"),
    ],
)
def test_a_chat_is_kept_under_one_number_whichever_was_sent_to(aliases: Aliases, sent: str, kept: str) -> None:
    assert renaming(aliases)(sent) == kept


def test_an_id_says_nothing_of_the_number_and_can_be_asked_for() -> None:
    rename = renaming("lid")
    first, again, other = rename("628123456789"), rename("628123456789"), rename("628123456780")

    assert first == again != other
    assert re.fullmatch(r"[1-9]\d{14}", first)
    assert "8123" not in first
