"""Plans as commands tell them: who is skipped, waited for or expires, and what a plan goes by."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

import pytest
from sqlalchemy import Engine

from broadcaster.services import dispatch
from broadcaster.services.campaigns.judging import judge_campaigns
from broadcaster.services.frequency import keep_due_frequency
from broadcaster.services.schedules.due_occurrences import make_due_occurrences
from broadcaster.settings import Settings
from tests.support.cli import CliResult, RunCli, assert_done, assert_refused
from tests.support.shop import Shop, drain, open_shop

SUBMIT = ("campaign", "submit")
TO_ALL = ("--instance", "a", "--recipients", "-", "--text", "Hi")
PEOPLE = "phone\n" + "".join(f"62812{n:07d}\n" for n in range(20))


@pytest.fixture
def shop(engine: Engine, settings: Settings) -> Iterator[Shop]:
    with open_shop(engine, settings) as opened:
        opened.add("a", rate="10/s")
        opened.add("b")
        yield opened


def start(shop: Shop) -> None:
    keep_due_frequency(shop.engine, grace=shop.settings.acceptance_seconds)
    dispatch.start_due_campaigns(shop.engine)
    drain(shop)


def test_before_it_is_decided_who_is_skipped_it_is_said_that_they_will_be(run_cli: RunCli, shop: Shop) -> None:
    shop.submit("before", 12, "b")
    drain(shop)
    options = ("--cooldown", "24h", "--when-recent", "skip", "--expires", "6h")
    assert_done(run_cli(*SUBMIT, "x", *TO_ALL, *options, stdin=PEOPLE))
    start(shop)
    assert shop.states("x") == {"pending": 12, "sent": 8}
    shown = assert_done(run_cli("campaign", "show", "x")).stdout
    assert "will expire" not in shown
    assert "skipped     12 to come (cooldown)" in shown
    assert re.search(r"^held by +a: people who were messaged within its cooldown are skipped at ", shown, re.MULTILINE)
    assert "wait for people" not in shown
    status = assert_done(run_cli("status")).stdout
    assert "campaign x has nobody left to send to; skipped: 12 to come (cooldown)" in status
    assert "all others are skipped, 12 to come (cooldown)" in assert_done(run_cli("campaign", "plan", "x")).stdout
    watched = run_cli("campaign", "watch", "x", "--timeout", "0").stdout
    assert "are skipped at" in watched
    assert "wait for people" not in watched


def test_one_line_says_how_many_get_it_and_how_many_are_skipped(run_cli: RunCli, shop: Shop) -> None:
    shop.submit("before", 12, "b")
    drain(shop)
    options = ("--cooldown", "24h", "--when-recent", "skip")
    submitted = assert_done(run_cli(*SUBMIT, "x", *TO_ALL, *options, "--draft", stdin=PEOPLE)).stdout
    assert "sent to 8; skipped 12 to come (cooldown)\n" in submitted
    assert "sent to 8; skipped 12 to come (cooldown)\n" in assert_done(run_cli("campaign", "start", "x")).stdout


def test_the_plan_of_a_running_campaign_adds_up_to_its_messages(run_cli: RunCli, shop: Shop) -> None:
    assert_done(run_cli("instance", "set", "a", "--rate", "1000/s", "--rate", "8/d"))
    assert_done(run_cli(*SUBMIT, "x", *TO_ALL, stdin=PEOPLE))
    start(shop)
    said = run_cli("campaign", "plan", "x").stdout
    assert re.search(r"^messages +20\nsent +8\nto send +12\nbegan +\w{3} 20.*\ngoes on +\w{3} 20", said, re.MULTILINE)
    document = run_cli("campaign", "plan", "x", "--json").json
    assert (document["sent"], document["failed"], document["messages"]) == (8, 0, 12)
    assert document["started_at"] < document["first_at"]


def test_until_when_messages_leave_is_said_beside_when_they_expire(run_cli: RunCli, shop: Shop) -> None:
    submitted = assert_done(
        run_cli(*SUBMIT, "x", *TO_ALL, "--expires", f"{date.today().year + 2}-01-01 20:00", "--dry-run", stdin=PEOPLE)
    )
    assert re.search(
        r"^messages leave until .* 19:59:\d\d .*; the others expire at .* 20:00(:00)? ", submitted.stdout, re.M
    )


def test_options_that_play_no_part_are_warned_of(run_cli: RunCli, shop: Shop) -> None:
    options = ("--when-recent", "skip", "--failover-after", "15m")
    tried = run_cli(*SUBMIT, "x", *TO_ALL, *options, "--dry-run", stdin=PEOPLE).stderr
    assert "warning: --when-recent skip plays no part: there is neither --cooldown nor a cap" in tried
    assert "warning: --failover-after plays no part: there is one instance" in tried
    twice = run_cli(*SUBMIT, "x", *TO_ALL, "--instance", "a", stdin=PEOPLE)
    assert_refused(twice, "--instance 'a' is given twice: name each instance once", code=2)


def test_who_expires_before_being_free_is_not_told_as_waited_for(run_cli: RunCli, shop: Shop) -> None:
    shop.submit("before", 12, "b")
    drain(shop)
    options = ("--cooldown", "24h", "--expires", "6h")
    submitted = assert_warned(run_cli(*SUBMIT, "x", *TO_ALL, *options, stdin=PEOPLE))
    assert "it waits for" not in submitted.stdout
    too_late = "since they cannot leave before: they wait for people who were messaged within its cooldown"
    assert re.search(rf"warning: 12 of 20 messages will expire at .*, {too_late}\n", submitted.stderr)
    shown = assert_done(run_cli("campaign", "show", "x")).stdout
    assert re.search(rf"^ends .*; 12 of 20 messages will expire at .*, {too_late};", shown, re.MULTILINE)
    assert "it waits for" not in shown
    assert run_cli("campaign", "plan", "x", "--json").json["waiting_people"] == []
    status = assert_done(run_cli("status")).stdout
    assert re.search(rf"^campaign x is sent until .*; 12 of 20 messages will expire at .*, {too_late}$", status, re.M)


def test_the_plan_of_what_is_not_sent_now_says_so(run_cli: RunCli, shop: Shop) -> None:
    assert_done(run_cli(*SUBMIT, "x", *TO_ALL, "--draft", stdin=PEOPLE))
    assert "state     draft: the plan is as if it were started now\n" in planned(run_cli, "x")
    assert_done(run_cli("campaign", "start", "x"))
    dispatch.start_due_campaigns(shop.engine)
    assert "state     running\n" in planned(run_cli, "x")
    assert_done(run_cli("campaign", "pause", "x"))
    assert "state     paused: the plan is as if it were resumed now\n" in planned(run_cli, "x")
    assert run_cli("campaign", "plan", "x", "--json").json["state"] == "paused"


def planned(run_cli: RunCli, name: str) -> str:
    return assert_done(run_cli("campaign", "plan", name)).stdout


def test_a_dry_run_of_other_instances_says_what_moves_and_when_it_ends_then(run_cli: RunCli, shop: Shop) -> None:
    assert_done(run_cli("instance", "set", "a", "--rate", "6/min", "--burst", "1"))
    assert_done(run_cli("instance", "set", "b", "--rate", "6/min", "--burst", "1"))
    assert_done(run_cli(*SUBMIT, "x", *TO_ALL, "--draft", stdin=PEOPLE))
    change = ("campaign", "set", "x", "--instance", "a", "--instance", "b")
    tried = assert_done(run_cli(*change, "--dry-run")).stdout
    assert "messages that would go through another instance: 10\n" in tried
    [end] = re.findall(r"^it is sent until (.*)$", tried, re.MULTILINE)
    document = run_cli(*change, "--dry-run", "--json").json
    assert (document["moved"], document["dry_run"]) == (10, True)
    changed = assert_done(run_cli(*change)).stdout
    assert "messages that go through another instance now: 10\n" in changed
    assert "it is sent until" in changed
    assert end[:14] in planned(run_cli, "x")
    instead = assert_done(run_cli("campaign", "set", "x", "--instance", "b")).stdout
    assert re.search(r"now: 10\nit is sent until ", instead)


def test_watch_says_once_what_holds_a_campaign(run_cli: RunCli, shop: Shop) -> None:
    assert_done(run_cli(*SUBMIT, "x", *TO_ALL, "--canary", "10%", "--after", "30m", stdin=PEOPLE))
    start(shop)
    judge_campaigns(shop.engine)
    drain(shop)
    judge_campaigns(shop.engine)
    shop.sql("INSERT INTO ticks (name, period_seconds, done_at) VALUES ('lifecycle', 1, now())")
    watched = run_cli("campaign", "watch", "x", "--timeout", "0").stdout
    assert watched.count("the next slice of its canary opens at") == 1
    assert "waits for its canary" not in watched


def test_how_long_a_campaign_stays_open_is_said_where_it_is_sent_before(run_cli: RunCli, shop: Shop) -> None:
    shop.submit("before", 12, "b")
    drain(shop)
    assert_warned(run_cli(*SUBMIT, "x", *TO_ALL, "--cooldown", "24h", "--expires", "6h", stdin=PEOPLE))
    shown = assert_done(run_cli("campaign", "show", "x")).stdout
    [expires] = re.findall(r"^expires +(.*)$", shown, re.MULTILINE)
    assert re.search(rf"^ends .*; it stays open until {re.escape(expires)}$", shown, re.MULTILINE)


def test_status_says_when_one_that_is_scheduled_is_sent_on_an_instance_of_its_own(run_cli: RunCli, shop: Shop) -> None:
    assert_done(run_cli(*SUBMIT, "x", *TO_ALL, "--at", "in 2h", stdin=PEOPLE))
    assert re.search(r"^campaign x is sent (at|from .* until) ", assert_done(run_cli("status")).stdout, re.MULTILINE)


def test_status_says_of_what_is_sent_by_a_half_when_the_rest_of_it_is(run_cli: RunCli, shop: Shop) -> None:
    assert_done(run_cli("instance", "set", "a", "--rate", "1000/s", "--rate", "8/d"))
    assert_done(run_cli(*SUBMIT, "x", *TO_ALL, stdin=PEOPLE))
    assert re.search(r"^campaign x is sent until ", assert_done(run_cli("status")).stdout, re.MULTILINE)
    start(shop)
    assert shop.states("x") == {"pending": 12, "sent": 8}
    said = assert_done(run_cli("status")).stdout
    assert re.search(r"^the rest of campaign x is sent (at|from .* until) ", said, re.MULTILINE)


def test_people_who_will_have_had_enough_by_then_are_waited_for_as_well(run_cli: RunCli, shop: Shop) -> None:
    """They get the other campaign first, which has a place before: the cap makes days of it, and not the limit."""
    assert_done(run_cli("limit", "person", "1/d"))
    assert_done(run_cli("instance", "set", "a", "--rate", "1/min"))
    shop.submit("other", 12, "b")
    assert_done(run_cli(*SUBMIT, "x", *TO_ALL, "--at", "in 1h", stdin=PEOPLE))
    who = "people who have had as many as caps allow"
    planned = run_cli("campaign", "plan", "x").stdout
    assert re.search(rf"^waits for +.*{who} \(about 12 of 20 messages\)$", planned, re.MULTILINE)
    shown = assert_done(run_cli("campaign", "show", "x")).stdout
    assert re.search(rf"^ends .*it waits for .*{who}$", shown, re.MULTILINE)
    said = assert_done(run_cli("status")).stdout
    assert re.search(r"^campaign x is sent from .* until .* at the earliest$", said, re.MULTILINE)


def test_the_month_of_a_schedule_says_what_is_left_of_what_was_due_before(run_cli: RunCli, shop: Shop) -> None:
    assert_done(run_cli("instance", "set", "a", "--rate", "1/min"))
    assert_done(run_cli("audience", "import", "people", "-", stdin=PEOPLE))
    add = ("schedule", "add", "news", "--cron", "0 9 1 1 *", "--timezone", "UTC", "--audience", "people")
    run_cli(*add, "--instance", "a", "--text", "Hi")
    name = assert_done(run_cli("schedule", "run-now", "news", "--json")).json["campaign"]
    dispatch.start_due_campaigns(shop.engine)
    said = assert_done(run_cli("schedule", "plan", "news")).stdout
    assert re.search(rf"^campaign {name} of schedule news is still to be sent: 20 left, until ", said, re.MULTILINE)
    [found] = assert_done(run_cli("schedule", "plan", "--json")).json["open"]
    assert (found["campaign"], found["messages"], found["expire"]) == (name, 20, 0)


def test_a_schedule_says_how_many_of_its_next_occurrence_expire(run_cli: RunCli, shop: Shop) -> None:
    assert_done(run_cli("instance", "set", "a", "--rate", "10/h"))
    assert_done(run_cli("audience", "import", "people", "-", stdin=PEOPLE))
    add = ("schedule", "add", "news", "--cron", "0 9 * * *", "--timezone", "Asia/Jakarta", "--audience", "people")
    added = assert_done(run_cli(*add, "--instance", "a", "--text", "Hi", "--expires", "1h")).stdout
    first = assert_done(run_cli("schedule", "plan", "news", "--json")).json["occurrences"][0]
    assert (first["messages"], first["sent"] + first["expire"]) == (20, 20)
    assert 0 < first["sent"] < 20
    late = r"warning: of the next occurrence, about (\d+) of 20 messages will expire at .* 10:00 WIB, since "
    assert re.search(late, added)
    changed = assert_done(run_cli("schedule", "set", "news", "--expires", "90m", "--dry-run")).stdout
    assert re.search(late.replace("10:00", "10:30"), changed)
    assert "will expire" not in assert_done(run_cli("schedule", "set", "news", "--expires", "12h")).stdout


def test_the_report_of_a_schedule_adds_up(run_cli: RunCli, shop: Shop) -> None:
    assert_done(run_cli("audience", "import", "people", "-", stdin=PEOPLE))
    add = ("schedule", "add", "news", "--cron", "0 9 * * *", "--timezone", "Asia/Jakarta", "--audience", "people")
    assert_done(run_cli(*add, "--instance", "a", "--text", "Hi", "--require-consent"))
    assert_done(run_cli("schedule", "run-now", "news"))
    list(make_due_occurrences(shop.engine))
    start(shop)
    header, row = assert_done(run_cli("schedule", "report", "news")).stdout.splitlines()
    assert re.search(r"TOTAL +SENT +FAILED +SKIPPED +OPEN", header)
    assert re.search(r" 20 +0 +0 +20 +0", row)


def assert_warned(result: CliResult) -> CliResult:
    assert result.code == 0, result
    assert result.stderr.startswith("warning: ")
    return result


def test_the_rehearsal_of_a_retirement_tells_of_campaigns_that_nobody_else_goes_on_with(
    run_cli: RunCli, shop: Shop
) -> None:
    """What an instance in trouble has would have gone to the one that retires, which has nothing of its own left."""
    both = ("--instance", "a", "--instance", "b", "--recipients", "-", "--text", "Hi", "--failover-after", "1h")
    assert_done(run_cli(*SUBMIT, "x", *both, stdin=PEOPLE))
    shop.sql("UPDATE lanes SET health = 'refused' WHERE id = (SELECT id FROM instances WHERE name = 'a')")
    start(shop)
    left = shop.states("x")["pending"]
    assert left
    tried = run_cli("instance", "retire", "b", "--dry-run")
    assert tried.code == 0
    assert (
        "warning: campaign x has no other instance left that sends, or takes over what waits: a is refused\n"
        in tried.stderr
    )
    [campaign] = run_cli("instance", "retire", "b", "--dry-run", "--json").json["campaigns"]
    assert (campaign["pending"], campaign["left_alone"]) == (0, {"a": "refused"})
    shop.sql("UPDATE lanes SET health = 'ok'")
    assert "left" not in run_cli("instance", "retire", "b", "--dry-run").stderr


def test_the_rehearsal_of_a_retirement_tells_why_it_takes_as_long_or_why_nobody_can_tell(
    run_cli: RunCli, shop: Shop
) -> None:
    assert_done(run_cli("instance", "set", "b", "--rate", "10/s"))
    assert_done(run_cli("limit", "add", "customers", "4/h"))
    for name in ("a", "b"):
        assert_done(run_cli("instance", "set", name, "--limit", "customers"))
    both = ("--instance", "a", "--instance", "b", "--recipients", "-", "--text", "Hi")
    assert run_cli(*SUBMIT, "x", *both, stdin=PEOPLE).code == 0
    tried = assert_done(run_cli("instance", "retire", "b", "--dry-run")).stdout
    assert "campaign x takes as long without it, since limit customers (4/h) lets no more through\n" in tried
    [campaign] = run_cli("instance", "retire", "b", "--dry-run", "--json").json["campaigns"]
    assert (campaign["held_by"], campaign["unknown_before"]) == ("limit customers (4/h)", None)
    assert_done(run_cli("instance", "pause", "b"))
    tried = assert_done(run_cli("instance", "retire", "b", "--dry-run")).stdout
    assert "campaign x: nobody can tell how long it TAKES, since b is paused\n" in tried
    [campaign] = run_cli("instance", "retire", "b", "--dry-run", "--json").json["campaigns"]
    assert (campaign["held_by"], campaign["unknown_before"]) == (None, "b is paused")
