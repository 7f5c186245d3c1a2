"""Phones on the command line."""

from __future__ import annotations

from broadcaster.domain.phones import PhoneError, PhoneFault, normalise_phone
from broadcaster.errors import UsageError, quoted


def phone_of(option: str, written: str) -> str:
    """The phone as it is stored: digits, with the country code. Raises UsageError that names the option."""
    try:
        return normalise_phone(written)
    except PhoneError as error:
        said = error.fault.sentence
        if error.fault is not PhoneFault.NEEDS_COUNTRY:
            said = f"{said} Write all of it, with its country code, such as +62 812-3456-789."
        raise UsageError(f"{option} {quoted(written)}: {said}") from None
