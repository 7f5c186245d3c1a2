"""How many messages of each campaign a table says came to what: its columns add up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from broadcaster.domain.states import MessageState
from broadcaster.services.campaigns.campaign_reports import CountedByState

Count = Callable[[CountedByState], int]
_IF_ANY = ("UNKNOWN", "EXPIRED", "OTHER")


def count_columns(rows: Sequence[CountedByState]) -> Mapping[str, Count]:
    """By heading, what a row counts: TOTAL is the sum of the others. Some are there only if any row has some."""
    columns: dict[str, Count] = {
        "TOTAL": lambda each: sum(each.count(state) for state in MessageState),
        "SENT": lambda each: each.count(MessageState.SENT),
        "FAILED": lambda each: each.count(MessageState.FAILED),
        "UNKNOWN": lambda each: each.count(MessageState.UNKNOWN),
        "EXPIRED": lambda each: each.count(MessageState.EXPIRED),
        "OTHER": lambda each: each.otherwise,
        "OPEN": lambda each: each.still_open,
    }
    left_out = [name for name in _IF_ANY if not any(columns[name](each) for each in rows)]
    return {name: count for name, count in columns.items() if name not in left_out}
