"""Shares of a whole, with as many digits as people want to read. Pure."""

from __future__ import annotations

_DECIMALS_BELOW = 10.0
"""Percent: shares this near to nothing or all have a digit after the decimal sign, and those within 0.1 two."""


def shown_percent(share: float) -> tuple[float, int]:
    """A share from 0 to 1 in percent, and how many decimals of it to show.

    What is more than nothing is not shown as nothing, nor what is less than all as all.
    """
    percent = share * 100
    if 0 < percent < 100:
        percent = min(max(percent, 0.01), 99.99)
    edge = round(min(percent, 100 - percent), 6)
    return percent, 0 if edge <= 0 or edge >= _DECIMALS_BELOW else 1 if edge >= 0.1 else 2


def said_share(share: float) -> str:
    """`50%`, `99.6%`, `0.03%`."""
    percent, decimals = shown_percent(share)
    return f"{percent:.{decimals}f}%"
