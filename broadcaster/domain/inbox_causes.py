"""Why replies are not heard, or wait for a person, so that somebody's STOP does as well, and what helps. Pure."""

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


class UndecidedInbox(NamedTuple):
    """An instance to which people wrote what may ask to stop, of which nobody has decided."""

    name: str | None
    """None: such instances were removed."""
    people: int
    since: datetime
    """When the first of it was taken in."""


def undecided_inboxes(found: Iterable[UndecidedInbox]) -> Iterator[Standstill]:
    """How many people wait for whoever decides, and where their words are."""
    for each in found:
        of_instance = "" if each.name is None else f" --instance {quote(each.name)}"
        remedy = Remedy("read them, and block whoever means it", f"broadcaster replies list --undecided{of_instance}")
        says = (
            "has heard from 1 person who may be asking to stop, and nobody has decided"
            if each.people == 1
            else f"has heard from {each.people:,} people who may be asking to stop, and nobody has decided"
        )
        name = "(removed)" if each.name is None else each.name
        yield Standstill(What.INBOX, name, Cause.UNDECIDED, says, remedy, since=each.since)


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
            says = (
                "lags, with 1 changed chat that waits,"
                if each.chats_waiting == 1
                else f"lags, with {each.chats_waiting:,} changed chats that wait,"
            )
            yield Standstill(What.INBOX, each.name, Cause.LAGGING, says, remedy, None, each.late_since)
        if each.gap_from is not None:
            remedy = Remedy(
                "who wrote there may not be heard: look at the phone itself, and follow it with",
                f"broadcaster instance show {name}",
            )
            says = "has left chats out that may have changed"
            yield Standstill(What.INBOX, each.name, Cause.GAP, says, remedy, each.trouble, each.gap_from)
