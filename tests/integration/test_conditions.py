"""Conditions, as the database evaluates them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import compress

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, text

from broadcaster.domain.condition_parser import parse_condition, parse_exclusions
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
    fixed,
    leaves,
)
from broadcaster.domain.plain_values import plain_value
from broadcaster.domain.written_days import DayOrder, day_of
from broadcaster.domain.written_numbers import number_of
from broadcaster.errors import BroadcasterError, ConflictError, InputError, NotFoundError, UsageError
from broadcaster.services.audiences.audience import Audience, remove_audience
from broadcaster.services.audiences.evaluation import evaluate
from broadcaster.services.audiences.listed_rows import ListedRows
from broadcaster.services.audiences.selection import Selection
from broadcaster.services.recipients.chosen_rows import CandidateRows
from tests.support.days import DAY_FORMS
from tests.support.members import World, holds

TODAY = date(2026, 11, 23)
PHONES = [f"6281200000{n:02d}" for n in range(40)]
CITIES = [
    "Jakarta",
    " jakarta ",
    "Bandung",
    "",
    "SOLO; DROP",
    "Kota 'Baru'",
    "\N{LATIN CAPITAL LETTER E WITH ACUTE}vian",
]
AGES = ["17", "18.0", "+18", "-3", "old", "", "1000000000000000000000.5", "18,5", "1.250.000", "1,00,000.5", "1 250"]
# Of these two orders a column has the first: 24/11/2026 can be nothing else.
DAYS = [
    "24/11/2026",
    "03/12/2026",
    "3-4-2026",
    "2026-11-22 09:00",
    "23 Nov 2026",
    "Senin, 5 Mei 2026",
    "soon",
    "",
    "1.2.26",
]
STATES = ["pending", "sent", "failed", "unknown", "skipped"]
CAMPAIGNS = ("promo", "news, and more")
AUDIENCES = ("vip", "old ones")


def add_audience(connection: Connection, name: str, people: dict[str, dict[str, str]]) -> Audience:
    columns = list(dict.fromkeys(column for variables in people.values() for column in variables))
    audience = connection.execute(
        text("INSERT INTO audiences (name, variables) VALUES (:name, :columns) RETURNING id"),
        {"name": name, "columns": columns},
    ).scalar_one()
    for phone, variables in people.items():
        connection.execute(
            text("INSERT INTO audience_members (audience_id, phone, variables) VALUES (:id, :phone, :variables)"),
            {"id": audience, "phone": phone, "variables": json.dumps(variables)},
        )
    return Audience(audience, name, tuple(columns))


def add_campaign(
    owner: Connection, name: str, messages: dict[str, tuple[str, float]], finished_days_ago: float | None = None
) -> int:
    """A campaign whose messages came to these states so many hours ago."""
    content = owner.execute(
        text("INSERT INTO contents (kind, digest, body) VALUES ('text', :name, 'Hi') RETURNING id"),
        {"name": name.encode()},
    ).scalar_one()
    number = owner.execute(
        text(
            "WITH campaign AS (INSERT INTO campaigns (name, state, max_attempts, started_at, finished_at) VALUES ("
            ":name, CASE WHEN cast(:ago AS float8) IS NULL THEN 'running' ELSE 'finished' END::campaign_state,"
            " 3, now(), now() - make_interval(secs => 86400 * cast(:ago AS float8))) RETURNING id)"
            " INSERT INTO content_versions (campaign_id, version, content_id) SELECT id, 1, :content FROM campaign"
            " RETURNING campaign_id"
        ),
        {"name": name, "content": content, "ago": finished_days_ago},
    ).scalar_one()
    for seq, (phone, (state, hours)) in enumerate(messages.items(), start=1):
        owner.execute(
            text(
                "INSERT INTO messages (segment, campaign_id, seq, lane_id, phone, state, changed_at)"
                " VALUES (0, :campaign, :seq, 1, :phone, cast(:state AS message_state),"
                " now() - make_interval(secs => 3600 * :hours))"
            ),
            {"campaign": number, "seq": seq, "phone": phone, "state": state, "hours": hours},
        )
    return int(number)


@pytest.fixture
def tables(owner: Engine) -> Iterator[Connection]:
    """A transaction in which messages are written past the triggers, and which is taken back."""
    with owner.connect() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        yield connection
        connection.rollback()


def found(connection: Connection, audience: Audience, *conditions: Condition) -> set[str]:
    selection = Selection(audience=audience, conditions=conditions).checked(connection)
    rows = selection.sample(connection, 10_000)
    assert selection.count(connection)[:2] == (len(rows), 0)
    return {row.phone for row in rows}


def found_in_file(connection: Connection, people: dict[str, dict[str, str]], condition: Condition) -> set[str]:
    """The same people as the rows of a file, in batches."""
    columns = ["city", "age", "date"]
    phones = list(people)

    def batches() -> Iterator[CandidateRows]:
        for start in range(0, len(phones), 7):
            some = phones[start : start + 7]
            yield CandidateRows(some, {name: [people[phone].get(name, "") for phone in some] for name in columns})

    with connection.begin_nested() as savepoint:
        rows = ListedRows(connection=connection, name="list", variables=columns, conditions=[condition])
        try:
            flags = rows.choose(batches())
        except InputError as error:
            assert "nothing would be sent" in str(error)
            flags = [0] * len(phones)
        savepoint.rollback()
    return set(compress(phones, flags))


def _compared(
    variable: str, values: st.SearchStrategy[Value], operators: list[Operator]
) -> st.SearchStrategy[Condition]:
    single = st.builds(Compared, st.just(variable), st.sampled_from(operators), st.tuples(values))
    several = st.builds(
        Compared, st.just(variable), st.just(Operator.IN), st.lists(values, min_size=1, max_size=3).map(tuple)
    )
    return single | several


_EQUALITIES = [Operator.EQUAL, Operator.NOT_EQUAL]
_ORDERS = [each for each in Operator if each not in (Operator.CONTAINS, Operator.IN)]
_TEXTS = st.sampled_from([*CITIES, "a", "%", "$[0]"]).map(lambda value: Value(ValueKind.TEXT, value.strip()))
_NUMBERS = st.sampled_from(["18", "17.0", "-3", "+18.00", "1e"[:1], "1000000000000000000000.5"]).map(
    lambda value: Value(ValueKind.NUMBER, value)
)
_DAYS = st.sampled_from(["24/11/2026", "3/4/2026", "2026-11-22", "23 November 2026", "01/02/2026"]).map(
    lambda value: Value(ValueKind.DATE, value)
) | st.sampled_from(["today", "today+1", "today-30w"]).map(lambda value: Value(ValueKind.DATE, value, "UTC"))
_LEAVES = st.one_of(
    _compared("city", _TEXTS, _EQUALITIES),
    _compared("age", _NUMBERS, _ORDERS),
    _compared("date", _DAYS, _ORDERS),
    st.builds(
        Compared, st.just("city"), st.just(Operator.CONTAINS), st.tuples(_TEXTS.filter(lambda value: value.text))
    ),
    st.builds(Empty, st.sampled_from(["city", "age", "date"])),
    st.builds(Messaged, st.sampled_from([1, 24, 24 * 30])),
    st.builds(Got, st.sampled_from(CAMPAIGNS), st.booleans()),
    st.builds(Listed, st.just(ListKind.CAMPAIGN), st.sampled_from(CAMPAIGNS)),
    st.builds(Listed, st.just(ListKind.AUDIENCE), st.sampled_from(AUDIENCES)),
)
_PARTS = 3


def _trees(parts: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    several = st.lists(parts, min_size=2, max_size=_PARTS).map(tuple)
    return st.builds(AllOf, several) | st.builds(AnyOf, several) | st.builds(Not, parts)


_CONDITIONS = st.recursive(_LEAVES, _trees, max_leaves=8)
_PERSON = st.fixed_dictionaries(
    {}, optional={"city": st.sampled_from(CITIES), "age": st.sampled_from(AGES), "date": st.sampled_from(DAYS)}
)
_MESSAGES = st.dictionaries(
    st.sampled_from(PHONES),
    st.tuples(st.sampled_from(STATES), st.sampled_from([0.5, 23.0, 25.0, 1000.0])),
    max_size=20,
)


@st.composite
def _worlds(draw: st.DrawFn) -> tuple[dict[str, dict[str, str]], World]:
    people = {phone: draw(_PERSON) for phone in PHONES[:30]}
    # What tells how days are written, and which columns there are.
    people[PHONES[0]] = {"city": "x", "age": "5", "date": "24/11/2026"}
    world = World(
        DayOrder.DAY_FIRST,
        sent={name: draw(_MESSAGES) for name in CAMPAIGNS},
        audiences={name: draw(st.sets(st.sampled_from(PHONES), max_size=15)) for name in AUDIENCES},
    )
    return people, world


def test_the_database_finds_whom_python_finds(tables: Connection) -> None:
    # What is found is short enough; to shorten it takes minutes.
    @settings(max_examples=25, suppress_health_check=list(HealthCheck), database=None, phases=[Phase.generate])
    @given(_worlds(), st.lists(_CONDITIONS, min_size=12, max_size=12), st.booleans())
    def compare(known: tuple[dict[str, dict[str, str]], World], conditions: list[Condition], many: bool) -> None:
        people, world = known
        with tables.begin_nested() as savepoint:
            audience = add_audience(tables, "all", people)
            for name, members in world.audiences.items():
                add_audience(tables, name, {phone: {} for phone in members})
            for name, messages in world.sent.items():
                number = add_campaign(tables, name, messages)
                # Whether members are looked up one by one, or the campaign is read.
                tables.execute(
                    text("INSERT INTO campaign_lanes (campaign_id, lane_id, total, sent) VALUES (:id, 1, :n, :n)"),
                    {"id": number, "n": 10_000 if many else 1},
                )
            today = tables.execute(text("SELECT (now() AT TIME ZONE 'UTC')::date")).scalar_one()
            for condition in conditions:
                [meant] = fixed([condition], lambda _: today)
                expected = {phone for phone, variables in people.items() if holds(meant, phone, variables, world)}
                assert found(tables, audience, condition) == expected, str(condition)
                assert found_in_file(tables, people, condition) == expected, str(condition)
                assert parse_condition(str(condition), "UTC") == condition or str(parse_condition(str(condition)))
            savepoint.rollback()

    compare()


_DAY_TEXTS = st.from_regex(
    r"[0-9]{1,4}[-/. ]([0-9]{1,2}|[A-Za-z]{3,8})[-/. ,]{1,2}[0-9]{2,4}([ T,.].{0,3})?", fullmatch=True
)
_NAMED = st.builds(
    "{}{} {}{} {}".format,
    st.sampled_from(["", "Senin, ", "Mon ", "Jum'at "]),
    st.integers(0, 33),
    st.sampled_from(["Nov", "mei", "AGUSTUS", "Okt.", "Smarch", "des,"]),
    st.sampled_from(["", ","]),
    st.integers(1, 2100),
)


@settings(max_examples=20, suppress_health_check=list(HealthCheck), database=None)
@given(st.lists(_DAY_TEXTS | _NAMED | st.text(max_size=12), min_size=50, max_size=100))
def test_the_database_reads_days_as_python_does(tables: Connection, written: list[str]) -> None:
    written = [each.replace("\0", "") for each in written]
    statement = text(
        "SELECT day_of(t, :first) FROM unnest(cast(:written AS text[])) WITH ORDINALITY AS u (t, n) ORDER BY n"
    )
    for order in DayOrder:
        read = tables.execute(statement, {"first": order is DayOrder.DAY_FIRST, "written": written}).scalars().all()
        assert read == [day_of(each, order) for each in written]


def test_the_database_reads_the_days_of_the_table(tables: Connection) -> None:
    written = [form.written for form in DAY_FORMS]
    for day_first in (True, False):
        statement = text(
            "SELECT member_day(jsonb_build_object('d', t), 'd', :first)"
            " FROM unnest(cast(:written AS text[])) WITH ORDINALITY AS u (t, n) ORDER BY n"
        )
        read = tables.execute(statement, {"first": day_first, "written": written}).scalars().all()
        days = [form.day_first if day_first else form.month_first for form in DAY_FORMS]
        assert read == [None if day is None else int(f"{day:%Y%m%d}") for day in days]


_TYPED = st.text(
    st.sampled_from(
        "aA \t\n\u00a0\u3000eE\u0301\u00e9\u00c9\u200b\u00ad\ufeff\u200dß\u1e9eςΣ\uff11\ufb01\u0130i1.,-\x1f"
    ),
    max_size=8,
)


@settings(max_examples=30, suppress_health_check=list(HealthCheck), database=None)
@given(st.lists(_TYPED | st.text(max_size=8), min_size=50, max_size=100))
def test_the_database_makes_values_plain_as_python_does(tables: Connection, written: list[str]) -> None:
    written = [each.replace("\0", "") for each in written]
    statement = text(
        "SELECT plain_value(t) FROM unnest(cast(:written AS text[])) WITH ORDINALITY AS u (t, n) ORDER BY n"
    )
    read = tables.execute(statement, {"written": written}).scalars().all()
    assert read == [plain_value(each) for each in written]


@pytest.mark.parametrize(
    ("stored", "typed"),
    [
        ("Jos\u00e9", "jose\u0301"),
        ("Jose\u0301", "JOS\u00c9"),
        ("Kota\u00a0Baru", "kota baru"),
        ("Kota  Baru", "Kota Baru"),
        ("\u200bAyu\ufeff", "ayu"),
        ("Straße", "STRASSE"),
        ("ΟΔΟΣ", "οδος"),
        ("\uff11\uff12\uff13", "123"),
        ("\uff11\uff12\uff13", "'123'"),
        ("123", "\uff11\uff12\uff13"),
        ("1\u00a0250", "1250"),
        ("\uff12\uff10\uff12\uff16-11-28", "2026-11-28"),
        ("2026-11-28", "\uff12\uff10\uff12\uff16/11/28"),
    ],
)
def test_values_match_in_whatever_unicode_form_they_are_stored_or_typed(
    tables: Connection, stored: str, typed: str
) -> None:
    audience = column(tables, stored)
    assert found(tables, audience, parse_condition(f"date={typed}")) == {"628120000000"}
    if not typed[0].isdecimal():
        assert found(tables, audience, parse_condition(f"date contains {typed}")) == {"628120000000"}


def test_a_value_of_marks_that_cannot_be_seen_is_empty(tables: Connection) -> None:
    assert found(tables, column(tables, "\u200b\u00a0"), parse_condition("date is empty")) == {"628120000000"}


@settings(max_examples=20, suppress_health_check=list(HealthCheck), database=None)
@given(
    st.lists(
        st.from_regex(r"[+-]?[0-9]{1,4}([.,' \u2019\u00a0][0-9]{2,4}){0,3}[.,]?[0-9]{0,3}", fullmatch=True),
        min_size=50,
    )
)
def test_the_database_reads_numbers_as_python_does(tables: Connection, written: list[str]) -> None:
    statement = text(
        "SELECT number_of(t, :comma) FROM unnest(cast(:written AS text[])) WITH ORDINALITY AS u (t, n) ORDER BY n"
    )
    for comma in (False, True):
        read = tables.execute(statement, {"comma": comma, "written": written}).scalars().all()
        assert read == [number_of(each, decimal_comma=comma) for each in written]


@pytest.mark.parametrize(
    ("written", "where", "matching"),
    [
        (["1,250,000", "1.250.000", "999,999.5", "1 250 000", "junk"], "date>=1000000", [0, 1, 3]),
        (["150.000", "1.250.000", "90"], "date>=150000", [0, 1]),
        (["150.000", "12.5", "1,250.00"], "date>=151", [2]),
        (["1,250", "0,5"], "date<2", [0, 1]),
        (["100000", "99.999,50"], "date>=1.000.000 or date=1,00,000", [0]),
    ],
)
def test_numbers_with_thousands_are_compared_as_the_column_writes_them(
    tables: Connection, written: list[str], where: str, matching: list[int]
) -> None:
    assert found(tables, column(tables, *written), parse_condition(where)) == {f"62812000{n:04d}" for n in matching}


@pytest.mark.parametrize("written", [["150.000"], ["1,250", "17"], ["150.000", "12.5", "12,5"]])
def test_a_number_with_two_readings_is_refused_where_the_column_does_not_tell(
    tables: Connection, written: list[str]
) -> None:
    with pytest.raises(InputError, match=r"has thousands or decimals cannot be told"):
        evaluate(tables, column(tables, *written), [parse_condition("date>=100")])
    with pytest.raises(UsageError, match=r"at '150.000', character 7: it has thousands or decimals"):
        parse_condition("date>=150.000")


def column(connection: Connection, *values: str) -> Audience:
    return add_audience(connection, "a", {f"62812000{n:04d}": {"date": each} for n, each in enumerate(values)})


@pytest.mark.parametrize(
    ("written", "where", "matching"),
    [
        (["24/11/2026", "03/04/2026"], "date=03/04/2026", ["03/04/2026"]),
        (["24/11/2026", "03/04/2026"], "date=2026-04-03", ["03/04/2026"]),
        (["11/24/2026", "03/04/2026"], "date=2026-03-04", ["03/04/2026"]),
        (["03/04/2026", "2026-04-03"], "date(d/m/y)=3 April 2026", ["03/04/2026", "2026-04-03"]),
        (["03/04/2026", "2026-04-03"], "date(m/d/y)=3 April 2026", ["2026-04-03"]),
        (["05/05/2026", "2026-04-03"], "date>4/30/2026", ["05/05/2026"]),
        (["24/11/26", "03/04/26 10:00"], "date<2026-11-24", ["03/04/26 10:00"]),
        (["24.11.2026", "Selasa, 3 Mei 2026", "May 4, 2026"], "date in (3 May 2026, 4-5-2026)", None),
        (["24/11/2026", "soon"], "date>=2026-01-01 or date='soon'", None),
        (["24/11/2026", "2026"], "date contains 2026", ["24/11/2026", "2026"]),
        ([], "date=today", []),
    ],
)
def test_days_are_compared_as_the_file_writes_them(
    tables: Connection, written: list[str], where: str, matching: list[str] | None
) -> None:
    audience = column(tables, *written)
    if not written:
        audience = Audience(audience.id, audience.name, ("date",))
    if matching is None:
        matching = [each for each in written if each != "24.11.2026"]
    phones = {f"62812000{written.index(each):04d}" for each in matching}
    assert found(tables, audience, parse_condition(where)) == phones


@pytest.mark.parametrize(
    ("written", "where", "refusal"),
    [
        (
            ["03/04/2026"],
            "date=today",
            r"whether '03/04/2026' .* write date\(d/m/y\) or date\(m/d/y\) in the condition",
        ),
        (["24/11/2026", "11/24/2026"], "date=today", "in both orders, such as '24/11/2026' and '11/24/2026'"),
        (["24/11/2026"], "date(m/d/y)=today", r"'24/11/2026', which is no day as m/d/y"),
        (["24/11/2026"], "date=11/24/2026", r"'11/24/2026' is no day as .* \(d/m/y\)"),
        (["2026-11-24"], "date=03/04/2026", "'03/04/2026' has the day or the month first cannot be told"),
        (["24/11/59"], "date=today", "years of two digits, such as '24/11/59'"),
        (["soon", ""], "date=today", "none of them is a day"),
        (["2026-11-24", "2026-11-25"], "date=Nov 25", "'Nov 25' is not understood as one: write it like 2026-11-23"),
        (["24/11/2026"], "date='24/11/2026'", "'24/11/2026' in quotes is a text: write it like 24/11/2026"),
        (["24/11/2026"], "date in (today, 24)", "'24' is not understood as one"),
    ],
)
def test_a_day_that_cannot_be_told_is_refused_and_never_compared_as_a_text(
    tables: Connection, written: list[str], where: str, refusal: str
) -> None:
    with pytest.raises(InputError, match=refusal):
        evaluate(tables, column(tables, *written), [parse_condition(where)])


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (
            ["24/11/2026", "soon", "never"],
            "2 members have no day in 'date', such as 'never' (628120000002, 628120000001): {} day holds for them",
        ),
        (["24/11/2026", "soon"], "1 member has no day in 'date', such as 'soon' (628120000001): {} day holds for it"),
        (
            ["24/11/2026 or later", "24/11/2026"],
            "1 member has no day in 'date', such as '24/11/2026 or later' (628120000000): {} day holds for it",
        ),
    ],
)
def test_values_that_are_no_days_are_told(tables: Connection, written: list[str], said: str) -> None:
    [note] = evaluate(tables, column(tables, *written), [parse_condition("date=today")]).notes
    assert note == said.format("no comparison with a")


@pytest.mark.parametrize("where", ["date>=1000", "date=1000", "date!=1000", "not (date in (5, 1000) and date>1)"])
def test_values_that_are_no_numbers_are_told(tables: Connection, where: str) -> None:
    written = ["1,000", "1,250,000.5", "1 000", "\uff11", "Rp 1.000", "1.000 IDR", "", " "]
    [note] = evaluate(tables, column(tables, *written), [parse_condition(where)]).notes
    assert note == (
        "2 members have no number in 'date', such as '1.000 IDR' (628120000005, 628120000004): "
        "no comparison with a number holds for them"
    )


@pytest.mark.parametrize(
    ("written", "where", "hint"),
    [
        (["Bandung", "Badung", "Solo"], "date=Bandug", "date=Bandug holds for nobody: the nearest in 'date' are {}"),
        (["Bandung", "Badung", "x"], "date!=Bandug", "date=Bandug holds for nobody: the nearest in 'date' are {}"),
        (
            ["Bandung", "Badung"],
            "date in (badung, BANDUG)",
            "date=BANDUG holds for nobody: the nearest in 'date' are {}",
        ),
        (
            ["Kota Bandung"],
            "date contains bandug",
            "for nobody: the nearest in 'date' are 'Kota Bandung'",
        ),
        (["Solo", "Medan"], "date=Bandung", "date=Bandung holds for nobody: in 'date' there are 'Medan', 'Solo'"),
        ([f"No. {n}" for n in range(20)], "date=Jakarta", "none of the 20 values in 'date' is like it"),
        (
            ["17", "1,250.5", "80"],
            "date>=2000",
            "nobody: the numbers in 'date' go from 17 to 1250.5",
        ),
        (["17", "80"], "date=18", "date=18 holds for nobody: the numbers in 'date' go from 17 to 80"),
        (["24/11/2026", "03/12/2026"], "date=2027-11-24", "the days in 'date' go from 2026-11-24 to 2026-12-03"),
        (["soon"], "date>3", "date>3 holds for nobody: nobody has a number in 'date'"),
    ],
)
def test_a_value_that_nobody_has_is_told_with_what_there_is(
    tables: Connection, written: list[str], where: str, hint: str
) -> None:
    selection = Selection(audience=column(tables, *written), conditions=[parse_condition(where)]).checked(tables)
    [told] = selection.hints
    assert told.endswith(hint.format("'Bandung', 'Badung'"))
    assert selection.notes[-1] == told


def test_values_that_somebody_has_are_not_told(tables: Connection) -> None:
    audience = column(tables, "Bandung", "18", "2026-11-24", "")
    for where in (
        "date=BANDUNG",
        "date contains dung",
        "date>=18 or date is empty",
        "not messaged within 3d",
        "date!=18",
    ):
        assert Selection(audience=audience, conditions=[parse_condition(where)]).checked(tables).hints == ()


def test_what_nobody_knows_any_more_is_told(tables: Connection) -> None:
    audience = column(tables, "x")
    purged = add_campaign(tables, "spring", {}, finished_days_ago=3)
    add_campaign(tables, "long ago", {}, finished_days_ago=40)
    running = add_campaign(tables, "promo", {})
    tables.execute(text("UPDATE campaigns SET purged_at = now() WHERE finished_at IS NOT NULL"))
    tables.execute(
        text(
            "INSERT INTO purges (campaign_id, operator, messages, attempts, doubts, rejected_recipients,"
            " accepted_more_than_once) SELECT id, 'x', '{\"sent\": 5}', '{}', '{}', 0, 0 FROM campaigns"
            " WHERE purged_at IS NOT NULL"
        )
    )
    tables.execute(
        text("INSERT INTO campaign_lanes (campaign_id, lane_id, total, unknown, sent) VALUES (:id, 1, 3, 2, 1)"),
        {"id": running},
    )
    conditions = [parse_condition("not messaged within 30d"), parse_condition("got campaign promo")]
    first, second = evaluate(tables, audience, conditions).notes
    assert "'spring', purged since" in first
    assert "'long ago'" not in first
    assert "of 2 of its messages nobody knows" in second
    for condition in ("got campaign spring", "not in campaign spring"):
        with pytest.raises(ConflictError, match=r"'spring' was purged on .* nobody knows any more to whom it went"):
            evaluate(tables, audience, [parse_condition(condition)])
    assert purged


@pytest.mark.parametrize(
    ("exclude", "error", "what"),
    [
        ("both", UsageError, "write audience:both or campaign:both"),
        ("none", NotFoundError, "no audience and no campaign is called 'none'"),
        ("campaign:a", NotFoundError, "no campaign is called 'a'"),
        ("audience:promo", NotFoundError, "no audience is called 'promo'"),
        ("waiting", ConflictError, "'waiting' has not started"),
    ],
)
def test_who_is_excluded_has_to_be_known(
    tables: Connection, exclude: str, error: type[BroadcasterError], what: str
) -> None:
    audience = column(tables, "x")
    add_audience(tables, "both", {})
    add_campaign(tables, "both", {})
    waiting = add_campaign(tables, "waiting", {})
    tables.execute(
        text("UPDATE campaigns SET started_at = NULL, audience_id = :audience, state = 'draft' WHERE id = :id"),
        {"audience": audience.id, "id": waiting},
    )
    with pytest.raises(error, match=what):
        evaluate(tables, audience, parse_exclusions([exclude]))


def test_an_audience_that_a_condition_asks_for_is_not_removed(owner: Engine) -> None:
    with owner.begin() as connection:
        audience = column(connection, "x")
        add_audience(connection, "vip", {})
        conditions = evaluate(connection, audience, parse_exclusions(["vip"])).conditions
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        number = add_campaign(connection, "waiting", {})
        connection.execute(
            text(
                "UPDATE campaigns SET started_at = NULL, state = 'scheduled', audience_id = :audience,"
                " audience_filter = cast(:conditions AS jsonb) WHERE id = :id"
            ),
            {"id": number, "audience": audience.id, "conditions": _json(conditions)},
        )
    with pytest.raises(ConflictError, match="needed for the start of campaign 'waiting'"):
        remove_audience(owner, "vip")


def test_a_relative_day_is_that_of_its_zone(tables: Connection) -> None:
    audience = column(tables, "2026-11-24")
    [there, here] = [
        evaluate(tables, audience, [parse_condition("date=today", zone)]).meant[0]
        for zone in ("Etc/GMT-14", "Etc/GMT+12")
    ]
    [one], [other] = (
        [leaf.values[0].day for leaf in leaves(each) if isinstance(leaf, Compared)] for each in (there, here)
    )
    assert one is not None
    assert other is not None
    assert one - other in (timedelta(days=1), timedelta(days=2))


def _json(conditions: object) -> str:
    import msgspec

    return msgspec.json.encode(conditions).decode()
