"""What an inbound message asks for, by its words. Pure.

Only a message that is nothing but one of the words means something by itself. What has such a word among others is
left to a person: "do not stop sending these" asks for the contrary.
"""

from __future__ import annotations

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
    "zh": ("退订", "退訂", "停止"),
    "ja": ("配信停止", "停止"),
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
    "zh": ("退订", "退訂", "停止", "取消"),
}  # fmt: skip
"""What is looked for among other words."""


def plain_words(text: str) -> str:
    """The words of a text without case, accents, punctuation and emoji, one blank between them.

    A word that is said again and again is said once. Vowel signs of Indian scripts stay: they are no accents.
    """
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold()).replace("ı", "i")
    kept = []
    for each in decomposed:
        kind = unicodedata.category(each)
        if kind == "Cf" or unicodedata.combining(each) or each in "'’`´":
            continue
        is_letter = kind[0] in "LN" or (kind in ("Mn", "Mc") and not "\ufe00" <= each <= "\ufe0f")
        kept.append(each if is_letter else " ")
    words = "".join(kept).split()
    return " ".join(word for place, word in enumerate(words) if place == 0 or word != words[place - 1])


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
        if text in self.stop:
            return InboundMeaning.STOP
        if text in self.start:
            return InboundMeaning.START
        among = f" {text} "
        is_near = text.count(" ") < LONGEST_NEAR_MISS and any(f" {words} " in among for words in self.near_miss)
        return InboundMeaning.NEAR_MISS if is_near else None


def every_word(by_language: dict[str, tuple[str, ...]]) -> list[str]:
    """The words of all languages."""
    return [word for words in by_language.values() for word in words]


DEFAULT_WORDS = ReplyWords.of(every_word(STOP_WORDS), every_word(START_WORDS), every_word(NEAR_MISSES))
