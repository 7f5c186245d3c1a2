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
    """The same with each reason once: so far, by now, and of those of whom about how many is known."""
    all_skips = list(skips)
    found: list[Skipped] = []
    for is_done, is_about in ((True, False), (False, False), (False, True)):
        alike = (
            (each.reason, each.messages) for each in all_skips if (each.is_done, each.is_about) == (is_done, is_about)
        )
        found += [msgspec.structs.replace(each, is_about=is_about) for each in skips_of(alike, is_done=is_done)]
    return found


def said_skips(skips: Iterable[Skipped]) -> str:
    """For people; nothing where there are none.

    `12 so far (opted_out 10, cap 2)`, or of several kinds `about 45 (cooldown): 25 by now, about 20 more`.
    """
    all_skips = list(skips)
    done = [each for each in all_skips if each.is_done]
    known, about = (
        [each for each in all_skips if not each.is_done and each.is_about is kind] for kind in (False, True)
    )
    kinds = [(done, "so far"), (known, "by now" if about else "to come"), (about, "more" if known else "to come")]
    told = [(each, when) for each, when in kinds if each]
    if len({each.reason for each in all_skips}) == 1 < len(told):
        said = ", ".join(f"{_number(each)} {when}" for each, when in told)
        return f"{_number(all_skips)} ({all_skips[0].reason}): {said}"
    said = ", ".join(f"{_number(each)} {when} ({_reasons(each)})" for each, when in told)
    return f"{_number(all_skips)}: {said}" if len(told) > 1 else said


def _number(skips: Sequence[Skipped]) -> str:
    about = "about " if any(skip.is_about for skip in skips) else ""
    return f"{about}{sum(skip.messages for skip in skips):,}"


def _reasons(skips: Sequence[Skipped]) -> str:
    return ", ".join(f"{skip.reason} {skip.messages:,}" if len(skips) > 1 else skip.reason for skip in skips)
