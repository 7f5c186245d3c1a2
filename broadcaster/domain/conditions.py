"""Conditions on the variables of an audience's members, as operators write them: `city=Jakarta`, `age>=18`.

The database evaluates them, in the function `audience_recipients`:

- A number is compared as a number, an ISO date as a date, anything else as text.
- `<` and `>` with a number (or date) never match a member whose own value is not a number (or date).
- Texts are compared without case and outer white space. They have no order.
- `!=` matches everybody whom `=` does not match. A member without the variable has an empty text.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from broadcaster.domain.names import first_control
from broadcaster.domain.templates import variable_name
from broadcaster.errors import UsageError, listed, quoted


class Operator(StrEnum):
    """How a member's value is compared with that of a condition."""

    EQUAL = "="
    NOT_EQUAL = "!="
    LESS = "<"
    AT_MOST = "<="
    GREATER = ">"
    AT_LEAST = ">="


class ValueKind(StrEnum):
    """What kind of values are compared."""

    NUMBER = "number"
    DATE = "date"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison. Make one with `parse_condition`; `str` gives it back as written, with normalised white space."""

    variable: str
    operator: Operator
    kind: ValueKind
    value: str

    def __str__(self) -> str:
        return f"{self.variable}{self.operator}{self.value}"


_CONDITION = re.compile(r"(?P<column>[^=!<>]*)(?P<operator>!=|<=|>=|=|<|>)(?P<value>.*)", re.DOTALL)
_NUMBER = re.compile(r"[+-]?[0-9]+(?:[.][0-9]+)?")
_LONGEST_NUMBER = 100
LONGEST_CONDITION = 1_000
MOST_CONDITIONS = 50
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_EQUALITIES = (Operator.EQUAL, Operator.NOT_EQUAL)
_HELP = "write it like city=Jakarta or age>=18, with one of = != < <= > >="


def parse_conditions(texts: Sequence[str] | None) -> list[Condition]:
    """What several `--where` say, each as `parse_condition` reads it. Raises UsageError."""
    given = texts or ()
    if len(given) > MOST_CONDITIONS:
        raise UsageError(f"--where is given {len(given):,} times, and at most {MOST_CONDITIONS} are allowed")
    return [parse_condition(each) for each in given]


def parse_condition(text: str) -> Condition:
    """Read `column operator value`. The column is named as in templates, in any spelling. Raises UsageError."""
    if len(text) > LONGEST_CONDITION:
        raise UsageError(f"--where {quoted(text)} is longer than {LONGEST_CONDITION:,} characters")
    found = _CONDITION.fullmatch(text)
    value = found["value"].strip() if found else ""
    # `==` and `=>` are typing errors. Without this check their second half would become part of the value.
    if found is None or not (variable := variable_name(found["column"])) or value[:1] in ("=", "<", ">"):
        raise UsageError(f"--where {quoted(text)} is not understood: {_HELP}")
    if first_control(text) is not None:
        raise UsageError(f"--where {quoted(text)}: it holds control characters")
    operator, kind = Operator(found["operator"]), _kind(value)
    if kind is ValueKind.TEXT and operator not in _EQUALITIES:
        raise UsageError(f"--where {quoted(text)}: {operator} compares with a number or a date such as 2026-11-23")
    return Condition(variable, operator, kind, value)


def check_conditions(conditions: Sequence[Condition], columns: Sequence[str]) -> None:
    """Raise UsageError unless every condition names one of `columns`, the existing variables."""
    for condition in conditions:
        if condition.variable not in columns:
            close = difflib.get_close_matches(condition.variable, columns, n=1)
            hint = f"did you mean {quoted(close[0])}? " if close else ""
            raise UsageError(
                f"--where {condition}: there is no column {quoted(condition.variable)}; "
                f"{hint}columns are: {listed(columns)}"
            )


def describe_conditions(conditions: Sequence[Condition]) -> str:
    """For people: `city=Jakarta and age>=18`."""
    return " and ".join(map(str, conditions))


def _kind(value: str) -> ValueKind:
    if len(value) <= _LONGEST_NUMBER and _NUMBER.fullmatch(value):
        return ValueKind.NUMBER
    return ValueKind.DATE if _DATE.fullmatch(value) and _is_date(value) else ValueKind.TEXT


def _is_date(value: str) -> bool:
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True
