"""Cooldowns and caps: what people see of them, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from broadcaster.domain.holds import said_holds
from broadcaster.domain.standstill import Cause
from broadcaster.services import dispatch
from broadcaster.services.campaigns.planning import open_work
from broadcaster.services.frequency import keep_due_frequency
from broadcaster.services.standstill import find_standstills
from broadcaster.settings import Settings
from broadcaster.time_zones import shown_time
from broadcaster.web.campaign_pages import look_closely
from tests.support.cli import RunCli, assert_done
from tests.support.shop import Shop, drain, open_shop

SUBMIT = ("campaign", "submit")
TO_ALL = ("--instance", "a", "--recipients", "-", "--text", "Hi")
PEOPLE = "phone\n" + "".join(f"62812{n:07d}\n" for n in range(20))


@pytest.fixture
def shop(engine: Engine, settings: Settings) -> Iterator[Shop]:
    with open_shop(engine, settings) as opened:
        opened.add("a")
        opened.add("b")
        yield opened


def test_a_submission_says_who_was_messaged_lately_and_who_is_in_other_campaigns(run_cli: RunCli, shop: Shop) -> None:
    shop.submit("before", 12, "a")
    drain(shop)
    shop.submit("beside", 15, "b")
    shop.submit("too", 5, "b")
    options = (*TO_ALL, "--cooldown", "24h")
    waits = assert_done(run_cli(*SUBMIT, "x", *options, "--dry-run", stdin=PEOPLE))
    assert "messaged within its cooldown: 12; they wait" in waits.stdout
    assert "15 of these people are still to get something from 2 other campaigns: 'beside', 'too'" in waits.stdout
    assert "care: cooldown of 24h" in waits.stdout
    assert "it waits for people who were messaged within its cooldown" in waits.stdout
    skipping = (*options, "--when-recent", "skip", "--json", "--draft")
    skips = assert_done(run_cli(*SUBMIT, "y", *skipping, stdin=PEOPLE)).json["contention"]
    assert (skips["cooldown"], skips["is_skipped"]) == (12, True)
    assert (skips["in_others"], skips["others"]) == (15, ["beside", "too"])
    started = assert_done(run_cli("campaign", "start", "y")).stdout
    assert "messaged within its cooldown: 12; they are skipped" in started
    assert_done(run_cli("campaign", "clone", "y", "z"))
    assert assert_done(run_cli("campaign", "show", "z", "--json")).json["care"]["cooldown"] == 86400


def test_a_cooldown_with_a_message_a_row_says_what_becomes_of_further_rows(run_cli: RunCli, shop: Shop) -> None:
    options = (*TO_ALL, "--one-per", "row", "--cooldown", "24h", "--dry-run")
    twice = f"{PEOPLE}628120000000\n"
    said = " ".join(run_cli(*SUBMIT, "x", *options, stdin=twice).stderr.split())
    assert "people with several rows get one message within the cooldown of 24h, and their other ones wait" in said
    assert "with several rows" not in run_cli(*SUBMIT, "x", *options, stdin=PEOPLE).stderr
    skipped = " ".join(run_cli(*SUBMIT, "x", *options, "--when-recent", "skip", stdin=twice).stderr.split())
    assert "their other ones are skipped" in skipped


def test_the_plan_counts_who_waits_from_when_they_are_free(run_cli: RunCli, shop: Shop) -> None:
    shop.submit("before", 12, "a")
    drain(shop)
    plan = (*TO_ALL, "--dry-run", "--json", "--cooldown")
    waits = assert_done(run_cli(*SUBMIT, "x", *plan, "24h", stdin=PEOPLE)).json
    assert 86_400 < waits["seconds_to_send"] < 93_600
    assert sum(day["messages"] for day in waits["days"]) == 20
    late = assert_done(run_cli(*SUBMIT, "x", *plan, "24h", "--expires", "6h", stdin=PEOPLE)).json
    assert any("12 of 20 messages will expire at" in notice for notice in late["notices"])


def test_who_waits_in_several_countries_is_planned_once(run_cli: RunCli, shop: Shop) -> None:
    countries = ("62812", "491511", "3361", "3461", "44740", "551191")
    for number, prefix in enumerate(countries):
        shop.submit(f"before{number}", 1 + number, "a", prefix=prefix)
    drain(shop)
    people = "phone\n" + "".join(f"{prefix}{each:07d}\n" for prefix in countries for each in range(15))
    options = ("--cooldown", "24h", "--window", "00:00-24:00", "--window-zone", "recipient", "--accept-countries")
    found = assert_done(run_cli(*SUBMIT, "x", *TO_ALL, *options, "--dry-run", "--json", stdin=people)).json
    assert (found["total"], found["contention"]["cooldown"]) == (90, 21)
    assert sum(day["messages"] for day in found["days"]) == 90


def test_how_many_wait_for_their_people_is_said_wherever_it_is_said_what_holds_a_campaign(
    run_cli: RunCli, shop: Shop
) -> None:
    shop.submit("before", 12, "a")
    drain(shop)
    assert_done(run_cli("limit", "person", "1/d"))
    shop.submit("beside", 5, "b", first=12)
    drain(shop)
    assert_done(run_cli(*SUBMIT, "x", *TO_ALL, "--cooldown", "24h", stdin=PEOPLE))
    keep_due_frequency(shop.engine, grace=shop.settings.acceptance_seconds)
    dispatch.start_due_campaigns(shop.engine)
    drain(shop)
    assert shop.states("x") == {"pending": 17, "sent": 3}
    # Of five the cooldown ends before the cap does.
    shop.sql("UPDATE messages SET reason = 'cap' WHERE phone > '628120000011' AND state = 'pending'")
    shown = assert_done(run_cli("campaign", "show", "x")).stdout
    [held] = re.findall(r"^held by +(.*)$", shown, re.MULTILINE)
    instance, by_cooldown, by_cap = held.split("; ")
    assert re.fullmatch(r"a: its people .*, again at \w{3} \d{4}-\d\d-\d\d \d\d:\d\d.*", instance)
    assert re.fullmatch(
        r"12 messages wait for people who were messaged within its cooldown, the first until .*", by_cooldown
    )
    assert re.fullmatch(r"5 messages wait for people who have had as many as caps allow, the first until .*", by_cap)
    assert f"held by {held}" in run_cli("campaign", "watch", "x", "--timeout", "0").stdout
    found = look_closely(shop.engine, shop.settings, lambda scene: scene, "x")
    plan = open_work(shop.engine, "x").plan()
    assert plan is not None
    assert list(said_holds(found.holds, shown_time, plan.waiting_people)) == [instance, by_cooldown, by_cap]
    planned = " ".join(run_cli("campaign", "plan", "x").stdout.split())
    assert "waits for people who were messaged within its cooldown (12 messages, the first until" in planned
    assert "people who have had as many as caps allow (5 messages, the first until" in planned
    assert [each["messages"] for each in run_cli("campaign", "plan", "x", "--json").json["waiting_people"]] == [12, 5]
    waiting = assert_done(run_cli("campaign", "show", "x", "--json")).json["waiting_people"]
    assert [(each["rule"], each["messages"]) for each in waiting] == [("cooldown", 12), ("cap", 5)]
    shop.sql("INSERT INTO ticks (name, period_seconds, done_at) VALUES ('lifecycle', 1, now())")
    [stands] = find_standstills(shop.engine, shop.settings)
    assert (stands.cause, stands.waiting) == (Cause.PERSON, 17)
    assert stands.sentence(shown_time).startswith("campaign x waits for its people: they ")


def test_caps_are_shown_changed_and_removed(run_cli: RunCli) -> None:
    said = assert_done(run_cli("limit", "person", "1/d", "3/7d")).stdout
    assert said == "each person gets at most 1/d, 3/7d, whatever the campaigns\n"
    assert said in assert_done(run_cli("limit", "list")).stdout
    assert_done(run_cli("limit", "person", "--remove", "24h", "4/7d"))
    assert assert_done(run_cli("limit", "list", "--json")).json == [
        dict.fromkeys(("name", "taken", "free_at", "instances", "campaigns", "schedules"))
        | {"most": 4, "span_seconds": 604_800}
    ]
    assert assert_done(run_cli("limit", "person", "--remove", "7d")).stdout.startswith("no cap holds")
    assert_done(run_cli("limit", "person", "1/d", "3/7d"))
    for _ in range(2):
        assert assert_done(run_cli("limit", "person", "none")).stdout == "no cap holds for people\n"
    assert assert_done(run_cli("limit", "list", "--json")).json == []


def test_a_cap_that_holds_nobody_back_is_told(run_cli: RunCli) -> None:
    said = run_cli("limit", "person", "1/d", "5/h")
    assert (said.code, said.stdout) == (0, "each person gets at most 5/h, 1/d, whatever the campaigns\n")
    assert said.stderr == "warning: 5/h holds nothing back: 1/d never lets so much through\n"
    added = run_cli("instance", "add", "c", "--key", "kc", "--rate", "50/d", "--rate", "60/h")
    assert "warning: 60/h holds nothing back: 50/d never lets so much through\n" in added.stderr


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("limit", "person"), "give a cap such as 3/7d, or --remove"),
        (("limit", "person", "many"), "cap 'many' is not understood: write it like 3/7d, 1/d or 2/12h"),
        (("limit", "person", "none", "3/7d"), "cap 'none' goes with nothing else"),
        (("limit", "person", "none", "--remove", "7d"), "cap 'none' goes with nothing else"),
        (("limit", "person", "0/d"), "cap '0/d' must be of 1 to 1,000 messages"),
        (("limit", "person", "1/999d"), "cap '1/999d' must be of a span between 1h and 366d"),
        (("limit", "person", "1/24h", "2/d"), "two of these are of the same span"),
        (("limit", "person", "--remove", "7d"), "no cap is of 7d; there are none"),
        ((*SUBMIT, "x", *TO_ALL, "--cooldown", "soon"), "--cooldown 'soon' is not understood: write it like 24h"),
    ],
)
def test_what_is_no_rule_is_refused_in_one_line(
    run_cli: RunCli, shop: Shop, arguments: tuple[str, ...], why: str
) -> None:
    refused = run_cli(*arguments, stdin=PEOPLE)
    assert refused.code in {1, 2}
    assert why in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def test_another_cooldown_lets_those_who_wait_be_looked_at_again(run_cli: RunCli, shop: Shop) -> None:
    shop.submit("before", 20, "a")
    drain(shop)
    assert_done(run_cli(*SUBMIT, "x", *TO_ALL, "--cooldown", "24h", stdin=PEOPLE))
    dispatch.start_due_campaigns(shop.engine)
    drain(shop)
    assert shop.states("x") == {"pending": 20}
    assert_done(run_cli("campaign", "pause", "x"))
    changed = assert_done(run_cli("campaign", "set", "x", "--cooldown", "none"))
    assert "cooldown: '24h' -> none" in changed.stdout
    assert_done(run_cli("campaign", "resume", "x"))
    drain(shop)
    assert shop.states("x") == {"sent": 20}
