"""Who is told what happens, and how long it is tried. Pure."""

from __future__ import annotations

import re
from enum import StrEnum

from broadcaster.errors import UsageError, quoted

OPT_OUTS_ABOVE = 0.02
"""The share of opt-outs above which receivers are told, unless they say otherwise."""
_LONGEST_MAIL = 254
"""RFC 5321, 4.5.3.1.3, without the angle brackets."""
_MAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
"""Without quotes, comments and other alphabets: nothing of it can end a header or begin another address."""
_PERCENT = re.compile(r"\s*(\d{1,3}(?:\.\d{1,4})?)\s*%\s*")
_FIRST_GAP = 10.0
_LONGEST_GAP = 3600.0
LONGEST_ANSWER = 300
"""Characters of what is kept of a try."""


class ReceiverWay(StrEnum):
    """How notices get to a receiver."""

    WEBHOOK = "webhook"
    MAIL = "mail"
    WHATSAPP = "whatsapp"


def gap_after(failures: int) -> float:
    """Seconds until the next try after so many failures in a row, at least 1: 10, 30, 90, … and an hour at most."""
    return float(min(_LONGEST_GAP, _FIRST_GAP * 3 ** min(failures - 1, 20)))


def usable_mail(text: str) -> str:
    """The mail address. Raises UsageError unless it is one, and only one, that can stand in a header as it is."""
    if len(text) > _LONGEST_MAIL or not _MAIL.fullmatch(text) or ".." in text:
        raise UsageError(f"--mail {quoted(text)} is not a mail address like ops@example.com, in plain ASCII")
    return text


def shown_address(way: ReceiverWay, address: str) -> str:
    """An address for people, without what is personal of it: `o…@example.com`, `+62…890`."""
    match way:
        case ReceiverWay.WEBHOOK:
            return f"{address}/…"
        case ReceiverWay.MAIL:
            name, _, host = address.rpartition("@")
            return f"{name[:1]}…@{host}"
        case ReceiverWay.WHATSAPP:
            return f"+{address[:2]}…{address[-3:]}"


def parse_opt_outs_above(written: str) -> float:
    """`2%` as a share, 0.02. Raises UsageError."""
    found = _PERCENT.fullmatch(written)
    if found is None or float(found[1]) > 100:
        raise UsageError(f"--optouts-above {quoted(written)} is not understood: write a share such as 2% or 0.5%")
    return float(found[1]) / 100
