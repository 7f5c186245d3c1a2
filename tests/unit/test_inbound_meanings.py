"""What people ask for with a word."""

from __future__ import annotations

import pytest

from broadcaster.domain.content_lint import lint
from broadcaster.domain.contents import Content
from broadcaster.domain.inbound_meanings import DEFAULT_WORDS, InboundMeaning
from broadcaster.domain.templates import compile_template

HEARD = ("STOP", "Unsubscribe", "unsub", "BERHENTI", "hentikan", "Unreg", "Abmelden", "arrêt", "désinscrire", "baja")
HEARD += ("cancelar", "parar", "sair", "afmelden", "uitschrijven", "отписаться", "стоп", "iptal", "çık", "hủy", "dừng")
HEARD += ("หยุด", "ยกเลิก", "إلغاء", "توقف", "रोकें", "退订", "退訂", "停止", "配信停止", "수신거부")
SEEN = ("batal", "keluar", "取消")
"""They may be about what was ordered: a person reads them."""


@pytest.mark.parametrize("word", [*HEARD, *SEEN])
def test_a_word_that_a_text_may_offer_as_the_way_out_is_heard_or_shown_to_a_person(word: str) -> None:
    assert "no_opt_out" not in {
        remark.code for remark in lint(Content(text=compile_template(f"Hi. {word} ends this")))
    }
    meant = InboundMeaning.STOP if word in HEARD else InboundMeaning.NEAR_MISS
    for answer in (word, f"{word.upper()}!", f" {word} 🙏"):
        assert DEFAULT_WORDS.meaning(answer) is meant
