"""Conditions, as operators write them."""

from __future__ import annotations

import pytest

from broadcaster.domain.conditions import Condition, Operator, ValueKind, check_conditions, parse_condition
from broadcaster.errors import UsageError


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("city=Jakarta", Condition("city", Operator.EQUAL, ValueKind.TEXT, "Jakarta")),
        (" First name != Ayu Lestari ", Condition("first_name", Operator.NOT_EQUAL, ValueKind.TEXT, "Ayu Lestari")),
        ("age>=18", Condition("age", Operator.AT_LEAST, ValueKind.NUMBER, "18")),
        ("age <= 18.50", Condition("age", Operator.AT_MOST, ValueKind.NUMBER, "18.50")),
        ("balance<-5", Condition("balance", Operator.LESS, ValueKind.NUMBER, "-5")),
        ("joined>2026-02-28", Condition("joined", Operator.GREATER, ValueKind.DATE, "2026-02-28")),
        ("joined=2026-02-31", Condition("joined", Operator.EQUAL, ValueKind.TEXT, "2026-02-31")),
        ("formula=a=b", Condition("formula", Operator.EQUAL, ValueKind.TEXT, "a=b")),
        ("city=", Condition("city", Operator.EQUAL, ValueKind.TEXT, "")),
        ("city='; DROP TABLE audiences", Condition("city", Operator.EQUAL, ValueKind.TEXT, "'; DROP TABLE audiences")),
        ("n=" + "9" * 101, Condition("n", Operator.EQUAL, ValueKind.TEXT, "9" * 101)),
    ],
)
def test_a_condition_compares_as_what_its_value_is(text: str, condition: Condition) -> None:
    assert parse_condition(text) == condition
    assert parse_condition(str(condition)) == condition


@pytest.mark.parametrize("text", ["", "city", "=Jakarta", "city==Jakarta", "age=>18", "age<>18", "!=", "city>Jakarta"])
def test_what_is_no_condition_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match=r"^--where .*(such as|like city=Jakarta)"):
        parse_condition(text)


def test_an_unknown_column_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"did you mean 'city'\? columns are: 'name', 'city'"):
        check_conditions([parse_condition("ctiy=Jakarta")], ["name", "city"])
