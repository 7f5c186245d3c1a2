"""Proves from the metadata of `phonenumbers` that all numbers with given leading digits and length are valid.

The library takes about 30 µs a number. A file with a million recipients has only a few hundred beginnings, and a
beginning usually settles the matter: every 12-digit number that starts with 628123 is valid. `prove` shows this by
matching *symbolic* numbers: the leading digits, then an `X` for every open digit.

- `_certainly` rewrites a pattern so that only `\\d` consumes an X: a match then holds whatever the X stand for;
- `_possibly` rewrites it so that everything consumes an X: no match then means that no digits could match.

`prove` follows `phonenumbers.parse` and `is_valid_number` step by step. It returns None as soon as a step depends on
an X; the caller then asks the library about the number itself. tests/unit/test_phones.py compares the two over numbers
of every region.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata, country_code_for_region

if TYPE_CHECKING:
    from phonenumbers import PhoneNumberDesc

ANY_DIGIT = "X"

_KINDS = (
    "mobile",
    "fixed_line",
    "toll_free",
    "premium_rate",
    "shared_cost",
    "voip",
    "personal_number",
    "pager",
    "uan",
    "voicemail",
)
_NEVER_MOBILE = tuple(kind for kind in _KINDS if kind not in ("mobile", "fixed_line"))
# The parts of the metadata's patterns. A pattern with any other part proves nothing.
_UNDERSTOOD = re.compile(r"(?:\\d|\[(?:\d|-|\\d)+\]|\{\d+(?:,\d*)?\}|\(\?:|[()|?$\d])*")
_CONSUMES = re.compile(r"\\d|\[([^\]]*)\]|\{[^}]*\}|\d")


def prove(leading: str, length: int, region: str | None) -> str | None:
    """The E.164 beginning of the numbers of `length` digits that start with `leading`, if all of them are valid.

    `region` is the ISO code of the region that they are read in; None if they start with a country calling code. The
    digits after `leading` stay as they are: `prove("081234", 12, "ID")` is "6281234". None means not proven.
    """
    symbolic = leading + ANY_DIGIT * (length - len(leading))
    if region is None:
        code = calling_code(leading)
        national = None if code is None else symbolic[len(str(code)) :]
    else:
        code = country_code_for_region(region)
        national = _read_as_local(symbolic, code, region)
    if code is None or national is None or not _all_valid(code, national):
        return None
    return f"{code}{national.rstrip(ANY_DIGIT)}"


def prove_mobile(leading: str, length: int) -> bool | None:
    """Whether all valid numbers of `length` digits that start with `leading`, in E.164, are such of mobile phones.

    True also where a country does not tell them from others; False if none is; None means not proven.
    """
    code = calling_code(leading)
    if code is None:
        return None
    return _is_mobile(code, (leading + ANY_DIGIT * (length - len(leading)))[len(str(code)) :])


def prove_invalid(leading: str, length: int) -> bool:
    """Whether none of the numbers of `length` digits that start with `leading`, in E.164, is valid.

    False: not proven.
    """
    code = calling_code(leading)
    if code is None:
        return True
    national = (leading + ANY_DIGIT * (length - len(leading)))[len(str(code)) :]
    regions = [
        PhoneMetadata.metadata_for_region_or_calling_code(code, each) for each in COUNTRY_CODE_TO_REGION_CODE[code]
    ]
    return all(
        metadata is None or (_stays_itself(national, metadata) and not _may_be_valid(metadata, national))
        for metadata in regions
    )


def calling_code(leading: str) -> int | None:
    """The country calling code that the digits start with; None if they start with none."""
    codes = (int(leading[:size]) for size in (1, 2, 3) if not leading.startswith("0"))
    return next((code for code in codes if code in COUNTRY_CODE_TO_REGION_CODE), None)


def _read_as_local(symbolic: str, code: int, region: str) -> str | None:
    """As `_read_nationally`, but that what is valid with its country code in front stays so, as in `phones`."""
    national = _read_nationally(symbolic, code, region)
    rest = symbolic.removeprefix(str(code))
    if (
        national == rest
        or not symbolic.startswith(str(code))
        or prove_invalid(symbolic.rstrip(ANY_DIGIT), len(symbolic))
    ):
        return national
    mobile = None if national is None else _is_mobile(code, national)
    if mobile:
        return national
    return rest if mobile is False and _all_valid(code, rest) else None


def _read_nationally(symbolic: str, code: int, region: str) -> str | None:
    """The national significant number of a number written without a plus sign; None if it depends on an open digit."""
    metadata = PhoneMetadata.metadata_for_region(region)
    if metadata is None or (
        metadata.international_prefix and _possibly(metadata.international_prefix).match(symbolic)
    ):
        return None
    general, trunk = metadata.general_desc, metadata.national_prefix_for_parsing
    if symbolic.startswith(str(code)) and not _must_match(general, symbolic):
        rest = symbolic[len(str(code)) :]
        read_as_code = not _may_match(general, symbolic) and _must_match(general, rest)
        return rest if read_as_code and _stays_itself(rest, metadata) else None
    if trunk and trunk.isdigit() and symbolic.startswith(trunk):
        rest = symbolic[len(trunk) :]
        return rest if _must_match(general, rest) else None
    return symbolic if _stays_itself(symbolic, metadata) else None


def _stays_itself(national: str, metadata: PhoneMetadata) -> bool:
    """Whether the parser finds no national prefix to remove."""
    trunk = metadata.national_prefix_for_parsing
    return not trunk or not _possibly(f"(?:{trunk})", consuming=True).match(national)


def _all_valid(code: int, national: str) -> bool:
    """Whether the parser leaves the number as it is and `is_valid_number` holds.

    The first region of the calling code to which the number belongs must find it valid.
    """
    regions = COUNTRY_CODE_TO_REGION_CODE[code]
    main = PhoneMetadata.metadata_for_region_or_calling_code(code, regions[0])
    if main is None or not _stays_itself(national, main):
        return False
    for region in regions:
        metadata = PhoneMetadata.metadata_for_region_or_calling_code(code, region)
        if metadata is None:
            continue
        if len(regions) > 1 and metadata.leading_digits is not None:
            if _certainly(metadata.leading_digits).match(national):
                return _valid_in(metadata, national)
            if _possibly(metadata.leading_digits).match(national):
                return False
        elif _valid_in(metadata, national):
            return True
    return False


def _is_mobile(code: int, national: str) -> bool | None:
    """Whether numbers are mobile, or of a plan that does not tell. None if it depends on an open digit."""
    answers: set[bool | None] = set()
    for region in COUNTRY_CODE_TO_REGION_CODE[code]:
        metadata = PhoneMetadata.metadata_for_region_or_calling_code(code, region)
        if metadata is None:
            continue
        if metadata.leading_digits is not None and not _possibly(metadata.leading_digits).match(national):
            continue
        if not _may_be_valid(metadata, national):
            continue
        if not _may_be(metadata.mobile, national):
            answers.add(False)
        elif _must_match(metadata.general_desc, national) and _must_match(metadata.mobile, national):
            answers.add(None if any(_may_be(getattr(metadata, kind), national) for kind in _NEVER_MOBILE) else True)
        else:
            answers.add(None)
    return answers.pop() if len(answers) == 1 else None


def _may_be_valid(metadata: PhoneMetadata, national: str) -> bool:
    return any(_may_be(getattr(metadata, kind), national) for kind in _KINDS)


def _may_be(desc: PhoneNumberDesc | None, national: str) -> bool:
    """Whether some number of this form might be of this kind."""
    if desc is None or not desc.national_number_pattern:
        return False
    return not (desc.possible_length and len(national) not in desc.possible_length) and _may_match(desc, national)


def _valid_in(metadata: PhoneMetadata, national: str) -> bool:
    return _must_match(metadata.general_desc, national) and any(
        _must_match(getattr(metadata, kind), national) for kind in _KINDS
    )


def _must_match(desc: PhoneNumberDesc | None, national: str) -> bool:
    """Whether every number of this form matches."""
    if desc is None or not desc.national_number_pattern:
        return False
    if desc.possible_length and len(national) not in desc.possible_length:
        return False
    return _certainly(desc.national_number_pattern).fullmatch(national) is not None


def _may_match(desc: PhoneNumberDesc | None, number: str) -> bool:
    """Whether some number of this form might match."""
    if desc is None or not desc.national_number_pattern:
        return True
    return _possibly(desc.national_number_pattern).fullmatch(number) is not None


@cache
def _certainly(pattern: str) -> re.Pattern[str]:
    if not _UNDERSTOOD.fullmatch(pattern):
        return re.compile(r"(?!)")
    digit = rf"0-9{ANY_DIGIT}"

    def widen(found: re.Match[str]) -> str:
        return f"[{digit}]" if found[0] == r"\d" else found[0].replace(r"\d", digit)

    return re.compile(_CONSUMES.sub(widen, pattern))


@cache
def _possibly(pattern: str, consuming: bool = False) -> re.Pattern[str]:
    """`consuming`: with at least one digit."""
    if not _UNDERSTOOD.fullmatch(pattern):
        return re.compile(".*")

    def widen(found: re.Match[str]) -> str:
        token = found[0]
        if token.startswith("{"):
            return token
        inside = (found[1] or token).replace(r"\d", "0-9")
        return f"[{inside}{ANY_DIGIT}]"

    return re.compile(_CONSUMES.sub(widen, pattern) + (r"(?<!^)" if consuming else ""))
