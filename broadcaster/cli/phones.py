"""Phones on the command line."""

from __future__ import annotations

from broadcaster.domain.phones import PhoneError, normalise_phone
from broadcaster.errors import UsageError, quoted


def phone_of(option: str, written: str) -> str:
    """The phone as it is stored: digits, with the country code. Raises UsageError that names the option."""
    try:
        return normalise_phone(written)
    except PhoneError as error:
        raise UsageError(f"{option} {quoted(written)}: {error.fault.sentence}") from None
