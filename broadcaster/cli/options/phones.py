"""Phones on the command line."""

from __future__ import annotations

from broadcaster.domain.phones import PhoneError, PhoneFault, normalise_phone
from broadcaster.errors import UsageError, quoted


def phone_of(option: str, written: str, country: str | None = None, *, takes_country: bool = False) -> str:
    """The phone as it is stored: digits, with the country code. Raises UsageError that names the option.

    `country` is the ISO 3166 code of numbers that are written without theirs; `takes_country`: the command has an
    option for it.
    """
    try:
        return normalise_phone(written, country)
    except PhoneError as error:
        raise UsageError(f"{option} {quoted(written)}: {what_to_do(error, written, country, takes_country)}") from None


def what_to_do(error: PhoneError, written: str, country: str | None, takes_country: bool) -> str:
    """What is wrong with a number, without it, and what to do that was not done."""
    said = error.fault.sentence
    if takes_country and country is None and error.fault is PhoneFault.NEEDS_COUNTRY:
        return (
            "This is a national number, because it starts with 0: write it with its country code, or add --country ID."
        )
    if error.fault is PhoneFault.NEEDS_COUNTRY:
        return said
    if country is not None or written.strip().startswith(("+", "00")):
        return f"{said} Write all of its digits, in quotes where there are blanks between."
    return f"{said} Write all of it, with its country code, such as '+62 812-3456-789'."
