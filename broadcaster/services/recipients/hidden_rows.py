"""Rows that a spreadsheet does not show, by a filter or by hand: who looks at the list does not see them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from enum import StrEnum
from itertools import compress

from broadcaster.errors import quoted
from broadcaster.services.recipients.rows import Rows

HIDDEN_ROWS_OPTION = "--hidden-rows"


class HiddenRowsRule(StrEnum):
    """What becomes of hidden rows."""

    TAKE = "take"
    SKIP = "skip"


class HiddenRows:
    """Takes hidden rows, leaves them out, or stops because nobody has said which; and counts them."""

    def __init__(self, spans: Sequence[tuple[int, int]], rule: HiddenRowsRule | None) -> None:
        """`spans` are the first and the last line of hidden rows that follow each other, in the file's order."""
        self._firsts = [first for first, _ in spans]
        self._spans = spans
        self._rule = rule
        self._count = 0
        self._first: tuple[int, list[str]] | None = None

    def ruled(self, rows: Rows) -> Rows:
        """Those of them that are gone on with."""
        if not self._spans:
            return rows
        are_hidden = list(map(self._is_hidden, rows.lines))
        if not any(are_hidden):
            return rows
        self._count += sum(are_hidden)
        self._first = self._first or next(compress(zip(*rows, strict=True), are_hidden))
        if self._rule is not HiddenRowsRule.SKIP:
            return rows
        shown = [not hidden for hidden in are_hidden]
        return Rows(list(compress(rows.lines, shown)), list(compress(rows.rows, shown)))

    @property
    def reason_to_stop(self) -> str | None:
        """That nobody has said what becomes of them, once the rows are read; None: there are none, or it is said."""
        if self._rule is not None or self._first is None:
            return None
        rows, they = ("row is", "it") if self._count == 1 else ("rows are", "them")
        line, fields = self._first
        shown = quoted(" ".join(filter(None, fields)))
        return (
            f"{self._count:,} {rows} hidden, by a filter or by hand, such as line {line} ({shown}): add "
            f"{HIDDEN_ROWS_OPTION} skip to leave {they} out, or {HIDDEN_ROWS_OPTION} take to use {they} as the others"
        )

    @property
    def notice(self) -> str | None:
        """For people, after the rows were read: how many there were, where it is said what becomes of them."""
        if self._rule is None or not self._count:
            return None
        become = "left out" if self._rule is HiddenRowsRule.SKIP else "taken like the others"
        return f"rows that are hidden, by a filter or by hand, are {become}: {self._count:,}"

    @property
    def left_out(self) -> int:
        """How many were left out."""
        return self._count if self._rule is HiddenRowsRule.SKIP else 0

    def _is_hidden(self, line: int) -> bool:
        place = bisect_right(self._firsts, line) - 1
        return place >= 0 and line <= self._spans[place][1]
