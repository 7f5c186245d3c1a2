"""Of which other countries the bare numbers of a file may be, read as national numbers without their zero. Pure.

`51984834969` begins with Peru's calling code, and is a mobile number of Porto Alegre (Brazil, area 51) as well. Where
nearly all bare numbers of a file are mobile numbers of another country so, that they agree on one calling code says
nothing: a town has one area code. docs/decisions/0024-whose-country.md has the measurements behind the figures.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import phonenumbers
from phonenumbers import NumberParseException, PhoneMetadata, PhoneNumber, PhoneNumberFormat

from broadcaster.domain.phone_countries import callable_countries
from broadcaster.domain.phones import is_mobile, parse_e164
from broadcaster.domain.written_phones import WrittenAs, plain

MOST_SAMPLES = 60
"""How many bare numbers are kept of a file, at most."""

_NEARLY_ALL = 0.95
_SCATTERED = 50
# Their mobile numbers have area codes, which all of a town share (libphonenumber, "geo mobile countries", and the
# North American plan).
_WITH_AREA_CODES = frozenset({1, 52, 54, 55})
# WhatsApp does not work there. Half of the area codes of the United States begin like its mobile numbers: 1 312 …
_WITHOUT_WHATSAPP = frozenset({"CN"})
_FIRST_DIGITS = re.compile(r"[^\d]*(\d+)")
_PARENTHESIS = re.compile(r"\W*[(\uff08]\s*\d")


class BareNumber(NamedTuple):
    """A number that is written without `+` or `00`."""

    digits: str
    front: str
    """The digits that stand together at its beginning: an area code, a calling code, or all."""
    in_parentheses: bool
    """Whether these are, as area codes are written."""


class EvenSample:
    """Keeps some of the bare numbers of a file, from all of it: a sorted file begins with one area."""

    def __init__(self) -> None:
        self._kept: list[str] = []
        self._every = 1
        self._seen = 0

    def add(self, written: Sequence[str]) -> None:
        """Some more of them, as they are written."""
        self._kept.extend(written[-self._seen % self._every :: self._every])
        self._seen += len(written)
        while len(self._kept) > MOST_SAMPLES:
            self._kept = self._kept[::2]
            self._every *= 2

    @property
    def numbers(self) -> list[BareNumber]:
        """Those that were kept, in the order of the file."""
        return [_bare(written) for written in self._kept]


def national_readings(samples: Sequence[BareNumber], code: int, count: int) -> list[str]:
    """The ISO 3166 codes of the other countries of which a file may have national numbers.

    `samples` are from its `count` bare numbers, all read with the calling `code` first. Nearly all of them must be
    mobile numbers there. A file of many numbers is of a country without area codes only where it is written so: its
    numbers would not all begin alike. Countries whose numbers are spelled like the first sample come first.
    """
    is_national = 2 * sum(each.in_parentheses or len(each.front) < len(str(code)) for each in samples) > len(samples)
    found = [
        country
        for country in callable_countries()
        if country not in _WITHOUT_WHATSAPP
        and (other := phonenumbers.country_code_for_region(country)) != code
        and (is_national or count < _SCATTERED or other in _WITH_AREA_CODES)
        and _nearly_all_are_of(country, other, samples, str(code))
    ]
    return sorted(found, key=lambda country: not _is_spelled_as_in(country, samples[0]))


def _nearly_all_are_of(country: str, other: int, samples: Sequence[BareNumber], code: str) -> bool:
    borne = int((1 - _NEARLY_ALL) * len(samples))
    for each in samples:
        if not _may_be_of(country, other, each, code):
            borne -= 1
            if borne < 0:
                return False
    return bool(samples)


def _may_be_of(country: str, other: int, written: BareNumber, code: str) -> bool:
    """Whether it is a mobile number of the country, and not written with the calling code apart.

    `1 512 …` is: German numbers have no group of one digit in front.
    """
    if len(written.digits) not in _mobile_lengths(country):
        return False
    number = _mobile(other, written.digits)
    if number is None:
        return False
    return written.in_parentheses or written.front != code or len(_front(number)) == len(code)


def _is_spelled_as_in(country: str, written: BareNumber) -> bool:
    """Whether what stands together at its beginning does so there too; the likelier country."""
    number = _mobile(phonenumbers.country_code_for_region(country), written.digits)
    return number is not None and _front(number) == written.front


@cache
def _mobile_lengths(country: str) -> frozenset[int]:
    metadata = PhoneMetadata.metadata_for_region(country)
    return frozenset(metadata.mobile.possible_length if metadata and metadata.mobile else ())


def _mobile(code: int, national: str) -> PhoneNumber | None:
    try:
        number = parse_e164(f"{code}{national}")
    except NumberParseException:
        return None
    read_whole = phonenumbers.national_significant_number(number) == national
    return number if read_whole and phonenumbers.is_valid_number(number) and is_mobile(number) else None


def _front(number: PhoneNumber) -> str:
    """What stands together at the beginning of the number in its own country, without the zero."""
    written = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    found = _FIRST_DIGITS.match(written)
    return found[1].removeprefix("0") if found else ""


def _bare(written: str) -> BareNumber:
    digits, spelling, _ = plain(written)
    found = _FIRST_DIGITS.match(written)
    front = found[1] if found and spelling is WrittenAs.BARE else digits
    return BareNumber(digits, front, _PARENTHESIS.match(written) is not None)
