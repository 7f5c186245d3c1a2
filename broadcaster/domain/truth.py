"""Estimates how often a gateway says yes but sends nothing, from a sample of accepted messages read back. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

FEWEST_CHECKED = 10
"""The fewest messages read back from which a share is estimated."""
MOST_FALSE = 0.15
"""A lane is not trusted with a larger share of false yeses: no honest gateway has that.

An honest gateway misses a few in a hundred: those that it lists too late, or under an unknown number. Messages that
its chats may hide are not counted at all.
"""
SUSPICIOUS = 0.02
"""People are told about a larger share of false yeses."""
FEWEST_MISSING = 3
"""People are told once this many messages are missing."""
_NORMAL_95 = 1.959964
"""The standard normal deviate of a two-sided 95 % interval."""
_NORMAL_99 = 2.575829
"""The standard normal deviate of a two-sided 99 % interval."""


@dataclass(frozen=True, slots=True)
class FalseYeses:
    """The share of accepted messages that were never sent, from 0 to 1, and its interval."""

    share: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.low:.0%} to {self.high:.0%}"


def false_yes_estimate(shown: int, missing: int, deviate: float = _NORMAL_95) -> FalseYeses:
    """The estimate from a sample with `shown` messages in their chats and `missing` ones not there.

    Wilson's score interval (E. B. Wilson, Journal of the American Statistical Association 22, 1927, 209-212), which
    holds for small samples and for shares near 0 and 1. `deviate` sets its width (default: 95 %). An empty sample
    gives 0 to 1.
    """
    count = shown + missing
    if not count:
        return FalseYeses(0.0, 0.0, 1.0)
    share = missing / count
    squared = deviate**2
    center = (share + squared / (2 * count)) / (1 + squared / count)
    half = deviate * sqrt(share * (1 - share) / count + squared / (4 * count**2)) / (1 + squared / count)
    # At shares of 0 and 1 the interval ends there exactly. This removes the rounding error.
    return FalseYeses(share, max(0.0, center - half) if missing else 0.0, min(1.0, center + half) if shown else 1.0)


def missing_words(shown: int, missing: int) -> str:
    """The evidence, for people."""
    return f"of {shown + missing:,} accepted messages that were looked for, {missing:,} are not in their chats"


def is_lying(shown: int, missing: int) -> bool:
    """Whether it is 99 % sure that the gateway never sends a larger share of what it accepts than MOST_FALSE.

    Decision 8 says how soon that is noticed, and how seldom wrongly.
    """
    return shown + missing >= FEWEST_CHECKED and false_yes_estimate(shown, missing, _NORMAL_99).low > MOST_FALSE


def is_suspect(shown: int, missing: int) -> bool:
    """Whether people should look: it is 95 % sure that more is missing than an honest gateway misses."""
    return missing >= FEWEST_MISSING and false_yes_estimate(shown, missing).low > SUSPICIOUS
