"""Phones on the command line."""

from __future__ import annotations

from broadcaster.domain.phones import PhoneError, PhoneFault, normalise_phone
from broadcaster.errors import UsageError, quoted


def phone_of(option: str, written: str, country: str | None = None) -> str:
    """The phone as it is stored: digits, with the country code. Raises UsageError that names the option.

    `country` is the ISO 3166 code of numbers that are written without theirs.
    """
    try:
        return normalise_phone(written, country)
    except PhoneError as error:
        said = error.fault.sentence
        if error.fault is not PhoneFault.NEEDS_COUNTRY:
            said = f"{said} Write all of it, with its country code, such as +62 812-3456-789."
        raise UsageError(f"{option} {quoted(written)}: {said}") from None
