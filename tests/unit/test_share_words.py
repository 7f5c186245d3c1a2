"""Shares of a whole, as people read them."""

from __future__ import annotations

import pytest

from broadcaster.domain.shares import said_share


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0.0, "0%"),
        (1 / 100_000, "0.01%"),
        (0.0005, "0.05%"),
        (0.004, "0.4%"),
        (0.125, "12%"),
        (0.955, "95.5%"),
        (0.996, "99.6%"),
        (0.999_999, "99.99%"),
        (1.0, "100%"),
    ],
)
def test_less_than_all_is_never_told_as_all_nor_something_as_nothing(share: float, said: str) -> None:
    assert said_share(share) == said
