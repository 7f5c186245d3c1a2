"""Of which country a phone number is, and what countries are called. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import phonenumbers
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata

from broadcaster.domain.phone_proofs import calling_code

NO_COUNTRY = phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY
"""The code of numbers that belong to no country, such as those of satellite phones."""
BEGINNING = 6
"""Digits of a number that tell of which country it is."""

_NORTH_AMERICA = 1


class Origin(NamedTuple):
    """Where numbers are from: the country calling code, and the ISO 3166 code of the country, as far as it shows."""

    calling_code: int
    country: str


@cache
def origin(beginning: str) -> Origin:
    """Of the numbers that start with these BEGINNING digits of E.164.

    A few territories share all beginnings with a larger country, as Jersey does with the United Kingdom: they count as
    that. Raises ValueError where no calling code is like this.
    """
    code = calling_code(beginning)
    if code is None:
        raise ValueError(f"{beginning} begins no number")
    return Origin(code, _country(code, beginning[len(str(code)) :]))


def country_name(country: str) -> str:
    """What the country is called in English."""
    if country == NO_COUNTRY:
        return "no country"
    from babel import Locale  # noqa: PLC0415 - start-up time: only who says a country needs it

    return str(Locale("en").territories.get(country, country))


def callable_countries() -> Sequence[str]:
    """The ISO 3166 codes of all countries that have a calling code, or share one in the first place."""
    return sorted({regions[0] for regions in COUNTRY_CODE_TO_REGION_CODE.values()} - {NO_COUNTRY})


def _country(code: int, national: str) -> str:
    regions = COUNTRY_CODE_TO_REGION_CODE[code]
    for region in regions[1:]:
        metadata = PhoneMetadata.metadata_for_region(region)
        if metadata and metadata.leading_digits and re.match(metadata.leading_digits, national):
            return region
    if code == _NORTH_AMERICA:
        # There the area code tells, but only the whole number's form says of which country that is.
        area = phonenumbers.parse(f"+{code}{national[:3]}5552345")
        return phonenumbers.region_code_for_number(area) or regions[0]
    return regions[0]
