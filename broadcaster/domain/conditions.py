"""Conditions on the members of an audience: `city=Jakarta and age>=18`, `date=today+1`, `not messaged within 30d`.

`condition_parser` makes them of what operators write, `str` gives them back. The database evaluates them, as
`services/audiences/predicate` says it to it:

- A number is compared as a number, a day as a day in whatever form the members have it, anything else as text.
- `<` and `>` with a number (or day) never match a member whose own value is not a number (or day).
- Texts are compared without case and outer white space. They have no order.
- `!=` and `not` match everybody whom the same without it does not match.
- A member without the variable has an empty text.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from enum import StrEnum

import msgspec

from broadcaster.domain.written_days import DayOrder
from broadcaster.errors import UsageError, listed, quoted


class Operator(StrEnum):
    """How a member's value is compared with that of a condition."""

    EQUAL = "="
    NOT_EQUAL = "!="
    LESS = "<"
    AT_MOST = "<="
    GREATER = ">"
    AT_LEAST = ">="
    CONTAINS = "contains"
    IN = "in"


class ValueKind(StrEnum):
    """What kind of values are compared."""

    NUMBER = "number"
    DATE = "date"
    TEXT = "text"


class ListKind(StrEnum):
    """What a list of people is: an audience's members, a campaign's recipients, or whichever has the name."""

    AUDIENCE = "audience"
    CAMPAIGN = "campaign"
    EITHER = "either"


class Value(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a condition compares with, as it was written, but for white space."""

    kind: ValueKind
    text: str
    zone: str | None = None
    """Whose clocks say what `today` is; only of days that are relative to it."""
    day: date | None = None
    """What a relative day has come to, once that is fixed."""

    def __str__(self) -> str:
        if self.kind is ValueKind.TEXT and not _PLAIN.fullmatch(self.text):
            return '"' + self.text.replace('"', '""') + '"'
        return self.text + (f" ({self.day})" if self.day else "")


class Compared(msgspec.Struct, frozen=True, omit_defaults=True, tag="compared"):
    """A member's variable compared with a value; with `in` there are several, and one of them has to be equal."""

    variable: str
    operator: Operator
    values: tuple[Value, ...]
    order: DayOrder | None = None
    """How the members write days, where the operator says so."""

    def __str__(self) -> str:
        variable = self.variable + (f"({self.order})" if self.order else "")
        values = ", ".join(map(str, self.values))
        if self.operator is Operator.IN:
            # In a list nothing is no value.
            values = ", ".join(str(value) or '""' for value in self.values)
            return f"{variable} in ({values})"
        return (
            f"{variable} contains {values}"
            if self.operator is Operator.CONTAINS
            else f"{variable}{self.operator}{values}"
        )


class Empty(msgspec.Struct, frozen=True, tag="empty"):
    """A member has no such variable, or nothing but white space in it."""

    variable: str

    def __str__(self) -> str:
        return f"{self.variable} is empty"


class Messaged(msgspec.Struct, frozen=True, tag="messaged"):
    """Something was sent to a member within the last `hours`, or may have been."""

    hours: int

    def __str__(self) -> str:
        return f"messaged within {self.hours // 24}d" if self.hours % 24 == 0 else f"messaged within {self.hours}h"


class Got(msgspec.Struct, frozen=True, omit_defaults=True, tag="got"):
    """A member was sent a campaign, or `failed` in it."""

    campaign: str
    failed: bool = False
    id: int | None = None
    """Of the campaign, once it is known that there is one."""

    def __str__(self) -> str:
        return f"{'failed in' if self.failed else 'got'} campaign {written_name(self.campaign)}"


class Listed(msgspec.Struct, frozen=True, omit_defaults=True, tag="listed"):
    """A member is in another audience, or among a campaign's recipients, whatever became of the message."""

    kind: ListKind
    name: str
    id: int | None = None
    """Of what has the name, once it is known that there is one."""

    def __str__(self) -> str:
        return f"in {'' if self.kind is ListKind.EITHER else f'{self.kind} '}{written_name(self.name)}"


class Not(msgspec.Struct, frozen=True, tag="not"):
    """The part does not hold."""

    part: Condition

    def __str__(self) -> str:
        match self.part:
            case Empty(variable=variable):
                return f"{variable} is not empty"
            case Compared(operator=Operator.CONTAINS | Operator.IN as operator):
                return str(self.part).replace(f" {operator} ", f" not {operator} ", 1)
        return f"not {_grouped(self.part)}"


class AllOf(msgspec.Struct, frozen=True, tag="and"):
    """All parts hold."""

    parts: tuple[Condition, ...]

    def __str__(self) -> str:
        return " and ".join(map(_grouped, self.parts))


class AnyOf(msgspec.Struct, frozen=True, tag="or"):
    """One of the parts holds, or several do."""

    parts: tuple[Condition, ...]

    def __str__(self) -> str:
        return " or ".join(map(_grouped, self.parts))


Leaf = Compared | Empty | Messaged | Got | Listed
Condition = Leaf | Not | AllOf | AnyOf

_PLAIN = re.compile(
    r"(?!today|tomorrow|yesterday|[+-]?[0-9])[^\s,()'\"=<>!]+(?: (?!(?:and|or)\b)[^\s,()'\"=<>!]+)*|", re.I
)
"""Texts that are read as themselves without quotes. Not all: what is left out is quoted, and means the same."""


def leaves(condition: Condition) -> Iterator[Leaf]:
    """The comparisons and the like that a condition is made of, from left to right."""
    match condition:
        case AllOf(parts=parts) | AnyOf(parts=parts):
            for part in parts:
                yield from leaves(part)
        case Not(part=part):
            yield from leaves(part)
        case _:
            yield condition


def replaced(condition: Condition, by: Callable[[Leaf], Condition]) -> Condition:
    """The condition with each of its `leaves` replaced."""
    match condition:
        case AllOf(parts=parts):
            return AllOf(tuple(replaced(part, by) for part in parts))
        case AnyOf(parts=parts):
            return AnyOf(tuple(replaced(part, by) for part in parts))
        case Not(part=part):
            return Not(replaced(part, by))
        case _:
            return by(condition)


def fixed(conditions: Sequence[Condition], today: Callable[[str], date]) -> list[Condition]:
    """The conditions with days that are relative to today fixed; `today` says what it is in a time zone."""

    def fix(leaf: Leaf) -> Condition:
        if not isinstance(leaf, Compared):
            return leaf
        values = tuple(
            value
            if value.zone is None or value.day
            else msgspec.structs.replace(value, day=relative_day(value.text, today(value.zone)))
            for value in leaf.values
        )
        return msgspec.structs.replace(leaf, values=values)

    return [replaced(condition, fix) for condition in conditions]


RELATIVE_DAY = re.compile(
    r"(?P<word>today|tomorrow|yesterday)(?:\s*(?P<sign>[+-])\s*(?P<number>[0-9]{1,4})\s*(?P<unit>d|days?|w|weeks?)?)?",
    re.I,
)


def relative_day(text: str, today: date) -> date:
    """What `today+1`, `tomorrow` or `today-2w` is. Raises ValueError for anything else."""
    found = RELATIVE_DAY.fullmatch(text)
    if found is None:
        raise ValueError(text)
    days = {"yesterday": -1, "today": 0, "tomorrow": 1}[found["word"].lower()]
    if found["number"]:
        length = 7 if (found["unit"] or "d").lower().startswith("w") else 1
        days += int(f"{found['sign']}{found['number']}") * length
    return today + timedelta(days=days)


def is_exclusion(condition: Condition) -> bool:
    """Whether it is what `--exclude` says: not in an audience, or not among a campaign's recipients."""
    return isinstance(condition, Not) and isinstance(condition.part, Listed)


def changed_conditions(
    before: Sequence[Condition],
    *,
    where: Sequence[Condition] | None,
    exclude: Sequence[Condition] | None,
    everybody: bool,
) -> Sequence[Condition]:
    """Those that --where gave and those that --exclude gave, each as before (None) or anew; `everybody`: none."""
    if everybody:
        return ()
    asked = [each for each in before if not is_exclusion(each)] if where is None else where
    left_out = [each for each in before if is_exclusion(each)] if exclude is None else exclude
    return [*asked, *left_out]


def check_conditions(conditions: Sequence[Condition], columns: Sequence[str]) -> None:
    """Raise UsageError unless every condition is about one of `columns`, the existing variables."""
    for condition in conditions:
        for leaf in leaves(condition):
            if isinstance(leaf, Compared | Empty) and leaf.variable not in columns:
                close = difflib.get_close_matches(leaf.variable, columns, n=1)
                hint = f"did you mean {quoted(close[0])}? " if close else ""
                raise UsageError(
                    f"--where {leaf}: there is no column {quoted(leaf.variable)}; {hint}columns are: {listed(columns)}"
                )


def describe_conditions(conditions: Sequence[Condition]) -> str:
    """For people: `city=Jakarta and (age>=18 or age is empty)`."""
    return str(conditions[0]) if len(conditions) == 1 else str(AllOf(tuple(conditions)))


def described_source(source: str, conditions: Sequence[Condition]) -> str:
    """For people: where recipients come from, with the conditions that they meet."""
    return f"{source} where {describe_conditions(conditions)}" if conditions else source


def written_name(name: str) -> str:
    """The name of a campaign or an audience as conditions have it."""
    return name if _PLAIN.fullmatch(name) and name else '"' + name.replace('"', '""') + '"'


def _grouped(part: Condition) -> str:
    """A part of a condition, in parentheses where it has parts itself."""
    return f"({part})" if isinstance(part, AllOf | AnyOf) else str(part)
