"""Whom campaigns skip, and why: the same reasons before they start and afterwards. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

import msgspec


class SkipReason(StrEnum):
    """Why somebody gets no message of a campaign: the first of these that holds."""

    OPTED_OUT = "opted_out"
    NO_CONSENT = "no_consent"
    UNANSWERED = "unanswered"
    NOT_KNOWN = "not_known"
    COOLDOWN = "cooldown"
    CAP = "cap"


class Skipped(msgspec.Struct, frozen=True):
    """How many messages of a campaign are skipped for one reason."""

    reason: str
    """A SkipReason or, of those that were skipped, what is noted there."""
    messages: int
    is_done: bool
    """Whether they were skipped already; otherwise they will be, as it stands: they are not planned."""
    is_about: bool = False
    """Whether it is known of about how many only: whom they go to is planned by groups of people."""


def skips_of(counts: Iterable[tuple[str, int]], *, is_done: bool) -> Sequence[Skipped]:
    """By reason in the order of SkipReason, the others after these; each reason once."""
    known = {reason.value: place for place, reason in enumerate(SkipReason)}
    found: dict[str, int] = {}
    for reason, messages in counts:
        found[reason] = found.get(reason, 0) + messages
    ordered = sorted(found, key=lambda reason: (known.get(reason, len(known)), reason))
    return [Skipped(reason, found[reason], is_done) for reason in ordered if found[reason]]


def joined_skips(skips: Iterable[Skipped]) -> Sequence[Skipped]:
    """The same with each reason once, so far and to come."""
    all_skips = list(skips)
    found: list[Skipped] = []
    for is_done in (True, False):
        of_these = [each for each in all_skips if each.is_done is is_done]
        about = {each.reason for each in of_these if each.is_about}
        joined = skips_of(((each.reason, each.messages) for each in of_these), is_done=is_done)
        found += [msgspec.structs.replace(each, is_about=each.reason in about) for each in joined]
    return found


def said_skips(skips: Iterable[Skipped]) -> str:
    """`12 so far (opted_out 10, cap 2) and about 3 to come (opted_out)`; nothing where there are none."""
    told = []
    for is_done, when in ((True, "so far"), (False, "to come")):
        if each := [skip for skip in skips if skip.is_done is is_done]:
            total = sum(skip.messages for skip in each)
            reasons = ", ".join(f"{skip.reason} {skip.messages:,}" if len(each) > 1 else skip.reason for skip in each)
            about = "about " if any(skip.is_about for skip in each) else ""
            told.append(f"{about}{total:,} {when} ({reasons})")
    return " and ".join(told)
