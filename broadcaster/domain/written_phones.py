"""Finds the digits of a phone number in what people, spreadsheets and WhatsApp write around it. Pure.

Not only separators are around a number: WhatsApp's ids (`62812…@c.us`), links (`wa.me/62812…`, `tel:+62812…`) and what
a spreadsheet makes of a text (`="62812…"`). Whether the digits are a number is not known here.
"""

from __future__ import annotations

import re
import unicodedata
from enum import Enum, StrEnum
from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from broadcaster.domain.whatsapp_numbers import GROUP_IDS, HIDDEN_IDS

LONGEST_WRITTEN = 64
"""Characters of the longest text around one number, but for links."""
_LONGEST_LINK = 4_096
FEWEST_DIGITS = 7
"""What has fewer digits is no phone number by itself (ITU-T E.164 has no shorter subscriber numbers with an area)."""

_SCIENTIFIC = re.compile(r"\s*[+-]?\d+(?:[.,]\d*)?[eE][+-]?\d+\s*")
_POINTS = ".\uff0e"
# pandas and others write a number so in a column with gaps. No digit is lost, but the zero is not one of its digits.
_FRACTION = re.compile(rf"(.*?(\d+))[{_POINTS}](\d+)\W*", re.DOTALL)
_LONG_RUN = 10
# `… (0)` and `… - 0`: what is apart at the end is no part of a mobile phone's number.
_APART = re.compile(r".*\d\s*(?:[(\uff08]\s*\d\s*[)\uff09]|\s[\u2010-\u2015\u2212-]\s+\d)\W*", re.DOTALL)
# A formula that only says that something is text, and quotes of any kind around everything.
_AS_TEXT = re.compile(r"=?\s*[\"\u201c\u201d\u201e\u00ab](.*)[\"\u201c\u201d\u00bb]", re.DOTALL)
_FORMULA = re.compile(r"=(?=\s*[+\d])")
_SCHEME = re.compile(r"(?:tel|sms|smsto|callto|whatsapp|wa):(?://)?(?=\s*[+(\d%])", re.IGNORECASE)
_ID = re.compile(r"(?:(?:true|false)_)?\+?(\d+)(?:[.:]\d+)*@(c\.us|s\.whatsapp\.net|hosted)(?:_.*)?", re.IGNORECASE)
_GROUP = re.compile(rf"[\w.-]+{GROUP_IDS}.*|(?:https?://)?chat\.whatsapp\.com/.*", re.IGNORECASE)
_HIDDEN = re.compile(rf"\d+(?:[.:]\d+)*{HIDDEN_IDS}.*", re.IGNORECASE)
_LINK = re.compile(
    r"(?:https?://)?(?:[a-z]+\.)?(?:wa\.me|whatsapp\.com)/.*|whatsapp://send.*", re.IGNORECASE | re.DOTALL
)
# faq.whatsapp.com/5913398998672934 "How to use click to chat", and what that page's links lead to.
_NUMBER_IN_PATH = frozenset({"wa.me", "www.wa.me"})
_NUMBER_IN_QUERY = frozenset({"api.whatsapp.com", "web.whatsapp.com", "www.whatsapp.com", "whatsapp.com"})
_PARAMETERS = re.compile(r";(?:ext|isub|phone-context)=.*", re.IGNORECASE)
# RFC 3966, 5.1.5: what a local number is to be read behind, if that is no domain.
_CONTEXT = re.compile(r";phone-context=(\+[\d.()-]+)", re.IGNORECASE)
_NO_PART_OF_A_NUMBER = re.compile(r"[^\d\s.()\-+\u2010-\u2015\u2212]+|\s{2,}|(?<=\d)\s*(?=\+)|[\r\n\t]+")
_FRONT = re.compile(r"^\s*(?:\+|00)|\(0\)")
_BETWEEN = re.compile(r"\s+|[\u2010-\u2015\u2212-]+")
# ITU-T E.164, 6.1. Some numbers in use are longer by a digit or two.
_MOST_DIGITS = 17


class Unusable(StrEnum):
    """Why there are no digits of one number in a text. Each is a `phones.PhoneFault` too."""

    EMPTY = "empty"
    NOT_A_NUMBER = "not_a_number"
    SCIENTIFIC_NOTATION = "scientific_notation"
    SEVERAL_NUMBERS = "several_numbers"
    GROUP = "group"
    HIDDEN_NUMBER = "hidden_number"


class WrittenAs(Enum):
    """How a number is written."""

    BARE = "bare"
    """Without `+` or `00`."""
    PLUS = "plus"
    """With `+`."""
    LINKED = "linked"
    """In an id or a link of WhatsApp's, which start with the country code."""
    ZEROS = "zeros"
    """With `00`."""
    UNUSABLE = "unusable"
    """There are no digits of one number."""


class Written(NamedTuple):
    """The digits of a text, in ASCII, or why there are none."""

    text: str
    """The digits without what stands in front of them; or an `Unusable`."""
    spelling: WrittenAs
    marked: str = ""
    """The digits with the `+` or `00` that stands in front of them."""


_UNREADABLE = Written(Unusable.NOT_A_NUMBER, WrittenAs.UNUSABLE)


def plain(written: str) -> Written:
    """What is written, without all that is around the digits."""
    if len(written) <= LONGEST_WRITTEN:
        whole = _whole(written)
        if whole is None:
            return _UNREADABLE
        found = _digits(whole.strip().translate(_PLAIN))
        if found is not None:
            return _one_of_many(whole) if len(found.text) > _MOST_DIGITS else found
    return _unwrapped(written.strip())


def _whole(written: str) -> str | None:
    """The text without the `.0` of a decimal number; None where another fraction or a single digit ends it.

    Points between the groups of a number are left as they are.
    """
    is_apart = (written[-1:] in ")\uff09" or " " in written[-6:]) and _APART.fullmatch(written)
    if is_apart and sum(map(str.isdecimal, written)) > FEWEST_DIGITS:
        return None
    if not any(point in written for point in _POINTS) or not (found := _FRACTION.fullmatch(written)):
        return written
    whole, run, fraction = found.groups()
    if sum(map(str.isdecimal, whole)) < FEWEST_DIGITS:
        return written
    is_undivided = len(run) >= FEWEST_DIGITS
    if int(fraction) == 0 and (is_undivided or len(fraction) == 1):
        return whole
    return None if len(run) >= _LONG_RUN or len(fraction) <= 1 + is_undivided else written


def _digits(cleaned: str) -> Written | None:
    """What has nothing but digits behind a plus sign, or is nothing but digits."""
    spelling, digits = WrittenAs.BARE, cleaned
    if cleaned.startswith("+"):
        spelling, digits = WrittenAs.PLUS, cleaned[1:]
    elif cleaned.startswith("00"):
        spelling, digits = WrittenAs.ZEROS, cleaned[2:]
    return Written(digits, spelling, cleaned) if digits.isdecimal() else None


def _one_of_many(written: str) -> Written:
    """What has more digits than a number: several of them, side by side, or one that is too long."""
    sizes = [len(part.translate(_PLAIN)) for part in _BETWEEN.split(written.strip())]
    if sum(size >= FEWEST_DIGITS for size in sizes) > 1:
        return Written(Unusable.SEVERAL_NUMBERS, WrittenAs.UNUSABLE)
    return _digits(written.strip().translate(_PLAIN)) or _UNREADABLE


def _unwrapped(text: str) -> Written:
    text = "".join(character for character in text if unicodedata.category(character) != "Cf").strip()
    if not text.strip("'"):
        return Written(Unusable.EMPTY, WrittenAs.UNUSABLE)
    if _GROUP.fullmatch(text):
        return Written(Unusable.GROUP, WrittenAs.UNUSABLE)
    if _HIDDEN.fullmatch(text):
        return Written(Unusable.HIDDEN_NUMBER, WrittenAs.UNUSABLE)
    if (found := _ID.fullmatch(text)) and len(text) <= _LONGEST_LINK:
        return _after_code(found[1].translate(_PLAIN))
    if len(text) <= _LONGEST_LINK and _LINK.fullmatch(text):
        return _linked(text)
    if len(text) > LONGEST_WRITTEN:
        return Written(_fault(text), WrittenAs.UNUSABLE)
    inner = _without_quotes(text)
    inner = _without_scheme(inner) if _SCHEME.match(inner) else inner
    if inner != text:
        return plain(inner)
    if "/" in text and not _is_several(text):
        return _digits(text.replace("/", "").translate(_PLAIN)) or Written(_fault(text), WrittenAs.UNUSABLE)
    return Written(_fault(text), WrittenAs.UNUSABLE)


def _without_quotes(text: str) -> str:
    if quoted := _AS_TEXT.fullmatch(text):
        return quoted[1].replace('""', '"').strip()
    return _FORMULA.sub("", text, count=1) if _FORMULA.match(text) else text


def _without_scheme(text: str) -> str:
    """The number of a link such as `tel:`, behind the code of its context."""
    number = unquote(_PARAMETERS.sub("", _SCHEME.sub("", text))).strip()
    context = _CONTEXT.search(text)
    return number if context is None or number.startswith("+") else context[1] + number


def _linked(text: str) -> Written:
    """The number in a link that WhatsApp documents: behind wa.me/, or as the parameter `phone` of /send."""
    try:
        parts = urlsplit(text if "//" in text else f"//{text}")
        in_query = parse_qs(parts.query.replace("+", "%2B")).get("phone", [])
    except ValueError:
        return _UNREADABLE
    path, host = unquote(parts.path).strip("/"), parts.netloc.lower()
    if host in _NUMBER_IN_PATH and not in_query:
        number = path
    elif len(in_query) == 1 and ((host in _NUMBER_IN_QUERY and path == "send") or parts.scheme.lower() == "whatsapp"):
        number = in_query[0]
    else:
        return _UNREADABLE
    whole = _whole(number)
    return _UNREADABLE if whole is None else _after_code(whole.translate(_PLAIN).removeprefix("+"))


def _after_code(digits: str) -> Written:
    """Of an id or a link, which have no zero in front."""
    if not digits.isdecimal() or digits.startswith("0"):
        return _UNREADABLE
    return Written(digits, WrittenAs.LINKED, f"+{digits}")


def _fault(text: str) -> Unusable:
    """Why a text with other characters than digits, or with none, is no number."""
    if _SCIENTIFIC.fullmatch(text):
        return Unusable.SCIENTIFIC_NOTATION
    return Unusable.SEVERAL_NUMBERS if _is_several(text) else Unusable.NOT_A_NUMBER


def _is_several(text: str) -> bool:
    """Whether there is more than one number, or a number and another ending of it (`… 1234567/8`)."""
    sizes = [sum(map(str.isdecimal, part)) for part in _NO_PART_OF_A_NUMBER.split(text)]
    if sum(size >= FEWEST_DIGITS for size in sizes) > 1:
        return True
    before = [sum(map(str.isdecimal, _FRONT.sub("", part))) for part in text.split("/")[:-1]]
    return any(size >= FEWEST_DIGITS for size in before)


class _PlainCharacters(dict[int, str]):
    """For str.translate: digits of any script become ASCII, separators and invisible marks go, the rest stays."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        category = unicodedata.category(character)
        if category == "Nd":
            plain = str(unicodedata.decimal(character))
        elif category in {"Zs", "Pd", "Cf"}:
            # Spaces, dashes, and format marks such as U+200E around copied numbers.
            plain = ""
        else:
            plain = character
        self[code] = plain
        return plain


# An apostrophe in front is how spreadsheets mark text; the minus sign and full-width forms are symbols to Unicode.
_PLAIN = _PlainCharacters({ord(character): "" for character in ".()'\u2019\u2212\uff0e\uff08\uff09"} | {0xFF0B: "+"})
