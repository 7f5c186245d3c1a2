"""The sentences that Broadcaster itself words, and stores in English, in the language of a page.

Reasons and standstills are English wherever they are made: the command line shows them, and rows keep them. A page
knows them by their patterns. What is no sentence of ours is a gateway's or an operator's: it stays as it is, quoted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from markupsafe import Markup

from broadcaster.domain.skips import SkipReason
from broadcaster.domain.standstill import Standstill
from broadcaster.pages.languages import Language
from broadcaster.pages.own_texts import CHAT_READINGS, OWN_TEXTS

_SKIPPED = {reason.value: reason.value.replace("_", " ") for reason in SkipReason}
"""Why somebody is skipped, by the word of the API that rows have."""
_HOLE = re.compile(r"%\((\w+)\)s")
_NUMBERS = {"count", "others"}
_SHARES = {"share", "bound", "shares"}
_FORMS = {
    **dict.fromkeys(_NUMBERS, "[0-9][0-9,]*"),
    "status": "[0-9]+",
    "limit": "(?:(?!, again).)+?(?<!,)",
    **dict.fromkeys(("share", "bound"), "[0-9.]+%"),
    "shares": "[0-9.]+%(?:, [0-9.]+%)*",
    "spell": "[0-9][0-9.a-z]*",
}
"""Holes for whole numbers, for a status, for a limit, which may be `customers, 10/h` and goes on no further, for
shares, and for spans of time such as `20s..1m`. What is in a hole called `said_…` is ours, too; in `why` it may be; in
others it is not.
"""


def own_words(text: str, language: Language) -> str | None:
    """A sentence of ours, or several, in the language; None: it is not ours."""
    if not text:
        return text
    theirs, reading = _apart(text)
    if reading:
        told_both = [own_words(each, language) for each in (theirs, reading)]
        return "; ".join(map(str, told_both)) if all(told_both) else None
    said = _SKIPPED.get(text, text)
    for pattern, message in _patterns():
        found = pattern.fullmatch(said)
        told = None if found is None else _filled(found.groupdict(), language)
        if told is not None:
            return language.gettext(message) % told if told else language.gettext(message)
    for separator in ("; ", ", "):
        parts = text.split(separator)
        if len(parts) > 1 and all(found_parts := [own_words(each, language) for each in parts]):
            return separator.join(map(str, found_parts))
    return None


def in_own_words(text: str, language: Language) -> str:
    """The same, and what is not ours as it is."""
    told = own_words(text, language)
    return text if told is None else told


def reason_shown(text: str, language: Language) -> Markup:
    """A reason as a page shows it: ours in the language, others' words quoted, also where ours follow them."""
    told = own_words(text, language)
    if told is not None:
        return Markup("<bdi>{}</bdi>").format(told)
    theirs, reading = _apart(text)
    told = own_words(reading, language)
    if told:
        return Markup("<q><bdi>{}</bdi></q>; <bdi>{}</bdi>").format(theirs, told)
    return Markup("<q><bdi>{}</bdi></q>").format(text)


def told_standstill(found: Standstill, language: Language) -> str:
    """What does not move, and why, without what to do about it."""
    _, clock = language.gettext, language.moment
    since = " " + _("since %(moment)s") % {"moment": clock(found.since)} if found.since else ""
    why = f": {in_own_words(found.detail, language)}" if found.detail else ""
    clauses = [f"{_(found.what)} {found.name} {in_own_words(found.says, language)}{since}{why}"]
    if found.follows is not None:
        words, moment = found.follows
        clauses.append(f"{_(words)} {_('now') if moment is None else clock(moment)}")
    if found.until:
        clauses.append(_(found.given_up) % {"moment": clock(found.until)})
    if found.is_waited_for:
        waits = "%(count)s message waits" if found.waiting == 1 else "%(count)s messages wait"
        clauses.append(_(waits) % {"count": language.number(found.waiting)})
    return "; ".join(clauses)


def _apart(text: str) -> tuple[str, str]:
    """What a gateway said of a message, and what its chat told after that, which may be nothing."""
    found = _with_reading().fullmatch(text)
    return (found[1], found[2]) if found else (text, "")


def _filled(holes: dict[str, str], language: Language) -> dict[str, str] | None:
    """What stands in the holes; None: what has to be ours is not."""
    told = {}
    for name, said in holes.items():
        if name in _NUMBERS:
            told[name] = language.number(int(said.replace(",", "")))
        elif name in _SHARES:
            told[name] = ", ".join(map(language.percent_as_said, said.split(", ")))
        elif name.startswith("said"):
            ours = own_words(said, language)
            if ours is None:
                return None
            told[name] = ours
        else:
            told[name] = in_own_words(said, language) if name == "why" else said
    return told


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Those with fewer holes come first: they say more of the text."""
    texts = sorted(OWN_TEXTS, key=lambda text: (len(_HOLE.findall(text)), -len(text)))
    return tuple((re.compile("".join(_pieces(text)), re.DOTALL), text) for text in texts)


@cache
def _with_reading() -> re.Pattern[str]:
    readings = "|".join(re.sub(r"\(\?P<\w+>", "(?:", "".join(_pieces(text))) for text in CHAT_READINGS)
    return re.compile(f"(.+?); ({readings})", re.DOTALL)


def _pieces(text: str) -> Iterator[str]:
    for number, piece in enumerate(_HOLE.split(text)):
        yield re.escape(piece) if number % 2 == 0 else f"(?P<{piece}>{_FORMS.get(piece, '.+?')})"
