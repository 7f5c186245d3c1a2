"""Shows whom a campaign would reach and what they would read, before anything is sent."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from broadcaster.cli.output import say
from broadcaster.domain.content_kinds import ContentKind
from broadcaster.errors import quoted
from broadcaster.services.campaigns.reach import Reach
from broadcaster.services.recipients.repeats import Repeat


def say_members(reach: Reach, audience: str, when: str) -> None:
    """How many of an audience it would be now, by which conditions; `when` says which members it gets."""
    say(f"members of {audience} now: {reach.read:,}; messages: {reach.total:,}; rejected: {reach.rejected:,}; {when}")
    say_conditions(reach)


def say_conditions(reach: Reach) -> None:
    """Which conditions all of them meet, and what nobody can know of these."""
    if reach.where:
        say(f"  where {' and '.join(reach.where)}")
    for note in reach.notes:
        say(f"  note: {note}")


def say_rejects(reach: Reach) -> None:
    """The first of those who can be sent nothing, each with why, and how many more there are."""
    for line, phone, reason in reach.rejects:
        say(f"  rejected: {f'line {line}, ' if line else ''}{quoted(phone)}: {reason}")
    if reach.rejected > len(reach.rejects):
        say(f"  and {reach.rejected - len(reach.rejects):,} more")


def say_repeats(first: Sequence[Repeat], repeated: int) -> None:
    """The first lines of a file that repeat another one's phone, and how many more of them there are."""
    for line, first_line in first:
        say(f"  line {line} repeats line {first_line}")
    if repeated > len(first):
        say(f"  and {repeated - len(first):,} more repeat others")


def say_earlier_consents(kept: int, to_come: int) -> None:
    """Of whom a list with a column of consents says nothing, or nothing that can be."""
    if kept:
        say(
            f"have agreed by an earlier list, and this one says no day: {kept:,}; their consent stays, since an empty "
            "cell withdraws none. Where somebody has done so, `broadcaster phone block NUMBER --reason WORDS` ends it"
        )
    if to_come:
        say(f"agree at a time that is yet to come: {to_come:,}; nobody has agreed then, and these rows are left out")


def say_samples(reach: Reach, kind: ContentKind, files: Sequence[str] = ()) -> None:
    """The first few messages as they would be sent; `files` says which file of its own each of them gets."""
    what = "message" if kind is ContentKind.TEXT else "caption or file"
    if reach.samples:
        say(f"the first {len(reach.samples)}, {what} as rendered:")
    for (phone, message), file in zip_longest(reach.samples, files):
        say(f"  {phone}  {f'[{file}]  ' if file else ''}{message}")


def say_empty_values(reach: Reach, among: str) -> None:
    """Of how many each variable is empty, `among` whom."""
    for name, count in reach.empty_values.items():
        if count:
            say(f"{name} is empty for {count:,} of {among}")
