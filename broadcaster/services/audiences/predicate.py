"""What the database is asked for conditions: fixed pieces of SQL, and all that operators write as parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from psycopg.sql import SQL, Composable, Placeholder

from broadcaster.domain.conditions import (
    AllOf,
    AnyOf,
    Compared,
    Condition,
    Empty,
    Got,
    Listed,
    ListKind,
    Messaged,
    Not,
    Operator,
    Value,
    ValueKind,
)
from broadcaster.domain.written_days import DayOrder, exact_day


class Writing(NamedTuple):
    """How the variables of an audience are written."""

    orders: Mapping[str, DayOrder | None]
    """Of their days; None: no value depends on it."""
    decimal_commas: Mapping[str, bool]
    """Whether a comma stands before the decimals of their numbers, where a value depends on it."""


# Over a row `r` of `audience_recipients`. None is null, so that `not` holds for everybody for whom they do not.
_EVERYBODY = SQL("true")
_TEXT = SQL("member_text(r.own, {variable}) = ANY(ARRAY[{values}])")
_CONTAINS = SQL("strpos(member_text(r.own, {variable}), {values}) > 0")
_FOLDED = SQL("folded_value({})")
_NUMBER = SQL(
    "coalesce(member_number(r.own, {variable}, {decimal_comma}) {operator} ANY(ARRAY[{values}]::numeric[]), false)"
)
_DAY = SQL("coalesce(member_day(r.own, {variable}, {day_first}) {operator} ANY(ARRAY[{values}]::integer[]), false)")
_KNOWN = SQL("coalesce({} = ANY(r.known), false)")
_OPERATORS = {
    Operator.EQUAL: SQL("="),
    Operator.IN: SQL("="),
    Operator.LESS: SQL("<"),
    Operator.AT_MOST: SQL("<="),
    Operator.GREATER: SQL(">"),
    Operator.AT_LEAST: SQL(">="),
}


@dataclass(slots=True)
class Predicate:
    """Who is meant: a condition over the rows of `audience_recipients`, what it takes, and what it wants known."""

    sql: Composable = field(default_factory=lambda: _EVERYBODY)
    parameters: dict[str, Any] = field(default_factory=dict)
    wanted: list[dict[str, Any]] = field(default_factory=list)
    """For `known_of_members`."""

    def taking(self, value: Any) -> Placeholder:
        """A parameter of this value."""
        name = f"condition_{len(self.parameters)}"
        self.parameters[name] = value
        return Placeholder(name)

    def knowing(self, **wanted: Any) -> Composable:
        """That something is known of the member."""
        self.wanted.append({"leaf": len(self.wanted), **wanted})
        return _KNOWN.format(self.taking(len(self.wanted) - 1))


def predicate_of(conditions: Sequence[Condition], writing: Writing) -> Predicate:
    """What all conditions ask. Relative days have to be fixed, and names known, before."""
    predicate = Predicate()
    if conditions:
        predicate.sql = _sql(AllOf(tuple(conditions)), predicate, writing)
    return predicate


def _sql(condition: Condition, predicate: Predicate, writing: Writing) -> Composable:
    match condition:
        case AllOf(parts=parts):
            return SQL("({})").format(SQL(" AND ").join([_sql(part, predicate, writing) for part in parts]))
        case AnyOf(parts=parts):
            return SQL("({})").format(SQL(" OR ").join([_sql(part, predicate, writing) for part in parts]))
        case Not(part=part):
            return SQL("(NOT {})").format(_sql(part, predicate, writing))
        case Compared(operator=Operator.NOT_EQUAL, variable=variable, values=values, order=order):
            return _sql(Not(Compared(variable, Operator.EQUAL, values, order)), predicate, writing)
        case Compared(values=values):
            kinds = [[value for value in values if value.kind is kind] for kind in ValueKind]
            parts_by_kind = [_compared(condition, each, predicate, writing) for each in kinds if each]
            return SQL("({})").format(SQL(" OR ").join(parts_by_kind))
        case Empty(variable=variable):
            return _TEXT.format(variable=predicate.taking(variable), values=_FOLDED.format(predicate.taking("")))
        case Messaged(hours=hours):
            return predicate.knowing(kind="messaged", seconds=hours * 3600)
        case Got(id=number, failed=failed):
            return predicate.knowing(kind="failed" if failed else "got", id=number)
        case Listed(kind=kind, id=number):
            return predicate.knowing(kind="audience" if kind is ListKind.AUDIENCE else "recipient", id=number)


def _compared(leaf: Compared, values: Sequence[Value], predicate: Predicate, writing: Writing) -> Composable:
    """One comparison with values of one kind: it is enough where it holds with one of them."""
    variable = predicate.taking(leaf.variable)
    comma = SQL(", ")
    if values[0].kind is ValueKind.TEXT:
        folded = comma.join([_FOLDED.format(predicate.taking(value.text)) for value in values])
        return (_CONTAINS if leaf.operator is Operator.CONTAINS else _TEXT).format(variable=variable, values=folded)
    operator = _OPERATORS[leaf.operator]
    if values[0].kind is ValueKind.NUMBER:
        numbers = comma.join([predicate.taking(value.text) for value in values])
        decimal_comma = predicate.taking(writing.decimal_commas[leaf.variable])
        return _NUMBER.format(variable=variable, decimal_comma=decimal_comma, operator=operator, values=numbers)
    order = writing.orders[leaf.variable]
    # Where there is no order, at most one of the two makes it a day.
    tried = (order,) if order else tuple(DayOrder)
    days = [value.day or next(filter(None, (exact_day(value.text, each) for each in tried))) for value in values]
    return _DAY.format(
        variable=variable,
        day_first=predicate.taking(order is not DayOrder.MONTH_FIRST),
        operator=operator,
        values=comma.join([predicate.taking(day.year * 10_000 + day.month * 100 + day.day) for day in days]),
    )
