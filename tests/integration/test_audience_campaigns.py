"""Campaigns over audiences: whom they go to, when they get their messages, and that they balance."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from broadcaster.domain.condition_parser import parse_condition
from broadcaster.domain.contents import Content
from broadcaster.domain.opening_hours import OpeningHours
from broadcaster.domain.states import CampaignState
from broadcaster.domain.templates import TemplateError, compile_template
from broadcaster.errors import ConflictError, InputError, NotFoundError
from broadcaster.services import dispatch
from broadcaster.services.audiences.audience import Audience, find_audience, remove_audience
from broadcaster.services.audiences.evaluation import evaluate
from broadcaster.services.audiences.selection import Selection
from broadcaster.services.campaigns import campaign_reports, lifecycle, snapshots
from broadcaster.services.campaigns.new_campaign import NewCampaign, insert_campaign
from broadcaster.services.campaigns.new_content import store_content, text_content
from broadcaster.services.campaigns.over_audience import describe_audience
from broadcaster.services.campaigns.previews import preview_campaign
from broadcaster.services.campaigns.test_copies import read_test, send_test
from broadcaster.services.instance_reports import list_instances
from broadcaster.services.openings import move_openings, store_hours
from tests.support.shop import Shop, drain

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
        audience = find_audience(connection, "customers")
        conditions = evaluate(connection, audience, [parse_condition(each) for each in where]).conditions
        return insert_campaign(
            connection,
            NewCampaign(
                name=name,
                content=store_content(connection, text_content(template)),
                lanes=list(lanes),
                max_attempts=3,
                state=CampaignState.DRAFT if draft else CampaignState.SCHEDULED,
                source=describe_audience("customers", conditions),
                audience_id=audience.id,
                conditions=conditions,
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
        (['name="\' OR true --"'], ""),
    ],
)
def test_conditions_compare_by_the_type_of_the_value(shop: Shop, where: list[str], found: str) -> None:
    selection = Selection(audience=keep(shop), conditions=[parse_condition(each) for each in where])
    with shop.engine.begin() as connection:
        selection = selection.checked(connection)
        rows = selection.sample(connection, 10)
        assert selection.count(connection)[:2] == (len(found), 0)
    assert "".join(row.phone[-1] for row in rows) == found


def reasons(shop: Shop, name: str = "promo") -> dict[str, str]:
    return {row.phone: row.reason for row in campaign_reports.rejected_recipients(shop.engine, name)}


def test_its_members_are_in_groups_where_its_hours_go_by_the_recipient(shop: Shop) -> None:
    keep(shop, PEOPLE | {"491701234567": {"name": "Eva"}})
    shop.add("a")
    store(shop)
    with shop.engine.begin() as connection:
        hours = store_hours(connection, OpeningHours(windows=("00:00-24:00",), zone="UTC", is_by_recipient=True))
    shop.sql("UPDATE campaigns SET hours_id = :hours", hours=hours)
    dispatch.start_due_campaigns(shop.engine)
    by_country = shop.sql(
        "SELECT g.country, count(*) FROM messages m JOIN recipient_groups g ON g.id = m.recipient_group"
        " JOIN openings o ON o.recipient_group = g.id GROUP BY 1 ORDER BY 1"
    )
    assert by_country == [("DE", 1), ("ID", 5)]
    drain(shop)
    assert shop.states("promo") == {"pending": 6}
    move_openings(shop.engine)
    drain(shop)
    assert shop.states("promo") == {"sent": 6}


def test_members_that_can_be_sent_nothing_are_kept_with_the_reason(shop: Shop) -> None:
    shop.add("a")
    keep(shop, {**PEOPLE, "628120000006": {"name": "x" * 65_536, "city": "Solo"}})
    store(shop, template="{{ name }} of {{ city }} and {{ city | default('nowhere') }}")
    store(shop, "age!=31", name="blank", template="{{ age }}{{ joined | default(' ') }}")
    dispatch.start_due_campaigns(shop.engine)
    assert reasons(shop) == {
        "628120000004": "has no city",
        "628120000005": "has no name",
        "628120000006": "the text would be too long",
    }
    assert reasons(shop, "blank") == {"628120000005": "has no age", "628120000006": "has no age"}
    summary = campaign_reports.campaign_summary(shop.engine, "promo")
    assert (summary.recipients_read, summary.recipients_rejected, summary.total) == (6, 3, 3)
    drain(shop)


def test_a_text_that_would_be_blank_is_not_sent(shop: Shop) -> None:
    shop.add("a")
    keep(shop, {"628120000001": {"note": " \u00a0\u2003\n"}, "628120000002": {"note": "sale"}, "628120000003": {}})
    store(shop, template="{{ note | default(' ') }}")
    dispatch.start_due_campaigns(shop.engine)
    assert reasons(shop) == dict.fromkeys(("628120000001", "628120000003"), "the text would be blank")
    drain(shop)
    assert shop.accepted() == {"628120000002": 1}


def test_a_campaign_with_nobody_to_send_to_finishes_and_says_so(shop: Shop) -> None:
    shop.add("a")
    keep(shop)
    store(shop, "city=Medan")
    dispatch.start_due_campaigns(shop.engine)
    assert dispatch.finish_campaigns(shop.engine)
    summary = campaign_reports.campaign_summary(shop.engine, "promo")
    assert (summary.state, summary.total) == ("finished", 0)
    assert summary.state_reason == "there is nobody to send to in the audience customers where city=Medan"


def test_a_paused_campaign_that_has_not_started_keeps_waiting_for_its_members(shop: Shop) -> None:
    shop.add("a")
    keep(shop)
    store(shop, draft=True)
    assert lifecycle.start_campaign(shop.engine, "promo").state == "scheduled"
    lifecycle.pause_campaign(shop.engine, "promo")
    assert dispatch.start_due_campaigns(shop.engine) == dispatch.finish_campaigns(shop.engine) == []
    assert lifecycle.resume_campaign(shop.engine, "promo").state == "scheduled"
    dispatch.start_due_campaigns(shop.engine)
    assert shop.states("promo") == {"pending": len(PEOPLE)}
    lifecycle.pause_campaign(shop.engine, "promo")
    assert lifecycle.resume_campaign(shop.engine, "promo").state == "running"
    lifecycle.cancel_campaign(shop.engine, "promo")
    assert shop.states("promo") == {"cancelled": len(PEOPLE)}


def test_several_ticks_at_once_give_it_its_messages_once(shop: Shop) -> None:
    shop.add("a")
    keep(shop, {f"62812{n:07d}": {} for n in range(2_000)})
    for name in ("one", "two", "three"):
        store(shop, name=name, template="Hi")
    with ThreadPoolExecutor(4) as pool:
        ticks = pool.map(lambda _: dispatch.start_due_campaigns(shop.engine), range(8))
    assert sum(map(len, ticks)) == 3
    assert all(shop.states(name) == {"pending": 2_000} for name in ("one", "two", "three"))


def test_the_instances_share_the_members_by_their_rates(shop: Shop) -> None:
    shop.add("a", "60/s")
    shop.add("b", "30/s")
    shop.add("c", "10/s")
    keep(shop, {f"62812{n:07d}": {} for n in range(1_000)})
    store(shop, instances=("a", "b", "c"), template="Hi")
    dispatch.start_due_campaigns(shop.engine)
    lanes = {lane.instance: lane.total for lane in campaign_reports.campaign_detail(shop.engine, "promo").lanes}
    assert {name: round(total / 10) for name, total in lanes.items()} == {"a": 60, "b": 30, "c": 10}
    early = shop.sql("SELECT count(*) FROM messages WHERE seq <= 20 GROUP BY lane_id ORDER BY lane_id")
    assert early == [(12,), (7,), (1,)]


def test_what_a_campaign_says_of_all_goes_over_what_members_say(shop: Shop) -> None:
    audience = keep(shop)
    template = compile_template("{{ name | default('you') }}: {{ occurrence_date }}")
    selection = Selection(
        audience=audience,
        conditions=[parse_condition("age=31")],
        variables={"occurrence_date": "2026-11-23", "name": "All"},
        content=Content(text=template),
    )
    with shop.engine.begin() as connection:
        selection = selection.checked(connection)
        [row] = selection.sample(connection, 1)
        assert template.render(row.variables) == "All: 2026-11-23"
        with pytest.raises(TemplateError, match="there is no column 'occurrence_date'"):
            Selection(audience=audience, content=Content(text=template)).checked(connection)


def test_a_column_that_is_gone_has_its_default(shop: Shop) -> None:
    shop.add("a")
    keep(shop)
    store(shop, template="Hi {{ city | default('you') }}")
    shop.sql("UPDATE audiences SET variables = '{}'")
    shop.sql("UPDATE audience_members SET variables = '{}'")
    dispatch.start_due_campaigns(shop.engine)
    drain(shop)
    assert {entry.body for entry in shop.gateway.ledger.entries} == {"Hi you"}


def test_an_audience_is_not_removed_while_a_campaign_waits_for_it(shop: Shop) -> None:
    shop.add("a")
    keep(shop)
    store(shop)
    with pytest.raises(ConflictError, match="needed for the start of campaign 'promo'"):
        remove_audience(shop.engine, "customers")
    dispatch.start_due_campaigns(shop.engine)
    assert remove_audience(shop.engine, "customers") == len(PEOPLE)
    drain(shop)
    dispatch.finish_campaigns(shop.engine)
    assert shop.state("promo") == "finished"
    assert campaign_reports.campaign_summary(shop.engine, "promo").source == "audience customers"


def test_a_test_copy_is_sent_marked_and_counted_nowhere(shop: Shop) -> None:
    shop.add("a")
    shop.add("b")
    keep(shop)
    store(shop, "age=31", draft=True)
    before = [*campaign_reports.list_campaigns(shop.engine), *list_instances(shop.engine)]
    copy = send_test(shop.engine, "promo", "628129999999", "b")
    dispatch.start_due_campaigns(shop.engine)
    drain(shop)
    dispatch.finish_campaigns(shop.engine)
    assert (read_test(shop.engine, copy.id).state, copy.instance) == ("sent", "b")
    assert [entry.body for entry in shop.gateway.ledger.entries] == ["[TEST] Hi Ayu"]
    assert [*campaign_reports.list_campaigns(shop.engine), *list_instances(shop.engine)] == before
    with pytest.raises(NotFoundError):
        campaign_reports.campaign_summary(shop.engine, copy.name)


@pytest.mark.parametrize(("to", "shown"), [("628120000003", "Citra"), ("628129999999", "Ayu")])
def test_a_test_copy_has_the_variables_of_its_phone_if_it_is_a_recipient(shop: Shop, to: str, shown: str) -> None:
    shop.add("a")
    keep(shop)
    store(shop)
    dispatch.start_due_campaigns(shop.engine)
    lifecycle.pause_campaign(shop.engine, "promo")
    send_test(shop.engine, "promo", to)
    dispatch.start_due_campaigns(shop.engine)
    drain(shop)
    assert [entry.body for entry in shop.gateway.ledger.entries] == [f"[TEST] Hi {shown}"]


def test_a_preview_is_what_is_sent(shop: Shop) -> None:
    shop.add("a")
    keep(shop)
    store(shop, template="Hi {{ name }},\nsee you in {{ city | default('town') }}")
    planned = preview_campaign(shop.engine, "promo", most=10).messages
    dispatch.start_due_campaigns(shop.engine)
    assert preview_campaign(shop.engine, "promo", most=10).messages == planned
    drain(shop)
    assert {each.phone: each.content.text for each in planned} == {
        entry.phone: entry.body for entry in shop.gateway.ledger.entries
    }
    [one] = preview_campaign(shop.engine, "promo", most=10, phone="628120000004").messages
    assert one.content.text == "Hi Dewi,\nsee you in town"
    with pytest.raises(InputError, match="628120000005 is not among those of campaign promo"):
        preview_campaign(shop.engine, "promo", most=10, phone="628120000005")


def test_postgres_trims_what_python_trims(shop: Shop) -> None:
    spaces = "".join(character for character in map(chr, range(1, 0x110000)) if character.isspace())
    assert shop.sql("SELECT trimmed(:text)", text=f"{spaces}\u200ba b{spaces}") == [("\u200ba b",)]


def test_a_large_campaign_gets_a_segment_of_its_own_and_is_sent(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "LARGE_CAMPAIGN", 4)
    shop.add("a")
    shop.add("b")
    keep(shop)
    large = store(shop, template="Hi {{ name }}", instances=("a", "b"))
    store(shop, "age=31", name="small")
    dispatch.start_due_campaigns(shop.engine)
    assert shop.sql("SELECT segment FROM campaigns ORDER BY id") == [(large,), (0,)]
    assert reasons(shop) == {"628120000005": "has no name"}
    assert shop.states("promo") == {"pending": 4}
    lifecycle.cancel_campaign(shop.engine, "small")
    drain(shop)
    dispatch.finish_campaigns(shop.engine)
    assert (shop.state("promo"), shop.states("promo")) == ("finished", {"sent": 4})


def test_a_campaign_whose_conditions_cannot_be_told_at_its_start_waits_and_says_why(shop: Shop) -> None:
    shop.add("a")
    keep(shop, {"628120000001": {"name": "Ayu", "visit": "24/11/2026"}, "628120000002": {"name": "Budi"}})
    store(shop, "visit=2026-11-24")
    shop.sql("""UPDATE audience_members SET variables = '{"visit": "11/24/2026"}' WHERE phone = '628120000002'""")
    assert dispatch.start_due_campaigns(shop.engine) == []
    summary = campaign_reports.campaign_summary(shop.engine, "promo")
    assert (summary.state, summary.total) == ("paused", 0)
    assert summary.state_reason is not None
    assert summary.state_reason.startswith("whom to send to: column 'visit' has days in both orders")
    shop.sql("""UPDATE audience_members SET variables = '{"visit": "2026-11-24"}' WHERE phone = '628120000002'""")
    lifecycle.resume_campaign(shop.engine, "promo")
    dispatch.start_due_campaigns(shop.engine)
    assert shop.states("promo") == {"pending": 2}
    assert campaign_reports.campaign_summary(shop.engine, "promo").state_reason is None
    drain(shop)


def test_who_got_a_campaign_gets_no_other_one(shop: Shop) -> None:
    shop.add("a")
    keep(shop)
    store(shop, "city=Jakarta", name="first")
    dispatch.start_due_campaigns(shop.engine)
    drain(shop)
    assert shop.states("first") == {"sent": 3}
    store(shop, "not got campaign first", name="second")
    store(shop, "not messaged within 1h", name="third")
    shop.sql("UPDATE campaigns SET starts_at = now() + interval '1 hour' WHERE name = 'third'")
    dispatch.start_due_campaigns(shop.engine)
    drain(shop)
    shop.sql("UPDATE campaigns SET starts_at = now() WHERE name = 'third'")
    dispatch.start_due_campaigns(shop.engine)
    assert (shop.states("second"), shop.states("third")) == ({"sent": 2}, {})
    assert shop.accepted() == dict.fromkeys(PEOPLE, 1)
    dispatch.finish_campaigns(shop.engine)
