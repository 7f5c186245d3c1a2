"""Turns phone numbers as people and spreadsheets write them into the digits of E.164.

A number is accepted exactly if `phonenumbers.is_valid_number` accepts it. A number without `+` or `00` is read as a
number of the given country; if no country is given, it must start with its country calling code.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from enum import StrEnum
from operator import itemgetter

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, ValidationResult

from broadcaster.domain.phone_proofs import prove
from broadcaster.errors import InputError, UsageError

MAX_WRITTEN_LENGTH = 64
"""The longest text, in characters, that is taken for a phone number."""

# ITU-T E.164, 6.1. phonenumbers knows a few longer numbers, so this only explains a refusal.
_MAX_E164_DIGITS = 15

# A proof is remembered by this many leading characters. Six settle nearly every number, nine the rest.
_DEPTHS = (6, 9)
_BEGINNING = itemgetter(slice(_DEPTHS[0]))
_MAX_PROOFS = 200_000

_SCIENTIFIC = re.compile(r"\s*[+-]?\d+(?:[.,]\d*)?[eE][+-]?\d+\s*")
# pandas and others write a number so in a column with gaps. No digit is lost, but the zero is not one of its digits.
_WRITTEN_AS_FLOAT = re.compile(r"\s*(\+?\d{7,})\.0+\s*")


class PhoneFault(StrEnum):
    """Why a text is not taken as the phone number of a recipient. A closed set; `sentence` says it to a person."""

    EMPTY = "empty"
    NOT_A_NUMBER = "not_a_number"
    SCIENTIFIC_NOTATION = "scientific_notation"
    NEEDS_COUNTRY = "needs_country"
    UNKNOWN_COUNTRY_CODE = "unknown_country_code"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    INVALID_FOR_COUNTRY = "invalid_for_country"
    FORGOTTEN = "forgotten"

    @property
    def sentence(self) -> str:
        """One sentence, without the number, that says what is wrong and what to do."""
        return _SENTENCES[self]


_SENTENCES = {
    PhoneFault.EMPTY: "The phone number is empty.",
    PhoneFault.NOT_A_NUMBER: (
        "This is not a phone number: only digits, +, spaces, dashes, dots and parentheses may be in it."
    ),
    PhoneFault.SCIENTIFIC_NOTATION: (
        "A spreadsheet turned this number into scientific notation and lost digits: "
        "format the column as text and enter the number again."
    ),
    PhoneFault.NEEDS_COUNTRY: (
        "This is a national number, because it starts with 0: "
        "write it with its country code, or name the country of such numbers."
    ),
    PhoneFault.UNKNOWN_COUNTRY_CODE: "The number does not start with the calling code of any country.",
    PhoneFault.TOO_SHORT: "The number has too few digits for its country.",
    PhoneFault.TOO_LONG: "The number has too many digits for its country.",
    PhoneFault.INVALID_FOR_COUNTRY: "No number like this exists in its country.",
    PhoneFault.FORGOTTEN: (
        "This number was forgotten: leave it out unless the person has agreed again (`broadcaster phone readmit`)."
    ),
}


class PhoneError(InputError):
    """A text that is not a usable phone number. `fault` says why; the message is the fault's sentence."""

    def __init__(self, fault: PhoneFault) -> None:
        super().__init__(fault.sentence)
        self.fault = fault


class PhoneNormaliser:
    """Turns written numbers into E.164 digits, and remembers what it has proven about their beginnings.

    Call it with a text; it returns the digits (`"+62 812-3456-7890"` → `"6281234567890"`) or raises PhoneError.

    `country` is the ISO 3166 code (`"ID"`) of the numbers that are written without `+` or `00`. Raises UsageError
    for a code that is not a country's.
    """

    def __init__(self, country: str | None = None) -> None:
        self._country = None if country is None else _region(country)
        self._proofs: dict[tuple[int, str], str] = {}

    def __call__(self, written: str) -> str:
        head = self._proofs.get((len(written), written[:6]))
        if head is not None:
            rest = written[6:]
            if rest.isdigit() and rest.isascii():
                return head + rest
        return self._normalise(written)

    def all(self, written: Sequence[str]) -> tuple[Sequence[str], dict[int, PhoneFault]]:
        """The digits of the usable numbers in order, and what is wrong with each of the others, by index."""
        if self._is_normal(written):
            return written, {}
        numbers, faults = [], {}
        for index, text in enumerate(written):
            try:
                numbers.append(self(text))
            except PhoneError as error:
                faults[index] = error.fault
        return numbers, faults

    def _is_normal(self, written: Sequence[str]) -> bool:
        """Whether proofs show at once that all are already digits of valid numbers, as in most lists."""
        digits = "".join(written)
        if not (digits.isdigit() and digits.isascii()):
            return False
        # As in __call__, but without a step of Python for each number.
        beginnings = set(zip(map(len, written), map(_BEGINNING, written), strict=True))
        return all(self._proofs.get(beginning) == beginning[1] for beginning in beginnings)

    def _normalise(self, written: str) -> str:
        cleaned = _clean(written)
        digits, region = cleaned, self._country
        if cleaned.startswith("+"):
            digits, region = cleaned[1:], None
        elif cleaned.startswith("00"):
            digits, region = cleaned[2:], None
        if not digits.isdecimal():
            raise PhoneError(_fault_of_text(written))
        if region is None and digits is cleaned and digits.startswith("0"):
            raise PhoneError(PhoneFault.NEEDS_COUNTRY)
        return self._remembered(cleaned, digits, region) or _ask_library(digits, region)

    def _remembered(self, cleaned: str, digits: str, region: str | None) -> str | None:
        """The number by an old or new proof; None without one. Proofs are stored by the written beginning."""
        for depth in _DEPTHS:
            key = (len(cleaned), cleaned[:depth])
            head = self._proofs.get(key)
            if head is None and len(cleaned) > depth:
                prefix = len(cleaned) - len(digits)
                head = prove(digits[: depth - prefix], len(digits), region)
                if head is not None and len(self._proofs) < _MAX_PROOFS:
                    self._proofs[key] = head
            if head is not None:
                return head + cleaned[depth:]
        return None


def normalise_phone(written: str, country: str | None = None) -> str:
    """The E.164 digits of one written number; for many numbers keep one PhoneNormaliser.

    Raises PhoneError for an unusable number and UsageError for an unknown `country`.
    """
    return PhoneNormaliser(country)(written)


def _region(country: str) -> str:
    region = country.strip().upper()
    if region not in phonenumbers.SUPPORTED_REGIONS:
        raise UsageError(f"country {country!r} is not a two-letter ISO 3166 code; write one such as ID or GB")
    return region


def _clean(written: str) -> str:
    """The text with ASCII digits and without separators. A leading `+` and foreign characters stay."""
    if len(written) > MAX_WRITTEN_LENGTH:
        raise PhoneError(PhoneFault.NOT_A_NUMBER if written.strip() else PhoneFault.EMPTY)
    if ".0" in written and (as_float := _WRITTEN_AS_FLOAT.fullmatch(written)):
        written = as_float[1]
    return written.strip().translate(_PLAIN)


def _fault_of_text(written: str) -> PhoneFault:
    """Why a text with other characters than digits, or with none, is no number."""
    if not written.strip():
        return PhoneFault.EMPTY
    if _SCIENTIFIC.fullmatch(written):
        return PhoneFault.SCIENTIFIC_NOTATION
    return PhoneFault.NOT_A_NUMBER


def _ask_library(digits: str, region: str | None) -> str:
    text = digits if region else f"+{digits}"
    try:
        number = phonenumbers.parse(text, region)
    except NumberParseException as error:
        raise PhoneError(_PARSE_FAULTS[error.error_type]) from None
    if not phonenumbers.is_valid_number(number):
        if len(digits) > _MAX_E164_DIGITS:
            raise PhoneError(PhoneFault.TOO_LONG)
        possible = phonenumbers.is_possible_number_with_reason(number)
        raise PhoneError(_LENGTH_FAULTS.get(possible, PhoneFault.INVALID_FOR_COUNTRY))
    return phonenumbers.format_number(number, PhoneNumberFormat.E164).removeprefix("+")


_PARSE_FAULTS = {
    NumberParseException.INVALID_COUNTRY_CODE: PhoneFault.UNKNOWN_COUNTRY_CODE,
    # There are only digits. The library takes one or two of them for no number.
    NumberParseException.NOT_A_NUMBER: PhoneFault.TOO_SHORT,
    NumberParseException.TOO_SHORT_AFTER_IDD: PhoneFault.TOO_SHORT,
    NumberParseException.TOO_SHORT_NSN: PhoneFault.TOO_SHORT,
    NumberParseException.TOO_LONG: PhoneFault.TOO_LONG,
}
_LENGTH_FAULTS = {
    ValidationResult.TOO_SHORT: PhoneFault.TOO_SHORT,
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: PhoneFault.TOO_SHORT,
    ValidationResult.TOO_LONG: PhoneFault.TOO_LONG,
    ValidationResult.INVALID_COUNTRY_CODE: PhoneFault.UNKNOWN_COUNTRY_CODE,
}


class _PlainCharacters(dict[int, str]):
    """For str.translate: digits of any script become ASCII, separators and invisible marks go, the rest stays."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        category = unicodedata.category(character)
        if category == "Nd":
            plain = str(unicodedata.decimal(character))
        elif category in {
            "Zs",
            "Pd",
            "Cf",
        }:  # spaces, dashes, and format marks such as U+200E around copied numbers
            plain = ""
        else:
            plain = character
        self[code] = plain
        return plain


# An apostrophe in front is how spreadsheets mark text; the minus sign and full-width forms are symbols to Unicode.
_PLAIN = _PlainCharacters({ord(character): "" for character in ".()'\u2019\u2212\uff0e\uff08\uff09"} | {0xFF0B: "+"})
