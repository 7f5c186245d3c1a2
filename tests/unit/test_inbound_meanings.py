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


SPELLED = ("S T O P", "S.T.O.P.", "s-t-o-p", "s_t_o_p!", "B E R H E N T I", "o p t o u t", "U-N-S-U-B-S-C-R-I-B-E")
DRAWN_OUT = (
    "STOPP",
    "s t o p p",
    "STOOOOP",
    "stopppp!!",
    "\uff33\uff34\uff2f\uff30",
    "\uff33 \uff34 \uff2f \uff30",
    "ストップ",
)
UNSPACED = (
    "请帮我退订",
    "退订谢谢你们",
    "我要取消订阅这个",
    "取消订单",
    "退 订",
    "不要再发了",
    "配信停止してください",
    "もう送らないでください",
    "수신거부해주세요",
)
UNSPACED += ("เลิกรับข้อความ", "ช่วยหยุดส่งข้อความด้วยครับ")
SURE = ("取消订阅", "请退订", "退订谢谢", "退订，谢谢！", "取消訂閱", "請退訂", "退訂謝謝")
SURE += (
    "Unsubscribe me",
    "stop please",
    "Please stop!",
    "STOP, please 🙏",
    "please unsubscribe",
    "Unsubscribe please",
)
ALIKE = ("please stop sending me this", "please don't stop", "unsubscribe me from the other list")
ALIKE += ("ST OP", "stoop", "un subscribe", "please S T O P now", "S-T-O-P it", "đừng gửi nữa")
OTHERS = ("谢谢，明天见", "ありがとうございます", "ขอบคุณครับ", "감사합니다", "A B C", "I O U", "top", "shop", "so p")
OTHERS += ("at the end", "Stopover", "好" * 500 + "退订")


@pytest.mark.parametrize("answer", SPELLED + DRAWN_OUT)
def test_a_stop_word_letter_by_letter_or_drawn_out_is_heard(answer: str) -> None:
    assert DEFAULT_WORDS.meaning(answer) is InboundMeaning.STOP


@pytest.mark.parametrize("answer", SURE)
def test_a_request_to_stop_that_is_the_whole_message_is_heard(answer: str) -> None:
    assert DEFAULT_WORDS.meaning(answer) is InboundMeaning.STOP


@pytest.mark.parametrize("answer", UNSPACED + ALIKE)
def test_a_stop_word_within_a_sentence_or_something_like_one_is_left_to_a_person(answer: str) -> None:
    assert DEFAULT_WORDS.meaning(answer) is InboundMeaning.NEAR_MISS


@pytest.mark.parametrize("answer", OTHERS)
def test_other_answers_ask_for_nothing(answer: str) -> None:
    assert DEFAULT_WORDS.meaning(answer) is None


def test_words_to_start_again_are_heard_as_they_are_alone() -> None:
    assert DEFAULT_WORDS.meaning("START") is InboundMeaning.START
    assert DEFAULT_WORDS.meaning("S T A R T") is None
