"""What is said of a campaign before it is sent, and how long it takes, under all limits and windows."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from broadcaster.cli.campaign import watch
from broadcaster.errors import ConflictError
from broadcaster.services.dispatch import expire_messages, finish_campaigns, start_due_campaigns
from tests.support.cli import RunCli, assert_done, assert_refused

PEOPLE = "".join(f"6281234560{number:02}\n" for number in range(60))


@pytest.fixture(autouse=True)
def instance(run_cli: RunCli) -> None:
    """One called `a`, which may send 20 a minute and 25 a day."""
    rates = ("--rate", "20/min", "--rate", "25/d")
    assert_done(run_cli("instance", "add", "a", "--key-stdin", *rates, stdin="key-a"))


def submit(run_cli: RunCli, *options: str) -> tuple[str, str]:
    arguments = ("--instance", "a", "--recipients", "-", "--text", "Hi STOP", *options)
    done = run_cli("campaign", "submit", "c", *arguments, stdin=f"phone\n{PEOPLE}")
    assert done.code == 0, done
    return done.stdout, done.stderr


def submit_one(run_cli: RunCli, *options: str) -> None:
    """Of one message, which leaves at once unless its instance stands still."""
    arguments = ("--instance", "a", "--recipients", "-", "--text", "Hi STOP", *options)
    assert run_cli("campaign", "submit", "c", *arguments, stdin="phone\n628129990000\n").code == 0


def test_a_dry_run_says_how_many_leave_on_each_day_and_what_that_waits_for(run_cli: RunCli) -> None:
    said, _ = submit(run_cli, "--dry-run", "--at", "2027-01-04T09:00Z")
    assert re.search(r"it ends about (1 d 23|2 d [01]) h after its start, Wed 2027-01-06", said)
    assert "it waits for limit 25/d of a" in said
    assert "  Mon 2027-01-04: 25\n  Tue 2027-01-05: 25\n  Wed 2027-01-06: 10\n" in said
    assert "  it needs 3 days with limit 25/d of a, and 1 without\n" in said


def test_of_a_draft_is_said_what_its_dry_run_says(run_cli: RunCli) -> None:
    for option in ("--dry-run", "--draft"):
        said, _ = submit(run_cli, "--draft", option)
        assert re.search(r"started now, it ends \w{3} 20.* UTC; it waits for limit 25/d of a\n", said)
        assert "after it is started" not in said, "how long that takes depends on when it is started"
        assert re.search(r"^the days are as if it were started now:\n  .*: 25\n", said, re.MULTILINE)
        assert re.search(r"  it needs [34] days with limit 25/d of a, and [12] without\n", said)


def test_how_many_will_expire_is_said_before(run_cli: RunCli) -> None:
    said, warned = submit(run_cli, "--dry-run", "--expires", "6h")
    too_late = "since they cannot leave before: they wait for limit 25/d of a"
    assert re.search(rf"warning: 35 of 60 messages will expire at .*, {too_late}\n", warned)
    assert "it waits for" not in said, "what leaves does not wait"


def test_where_all_of_it_expires_that_is_said_and_nothing_of_a_year(run_cli: RunCli, engine: Engine) -> None:
    assert_done(run_cli("instance", "set", "a", "--rate", "1/h"))
    submit(run_cli, "--priority", "5")
    arguments = ("--instance", "a", "--recipients", "-", "--text", "Hi STOP", "--expires", "2h")
    late = run_cli("campaign", "submit", "late", *arguments, stdin="phone\n628120000000\n628120000001\n")
    assert "nothing of it is sent: all of it expires before it may leave" in late.stdout
    all_of_it = r"all of it, 2 messages, will expire at .*, since none of it can leave before"
    assert re.search(rf"warning: {all_of_it}\n", late.stderr)
    start_due_campaigns(engine)
    planned = run_cli("campaign", "plan", "late")
    assert re.search(rf"ends +never: {all_of_it}\n", planned.stdout)
    assert "within a year" not in planned.stdout + planned.stderr
    assert re.search(
        rf"ends +never: {all_of_it}; it waits for campaign c\n", run_cli("campaign", "show", "late").stdout
    )
    assert re.search(rf"campaign late: {all_of_it}\n", run_cli("status").stdout)
    watched = run_cli("campaign", "watch", "late", "--until", "in 3d", "--timeout", "30")
    assert watched.code == 1
    assert re.search(rf"error: campaign late will miss .*: {all_of_it}; see what would make it", watched.stderr)
    assert_done(run_cli("instance", "pause", "a"))
    never = run_cli("campaign", "submit", "never", *arguments, stdin="phone\n628120000000\n")
    assert re.search("all of it, 1 message, will expire at .* unless 'a' is resumed before\n", never.stderr)


def test_what_its_canary_alone_makes_impossible_is_put_down_to_it(run_cli: RunCli) -> None:
    submit(run_cli, "--draft", "--canary", "10%", "--after", "2h")
    missed = run_cli("campaign", "plan", "c", "--by", "in 1h")
    assert missed.code == 1
    assert "; the slices of its canary alone take 2 h: " in missed.stdout
    assert_refused(
        run_cli(
            "campaign", "submit", "x", "--instance", "a", "--recipients", "-", "--text", "Hi", "--when-recent", "maybe"
        ),
        "Invalid value for '--when-recent': 'maybe' is not one of 'wait', 'skip'",
        code=2,
    )


def test_show_watch_and_start_know_limits_too(run_cli: RunCli, engine: Engine) -> None:
    submit(run_cli, "--draft")
    said = assert_done(run_cli("campaign", "start", "c")).stdout
    assert re.search(r"it ends in about (1 d 23|2 d [01]) h, ", said)
    start_due_campaigns(engine)
    shown = assert_done(run_cli("campaign", "show", "c")).stdout
    assert re.search(r"ends +\w{3} 20.* UTC; it waits for limit 25/d of a", shown)
    ends = datetime.fromisoformat(assert_done(run_cli("campaign", "show", "c", "--json")).json["ends_at"])
    assert timedelta(days=2) < ends - datetime.now(UTC) < timedelta(days=2, hours=3)
    watched = run_cli("campaign", "watch", "c", "--timeout", "1").stdout
    assert re.search(r"2 d [01] h left", watched)


def test_a_campaign_that_starts_now_is_not_said_to_be_scheduled(run_cli: RunCli) -> None:
    said, _ = submit(run_cli)
    assert "campaign c is stored, and starts now" in said


@pytest.mark.parametrize(
    ("submitted", "started", "says"),
    [
        ((), (), "campaign c is running"),
        (("--cooldown", "24h"), (), "campaign c starts now"),  # the next tick looks whom it leaves out
        (("--at", "in 2h"), ("--now",), "campaign c is running"),
        (("--at", "in 2h", "--cooldown", "24h"), ("--now",), "campaign c starts now"),
        (("--at", "in 2h"), (), "campaign c is scheduled"),
    ],
)
def test_starting_says_whether_it_runs_starts_or_has_time(
    run_cli: RunCli, submitted: tuple[str, ...], started: tuple[str, ...], says: str
) -> None:
    submit(run_cli, "--draft", *submitted)
    said = assert_done(run_cli("campaign", "start", "c", *started)).stdout.splitlines()
    assert said[0] == says
    assert any(line.startswith("it starts ") for line in said) == (says == "campaign c is scheduled")


def test_one_that_is_scheduled_and_is_to_start_at_once_is_not_said_to_be_scheduled(run_cli: RunCli) -> None:
    submit(run_cli, "--at", "in 2h")
    said = assert_done(run_cli("campaign", "start", "c", "--now")).stdout
    assert said.startswith("campaign c starts now\n")
    assert "it starts " not in said


def test_what_leaves_on_another_day_than_its_conditions_mean_is_warned_of(run_cli: RunCli) -> None:
    rows = "".join(f"6281234560{number:02},2027-01-05\n" for number in range(10))
    assert_done(run_cli("audience", "import", "people", "-", stdin=f"phone,date\n{rows}"))
    arguments = ("--instance", "a", "--audience", "people", "--where", "date=today+1", "--text", "Hi {{ date }} STOP")
    when = ("--at", "2027-01-04T18:00Z", "--dry-run", "--window-zone", "UTC")
    utc = {"BROADCASTER_TIMEZONE": "UTC"}
    late = run_cli("campaign", "submit", "c", *arguments, *when, "--window", "09:00-17:00", environ=utc)
    assert "warning: 10 of 10 messages leave on another day than Mon 2027-01-04, for which `today`" in late.stderr
    good = run_cli("campaign", "submit", "c", *arguments, *when, "--window", "09:00-20:00", environ=utc)
    assert "another day" not in good.stderr


def test_expired_ones_have_a_column_where_there_are_any(run_cli: RunCli, engine: Engine) -> None:
    submit(run_cli)
    assert "EXPIRED" not in assert_done(run_cli("campaign", "list")).stdout
    with engine.begin() as connection:
        connection.execute(text("UPDATE messages SET state = 'expired' WHERE seq < 4"))
    listed = assert_done(run_cli("campaign", "list")).stdout.splitlines()
    assert listed[0].split() == ["NAME", "STATE", "TOTAL", "SENT", "FAILED", "EXPIRED", "OPEN", "STARTS"]
    assert listed[1].split()[2:7] == ["60", "0", "0", "3", "57"]


def test_the_columns_of_campaigns_add_up_where_messages_are_skipped_or_unknown(
    run_cli: RunCli, engine: Engine
) -> None:
    submit(run_cli)
    start_due_campaigns(engine)
    listing, together = ("campaign", "list"), ("campaign", "report", "--all")
    for command in (listing, together):
        assert " OTHER " not in assert_done(run_cli(*command)).stdout
    with engine.begin() as connection:
        connection.execute(text("UPDATE messages SET state = 'sending' WHERE seq < 3"))
        connection.execute(text("UPDATE messages SET state = 'in_doubt' WHERE seq < 3"))
        connection.execute(text("UPDATE messages SET state = 'unknown', reason = 'read timeout' WHERE seq < 3"))
        connection.execute(text("UPDATE messages SET state = 'skipped', reason = 'opted_out' WHERE seq IN (3, 4, 5)"))
        connection.execute(text("UPDATE messages SET state = 'expired' WHERE seq = 6"))
    for command in (listing, together):
        said = assert_done(run_cli(*command)).stdout
        columns = "NAME +STATE +TOTAL +SENT +FAILED +UNKNOWN +EXPIRED +OTHER +OPEN"
        counts = re.search(rf"^{columns} .*\nc +running +(.*)", said, re.M)
        assert counts is not None, said
        assert counts[1].split()[:7] == ["60", "0", "0", "2", "1", "3", "54"]


def test_show_does_not_send_anybody_to_itself(run_cli: RunCli, engine: Engine) -> None:
    submit(run_cli, "--window", "00:00-24:00")
    start_due_campaigns(engine)
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE openings SET opens_at = now() + interval '5 h', closes_at = now() + interval '9 h'")
        )
        connection.execute(text("INSERT INTO ticks (name, period_seconds, done_at) VALUES ('lifecycle', 1, now())"))
    shown = assert_done(run_cli("campaign", "show", "c")).stdout
    assert "waits for its window; it opens at" in shown
    assert "campaign show c`" not in shown


def test_a_plan_says_when_it_is_sent_through_what_and_what_would_make_it_earlier(
    run_cli: RunCli, engine: Engine
) -> None:
    submit(run_cli, "--draft", "--window", "00:00-24:00")
    said = run_cli("campaign", "plan", "c")
    assert re.search(
        r"to send +60\nbegins +\w{3} 20.*\nends +\w{3} 20.* UTC, in 2 d [01] h\nwaits for +limit 25/d of a, 2 d",
        said.stdout,
    )
    assert len(re.findall(r"  \w{3} 20..-..-..: \d+", said.stdout)) == 3
    assert "warning: it needs 3 days with limit 25/d of a" in said.stderr
    more = run_cli("campaign", "plan", "c", "--with-instance", "+2", "--with-rate", "a=40/min").stdout
    assert re.search(r"with 2 more like a and a at 40/min: \w{3} 20.* 2 d [01] h earlier", more)
    twice = run_cli("campaign", "plan", "c", "--with-rate", "a=40/min", "--with-rate", "a=1/s")
    assert_refused(twice, "rates 40/min and 1/s are of one kind, the pace: give one of them", code=2)
    assert_refused(run_cli("campaign", "plan", "c", "--by", "yesterday 10:00"), "give a moment that is ahead", code=2)
    yesterday = run_cli("campaign", "plan", "c", "--by", "yesterday")
    assert_refused(
        yesterday, "--by 'yesterday' has passed: give a moment that is ahead, such as tomorrow 9:00", code=2
    )
    wrong = run_cli("campaign", "plan", "c", "--with-rate", "a=20")
    assert_refused(wrong, "--with-rate 'a=20': rate '20' is not understood", code=2)
    assert "give NAME=RATE, like a=30/min" in wrong.stderr
    made = run_cli("campaign", "plan", "c", "--by", "in 30h").stdout
    assert re.search(
        r"it misses .*; the cheapest change that makes it: instance a at [3-6][0-9]/d instead of 25/d, and it ends",
        made,
    )
    never = run_cli("campaign", "plan", "c", "--by", "in 3s").stdout
    assert re.search(
        r"it misses .*, and no single change makes it: an earlier start, longer windows, one shared limit, one rate, "
        r"or up to 10 more instances",
        never,
    )
    planned = run_cli("campaign", "plan", "c", "--by", "in 3d", "--json").json
    assert (planned["messages"], planned["by"]["is_made"], planned["by"]["change"]) == (60, True, None)
    assert [each["messages"] for each in planned["days"]][:2] == [25, 25]
    assert planned["waits"][0]["what"] == "limit 25/d of a"


def test_a_deadline_is_judged_with_what_is_changed(run_cli: RunCli) -> None:
    submit(run_cli, "--draft")
    assert_done(run_cli("instance", "add", "unlimited", "--key-stdin", stdin="key-b"))
    made = run_cli("campaign", "plan", "c", "--with-instance", "unlimited", "--by", "in 1h")
    assert made.code == 0
    assert re.search(r"^with instance unlimited it makes ", made.stdout, re.MULTILINE)
    missed = run_cli("campaign", "plan", "c", "--with-rate", "a=26/d", "--by", "in 30h").stdout
    assert re.search(
        r"^with a at 26/d it misses .*; the cheapest further change that makes it: ", missed, re.MULTILINE
    )


def test_what_expires_is_told_with_what_would_change_it(run_cli: RunCli) -> None:
    submit(run_cli, "--draft", "--expires", "in 6h")
    said = run_cli("campaign", "plan", "c", "--with-rate", "a=40/d").stdout
    assert re.search(r"with a at 40/d: .*; 40 leave and 20 expire, instead of 25 and 35\n", said)
    assert_done(run_cli("instance", "add", "b", "--key-stdin", "--rate", "20/min", stdin="key-b"))
    said = run_cli("campaign", "plan", "c", "--with-instance", "b").stdout
    assert re.search(r"with instance b: .*; 60 leave and 0 expire, instead of 25 and 35\n", said)
    assert_done(run_cli("campaign", "set", "c", "--instance", "a", "--instance", "b"))
    tried = run_cli("instance", "retire", "b", "--dry-run")
    assert "warning: campaign c without it: 25 leave and 35 expire, instead of 60 and 0\n" in tried.stderr


def test_a_deadline_after_what_is_left_has_expired_is_missed_for_that(run_cli: RunCli) -> None:
    submit(run_cli, "--draft", "--expires", "in 6h")
    late = run_cli("campaign", "plan", "c", "--by", "in 8h").stdout
    assert re.search(r"it misses .*, since 35 of 60 messages will expire at .*; the cheapest change", late)
    soon = run_cli("campaign", "plan", "c", "--by", "in 30s").stdout
    assert re.search(r"it misses [^,;]*[,;] (and no single|the cheapest)", soon)


def test_watching_one_until_before_its_windows_open_says_that_and_nothing_of_what_expires(
    run_cli: RunCli, engine: Engine
) -> None:
    opens, closes = (f"{datetime.now(UTC) + timedelta(hours=hours):%H:%M}" for hours in (3, 4))
    submit(run_cli, "--window", f"{opens}-{closes}", "--window-zone", "UTC", "--expires", "5h")
    start_due_campaigns(engine)
    missed = run_cli("campaign", "watch", "c", "--until", "in 2h", "--timeout", "30")
    assert missed.code == 1
    assert re.search(r"error: campaign c will miss .*: it begins \w{3} 20.*; see what would make it", missed.stderr)


def test_an_instance_that_it_could_be_sent_through_is_tried_in_a_plan(run_cli: RunCli) -> None:
    assert_done(run_cli("instance", "add", "b", "--key-stdin", "--rate", "20/min", stdin="key-b"))
    submit(run_cli, "--draft")
    said = run_cli("campaign", "plan", "c", "--with-instance", "b").stdout
    assert re.search(r"with instance b: \w{3} 20.*earlier", said)
    wrong = run_cli("campaign", "plan", "c", "--with-instance", "a")
    assert (wrong.code, wrong.stderr) == (2, "error: --with-instance 'a': it is sent through that one already\n")


def test_of_an_audience_those_are_planned_that_there_are_now(run_cli: RunCli) -> None:
    assert_done(run_cli("audience", "import", "people", "-", stdin=f"phone\n{PEOPLE}"))
    arguments = ("--instance", "a", "--audience", "people", "--text", "Hi STOP", "--at", "in 2h")
    assert_done(run_cli("campaign", "submit", "over", *arguments))
    planned = run_cli("campaign", "plan", "over", "--json").json
    assert planned["messages"] == 60
    begins = datetime.fromisoformat(planned["first_at"])
    assert timedelta(hours=1, minutes=55) < begins - datetime.now(UTC) <= timedelta(hours=2)


def test_instances_that_share_by_weights_are_planned_by_them(run_cli: RunCli) -> None:
    for name in ("b", "c"):
        assert_done(run_cli("instance", "add", name, "--key-stdin", "--rate", "1/min", stdin=f"key-{name}"))
    assert_done(run_cli("audience", "import", "people", "-", stdin=f"phone\n{PEOPLE}"))
    shared = ("--instance", "b=5", "--instance", "c=1", "--audience", "people", "--text", "Hi STOP")
    assert_done(run_cli("campaign", "submit", "over", *shared, "--draft"))
    planned = assert_done(run_cli("campaign", "plan", "over", "--json")).json
    assert sum(each["messages"] for each in planned["days"] if each["instance"] == "b") == 50
    assert_done(run_cli("schedule", "add", "weekly", "--cron", "0 9 * * mon", "--timezone", "UTC", *shared))
    first = assert_done(run_cli("schedule", "plan", "weekly", "--json")).json["occurrences"][0]
    took = datetime.fromisoformat(first["ends_at"]) - datetime.fromisoformat(first["due_at"])
    assert timedelta(minutes=48) < took < timedelta(minutes=52)


def test_an_earlier_start_is_the_cheapest_change_and_a_higher_rate_comes_before_another_instance(
    run_cli: RunCli,
) -> None:
    assert_done(run_cli("instance", "set", "a", "--rate", "2/min"))
    submit(run_cli, "--at", "in 2h")
    late = assert_done(run_cli("campaign", "plan", "c", "--by", "in 2h")).stdout
    assert re.search(r"the cheapest change that makes it: a start \d+ min earlier", late)
    soon = run_cli("campaign", "plan", "c", "--by", "in 20min", "--json")
    assert (soon.json["by"]["change"], soon.code) == (None, 1)
    assert_done(run_cli("campaign", "cancel", "c", "--yes"))
    done = run_cli("campaign", "plan", "c")
    assert (done.code, done.stderr) == (1, "error: nothing is left to send of campaign 'c': it is cancelled\n")
    submit_now = ("campaign", "submit", "d", "--instance", "a", "--recipients", "-", "--text", "Hi STOP", "--draft")
    assert_done(run_cli(*submit_now, stdin=f"phone\n{PEOPLE}"))
    faster = run_cli("campaign", "plan", "d", "--by", "in 20min").stdout
    assert re.search(r"the cheapest change that makes it: instance a at [34]/min instead of 2/min", faster)


def test_raising_a_shared_limit_is_offered_where_that_makes_it(run_cli: RunCli) -> None:
    assert_done(run_cli("instance", "add", "b", "--key-stdin", "--rate", "60/min", stdin="key-b"))
    assert_done(run_cli("limit", "add", "promos", "25/d"))
    arguments = ("--instance", "b", "--recipients", "-", "--text", "Hi STOP", "--limit", "promos", "--draft")
    assert_done(run_cli("campaign", "submit", "c", *arguments, stdin=f"phone\n{PEOPLE}"))
    said = run_cli("campaign", "plan", "c", "--by", "in 30h")
    assert "the cheapest change that makes it: limit promos at 30/d instead of 25/d, and it ends" in said.stdout
    soon = run_cli("campaign", "plan", "c", "--by", "in 1h", "--json").json["by"]["change"]
    assert (soon["kind"], soon["says"]) == ("limit", "limit promos at 60/d instead of 25/d")


def test_what_holds_it_now_is_said_in_the_same_words_by_show_and_watch(run_cli: RunCli, engine: Engine) -> None:
    assert_done(run_cli("instance", "add", "b", "--key-stdin", "--rate", "30/min", stdin="key-b"))
    arguments = ("--instance", "a", "--instance", "b", "--recipients", "-", "--text", "Hi STOP")
    assert_done(run_cli("campaign", "submit", "c", *arguments, stdin=f"phone\n{PEOPLE}"))
    start_due_campaigns(engine)

    def held() -> list[str]:
        shown = assert_done(run_cli("campaign", "show", "c")).stdout
        [said] = re.findall(r"^held by +(.*)$", shown, re.MULTILINE)
        assert f"held by {said}" in run_cli("campaign", "watch", "c", "--timeout", "0").stdout
        return str(said).split("; ")

    def change(statement: str) -> None:
        with engine.begin() as connection:
            connection.execute(text(statement))

    assert held() == ["a: rate 20/min", "b: rate 30/min"]
    change("UPDATE limits SET free_at = now() + interval '3 h'")
    change("UPDATE lanes SET health = 'down', not_before = now() + interval '1 min' WHERE id = 2")
    limited, down = held()
    assert re.fullmatch(r"a: limit 25/d, again at .*", limited)
    assert re.fullmatch(r"b: is down, next try at .*", down)
    change("UPDATE lanes SET health = 'paused'")
    assert held() == ["a, b: is paused by an operator"]
    found = assert_done(run_cli("campaign", "show", "c", "--json")).json["holds"]
    assert [(each["instance"], each["cause"]) for each in found] == [("a", "instance"), ("b", "instance")]


def test_watching_until_a_moment_ends_as_soon_as_that_will_be_missed(run_cli: RunCli, engine: Engine) -> None:
    submit(run_cli)
    start_due_campaigns(engine)
    missed = run_cli("campaign", "watch", "c", "--until", "in 3h", "--timeout", "30")
    assert missed.code == 1
    assert re.search(
        r"error: campaign c will miss .*: it ends .*; see what would make it with `broadcaster campaign plan c --by",
        missed.stderr,
    )
    far = run_cli("campaign", "watch", "c", "--until", "in 3d", "--timeout", "1")
    assert "is still running after 1 s" in far.stderr
    assert_done(run_cli("instance", "pause", "a"))
    unknown = run_cli("campaign", "watch", "c", "--until", "in 3d", "--timeout", "1")
    assert "is still running after 1 s" in unknown.stderr, "nobody knows: it may be resumed"
    missed = run_cli("campaign", "watch", "c", "--until", "in 3h", "--timeout", "30")
    assert missed.code == 1
    assert re.search(r"error: campaign c will miss .*: it ends .*, even if 'a' went on now; see what", missed.stderr)


def test_what_stands_still_is_missed_once_it_would_be_if_it_went_on(run_cli: RunCli, engine: Engine) -> None:
    """What would make it is said by the plan, and the watching goes on for as long as that does."""
    submit_one(run_cli)
    start_due_campaigns(engine)
    assert_done(run_cli("instance", "pause", "a"))
    by = run_cli("campaign", "plan", "c", "--by", "in 1h")
    assert by.code == 0
    assert "the cheapest change that makes it: instance a going on, which is paused: `broadcaster " in by.stdout
    assert "instance resume a`" in by.stdout
    watched = run_cli("campaign", "watch", "c", "--until", "in 1h", "--timeout", "1")
    assert "is still running after 1 s" in watched.stderr
    past = run_cli("campaign", "watch", "c", "--until", "in 2s", "--timeout", "60")
    assert past.code == 1
    assert re.search(r"error: campaign c (was not sent by .*: it is still|will miss .* went on now)", past.stderr)


def test_watching_one_until_before_it_starts_ends_at_once(run_cli: RunCli) -> None:
    submit(run_cli, "--at", "in 5h")
    missed = run_cli("campaign", "watch", "c", "--until", "in 3h", "--timeout", "30")
    assert missed.code == 1
    assert re.search(r"error: campaign c will miss .*: it starts .*; see what would make it", missed.stderr)


def test_what_expires_while_it_is_watched_is_not_sent_by_then(
    run_cli: RunCli, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody knows for how long its instance is paused, and it expires meanwhile."""
    submit_one(run_cli, "--expires", "2h")
    start_due_campaigns(engine)
    assert_done(run_cli("instance", "pause", "a"))

    def expires(_seconds: float) -> None:
        with engine.begin() as connection:
            connection.execute(text("UPDATE campaigns SET expires_at = now()"))
        expire_messages(engine)
        finish_campaigns(engine)

    monkeypatch.setattr(watch, "sleep", expires)
    with pytest.raises(ConflictError, match=r"campaign c was not sent by .*: 1 message expired meanwhile"):
        watch.follow(engine, "c", until=datetime.now(UTC) + timedelta(hours=3))


def test_status_says_until_when_campaigns_are_sent(run_cli: RunCli, engine: Engine) -> None:
    submit(run_cli)
    start_due_campaigns(engine)
    assert re.search(r"^campaign c is sent until \w{3} 20.* UTC$", run_cli("status").stdout, re.MULTILINE)
    [end] = run_cli("status", "--json").json["ends"]
    assert end["campaign"] == "c"
    assert end["earliest_at"] <= end["ends_at"] <= end["latest_at"]


def test_status_says_from_when_on_campaigns_are_sent_that_are_to_start(run_cli: RunCli, engine: Engine) -> None:
    starts_at = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(hours=2)
    to_few = ("--instance", "a", "--recipients", "-", "--text", "Hi STOP")
    assert_done(run_cli("campaign", "submit", "now", *to_few, stdin="phone\n6281234560001\n"))
    start_due_campaigns(engine)
    at = ("--at", f"{starts_at:%Y-%m-%dT%H:%MZ}")
    assert_done(run_cli("campaign", "submit", "later", *to_few, *at, stdin="phone\n6281234560002\n"))
    said = assert_done(run_cli("status")).stdout
    assert "campaign now is sent until " in said
    assert f"campaign later is sent at {starts_at:%a %Y-%m-%d %H:%M} UTC\n" in said
    assert_done(run_cli("instance", "set", "a", "--rate", "1/h"))
    assert_done(run_cli("campaign", "submit", "long", *to_few, *at, stdin="phone\n6281234560003\n6281234560004\n"))
    said = assert_done(run_cli("status")).stdout
    assert f"campaign long is sent from {starts_at:%a %Y-%m-%d %H:%M} UTC until " in said
    ends = {each["campaign"]: each for each in run_cli("status", "--json").json["ends"]}
    assert datetime.fromisoformat(ends["later"]["first_at"]) - starts_at < timedelta(minutes=1)


def test_the_next_month_of_schedules_is_planned_with_what_overlaps_and_expires(run_cli: RunCli) -> None:
    assert_done(run_cli("audience", "import", "people", "-", stdin=f"phone\n{PEOPLE}"))
    add = ("--audience", "people", "--instance", "a", "--text", "Hi STOP", "--timezone", "UTC")
    assert assert_done(run_cli("schedule", "plan")).stdout == "nothing is due within a month\n"
    assert_done(run_cli("schedule", "add", "weekly", "--cron", "0 9 * * mon", *add))
    weekly = assert_done(run_cli("schedule", "plan", "weekly", "--json")).json["occurrences"]
    assert len(weekly) in (4, 5)
    assert {each["messages"] for each in weekly} == {60}
    first = weekly[0]
    took = datetime.fromisoformat(first["ends_at"]) - datetime.fromisoformat(first["due_at"])
    assert timedelta(days=2) < took < timedelta(days=2, hours=3)
    assert [each["remarks"] for each in weekly] == [[] for _ in weekly]
    assert_done(
        run_cli("schedule", "add", "daily", "--cron", "0 9 * * *", "--overlap", "skip", "--expires", "20h", *add)
    )
    planned = assert_done(run_cli("schedule", "plan", "--json")).json["occurrences"]
    remarks = [remark for each in planned for remark in each["remarks"]]
    assert any(re.match("[0-9]+ expire at .*, since they cannot leave before", each) for each in remarks)
    assert any("beside schedule" in each for each in remarks)
    assert "REMARKS" in assert_done(run_cli("schedule", "plan")).stdout


def test_a_month_that_is_too_much_for_one_plan_says_until_when_it_is_planned(run_cli: RunCli) -> None:
    assert_done(run_cli("audience", "import", "few", "-", stdin="phone\n628129990000\n"))
    add = ("--audience", "few", "--instance", "a", "--text", "Hi STOP", "--timezone", "UTC", "--every", "1m")
    assert_done(run_cli("schedule", "add", "fast", *add))
    told = assert_done(run_cli("schedule", "plan")).stdout
    assert re.search(r"only the first 1,000 are planned, those due before \w{3} 20\S+ \S+ UTC: more is due than", told)
    planned = assert_done(run_cli("schedule", "plan", "--json")).json
    assert len(planned["occurrences"]) == 1000
    assert planned["planned_until"] > planned["occurrences"][-1]["due_at"]


def planned_daily(run_cli: RunCli, overlap: str) -> list[dict[str, Any]]:
    """A schedule whose campaigns take more than two days each, and come every day."""
    assert_done(run_cli("audience", "import", "people", "-", stdin=f"phone\n{PEOPLE}"))
    add = ("--audience", "people", "--instance", "a", "--text", "Hi STOP", "--timezone", "UTC", "--overlap", overlap)
    assert_done(run_cli("schedule", "add", "daily", "--cron", "0 9 * * *", *add))
    planned: list[dict[str, Any]] = assert_done(run_cli("schedule", "plan", "daily", "--json")).json["occurrences"]
    return planned


def test_occurrences_that_are_skipped_while_another_is_sent_are_foreseen(run_cli: RunCli) -> None:
    planned = planned_daily(run_cli, "skip")
    sent = [each["ends_at"] is not None for each in planned]
    # 60 at 25 a day end on the third day, before or after nine o'clock as the limit's buckets fall.
    assert sent[:3] == [True, False, False]
    assert sum(sent) in (len(sent) // 3, len(sent) // 3 + 1, len(sent) // 4 + 1)
    skipped = [each["remarks"] for each in planned if each["ends_at"] is None]
    assert {each for remarks in skipped for each in remarks} == {"it is skipped: an earlier one is still sent then"}
    assert re.search(r"it is still sent when the next one is due, .*, which is skipped", planned[0]["remarks"][0])


def test_occurrences_that_wait_for_each_other_are_foreseen_together(run_cli: RunCli) -> None:
    planned = planned_daily(run_cli, "queue")
    ends = [datetime.fromisoformat(each["ends_at"]) for each in planned]
    assert ends == sorted(ends)
    # Each takes the places that the one before has left: 60 messages at 25 a day.
    taken = (ends[10] - ends[0]) / 10
    assert timedelta(days=2.3) < taken < timedelta(days=2.6)
    assert re.search(r"it waits until an earlier one is sent, \w{3} 20", planned[1]["remarks"][0])


def test_a_schedule_is_planned_beside_the_campaigns_on_its_instances(run_cli: RunCli, engine: Engine) -> None:
    assert_done(run_cli("audience", "import", "few", "-", stdin="phone\n628129990000\n"))
    submit(run_cli, "--at", "in 1h")
    add = ("--audience", "few", "--instance", "a", "--text", "Hi STOP", "--timezone", "UTC", "--every", "6h")
    assert_done(run_cli("schedule", "add", "often", *add))
    planned = assert_done(run_cli("schedule", "plan", "often", "--json")).json["occurrences"]
    assert "beside campaign c through the same instances" in planned[2]["remarks"]
    assert planned[-1]["remarks"] == []
