"""The views for reports: what they say equals what happened, and docs/reporting.md tells what they are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Engine, NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError

from broadcaster.crypto import open_vault
from broadcaster.db import schema
from broadcaster.db.grants import grant_reader
from broadcaster.errors import ConflictError, NotFoundError
from broadcaster.services.instance_changes import InstanceChanges, set_instance
from tests.support.database import as_owner
from tests.support.shop import Shop, assert_attempts_equal_a_recount, drain

DOCUMENT = (Path(__file__).parents[2] / "docs/reporting.md").read_text(encoding="utf-8")
VIEWS = {name for kind, _, name in (file.partition("/") for file in schema.FILES) if kind == "views"}
QUERIES = re.findall(r"```sql\n(.+?)```", DOCUMENT.split("## Fifteen queries")[1], re.DOTALL)


@pytest.fixture
def shop(shop: Shop) -> Shop:
    for name in ("a", "b"):
        shop.add(name)
    return shop


def columns(engine: Engine) -> dict[str, list[str]]:
    with as_owner(engine).begin() as connection:
        found = connection.execute(
            text(
                "SELECT table_name, array_agg(column_name::text ORDER BY ordinal_position)"
                " FROM information_schema.columns WHERE table_schema = 'public' GROUP BY 1"
            )
        )
        return {str(name): list(each) for name, each in found if name in VIEWS}


def test_every_column_of_every_view_is_documented_and_nothing_else(engine: Engine) -> None:
    sections = dict(re.findall(r"^### (\w[^\n]*)\n(.+?)(?=^##)", DOCUMENT, re.MULTILINE | re.DOTALL))
    documented = {
        title: re.findall(r"`(\w+)`", " ".join(line.split("|")[1] for line in body.splitlines() if line[:3] == "| `"))
        for title, body in sections.items()
        if "," not in title
    }
    [several] = [body for title, body in sections.items() if "," in title]
    for view, described in re.findall(r"^\| `(\w+)` \| (.+) \|$", several, re.MULTILINE):
        documented[view] = re.findall(r"`(\w+)`", re.sub(r"\(`stop`.+?\)", "", described))
    assert documented.keys() == VIEWS
    assert {view: sorted(each) for view, each in documented.items()} == {
        view: sorted(each) for view, each in columns(engine).items()
    }


def test_the_fifteen_queries_answer(shop: Shop) -> None:
    shop.submit("hello", 20, "a", "b")
    shop.fault("kind=invalid_number,phone=628120000003", "kind=http_503,phone=628120000007")
    drain(shop)
    assert len(QUERIES) == 15
    found = [shop.sql(query.replace(":", r"\:").replace(r"\:\:", "::")) for query in QUERIES]
    assert found[1] == []
    assert [row[:3] for row in found[3]] == [("phone is not registered on WhatsApp: invalid number", "failed", 1)]
    assert [row[0] for row in found[4]] == ["628120000003", "628120000007"]
    assert sum(int(str(accepted)) for _, accepted in found[6]) == 18


def test_slots_say_what_attempts_say_whatever_they_come_to(shop: Shop) -> None:
    shop.submit("c", 60, "a", "b")
    shop.fault(
        "kind=http_503,nth=3,count=1",
        "kind=invalid_number,phone=628120000005",
        "kind=drop_before_accept,nth=9,count=1",
    )
    drain(shop)
    shop.sql("UPDATE attempts SET finished_at = finished_at - interval '7 minutes' WHERE seq % 3 = 0")
    shop.sql("UPDATE attempts SET reply = 'another' WHERE seq % 3 = 1")
    assert_attempts_equal_a_recount(shop)
    assert len({slot for (slot,) in shop.sql("SELECT slot FROM attempt_slots WHERE attempts > 0")}) >= 2
    asked = "SELECT outcome::text, sum(attempts) FROM attempt_report GROUP BY 1 ORDER BY 1"
    assert shop.sql(asked) == shop.sql("SELECT outcome::text, count(*) FROM attempts GROUP BY 1 ORDER BY 1")


def test_an_hour_says_within_how_long_most_requests_ended(shop: Shop) -> None:
    shop.submit("c", 100, "a")
    drain(shop)
    shop.sql("UPDATE attempts SET duration_ms = CASE WHEN seq <= 60 THEN 7 WHEN seq <= 97 THEN 150 ELSE 9000 END")
    shop.count_attempts_anew()
    shop.sql("INSERT INTO attempt_hours SELECT account_id, hour, 'unknown', 0, 3 FROM attempt_hours LIMIT 1")
    counted = "attempts, accepted, unknown, half_within_ms, most_within_ms, nearly_all_within_ms"
    assert shop.sql(f"SELECT instance, {counted} FROM hour_report") == [("a", 103, 100, 3, 10, 200, 10000)]
    shop.count_attempts_anew()


@pytest.mark.parametrize(
    ("lasted", "bound"), [(30_000, 30_000), (30_121, 60_000), (300_000, 300_000), (300_001, None)]
)
def test_an_hour_says_a_bound_that_its_requests_kept_or_none(shop: Shop, lasted: int, bound: int | None) -> None:
    shop.submit("c", 3, "a")
    drain(shop)
    shop.sql("UPDATE attempts SET duration_ms = :lasted", lasted=lasted)
    shop.count_attempts_anew()
    assert shop.sql("SELECT half_within_ms, nearly_all_within_ms FROM hour_report") == [(bound, bound)]


def test_what_an_account_sent_stays_in_the_hours_when_its_instance_has_another_one(shop: Shop) -> None:
    shop.submit("before", 30, "a", "b")
    drain(shop)
    vault = open_vault(shop.settings)
    set_instance(shop.engine, vault, "a", InstanceChanges(key="another"))
    set_instance(shop.engine, vault, "b", InstanceChanges(key="yet-another"))
    shop.submit("after", 4, "a")
    drain(shop)
    by_slot = shop.sql("SELECT instance, sum(attempts) FROM attempt_report GROUP BY 1 ORDER BY 1")
    assert by_slot == [("a", 4), (None, 30)]
    assert shop.sql("SELECT instance, sum(attempts) FROM hour_report GROUP BY 1 ORDER BY 1") == by_slot


def test_a_campaigns_speed_says_after_how_long_most_had_been_accepted(shop: Shop) -> None:
    shop.submit("c", 100, "a")
    drain(shop)
    shop.sql("UPDATE campaigns SET started_at = date_bin('5 min', finished_at, 'epoch') - interval '2 hours'")
    shop.sql(
        "UPDATE attempts SET finished_at = started_at + CASE WHEN seq <= 50 THEN interval '1 min'"
        " WHEN seq <= 95 THEN interval '31 min' ELSE interval '119 min' END FROM campaigns"
    )
    asked = "SELECT accepted, tried_again, half_after_seconds, most_after_seconds, nearly_all_after_seconds"
    # Of the 5 of the last five minutes, 4 had been accepted after 240 s.
    assert shop.sql(f"{asked} FROM speed_report") == [(100, 0, 300, 2100, 6900 + 240)]
    assert shop.sql("SELECT 1 / accepted_per_second BETWEEN 72 AND 75 FROM speed_report") == [(True,)]


def test_a_campaign_that_runs_for_seconds_is_told_by_seconds_that_have_passed(shop: Shop) -> None:
    shop.submit("c", 100, "a")
    drain(shop)
    shop.sql("UPDATE campaigns SET started_at = finished_at - interval '100 s'")
    shop.sql("UPDATE attempts SET finished_at = campaigns.finished_at FROM campaigns")
    asked = "SELECT half_after_seconds, most_after_seconds, nearly_all_after_seconds FROM speed_report"
    [told] = shop.sql(asked)
    slot = "greatest(date_bin('5 min', finished_at, 'epoch'), started_at) - started_at"
    [(begun,)] = shop.sql(f"SELECT extract(epoch FROM {slot})::double precision FROM campaigns")
    wanted = [float(str(begun)) + share * (100 - float(str(begun))) for share in (0.50, 0.95, 0.99)]
    assert told == pytest.approx(wanted, abs=0.51)


def test_what_a_running_campaigns_speed_says_has_happened(shop: Shop) -> None:
    shop.submit("c", 100, "a")
    drain(shop)
    shop.submit("open", 10, "a")
    shop.sql("UPDATE campaigns SET started_at = now() - interval '5 s' WHERE name = 'open'")
    shop.sql(
        "INSERT INTO attempt_slots SELECT id, (SELECT min(account_id) FROM attempt_slots),"
        " date_bin('5 min', now(), 'epoch'), 'accepted', 3 FROM campaigns WHERE name = 'open'"
    )
    asked = "SELECT half_after_seconds, nearly_all_after_seconds FROM speed_report WHERE campaign = 'open'"
    [(half, nearly_all)] = shop.sql(asked)
    assert 0 <= half <= nearly_all <= 60
    shop.sql("DELETE FROM attempt_slots WHERE campaign_id = (SELECT id FROM campaigns WHERE name = 'open')")


@pytest.fixture
def reader(engine: Engine) -> Iterator[str]:
    role = f"bi {uuid4().hex[:8]}"
    with as_owner(engine).begin() as connection:
        connection.exec_driver_sql(f"CREATE ROLE \"{role}\" LOGIN PASSWORD 'secret'")
    yield role
    with as_owner(engine).begin() as connection:
        connection.exec_driver_sql(f'DROP OWNED BY "{role}"')
        connection.exec_driver_sql(f'DROP ROLE "{role}"')


def answered(engine: Engine, role: str, statement: str) -> bool:
    opened = create_engine(as_owner(engine).url, poolclass=NullPool)
    try:
        with opened.begin() as connection:
            connection.exec_driver_sql(f'SET LOCAL ROLE "{role}"')
            connection.exec_driver_sql(statement)
    except DBAPIError as error:
        assert "permission denied" in str(error)
        return False
    return True


def test_a_reader_reads_the_views_and_nothing_else(engine: Engine, reader: str) -> None:
    assert not answered(engine, reader, "SELECT FROM campaign_report")
    assert set(grant_reader(as_owner(engine), reader, phones=True)) == VIEWS
    assert all(answered(engine, reader, f"SELECT FROM {view}") for view in VIEWS)
    tables = ("messages", "attempts", "accounts", "instances", "audit_log", "attempt_slots", "forgetting_key")
    assert not any(answered(engine, reader, f"SELECT FROM {table}") for table in tables)


def test_a_reader_without_phones_sees_nobody(engine: Engine, reader: str) -> None:
    grant_reader(as_owner(engine), reader, phones=True)
    open_views = set(grant_reader(as_owner(engine), reader, phones=False))
    closed = {view for view in VIEWS if not answered(engine, reader, f"SELECT FROM {view}")}
    assert closed == VIEWS - open_views
    personal = {"phone", "example_phone", "chat", "body", "words", "variables", "last_reply", "gateway_id"}
    assert {view for view, each in columns(engine).items() if personal & set(each)} == closed


def test_whoever_may_write_is_no_reader(engine: Engine) -> None:
    with pytest.raises(ConflictError, match="may write here"):
        grant_reader(as_owner(engine), "broadcaster_runtime", phones=True)
    with pytest.raises(NotFoundError, match=r"there is no role 'nobody': .* CREATE ROLE \"nobody\" LOGIN"):
        grant_reader(as_owner(engine), "nobody", phones=True)
