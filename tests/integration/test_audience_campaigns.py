"""Campaigns over audiences: whom they go to, when they get their messages, and that they balance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pytest
from sqlalchemy import Engine, text

from broadcaster.domain.conditions import parse_condition
from broadcaster.services import dispatch
from broadcaster.services.audience_campaigns import AudienceCampaign, store_audience_campaign
from broadcaster.services.audience_selection import Selection
from broadcaster.services.audiences import Audience, find_audience
from broadcaster.services.contents import store_content, text_content
from broadcaster.settings import Settings
from tests.support.shop import Shop, drain, open_shop


@pytest.fixture
def shop(engine: Engine, settings: Settings) -> Iterator[Shop]:
    with open_shop(engine, settings) as opened:
        yield opened


PEOPLE: Mapping[str, Mapping[str, str]] = {
    "628120000001": {"name": "Ayu", "city": "Jakarta", "age": "31", "joined": "2026-01-05"},
    "628120000002": {"name": "Budi", "city": " jakarta ", "age": "9", "joined": "2025-12-31 08:00:00"},
    "628120000003": {"name": "Citra", "city": "Bandung", "age": "100.5"},
    "628120000004": {"name": "Dewi", "age": "old", "joined": "soon"},
    "628120000005": {"city": "Jakarta"},
}


def keep(shop: Shop, people: Mapping[str, Mapping[str, str]] = PEOPLE, name: str = "customers") -> Audience:
    """An audience as imports make one."""
    columns = list(dict.fromkeys(column for variables in people.values() for column in variables))
    with shop.engine.begin() as connection:
        audience = connection.execute(
            text("INSERT INTO audiences (name, variables) VALUES (:name, :columns) RETURNING id"),
            {"name": name, "columns": columns},
        ).scalar_one()
        statement = text("INSERT INTO audience_members (audience_id, phone, variables) VALUES (:id, :phone, :vars)")
        for phone, variables in people.items():
            import json

            connection.execute(statement, {"id": audience, "phone": phone, "vars": json.dumps(variables)})
        return find_audience(connection, name)


def store(
    shop: Shop,
    *where: str,
    name: str = "promo",
    template: str = "Hi {{ name | default('there') }}",
    instances: Sequence[str] = ("a",),
    draft: bool = False,
) -> int:
    with shop.engine.begin() as connection:
        lanes = connection.execute(
            text("SELECT id FROM instances WHERE name = ANY(:names)"), {"names": list(instances)}
        ).scalars()
        return store_audience_campaign(
            connection,
            AudienceCampaign(
                name=name,
                audience_id=find_audience(connection, "customers").id,
                lanes=list(lanes),
                content_id=store_content(connection, text_content(template)),
                conditions=[parse_condition(each) for each in where],
                max_attempts=3,
                draft=draft,
            ),
        )


def test_it_gets_the_members_that_there_are_when_it_starts(shop: Shop) -> None:
    shop.add("a")
    keep(shop)
    store(shop)
    assert shop.state("promo") == "scheduled"
    shop.sql("DELETE FROM audience_members WHERE phone = '628120000004'")
    dispatch.start_due_campaigns(shop.engine)
    shop.sql("DELETE FROM audience_members")
    drain(shop)
    dispatch.finish_campaigns(shop.engine)
    assert shop.state("promo") == "finished"
    assert shop.accepted() == {phone: 1 for phone in PEOPLE if phone != "628120000004"}
    texts = [entry.body for entry in shop.gateway.ledger.entries]
    assert sorted(texts) == ["Hi Ayu", "Hi Budi", "Hi Citra", "Hi there"]


@pytest.mark.parametrize(
    ("where", "found"),
    [
        (["city=Jakarta"], "125"),
        (["city!=Jakarta"], "34"),
        (["city="], "4"),
        (["city!="], "1235"),
        (["age=31.0"], "1"),
        (["age!=31"], "2345"),
        (["age>=9"], "123"),
        (["age>9"], "13"),
        (["age<100"], "12"),
        (["age<=9"], "2"),
        (["joined<2026-01-01"], "2"),
        (["joined=2025-12-31"], "2"),
        (["joined>=2026-01-05"], "1"),
        (["city=JAKARTA", "age<18"], "2"),
        (["name=' OR true --"], ""),
    ],
)
def test_conditions_compare_by_the_type_of_the_value(shop: Shop, where: list[str], found: str) -> None:
    selection = Selection(audience=keep(shop), conditions=[parse_condition(each) for each in where])
    with shop.engine.begin() as connection:
        rows = selection.sample(connection, 10)
        assert selection.count(connection) == (len(found), 0)
    assert "".join(row["phone"][-1] for row in rows) == found
