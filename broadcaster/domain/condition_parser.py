"""Reads conditions as operators write them. By hand, since its messages say where it stops and what may stand there.

    condition    alternative ("or" alternative)*
    alternative  one ("and" one)*
    one          "not" one | "(" condition ")" | comparison
                 | "messaged within" SPAN | "got campaign" NAME | "failed in campaign" NAME | "in audience" NAME
                 | "in campaign" NAME
    comparison   COLUMN ("=" | "!=" | "<" | "<=" | ">" | ">=" | ["not"] "contains") VALUE
                 | COLUMN ["not"] "in" "(" VALUE ("," VALUE)* ")" | COLUMN "is" ["not"] "empty"

A value without quotes goes on until `and`, `or`, a parenthesis that it has not opened, or in a list the comma. In
quotes it may hold these too, and is a text. Where a column writes days ambiguously, its order goes after its name:
`date(d/m/y)`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NoReturn

from broadcaster.domain.conditions import (
    RELATIVE_DAY,
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
    leaves,
)
from broadcaster.domain.names import first_control
from broadcaster.domain.plain_values import plain_value
from broadcaster.domain.templates import variable_name
from broadcaster.domain.written_days import DayOrder, begins_with_day, exact_day, resembles_day
from broadcaster.domain.written_numbers import readings
from broadcaster.errors import UsageError, quoted

LONGEST_CONDITION = 1_000
MOST_CONDITIONS = 50
DEEPEST = 20
_LONGEST_SPAN = 10 * 366 * 24

_NUMBER = re.compile(r"[+-]?[0-9]+(?:[.][0-9]+)?")
_NOT = re.compile(r"not(?=[\s(])(?!\s*(?:[=!<>]|is\s+(?:not\s+)?empty\b|in\s*\(|contains\s))\s*", re.I)
_CONNECTOR = re.compile(r"(?:and|or)(?=[\s(]|\Z)", re.I)
_NEXT = re.compile(r"\s+(?:and|or)(?=[\s(]|\Z)", re.I)
_LONE_CONNECTOR = re.compile(r"(?:and|or)(?=[\s(])(?!\s+(?:and|or)(?:[\s(]|\Z))", re.I)
_INNER_CONNECTOR = re.compile(r"(?:^|\s)(and|or)(?=[\s(]|$)", re.I)
_COMPARISON = re.compile(
    r"""(?P<column>"[^"]*"|'[^']*'|[^=!<>]*?)\s*
        (?: (?P<sign> != | <= | >= | = | < | > )
          | (?<=[\s)"'])
            (?P<word> is \s+ (?:not\s+)? empty \b | (?:not\s+)? in \s* \( | (?:not\s+)? contains \b ) )""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_ORDER = re.compile(r"(?P<column>.*?)\s*\(\s*(?:(?P<day>d+/m+/y+)|m+/d+/y+)\s*\)", re.I | re.DOTALL)
_KNOWN = re.compile(
    r"(?:(?P<messaged>messaged\s+within\b)|(?P<got>got\s+campaign\b)|(?P<failed>failed\s+in\s+campaign\b)"
    r"|(?P<audience>in\s+audience\b)|(?P<campaign>in\s+campaign\b))(?!\s*[=!<>])",
    re.I,
)
_SPAN = re.compile(r"(?P<number>[0-9]{1,4})\s*(?P<unit>h|hours?|d|days?|w|weeks?)(?=[\s)]|\Z)", re.I)
_HOURS = {"h": 1, "d": 24, "w": 168}
_SECOND_COMPARISON = re.compile(r"\s[^\W\d]\w*\s*(?:!=|<=|>=|=|<|>)")
_HELP = "write it like city=Jakarta or age>=18, with one of = != < <= > >= contains, in (…), is empty"


def parse_conditions(texts: Sequence[str] | None, zone: str = "UTC") -> list[Condition]:
    """What several `--where` say, each as `parse_condition` reads it. Raises UsageError."""
    given = texts or ()
    conditions = [parse_condition(each, zone) for each in given[: MOST_CONDITIONS + 1]]
    count = max(len(given), sum(len(list(leaves(condition))) for condition in conditions))
    if count > MOST_CONDITIONS:
        raise UsageError(f"--where makes {count:,} comparisons, and at most {MOST_CONDITIONS} are allowed")
    return conditions


def parse_exclusions(texts: Sequence[str] | None) -> list[Condition]:
    """What several `--exclude` say: `NAME`, or where that is ambiguous `audience:NAME` or `campaign:NAME`."""
    exclusions: list[Condition] = []
    for text in texts or ():
        prefix, colon, name = text.partition(":")
        if not (colon and prefix in (ListKind.AUDIENCE, ListKind.CAMPAIGN)):
            prefix, name = ListKind.EITHER, text
        if not name or first_control(name) is not None:
            raise UsageError(f"--exclude {quoted(text)} is no name of an audience or a campaign")
        exclusions.append(Not(Listed(ListKind(prefix), name)))
    if len(exclusions) > MOST_CONDITIONS:
        raise UsageError(f"--exclude is given {len(exclusions):,} times, and at most {MOST_CONDITIONS} are allowed")
    return exclusions


def parse_condition(text: str, zone: str = "UTC") -> Condition:
    """Read one condition. Columns are named as in templates, in any spelling; `zone` says what `today` is.

    Raises UsageError, with the character at which it is not understood.
    """
    if len(text) > LONGEST_CONDITION:
        raise UsageError(f"--where {quoted(text)} is longer than {LONGEST_CONDITION:,} characters")
    if first_control(text) is not None:
        raise UsageError(f"--where {quoted(text)}: it holds control characters")
    return _Parser(text, zone).parse()


class _Parser:
    """Goes through one text from left to right."""

    def __init__(self, text: str, zone: str) -> None:
        self._text = text
        self._zone = zone
        self._at = 0
        self._depth = 0

    def parse(self) -> Condition:
        condition = self._any()
        if self._at < len(self._text):
            self._refuse("this closes a parenthesis that nothing has opened")
        return condition

    def _any(self) -> Condition:
        parts = [self._all()]
        while self._takes("or"):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def _all(self) -> Condition:
        parts = [self._one()]
        while self._takes("and"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def _one(self) -> Condition:
        self._skip_space()
        self._depth += 1
        if self._depth > DEEPEST:
            self._refuse(f"more than {DEEPEST} conditions are within each other")
        try:
            if self._text.startswith("(", self._at):
                return self._group()
            if found := _NOT.match(self._text, self._at):
                self._at = found.end()
                return Not(self._one())
            if found := _KNOWN.match(self._text, self._at):
                self._at = found.end()
                return self._known(str(found.lastgroup))
            return self._comparison()
        finally:
            self._depth -= 1

    def _group(self) -> Condition:
        opened = self._at
        self._at += 1
        condition = self._any()
        if not self._text.startswith(")", self._at):
            self._at = opened
            self._refuse("this parenthesis is never closed")
        self._at += 1
        self._skip_space()
        if self._at < len(self._text) and self._text[self._at] != ")" and not _CONNECTOR.match(self._text, self._at):
            self._refuse("after a parenthesis comes 'and', 'or' or nothing")
        return condition

    def _known(self, kind: str) -> Condition:
        self._skip_space()
        if kind == "messaged":
            found = _SPAN.match(self._text, self._at)
            hours = int(found["number"]) * _HOURS[found["unit"][0].lower()] if found else 0
            if not (found and 0 < hours <= _LONGEST_SPAN):
                self._refuse("here comes a span of time such as 12h, 30d or 4w, of at most ten years")
            self._at = found.end()
            self._end_of_value("a span of time")
            return Messaged(hours)
        start = self._at
        name, _ = self._value("the name of a campaign or an audience", ")")
        if not name:
            self._at = start
            self._refuse(f"here comes the name of {'an audience' if kind == 'audience' else 'a campaign'}")
        if kind in ("audience", "campaign"):
            return Listed(ListKind(kind), name)
        return Got(name, failed=kind == "failed")

    def _comparison(self) -> Condition:
        start = self._at
        found = _COMPARISON.match(self._text, start)
        written = found["column"] if found else self._text[start:]
        if found is None or (not (quoted_column := written[:1] in ("'", '"')) and _INNER_CONNECTOR.search(written)):
            self._refuse_no_condition(written)
        order = None
        if hinted := _ORDER.fullmatch(written):
            written, order = hinted["column"], DayOrder.DAY_FIRST if hinted["day"] else DayOrder.MONTH_FIRST
        if not quoted_column and written.count("(") != written.count(")"):
            self._refuse_no_condition(written)
        variable = variable_name(written)
        if not variable:
            self._refuse(f"a column is missing before {quoted(found['sign'] or found['word'])}: {_HELP}")
        self._at = found.end()
        if found["sign"]:
            return self._signed(variable, Operator(found["sign"]), order, start)
        return self._worded(variable, found["word"].lower().split(), order, start)

    def _signed(self, variable: str, operator: Operator, order: DayOrder | None, start: int) -> Condition:
        self._skip_space()
        # `==` and `=>` are typing errors. Without this check their second half would become part of the value.
        if self._text[self._at : self._at + 1] in ("=", "<", ">"):
            self._refuse(_HELP)
        at = self._at
        value = self._typed(*self._value("a value", ")"), at)
        if value.kind is ValueKind.TEXT and operator not in (Operator.EQUAL, Operator.NOT_EQUAL):
            self._at = at
            self._refuse(f"{operator} compares with a number or a day such as 2026-11-23 or today+1")
        return self._with_order(Compared(variable, operator, (value,), order), start)

    def _worded(self, variable: str, words: Sequence[str], order: DayOrder | None, start: int) -> Condition:
        negative = "not" in words
        condition: Condition
        if words[0] == "is":
            self._end_of_value("'empty'")
            condition = Empty(variable)
        elif words[-1] == "contains":
            self._skip_space()
            text = plain_value(self._value("a value", ")")[0])
            if not text:
                self._refuse("contains what? Here comes a text")
            condition = Compared(variable, Operator.CONTAINS, (Value(ValueKind.TEXT, text),))
        else:
            condition = self._with_order(Compared(variable, Operator.IN, self._list(), order), start)
        return Not(condition) if negative else condition

    def _list(self) -> tuple[Value, ...]:
        values = []
        while True:
            self._skip_space()
            at = self._at
            text, in_quotes = self._value("a value", ",)")
            if not (text or in_quotes):
                self._at = at
                self._refuse("a value is missing here; one that is empty stands in quotes: city in ('', Solo)")
            values.append(self._typed(text, in_quotes, at))
            closing = self._text[self._at : self._at + 1]
            if closing not in (",", ")"):
                self._refuse("the list of values is never closed: it is written like in (Jakarta, Solo)")
            self._at += 1
            if closing == ")":
                self._end_of_value("a list")
                return tuple(values)

    def _value(self, what: str, stops: str) -> tuple[str, bool]:
        """The text of a value, and whether it stood in quotes."""
        self._skip_space()
        quote = self._text[self._at : self._at + 1]
        if quote in ("'", '"') and quote:
            found = re.compile(f"{quote}((?:[^{quote}]|{quote}{quote})*){quote}").match(self._text, self._at)
            if found is None:
                self._refuse('this quote is never closed; a value that begins with one stands in the other: "\'s"')
            self._at = found.end()
            self._end_of_value("a quoted value", stops)
            return found[1].replace(quote * 2, quote).strip(), True
        start, depth = self._at, 0
        while self._at < len(self._text) and not (depth == 0 and self._ends_value(start, stops)):
            depth += {"(": 1, ")": -1}.get(self._text[self._at], 0)
            self._at += 1
        text = self._text[start : self._at]
        if second := _SECOND_COMPARISON.search(text):
            self._at = start + second.start() + 1
            self._refuse(f"'and' or 'or' is missing before this, or quotes around {what} that has it in it")
        return text.strip(), False

    def _ends_value(self, start: int, stops: str) -> bool:
        """Whether the value that began at `start` goes no further."""
        if self._text[self._at] in stops:
            return True
        if self._at > start:
            return _NEXT.match(self._text, self._at) is not None
        # An empty value. Right after the sign, and before another one, it is a value: `state=OR`.
        return self._text[start - 1].isspace() and _LONE_CONNECTOR.match(self._text, start) is not None

    def _typed(self, text: str, in_quotes: bool, at: int) -> Value:
        """What kind of value it is. `at` is where it begins."""
        text = plain_value(text)
        if in_quotes:
            return Value(ValueKind.TEXT, text)
        if numbers := readings(text):
            if len(numbers) > 1:
                self._at = at
                self._refuse("it has thousands or decimals: write it like 150000 or 1500.5, and a text in quotes")
            return Value(ValueKind.NUMBER, text if _NUMBER.fullmatch(text) else f"{numbers.pop():f}")
        if RELATIVE_DAY.fullmatch(text):
            return Value(ValueKind.DATE, "".join(text.lower().split()), self._zone)
        if resembles_day(text):
            if not any(exact_day(text, order) for order in DayOrder):
                self._at = at
                self._refuse("there is no such day; it is written like 2026-11-23, and a text that looks so in quotes")
            return Value(ValueKind.DATE, text)
        if begins_with_day(text):
            self._at = at
            self._refuse("days are compared without the time, as in 2026-11-23; a text that looks so stands in quotes")
        return Value(ValueKind.TEXT, text)

    def _with_order(self, compared: Compared, start: int) -> Compared:
        if compared.order and not any(value.kind is ValueKind.DATE for value in compared.values):
            self._at = start
            self._refuse(f"({compared.order}) says how days are written, and there is no day to compare with")
        return compared

    def _end_of_value(self, what: str, stops: str = ")") -> None:
        self._skip_space()
        rest = self._text[self._at :]
        if rest and rest[0] not in stops and _CONNECTOR.match(rest) is None:
            self._refuse(f"after {what} comes 'and', 'or', a closing parenthesis or nothing")

    def _takes(self, connector: str) -> bool:
        self._skip_space()
        found = _CONNECTOR.match(self._text, self._at)
        if found is None or found[0].lower() != connector:
            return False
        self._at = found.end()
        return True

    def _skip_space(self) -> None:
        while self._at < len(self._text) and self._text[self._at].isspace():
            self._at += 1

    def _refuse_no_condition(self, written: str) -> NoReturn:
        if not written.strip():
            self._refuse(f"here comes a condition: {_HELP}")
        if self._at and _INNER_CONNECTOR.search(self._text[: self._at].rstrip()[-4:]):
            self._refuse(f"this is no condition: {_HELP}; a value with 'and' or 'or' in it stands in quotes")
        self._refuse(f"this is no condition: {_HELP}")

    def _refuse(self, what: str) -> NoReturn:
        word = self._text[self._at :].split(maxsplit=1)
        where = f"at {quoted(word[0])}, character {self._at + 1:,}" if word else "at its end"
        raise UsageError(f"--where {quoted(self._text)} is not understood {where}: {what}")
