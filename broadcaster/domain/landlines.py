"""Counts the numbers of a file that are landlines for certain, where their country tells these apart. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from broadcaster.domain.phone_countries import BEGINNING
from broadcaster.domain.phone_proofs import prove_mobile
from broadcaster.domain.phones import is_landline, parse_e164

MOST_LANDLINE_LINES = 10
"""How many lines are kept of them."""
_LONGER_BEGINNING = 9
_MOST_LOOKED_AT = 20_000
"""Numbers whose beginning proves nothing: the library takes 30 µs for each. What comes after them is not counted."""
_MOST_BEGINNINGS = 200_000

_Beginning = tuple[int, str]
"""How many digits a number has, and the first of them."""


class Landlines:
    """Counts, batch by batch, in bounded memory."""

    def __init__(self) -> None:
        self.count = 0
        self.lines: list[int] = []
        """The first MOST_LANDLINE_LINES of them."""
        self._are_mobile: dict[_Beginning, bool | None] = {}
        self._are_landlines: dict[_Beginning, bool] = {}
        self._looked_at = 0

    def add(self, lines: Sequence[int], numbers: Sequence[str]) -> None:
        """Count usable numbers (E.164 digits), which are on these lines."""
        beginnings = {(len(number), number[:BEGINNING]) for number in numbers}
        unproven = {beginning for beginning in beginnings if self._prove(beginning) is not True}
        if not unproven:
            return
        for line, number in zip(lines, numbers, strict=True):
            if (len(number), number[:BEGINNING]) in unproven and self._is_landline(number):
                self.count += 1
                if len(self.lines) < MOST_LANDLINE_LINES:
                    self.lines.append(line)

    def _is_landline(self, number: str) -> bool:
        beginning = len(number), number[:_LONGER_BEGINNING]
        proven = self._prove(beginning)
        if proven is True:
            return False
        known = self._are_landlines.get(beginning)
        if known is None:
            if self._looked_at >= _MOST_LOOKED_AT:
                return False
            self._looked_at += 1
            known = is_landline(parse_e164(number))
            # Where some of them may be mobile, each is a case of its own.
            if proven is False:
                self._are_landlines[beginning] = known
        return known

    def _prove(self, beginning: _Beginning) -> bool | None:
        """Whether all numbers that begin so are mobile phones', or none is; None: not proven."""
        length, digits = beginning
        if beginning in self._are_mobile or len(self._are_mobile) >= _MOST_BEGINNINGS:
            return self._are_mobile.get(beginning)
        found = self._are_mobile[beginning] = prove_mobile(digits, length)
        return found
