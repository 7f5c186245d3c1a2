"""Conditions, as operators write them."""

from __future__ import annotations

from datetime import date

import pytest

from broadcaster.domain.condition_parser import (
    DEEPEST,
    LONGEST_CONDITION,
    parse_condition,
    parse_conditions,
    parse_exclusions,
)
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
    check_conditions,
    describe_conditions,
    fixed,
)
from broadcaster.domain.written_days import DayOrder
from broadcaster.errors import UsageError


def compared(variable: str, operator: Operator, kind: ValueKind, *values: str) -> Compared:
    return Compared(variable, operator, tuple(Value(kind, value) for value in values))


EQUAL, TEXT = Operator.EQUAL, ValueKind.TEXT
JAKARTA = compared("city", EQUAL, TEXT, "Jakarta")
ADULT = compared("age", Operator.AT_LEAST, ValueKind.NUMBER, "18")


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("city=Jakarta", JAKARTA),
        (" First name != Ayu Lestari ", compared("first_name", Operator.NOT_EQUAL, TEXT, "Ayu Lestari")),
        ("age>=18", ADULT),
        ("age <= 18.50", compared("age", Operator.AT_MOST, ValueKind.NUMBER, "18.50")),
        ("balance<-5", compared("balance", Operator.LESS, ValueKind.NUMBER, "-5")),
        ("joined>2026-02-28", compared("joined", Operator.GREATER, ValueKind.DATE, "2026-02-28")),
        ("joined=28/2/2026", compared("joined", EQUAL, ValueKind.DATE, "28/2/2026")),
        ("joined=28 Februari 2026", compared("joined", EQUAL, ValueKind.DATE, "28 Februari 2026")),
        ("formula=a=b", compared("formula", EQUAL, TEXT, "a=b")),
        ("link=https://x.id/?a=b&c=d", compared("link", EQUAL, TEXT, "https://x.id/?a=b&c=d")),
        ("Amount (IDR)>5", compared("amount_idr", Operator.GREATER, ValueKind.NUMBER, "5")),
        ("name=Budi (Pak), Jr.", compared("name", EQUAL, TEXT, "Budi (Pak), Jr.")),
        ("city=", compared("city", EQUAL, TEXT, "")),
        ("state=OR", compared("state", EQUAL, TEXT, "OR")),
        ("state = OR and city=Jakarta", AllOf((compared("state", EQUAL, TEXT, "OR"), JAKARTA))),
        ("city= or age>=18", AnyOf((compared("city", EQUAL, TEXT, ""), ADULT))),
        ("code='007'", compared("code", EQUAL, TEXT, "007")),
        ("name='Bed and ''Breakfast'''", compared("name", EQUAL, TEXT, "Bed and 'Breakfast'")),
        ("city=\"'; DROP TABLE audiences\"", compared("city", EQUAL, TEXT, "'; DROP TABLE audiences")),
        ("n=" + "9" * 101, compared("n", EQUAL, TEXT, "9" * 101)),
        ("city in (Jakarta, 'Solo, Jawa', 5)", Compared("city", Operator.IN, (
            Value(TEXT, "Jakarta"), Value(TEXT, "Solo, Jawa"), Value(ValueKind.NUMBER, "5")))),
        ("city not in (Solo)", Not(compared("city", Operator.IN, TEXT, "Solo"))),
        ("name contains bin al", compared("name", Operator.CONTAINS, TEXT, "bin al")),
        ("NAME NOT CONTAINS 5", Not(compared("name", Operator.CONTAINS, TEXT, "5"))),
        ("city is empty", Empty("city")),
        ("city IS NOT EMPTY", Not(Empty("city"))),
        ("city=Jakarta and age>=18", AllOf((JAKARTA, ADULT))),
        ("city=Jakarta or age>=18 and not(city is empty)", AnyOf((JAKARTA, AllOf((ADULT, Not(Empty("city"))))))),
        ("(city=Jakarta OR age>=18) AND city is empty", AllOf((AnyOf((JAKARTA, ADULT)), Empty("city")))),
        ("not not (city=Jakarta)", Not(Not(JAKARTA))),
        ("messaged within 7d", Messaged(168)),
        ("not messaged within 2 weeks", Not(Messaged(336))),
        ("messaged within 12h or city=Jakarta", AnyOf((Messaged(12), JAKARTA))),
        ("got campaign news 2026-11-23T09:00", Got("news 2026-11-23T09:00")),
        ("failed in campaign \"Salt and pepper\"", Got("Salt and pepper", failed=True)),
        ("not in audience vip", Not(Listed(ListKind.AUDIENCE, "vip"))),
        ("in campaign promo", Listed(ListKind.CAMPAIGN, "promo")),
        ("got_campaign=yes", compared("got_campaign", EQUAL, TEXT, "yes")),
        ("not = well", compared("not", EQUAL, TEXT, "well")),
        ("'terms and conditions'=yes", compared("terms_and_conditions", EQUAL, TEXT, "yes")),
    ],
)  # fmt: skip
def test_a_condition_is_read_and_given_back(text: str, condition: Condition) -> None:
    assert parse_condition(text) == condition
    assert parse_condition(str(condition)) == condition


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("today", "2026-11-23"),
        ("TODAY + 1", "2026-11-24"),
        ("tomorrow", "2026-11-24"),
        ("yesterday", "2026-11-22"),
        ("today-2w", "2026-11-09"),
        ("today+8 days", "2026-12-01"),
    ],
)
def test_days_that_are_relative_are_fixed_by_the_clocks_of_the_zone(text: str, day: str) -> None:
    asked: list[str] = []

    def today(zone: str) -> date:
        asked.append(zone)
        return date(2026, 11, 23)

    condition = parse_condition(f"date={text}", "Asia/Jakarta")
    [meant] = fixed([condition], today)
    assert isinstance(meant, Compared)
    assert (str(meant.values[0].day), asked) == (day, ["Asia/Jakarta"])
    assert str(meant).endswith(f"({day})")
    assert fixed([meant], today) == [meant]


def test_a_column_may_say_how_it_writes_days() -> None:
    assert parse_condition("date (dd/mm/yyyy) = today", "UTC") == Compared(
        "date", EQUAL, (Value(ValueKind.DATE, "today", "UTC"),), DayOrder.DAY_FIRST
    )


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("", "at its end", "here comes a condition"),
        ("city", "at 'city', character 1", "like city=Jakarta"),
        ("=Jakarta", "at '=Jakarta', character 1", "a column is missing before '='"),
        ("city==Jakarta", "character 6", "like city=Jakarta"),
        ("age=>18", "character 5", "like city=Jakarta"),
        ("age<>18", "character 5", "like city=Jakarta"),
        ("!=", "character 1", "a column is missing"),
        ("city>Jakarta", "at 'Jakarta', character 6", "a number or a day such as"),
        ("age>'18'", "character 5", "a number or a day"),
        ("city=Jakarta age>18", "at 'age>18', character 14", "'and' or 'or' is missing"),
        ("city=Jakarta or Solo", "at 'Solo', character 17", "stands in quotes"),
        ("age>18 and <30", "at '<30', character 12", "a column is missing"),
        ("city=Jakarta and", "at its end", "here comes a condition"),
        ("city=Jakarta)", "at ')', character 13", "nothing has opened"),
        ("(city=Jakarta", "at '(city=Jakarta', character 1", "never closed"),
        ("(city=Jakarta) age>5", "at 'age>5', character 16", "comes 'and', 'or' or nothing"),
        ("city='; DROP TABLE audiences", "character 6", "this quote is never closed"),
        ("city='Solo' Jawa", "at 'Jawa', character 13", "after a quoted value comes"),
        ("city in (a, b", "at its end", "like in (Jakarta, Solo)"),
        ("city is empty yes", "at 'yes'", "after 'empty' comes"),
        ("name contains", "at its end", "contains what"),
        ("joined=2026-02-31", "at '2026-02-31', character 8", "there is no such day"),
        ("joined=31/31/2026", "character 8", "there is no such day"),
        ("joined=2026-11-23 09:00", "character 8", "without the time"),
        ("date(d/m/y)=Jakarta", "character 1", "there is no day to compare with"),
        ("messaged within soon", "at 'soon'", "a span of time such as"),
        ("messaged within 0d", "at '0d'", "a span of time such as"),
        ("messaged within 9999w", "at '9999w'", "at most ten years"),
        ("messaged within 30d ago", "at 'ago'", "after a span of time comes"),
        ("got campaign", "at its end", "the name of a campaign"),
        ("in audience and city=x", "character 13", "the name of an audience"),
        ("(" * DEEPEST + "a=b" + ")" * DEEPEST, f"character {DEEPEST + 1}", "within each other"),
    ],
)
def test_what_is_no_condition_is_refused_where_it_stops(text: str, where: str, what: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_condition(text)
    message = str(refused.value)
    assert message.startswith("--where ")
    assert where in message
    assert what in message
    assert "\n" not in message


@pytest.mark.parametrize("text", ["not " * 240, "(" * LONGEST_CONDITION, "a=b or " * 140])
def test_nothing_is_too_much_for_the_parser(text: str) -> None:
    with pytest.raises(UsageError):
        parse_condition(text)


def test_conditions_are_counted_together() -> None:
    with pytest.raises(UsageError, match="makes 60 comparisons, and at most 50"):
        parse_conditions([" or ".join(["a=b"] * 30)] * 2)


def test_an_unknown_column_is_refused_with_the_known_ones() -> None:
    for text in ("ctiy=Jakarta", "name=Ayu and not (ctiy is empty)"):
        with pytest.raises(UsageError, match=r"did you mean 'city'\? columns are: 'name', 'city'"):
            check_conditions([parse_condition(text)], ["name", "city"])


def test_conditions_are_shown_in_words() -> None:
    conditions = parse_conditions(["city=Jakarta or age>=18", "not messaged within 30d"])
    assert describe_conditions(conditions) == "(city=Jakarta or age>=18) and not messaged within 30d"


def test_who_is_excluded_may_be_said_to_be_an_audience_or_a_campaign() -> None:
    assert parse_exclusions(["vip", "audience:a:b", "campaign:promo", "news:x"]) == [
        Not(Listed(ListKind.EITHER, "vip")),
        Not(Listed(ListKind.AUDIENCE, "a:b")),
        Not(Listed(ListKind.CAMPAIGN, "promo")),
        Not(Listed(ListKind.EITHER, "news:x")),
    ]
    for text in ("", "audience:", "a\x1bb"):
        with pytest.raises(UsageError, match="no name of an audience"):
            parse_exclusions([text])
