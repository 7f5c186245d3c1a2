"""Options of instances about what people write: whether it is read, and what answers who opts out."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from broadcaster.domain.spans import parse_span

_READ_REPLIES = "--read-replies"
_OFF = "off"
_SHORTEST_READING = timedelta(seconds=5)
"""A chat that changed is read again at the next list, when the second of its change is over."""
_RAREST_READING = timedelta(days=1)

ReadReplies = Annotated[
    str | None,
    typer.Option(
        _READ_REPLIES,
        metavar="30s|off",
        help="Look for replies so often: 5s to 1d. STOP and the like opt out by themselves. Default: off.",
    ),
]

ConfirmOptOut = Annotated[
    str | None,
    typer.Option(
        "--confirm-opt-out",
        metavar="TEXT|off",
        help="Send this to who opts out by a word: once to each person from this instance, for ever. Default: off.",
    ),
]


def asked_confirmation(written: str | None) -> str | None:
    """What confirms an opt-out; None: nothing, or it stays as it is. Raises InputError for a text with variables."""
    from broadcaster.services.campaigns.confirmations import check_confirmation  # noqa: PLC0415 - start-up time

    if written is None or written.strip().casefold() == _OFF:
        return None
    check_confirmation(written)
    return written


def reading_interval(written: str) -> float | None:
    """How often replies are looked for; None: never. Raises UsageError."""
    if written.strip().casefold() == _OFF:
        return None
    apart = parse_span(written, _READ_REPLIES, _RAREST_READING, shortest=_SHORTEST_READING, forms="30s, 10m or off")
    return apart.total_seconds()
