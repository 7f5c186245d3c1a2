"""Values of conditions that nobody has, such as a city with a typing error, and what there is instead."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import NamedTuple

from sqlalchemy import Connection

from broadcaster.db.statements import composing, first, rows
from broadcaster.domain.conditions import Compared, Condition, Operator, ValueKind, leaves
from broadcaster.domain.plain_values import folded_value
from broadcaster.domain.written_days import DayOrder
from broadcaster.errors import listed, quoted
from broadcaster.services.audiences.candidates import Candidates
from broadcaster.services.audiences.predicate import Writing

_MOST_VALUES = 10
"""Values of conditions that are looked up: each costs a look at all members where nobody has it."""
_MOST_LIKE = 2_000
"""Values of candidates that one of these is compared with, letter by letter."""
_MOST_NEAREST = 3
_FEW = 12
"""Values of a variable that are all named where none is near."""


class _Value(NamedTuple):
    folded: str
    written: str
    distinct_values: int


class _Span(NamedTuple):
    least: str | None
    largest: str | None


def nobodys_values(
    connection: Connection,
    candidates: Candidates,
    conditions: Sequence[Condition],
    writing: Writing,
    holds_for_somebody: Callable[[Compared], bool],
) -> Iterator[str]:
    """A sentence for each value that nobody has: the nearest texts that there are, or the span of numbers or days."""
    for compared in islice(_single_values(conditions), _MOST_VALUES):
        if not holds_for_somebody(compared):
            yield f"{compared} holds for nobody: {_instead(connection, candidates, compared, writing)}"


def _single_values(conditions: Sequence[Condition]) -> Iterator[Compared]:
    """Each value that a condition compares with, by itself."""
    for leaf in (leaf for each in conditions for leaf in leaves(each)):
        if isinstance(leaf, Compared):
            equal = leaf.operator in (Operator.IN, Operator.NOT_EQUAL)
            operator = Operator.EQUAL if equal else leaf.operator
            yield from (Compared(leaf.variable, operator, (value,), leaf.order) for value in leaf.values if value.text)


def _instead(connection: Connection, candidates: Candidates, compared: Compared, writing: Writing) -> str:
    [value], variable = compared.values, compared.variable
    of_candidates = {**candidates.parameters, "variable": variable}
    asking = partial(composing, candidates=candidates.relation)
    match value.kind:
        case ValueKind.TEXT:
            wanted = {"wanted": value.text, "most": _MOST_LIKE}
            return _nearest(compared, rows(connection, asking("values_like"), _Value, **of_candidates, **wanted))
        case ValueKind.NUMBER:
            decimal_comma = writing.decimal_commas[variable]
            span = first(connection, asking("span_of_numbers"), _Span, **of_candidates, decimal_comma=decimal_comma)
        case ValueKind.DATE:
            day_first = writing.orders[variable] is not DayOrder.MONTH_FIRST
            span = first(connection, asking("span_of_days"), _Span, **of_candidates, day_first=day_first)
    what = "number" if value.kind is ValueKind.NUMBER else "day"
    if span is None or span.least is None:
        return f"nobody has a {what} in {quoted(variable)}"
    return f"the {what}s in {quoted(variable)} go from {span.least} to {span.largest}"


def _nearest(compared: Compared, there: Sequence[_Value]) -> str:
    column = quoted(compared.variable)
    if not there:
        return f"nobody has anything in {column}"
    # Who looks for a part of a value has written a word of it.
    parts = compared.operator is Operator.CONTAINS
    written: dict[str, str] = {}
    for each in there:
        for folded in (each.folded, *(each.folded.split() if parts else ())):
            written.setdefault(folded, each.written)
    near = difflib.get_close_matches(folded_value(compared.values[0].text), written, n=_MOST_NEAREST)
    if near:
        return f"the nearest in {column} are {listed(list(dict.fromkeys(written[each] for each in near)))}"
    distinct = there[0].distinct_values
    if distinct <= _FEW:
        return f"in {column} there are {listed([each.written for each in there])}"
    return f"none of the {distinct:,} values in {column} is like it"
