"""Turns phone numbers as people, spreadsheets and WhatsApp write them into the digits of E.164.

A number is accepted exactly if `phonenumbers.is_valid_number` accepts it, or else what is dialled today in its place
(`whatsapp_numbers.dialled_today`). It becomes what WhatsApp documents where that differs (`as_whatsapp_writes`).

A number without `+` or `00` is *bare*: it is read as a number of the given country. What is valid as it stands, with
the country's calling code in front, stays so, unless it is a mobile number without: `62812345678` and `62215551234`
begin with Indonesia's code. If no country is given, it must start with its calling code, and whether that may be
believed is for all numbers of a file to tell (`phone_census`).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from operator import itemgetter
from typing import NamedTuple

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, PhoneNumberType, ValidationResult

from broadcaster.domain.phone_proofs import prove, prove_invalid
from broadcaster.domain.whatsapp_numbers import as_whatsapp_writes, dialled_today
from broadcaster.domain.written_phones import Unusable, Written, WrittenAs, plain
from broadcaster.errors import InputError, UsageError

MAX_WRITTEN_LENGTH = 64
"""How many characters are kept, at most, of what was written and could not be read."""

# ITU-T E.164, 6.1. phonenumbers knows a few longer numbers, so this only explains a refusal.
_MAX_E164_DIGITS = 15

# A proof is remembered by this many leading characters. Six settle nearly every number, nine the rest.
_DEPTHS = (6, 9)
_BEGINNING = itemgetter(slice(_DEPTHS[0]))
_MAX_PROOFS = 200_000

_MOBILE = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)


class PhoneFault(StrEnum):
    """Why a text is not taken as the phone number of a recipient. A closed set; `sentence` says it to a person."""

    EMPTY = "empty"
    NOT_A_NUMBER = "not_a_number"
    SEVERAL_NUMBERS = "several_numbers"
    GROUP = "group"
    HIDDEN_NUMBER = "hidden_number"
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
        "This is not a phone number: only digits, +, spaces, dashes, dots, slashes and parentheses may be in it."
    ),
    PhoneFault.SEVERAL_NUMBERS: "There are several numbers in one cell: keep one, or give each a row of its own.",
    PhoneFault.GROUP: "This is a WhatsApp group or channel, not a person's number.",
    PhoneFault.HIDDEN_NUMBER: "This is an id behind which WhatsApp hides a person's number.",
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
    PhoneFault.INVALID_FOR_COUNTRY: (
        "No number like this exists in the country that it is read in; one with its country code has + in front."
    ),
    PhoneFault.FORGOTTEN: (
        "This number was forgotten: leave it out unless the person has agreed again (`broadcaster phone readmit`)."
    ),
}


class PhoneError(InputError):
    """A text that is not a usable phone number. `fault` says why; the message is the fault's sentence."""

    def __init__(self, fault: PhoneFault) -> None:
        super().__init__(fault.sentence)
        self.fault = fault


class ReadPhones(NamedTuple):
    """What became of written numbers."""

    numbers: Sequence[str]
    """The E.164 digits of the usable ones, in order."""
    faults: dict[int, PhoneFault]
    """What is wrong with each of the others, by index."""
    are_bare: Sequence[bool]
    """Of each usable one, whether it was written without `+` or `00`."""


class PhoneNormaliser:
    """Turns written numbers into E.164 digits, and remembers what it has proven about their beginnings.

    Call it with a text; it returns the digits (`"+62 812-3456-7890"` → `"6281234567890"`) or raises PhoneError.

    `country` is the ISO 3166 code (`"ID"`) of the numbers that are written without `+` or `00`. Raises UsageError
    for a code that is not a country's.
    """

    def __init__(self, country: str | None = None) -> None:
        self._country = None if country is None else country_code(country)
        self._proofs: dict[tuple[int, str], str] = {}

    def __call__(self, written: str) -> str:
        return self._read(written)[0]

    def all(self, written: Sequence[str]) -> ReadPhones:
        """All of them, as one by one."""
        if self._is_normal(written):
            return ReadPhones(written, {}, (True,) * len(written))
        numbers, are_bare, faults = [], [], {}
        for index, text in enumerate(written):
            try:
                number, is_bare = self._read(text)
            except PhoneError as error:
                faults[index] = error.fault
            else:
                numbers.append(number)
                are_bare.append(is_bare)
        return ReadPhones(numbers, faults, are_bare)

    def _is_normal(self, written: Sequence[str]) -> bool:
        """Whether proofs show at once that all are already digits of valid numbers, as in most lists."""
        digits = "".join(written)
        if not (digits.isdigit() and digits.isascii()):
            return False
        # As in _read, but without a step of Python for each number.
        beginnings = set(zip(map(len, written), map(_BEGINNING, written), strict=True))
        return all(self._proofs.get(beginning) == beginning[1] for beginning in beginnings)

    def _read(self, written: str) -> tuple[str, bool]:
        """The number, and whether it is bare."""
        head = self._proofs.get((len(written), written[:6]))
        if head is not None:
            rest = written[6:]
            if rest.isdigit() and rest.isascii():
                return head + rest, not written.startswith(("+", "00"))
        return self._normalise(plain(written))

    def _normalise(self, written: Written) -> tuple[str, bool]:
        digits, spelling, marked = written
        if spelling is WrittenAs.UNUSABLE:
            raise PhoneError(_UNUSABLE[Unusable(digits)])
        is_bare = spelling is WrittenAs.BARE
        region = self._country if is_bare else None
        if is_bare and region is None and digits.startswith("0"):
            raise PhoneError(PhoneFault.NEEDS_COUNTRY)
        return self._remembered(marked, digits, region) or _ask_library(digits, region), is_bare

    def _remembered(self, marked: str, digits: str, region: str | None) -> str | None:
        """The number by an old or new proof; None without one. Proofs are stored by the written beginning."""
        for depth in _DEPTHS:
            key = (len(marked), marked[:depth])
            head = self._proofs.get(key)
            if head is None and len(marked) > depth:
                prefix = len(marked) - len(digits)
                head = prove(digits[: depth - prefix], len(digits), region)
                if head is None and region is None:
                    head = _prove_today(digits, depth - prefix)
                if head is not None:
                    head = _prove_as_whatsapp_writes(head, marked[depth:])
                if head is not None and len(self._proofs) < _MAX_PROOFS:
                    self._proofs[key] = head
            if head is not None:
                return head + marked[depth:]
        return None


def normalise_phone(written: str, country: str | None = None) -> str:
    """The E.164 digits of one written number; for many numbers keep one PhoneNormaliser.

    Raises PhoneError for an unusable number and UsageError for an unknown `country`.
    """
    return PhoneNormaliser(country)(written)


def country_code(country: str) -> str:
    """The ISO 3166 code in capitals. Raises UsageError for what is none of a country with phone numbers."""
    region = country.strip().upper()
    if region not in phonenumbers.SUPPORTED_REGIONS:
        raise UsageError(f"country {country!r} is not a two-letter ISO 3166 code; write one such as ID or GB")
    return region


def is_mobile(number: PhoneNumber) -> bool:
    """Whether the number is of a mobile phone, or of a plan that does not tell: WhatsApp may be on it."""
    return phonenumbers.number_type(number) in _MOBILE


def is_landline(number: PhoneNumber) -> bool:
    """Whether the number is of a landline for certain: no plan has it that does not tell."""
    return phonenumbers.number_type(number) == PhoneNumberType.FIXED_LINE


def parse_e164(digits: str) -> PhoneNumber:
    """The number with these digits, whether or not it is valid. Raises NumberParseException."""
    return phonenumbers.parse(f"+{digits}")


def _ask_library(digits: str, region: str | None) -> str:
    try:
        number = _parse(digits, region)
    except NumberParseException as error:
        raise PhoneError(_PARSE_FAULTS[error.error_type]) from None
    if not phonenumbers.is_valid_number(number):
        if today := _dialled_today(digits, number):
            return today
        if len(digits) > _MAX_E164_DIGITS:
            raise PhoneError(PhoneFault.TOO_LONG)
        possible = phonenumbers.is_possible_number_with_reason(number)
        raise PhoneError(_LENGTH_FAULTS.get(possible, PhoneFault.INVALID_FOR_COUNTRY))
    return _as_whatsapp_writes(_e164(number))


def _as_whatsapp_writes(phone: str) -> str:
    written = as_whatsapp_writes(phone)
    return written if written == phone or phonenumbers.is_valid_number(parse_e164(written)) else phone


def _parse(digits: str, region: str | None) -> PhoneNumber:
    """As the library does, but that what is valid as it stands stays so, unless it is mobile without that code."""
    if region is None:
        return parse_e164(digits)
    number = phonenumbers.parse(digits, region)
    if not digits.startswith(str(phonenumbers.country_code_for_region(region))) or is_mobile(number):
        return number
    with_code = parse_e164(digits)
    return with_code if phonenumbers.is_valid_number(with_code) else number


def _prove_today(digits: str, depth: int) -> str | None:
    """The beginning of what is dialled today instead of all numbers that start as this one does; None: not proven."""
    spellings = dialled_today(digits)
    rest = digits[depth:]
    if len(spellings) != 1 or not spellings[0].endswith(rest) or not prove_invalid(digits[:depth], len(digits)):
        return None
    beginning = spellings[0].removesuffix(rest)
    return beginning if prove(beginning, len(spellings[0]), None) == beginning else None


def _prove_as_whatsapp_writes(head: str, rest: str) -> str | None:
    """The beginning of the form that WhatsApp documents of the numbers that begin with `head`. None: not proven."""
    written = as_whatsapp_writes(head + rest)
    if written == head + rest:
        return head
    beginning = written.removesuffix(rest)
    return beginning if prove(beginning, len(written), None) == beginning else None


def _dialled_today(digits: str, number: PhoneNumber) -> str | None:
    """The valid number that is dialled today in place of one that is not, which was read from `digits`."""
    code = str(number.country_code)
    national = phonenumbers.national_significant_number(number)
    spellings = dict.fromkeys((digits, f"{code}{national}", f"{code}{digits}"))
    for today in (today for spelling in spellings for today in dialled_today(spelling) if today.startswith(code)):
        if phonenumbers.is_valid_number(parse_e164(today)):
            return today
    return None


def _e164(number: PhoneNumber) -> str:
    return phonenumbers.format_number(number, PhoneNumberFormat.E164).removeprefix("+")


_UNUSABLE = {unusable: PhoneFault(unusable.value) for unusable in Unusable}
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
