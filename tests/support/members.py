"""Conditions evaluated in Python, member by member: what the database's answer is compared with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

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
from broadcaster.domain.plain_values import folded_value, plain_value
from broadcaster.domain.written_days import DayOrder, day_of, exact_day
from broadcaster.domain.written_numbers import readings


@dataclass
class World:
    """What is known of everybody."""

    order: DayOrder
    """How all members write days."""
    sent: dict[str, dict[str, tuple[str, float]]] = field(default_factory=dict)
    """By campaign and phone: the message's state, and how many hours ago it came to it."""
    audiences: dict[str, set[str]] = field(default_factory=dict)


def holds(condition: Condition, phone: str, variables: Mapping[str, str], world: World) -> bool:
    """Whether a condition holds of a member, by the words of `domain/conditions.py`. Days must be fixed."""
    match condition:
        case AllOf(parts=parts):
            return all(holds(part, phone, variables, world) for part in parts)
        case AnyOf(parts=parts):
            return any(holds(part, phone, variables, world) for part in parts)
        case Not(part=part):
            return not holds(part, phone, variables, world)
        case Empty(variable=variable):
            return not plain_value(variables.get(variable, ""))
        case Compared():
            return _compares(condition, plain_value(variables.get(condition.variable, "")), world.order)
        case Messaged(hours=hours):
            may_be = ("sent", "sending", "in_doubt", "unknown")
            found = [to[phone] for to in world.sent.values() if phone in to]
            return any(state in may_be and ago <= hours for state, ago in found)
        case Got(campaign=campaign, failed=failed):
            state, _ = world.sent[campaign].get(phone, ("", 0))
            return state == ("failed" if failed else "sent")
        case Listed(kind=ListKind.AUDIENCE, name=name):
            return phone in world.audiences[name]
        case Listed(name=name):
            return phone in world.sent[name]
    raise TypeError(condition)


def _compares(leaf: Compared, written: str, order: DayOrder) -> bool:
    if leaf.operator is Operator.CONTAINS:
        return folded_value(leaf.values[0].text) in folded_value(written)
    if leaf.operator is Operator.NOT_EQUAL:
        return not _equal(leaf.values, written, order)
    if leaf.operator in (Operator.EQUAL, Operator.IN):
        return _equal(leaf.values, written, order)
    [value] = leaf.values
    mine, other = _number(value, written, order)
    if mine is None:
        return False
    return {
        Operator.LESS: mine < other,
        Operator.AT_MOST: mine <= other,
        Operator.GREATER: mine > other,
        Operator.AT_LEAST: mine >= other,
    }[leaf.operator]


def _equal(values: Sequence[Value], written: str, order: DayOrder) -> bool:
    for value in values:
        if value.kind is ValueKind.TEXT:
            if folded_value(written) == folded_value(value.text):
                return True
        else:
            mine, other = _number(value, written, order)
            if mine is not None and mine == other:
                return True
    return False


def _number(value: Value, written: str, order: DayOrder) -> tuple[Decimal | None, Decimal]:
    """The member's value and that of the condition, as numbers that compare like them."""
    if value.kind is ValueKind.NUMBER:
        return next(iter(readings(written)), None), Decimal(value.text)
    day = value.day or exact_day(value.text, order)
    assert isinstance(day, date)
    mine = day_of(written, order)
    return None if mine is None else Decimal(mine), Decimal(f"{day:%Y%m%d}")
