"""Why replies are not heard, so that somebody's STOP may not be either, and what helps. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from shlex import quote
from typing import NamedTuple

from broadcaster.domain.standstill import Cause, Remedy, Standstill, What


class TroubledInbox(NamedTuple):
    """An instance whose replies are looked for, of which something is not heard, or late."""

    name: str
    unreadable_since: datetime | None
    """Since when its account answers no reads."""
    next_read_at: datetime | None
    late_since: datetime | None
    """Since when its list or a changed chat should have been read, where that is long ago and ticks are done."""
    chats_waiting: int
    gap_from: datetime | None
    """From when on its lists may have left chats out (gateway's clock)."""
    trouble: str | None


def troubled_inboxes(found: Iterable[TroubledInbox]) -> Iterator[Standstill]:
    """What is wrong with each of them, and what to do."""
    for each in found:
        name = quote(each.name)
        if each.unreadable_since is not None:
            remedy = Remedy("see how it answers with", f"broadcaster instance check {name}")
            says, since, next_try = "cannot be read", each.unreadable_since, each.next_read_at
            yield Standstill(What.INBOX, each.name, Cause.UNREADABLE, says, remedy, each.trouble, since, next_try)
        elif each.late_since is not None:
            remedy = Remedy(
                "a word to stop is heard late; look less often, so that chats have their turn, with",
                f"broadcaster instance set {name} --read-replies 5m",
            )
            says = f"lags, with {each.chats_waiting:,} changed chats that wait,"
            yield Standstill(What.INBOX, each.name, Cause.LAGGING, says, remedy, None, each.late_since)
        if each.gap_from is not None:
            remedy = Remedy(
                "who wrote there may not be heard: look at the phone itself, and follow it with",
                f"broadcaster instance show {name}",
            )
            says = "has left chats out that may have changed"
            yield Standstill(What.INBOX, each.name, Cause.GAP, says, remedy, each.trouble, each.gap_from)
