"""Phones on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from broadcaster.domain.phone_census import CountryCount, PhoneCensus
from broadcaster.domain.phone_countries import BEGINNING, country_name, origin
from broadcaster.domain.phones import PhoneError, PhoneFault, PhoneNormaliser
from broadcaster.domain.whose_numbers import why_strange_alone, why_uncertain_alone
from broadcaster.errors import UsageError, quoted

Country = Annotated[
    str | None,
    typer.Option(
        "--country",
        metavar="ID",
        help="Of a phone that is written without its country code: ID, DE, … Default: the instances'.",
    ),
]


def phone_of(option: str, written: str, country: str | None) -> str:
    """The phone as it is stored: digits, with the country code. Raises UsageError that names the option.

    `country` is the known ISO 3166 code of numbers that are written without theirs (`services/countries.py`).
    """
    try:
        return read_phone(written, country)
    except PhoneError as error:
        raise UsageError(f"{option} {quoted(written)}: {what_to_do(error, written, country)}") from None
    except UsageError as error:
        raise UsageError(f"{option} {quoted(written)}: {error}") from None


def read_phone(written: str, country: str | None) -> str:
    """The digits of one number, by the rule of files.

    Raises PhoneError, and UsageError where it cannot be told of which country it is.
    """
    read = PhoneNormaliser(country).all([written])
    for fault in read.faults.values():
        raise PhoneError(fault)
    census = PhoneCensus(country)
    census.add([1], [written], read)
    if not census.is_certain:
        raise UsageError(why_uncertain_alone(census))
    if census.strangers:
        raise UsageError(why_strange_alone(census))
    return read.numbers[0]


def understood(phone: str) -> str:
    """How people are told as which number (E.164 digits) one was read."""
    return f"+{phone} ({country_name(origin(phone[:BEGINNING]).country)})"


def what_to_do(error: PhoneError, written: str, country: str | None) -> str:
    """What is wrong with a number, without it, and what to do that was not done."""
    said = error.fault.sentence
    if error.fault is PhoneFault.NEEDS_COUNTRY:
        return (
            "This is a national number, because it starts with 0: write it with its country code, or add --country ID."
        )
    if country is not None or written.strip().startswith(("+", "00")):
        return f"{said} Write all of its digits, in quotes where there are blanks between."
    return f"{said} Write all of it, with its country code, such as '+62 812-3456-789'."


def countries_document(countries: Sequence[CountryCount]) -> list[dict[str, object]]:
    """The countries of a file's numbers, for programs."""
    return [
        {
            "country": each.country,
            "name": each.name,
            "numbers": each.numbers,
            "without_plus": each.bare,
            "lines": each.lines if place else [],
        }
        for place, each in enumerate(countries)
    ]
