"""How often a gateway that says yes sends nothing, by a sample of accepted messages that were read back. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

FEWEST_CHECKED = 10
"""Messages read back before a share of them says anything of the lane."""
MOST_FALSE = 0.15
"""The share of false yeses beyond which a lane is not to be trusted: no honest gateway has it.

An honest one misses what it lists later than it is looked for, or under a number that nobody knows of: a few in a
hundred. What its chats may hide is not counted at all.
"""
SUSPICIOUS = 0.02
"""The share of false yeses beyond which people are told."""
FEWEST_MISSING = 3
"""Messages that are missing before people are told."""
_NORMAL_95 = 1.959964
"""The standard normal deviate that 95 % of the distribution lie within, on both sides."""
_NORMAL_99 = 2.575829
"""The same of 99 %."""


@dataclass(frozen=True, slots=True)
class FalseYeses:
    """The share of accepted messages that were never sent, from 0 to 1, and its interval."""

    share: float
    low: float
    high: float


def false_yes_estimate(shown: int, missing: int, deviate: float = _NORMAL_95) -> FalseYeses:
    """The estimate by a sample of which the chats showed so many and did not hold so many others.

    Wilson's score interval (E. B. Wilson, Journal of the American Statistical Association 22, 1927, 209-212), which
    holds for small samples and for shares near 0 and 1. `deviate` says how wide it is, 95 % as it is. Of nothing it
    says nothing: 0 to 1.
    """
    count = shown + missing
    if not count:
        return FalseYeses(0.0, 0.0, 1.0)
    share = missing / count
    squared = deviate**2
    center = (share + squared / (2 * count)) / (1 + squared / count)
    half = deviate * sqrt(share * (1 - share) / count + squared / (4 * count**2)) / (1 + squared / count)
    # At the ends the interval touches them exactly, but for rounding.
    return FalseYeses(share, max(0.0, center - half) if missing else 0.0, min(1.0, center + half) if shown else 1.0)


def is_lying(shown: int, missing: int) -> bool:
    """Whether it is beyond doubt, at 99 %, that more of what the gateway says it took is never sent than MOST_FALSE.

    How soon that is, and how seldom it is wrong, is in decision 8.
    """
    return shown + missing >= FEWEST_CHECKED and false_yes_estimate(shown, missing, _NORMAL_99).low > MOST_FALSE


def is_suspect(shown: int, missing: int) -> bool:
    """Whether people should look: more is missing than an honest gateway's few, at 95 %."""
    return missing >= FEWEST_MISSING and false_yes_estimate(shown, missing).low > SUSPICIOUS
