"""What an inbound message asks for, by its words. Pure.

Only a message that is nothing but one of the words means something by itself, also letter by letter (`S.T.O.P.`) or
drawn out (`STOOOP`). What has such a word among others, or something like it, is left to a person: "do not stop" asks
for the contrary.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

LONGEST_NEAR_MISS = 60
"""Words: in a longer message they are about something else."""


class InboundMeaning(StrEnum):
    """What the words of a reply ask for, where they ask for something that is known."""

    STOP = "stop"
    """To be messaged no more."""
    START = "start"
    """To be messaged again."""
    NEAR_MISS = "near_miss"
    """It may ask to be messaged no more: a person has to read it."""


STOP_WORDS = {
    "en": (
        "stop",
        "stop all",
        "stop promo",
        "unsubscribe",
        "unsub",
        "end",
        "quit",
        "cancel",
        "revoke",
        "opt out",
        "optout",
        "please stop",
        "stop please",
        "unsubscribe me",
        "please unsubscribe",
        "unsubscribe please",
    ),
    "id": ("berhenti", "stop promo", "henti", "hentikan", "unreg", "batal langganan"),
    "ms": ("berhenti", "henti"),
    "es": ("salir", "baja", "parar", "cancelar", "alto"),
    "pt": ("sair", "parar", "cancelar", "pare", "descadastrar"),
    "fr": ("arrêt", "arrêter", "arrêtez", "désabonner", "désinscrire", "stop"),
    "de": ("stopp", "abmelden", "abbestellen"),
    "it": ("ferma", "basta", "cancella", "disiscrivi"),
    "nl": ("stoppen", "afmelden", "uitschrijven"),
    "tr": ("dur", "iptal", "ret", "çık"),
    "ru": ("нет", "стоп", "отписаться", "отмена"),
    "ar": ("توقف", "إيقاف", "الغاء", "إلغاء", "إلغاء الاشتراك"),
    "hi": ("रोकें", "बंद करें", "बंद"),
    "vi": ("hủy", "dừng"),
    "th": ("หยุด", "ยกเลิก"),
    "zh": (
        "退订",
        "退訂",
        "停止",
        "取消订阅",
        "取消訂閱",
        "请退订",
        "請退訂",
        "退订谢谢",
        "退訂謝謝",
        "退订，谢谢",
        "退訂，謝謝",
    ),
    "ja": ("配信停止", "停止", "ストップ"),
    "ko": ("수신거부",),
}
"""By language. Where one opts out by a word that another language uses otherwise, the word still counts."""
START_WORDS = {
    "en": ("start", "unstop", "subscribe", "opt in", "resume"),
    "id": ("mulai", "langganan"),
    "ms": ("mula",),
    "es": ("iniciar", "alta", "empezar"),
    "pt": ("iniciar", "começar", "voltar"),
    "fr": ("démarrer", "reprendre", "abonner"),
    "de": ("starten", "anmelden"),
    "it": ("inizia", "iscrivi"),
    "nl": ("starten", "aanmelden"),
    "tr": ("başla",),
    "ru": ("старт", "начать", "подписаться"),
    "ar": ("ابدأ", "اشتراك"),
    "hi": ("शुरू", "शुरू करें"),
}
NEAR_MISSES = {
    "en": ("stop", "unsubscribe", "opt out", "remove me", "remove my number", "dont send", "do not send",
           "dont message", "do not message", "dont text", "leave me alone", "spam", "no more messages",
           "wrong number"),
    "id": ("berhenti", "hentikan", "batal", "keluar", "jangan kirim", "jangan wa", "jangan chat", "hapus nomor",
           "salah nomor", "stop"),
    "es": ("baja", "no me escriban", "no envien", "no enviar", "dejen de", "numero equivocado"),
    "pt": ("parar", "pare", "nao envie", "nao enviar", "nao mande", "descadastrar", "numero errado"),
    "fr": ("arrêtez", "désabonner", "ne plus", "mauvais numéro"),
    "de": ("abmelden", "abbestellen", "keine nachrichten", "falsche nummer"),
    "it": ("basta", "non scrivere", "non inviare"),
    "ru": ("стоп", "не пишите", "отпишите", "хватит", "не присылайте"),
    "ar": ("توقف", "إيقاف", "لا ترسل"),
    "hi": ("रोकें", "बंद", "मत भेजो"),
    "zh": ("退订", "退訂", "停止", "取消", "不要再", "别再发", "別再發", "不要发", "不要發", "拉黑", "骚扰"),
    "ja": ("停止", "ストップ", "解除", "退会", "やめて", "送らないで", "不要です", "迷惑"),
    "ko": ("거부", "그만", "중지", "해지", "보내지"),
    "th": ("หยุด", "ยกเลิก", "เลิกรับ", "เลิกส่ง", "อย่าส่ง", "ไม่ต้องส่ง", "ไม่รับข้อความ"),
    "vi": ("hủy", "dừng", "đừng gửi", "đừng nhắn"),
}  # fmt: skip
"""What is looked for among other words."""

# Thai and Lao, Burmese, Korean, Khmer, Japanese, Chinese. Korean has blanks, and endings where others have words.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff]"
)
_LETTERS_A_WORD = 3
"""About, where there are no blanks between words."""
_DRAWN_OUT = re.compile(r"(.)\1{2,}")
_REPEATED = re.compile(r"(.)\1+")
_LETTER_BY_LETTER = re.compile(r"(?<!\S)\S(?: \S(?!\S)){2,}")


def plain_words(text: str) -> str:
    """The words of a text without case, accents, punctuation and emoji, one blank between them.

    A word that is said again and again is said once. Vowel signs of Indian scripts stay: they are no accents.
    """
    words = _words(text)
    return " ".join(word for place, word in enumerate(words) if place == 0 or word != words[place - 1])


def _words(text: str) -> list[str]:
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold()).replace("ı", "i")
    kept = []
    for each in decomposed:
        kind = unicodedata.category(each)
        if kind == "Cf" or unicodedata.combining(each) or each in "'’`´":
            continue
        is_letter = kind[0] in "LN" or (kind in ("Mn", "Mc") and not "\ufe00" <= each <= "\ufe0f")
        kept.append(each if is_letter else " ")
    return "".join(kept).split()


@dataclass(frozen=True, slots=True)
class ReplyWords:
    """The words that mean something, as `plain_words` has them."""

    stop: frozenset[str]
    start: frozenset[str]
    near_miss: frozenset[str]

    @classmethod
    def of(cls, stop: Iterable[str], start: Iterable[str], near_miss: Iterable[str]) -> ReplyWords:
        """From words as people write them."""
        return cls(*(frozenset(filter(None, map(plain_words, words))) for words in (stop, start, near_miss)))

    def meaning(self, body: str | None) -> InboundMeaning | None:
        """What a message asks for; None: nothing that is known."""
        text = plain_words(body or "")
        if text in self.start:
            return InboundMeaning.START
        written = " ".join(_words(body or ""))
        joined = _LETTER_BY_LETTER.sub(lambda letters: letters[0].replace(" ", ""), written)
        if not self.stop.isdisjoint({text, joined, _DRAWN_OUT.sub(r"\1", text)}):
            return InboundMeaning.STOP
        is_near = self._is_among(text) or self._is_among(joined) or self._is_alike(written)
        return InboundMeaning.NEAR_MISS if is_near else None

    def _is_among(self, text: str) -> bool:
        """Whether one of the words to look for is in the text: a whole one, where there are blanks between words."""
        if max(text.count(" "), len(_UNSPACED.findall(text)) // _LETTERS_A_WORD) >= LONGEST_NEAR_MISS:
            return False
        among = f" {text} "
        unspaced = set(filter(_UNSPACED.search, self.near_miss | self.stop))
        return any(words in text for words in unspaced) or any(f" {words} " in among for words in self.near_miss)

    def _is_alike(self, text: str) -> bool:
        """Whether it is a stop word but for blanks, and letters that are written twice: `ST OP`, `STOOP`."""
        return _squeezed(text) in set(map(_squeezed, self.stop))


def _squeezed(text: str) -> str:
    return _REPEATED.sub(r"\1", text.replace(" ", ""))


def every_word(by_language: dict[str, tuple[str, ...]]) -> list[str]:
    """The words of all languages."""
    return [word for words in by_language.values() for word in words]


DEFAULT_WORDS = ReplyWords.of(every_word(STOP_WORDS), every_word(START_WORDS), every_word(NEAR_MISSES))
