"""Gaps of chance between two messages of an instance, and a rest after so many of them. Pure.

Of a gap and what the rate wants the longer one holds; a rest is added. Nothing leaves sooner than its rate allows.
`turn_over.sql` draws them, so that they hold whichever worker has the lane.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import msgspec

from broadcaster.domain.pacing import Pace, pace
from broadcaster.domain.spans import UNIT, UNITS, length_of, said_span
from broadcaster.errors import UsageError, quoted

NONE = "none"
SHORTEST = 1.0
LONGEST = 86_400.0
"""Seconds."""
MOST_BEFORE_A_REST = 1_000_000
_SPAN = re.compile(rf"([0-9]{{1,6}}(?:\.[0-9]{{1,3}})?)\s*({UNIT})")
_REST = re.compile(r"(.+?)\s+after\s+([0-9]+)", re.IGNORECASE)


class Span(msgspec.Struct, frozen=True):
    """From `least` to `most` seconds, any of them as likely as another."""

    least: float
    most: float

    def __str__(self) -> str:
        least, most = said_span(self.least), said_span(self.most)
        return least if least == most else f"{least}..{most}"


class Rest(msgspec.Struct, frozen=True):
    """After `after` messages nothing leaves for this span."""

    span: Span
    after: int

    def __str__(self) -> str:
        return f"{self.span} after {self.after}"


class Gaps(msgspec.Struct, frozen=True, omit_defaults=True):
    """What keeps two messages apart besides the rate, as it is stored."""

    gap: Span | None = None
    rest: Rest | None = None

    @property
    def are_given(self) -> bool:
        """Whether there is any of them."""
        return self.gap is not None or self.rest is not None

    def paced(self, rate_per_second: float | None, burst: int) -> Pace:
        """The least that keeps messages apart: with a gap they leave one after the other."""
        without = pace(rate_per_second, burst)
        return without if self.gap is None else Pace(max(without.interval, self.gap.least), 0.0, 1)

    def typical_interval(self, rate_per_second: float) -> float:
        """Seconds from one message to the next at this rate, on average: `instances.typical_rate_per_second`."""
        least = max(1.0 / rate_per_second, self.gap.least if self.gap else 0.0)
        drawn = max(0.0, self.gap.most - least) / 2 if self.gap else 0.0
        rest = (self.rest.span.least + self.rest.span.most) / 2 / self.rest.after if self.rest else 0.0
        return least + drawn + rest

    def __str__(self) -> str:
        said = [f"gaps of {self.gap}"] if self.gap else []
        return ", ".join(said + ([f"rests of {self.rest}"] if self.rest else []))


class GapChange(NamedTuple):
    """What is to become of gaps; what is None stays, unless it is to be taken away."""

    gap: Span | None = None
    rest: Rest | None = None
    without_gap: bool = False
    without_rest: bool = False

    def of(self, gaps: Gaps) -> Gaps:
        """The gaps after it."""
        return Gaps(
            None if self.without_gap else self.gap or gaps.gap, None if self.without_rest else self.rest or gaps.rest
        )


NO_CHANGE = GapChange()


def parse_gap(text: str) -> Span | None:
    """`20s..60s`, or one span alone; `none` as None. Raises UsageError."""
    if text.strip().casefold() == NONE:
        return None
    return _parse_span(text, f"gap {quoted(text)}", "20s..60s")


def parse_rest(text: str) -> Rest | None:
    """`5m..10m after 50`; `none` as None. Raises UsageError."""
    if text.strip().casefold() == NONE:
        return None
    what, example = f"rest {quoted(text)}", '"5m..10m after 50"'
    match = _REST.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{what} is not understood: write it like {example}, or {NONE}")
    if len(match[2]) > len(str(MOST_BEFORE_A_REST)) or not 1 <= int(match[2]) <= MOST_BEFORE_A_REST:
        raise UsageError(f"{what} must come after 1 to {MOST_BEFORE_A_REST:,} messages")
    return Rest(_parse_span(match[1], what, example), int(match[2]))


def _parse_span(text: str, what: str, example: str) -> Span:
    ends = [_SPAN.fullmatch(end.strip().casefold()) for end in text.split("..")]
    if len(ends) > 2 or None in ends:
        raise UsageError(f"{what} is not understood: write it like {example}, or {NONE}")
    seconds = [length_of(float(end[1]), UNITS[end[2]]).total_seconds() for end in ends if end is not None]
    least, most = seconds[0], seconds[-1]
    if least > most:
        raise UsageError(f"{what} ends before it begins: write the shorter time first, like {example}")
    if not SHORTEST <= least <= most <= LONGEST:
        raise UsageError(f"{what} must be between 1s and 24h: write it like {example}")
    return Span(least, most)
