"""`--limit` of campaigns and schedules: what people see of it, from the submission to the place that is free again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from broadcaster.settings import Settings
from tests.support.cli import RunCli, assert_done
from tests.support.shop import Shop, drain, open_shop

PEOPLE = "phone,name\n" + "".join(f"62812345{n:04d},N{n}\n" for n in range(9))
TO_ALL = ("--instance", "a", "--text", "Hi {{ name }}", "--recipients", "-", "--country", "ID")
DAILY = (
    "--cron",
    "0 9 * * *",
    "--timezone",
    "UTC",
    "--audience",
    "people",
    "--instance",
    "a",
    "--text",
    "Hi {{ name }}",
)


@pytest.fixture
def shop(engine: Engine, settings: Settings) -> Iterator[Shop]:
    with open_shop(engine, settings) as opened:
        opened.add("a", "1000/s")
        yield opened


def test_a_campaign_that_has_sent_what_its_limit_allows_is_told_of(run_cli: RunCli, shop: Shop) -> None:
    assert (
        "campaigns or schedules that are given it with --limit promos"
        in assert_done(run_cli("limit", "add", "promos", "4/d")).stdout
    )
    tried = assert_done(run_cli("campaign", "submit", "c", *TO_ALL, "--limit", "promos", "--dry-run", stdin=PEOPLE))
    assert "limits: promos" in tried.stdout
    assert "it waits for limit promos (4/d)" in " ".join(tried.stdout.split())
    assert_done(run_cli("campaign", "submit", "c", *TO_ALL, "--limit", "promos", "--priority", "9", stdin=PEOPLE))
    shop.submit("other", 3, "a", first=100)
    drain(shop)
    shown = " ".join(assert_done(run_cli("campaign", "show", "c")).stdout.split())
    assert "limits promos" in shown
    assert "a: limit promos, 4/d, again at" in shown
    [held] = assert_done(run_cli("campaign", "show", "c", "--json")).json["holds"]
    assert held["cause"] == "limit"
    limit = assert_done(run_cli("limit", "show", "promos", "--json")).json
    assert (limit["taken"], limit["free_at"], limit["campaigns"]) == (4, held["until"], ["c"])
    [row] = [line for line in assert_done(run_cli("limit", "list")).stdout.splitlines() if line.startswith("promos")]
    assert row.endswith("1 campaign")
    plan = run_cli("campaign", "plan", "c")
    assert "waits for  limit promos (4/d), 2 d" in plan.stdout
    assert "it needs 2 days with limit promos (4/d)" in plan.stderr


def test_a_limit_goes_from_campaign_to_clone_and_rest_and_can_be_taken_away(run_cli: RunCli, shop: Shop) -> None:
    for name in ("promos", "few"):
        assert_done(run_cli("limit", "add", name, "400/d"))
    submit = ("campaign", "submit")
    assert_done(run_cli(*submit, "c", *TO_ALL, "--limit", "promos", "--limit", "few", "--draft", stdin=PEOPLE))
    assert_done(run_cli("campaign", "clone", "c", "same"))
    assert_done(run_cli("campaign", "clone", "c", "other", "--limit", "few"))
    changed = assert_done(run_cli("campaign", "set", "same", "--limit", "few"))
    assert "limits: 'few', 'promos' -> 'few'" in changed.stdout
    assert_done(run_cli("campaign", "cancel", "c", "--yes"))
    rest = ("--instance", "a", "--rest-of", "c")
    assert "limits:" not in run_cli(*submit, "other rest", *rest, "--limit", "none", "--dry-run").stdout
    assert_done(run_cli(*submit, "rest", *rest, "--draft"))
    limits = {each["name"]: each["limits"] for each in assert_done(run_cli("campaign", "list", "--json")).json}
    assert limits == {"c": ["few", "promos"], "same": ["few"], "other": ["few"], "rest": ["few", "promos"]}
    held = run_cli("limit", "remove", "promos")
    assert (held.code, "`broadcaster campaign set rest --limit none`" in held.stderr) == (1, True)
    assert_done(run_cli("campaign", "set", "rest", "--limit", "none"))
    assert_done(run_cli("limit", "remove", "promos"))


def test_the_campaigns_of_a_schedule_get_its_limits(run_cli: RunCli, shop: Shop) -> None:
    assert_done(run_cli("audience", "import", "people", "-", "--country", "ID", stdin=PEOPLE))
    assert_done(run_cli("limit", "add", "promos", "4/d"))
    assert_done(run_cli("schedule", "add", "news", *DAILY, "--limit", "promos"))
    assert "limits promos" in " ".join(assert_done(run_cli("schedule", "show", "news")).stdout.split())
    assert_done(run_cli("schedule", "run-now", "news"))
    [campaign] = assert_done(run_cli("campaign", "list", "--json")).json
    assert campaign["limits"] == ["promos"]
    changed = assert_done(run_cli("schedule", "set", "news", "--limit", "none"))
    assert "limits: 'promos' -> none" in changed.stdout
    assert assert_done(run_cli("limit", "show", "promos", "--json")).json["schedules"] == []


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (("campaign", "submit", "d", *TO_ALL, "--limit", "nothing"), "no limit is called 'nothing'"),
        (("campaign", "submit", "d", *TO_ALL, "--limit", "shared"), "limit 'shared' is one of instances"),
        (("campaign", "set", "c", "--limit", "shared"), "limit 'shared' is one of instances"),
        (("campaign", "clone", "c", "d", "--limit", "shared"), "limit 'shared' is one of instances"),
        (("instance", "set", "a", "--limit", "promos"), "limit 'promos' is one of campaigns"),
        (("schedule", "add", "news", *DAILY, "--limit", "shared"), "limit 'shared' is one of instances"),
    ],
)
def test_limits_that_cannot_be_are_refused_in_one_line(
    run_cli: RunCli, shop: Shop, command: tuple[str, ...], why: str
) -> None:
    assert_done(run_cli("audience", "import", "people", "-", "--country", "ID", stdin=PEOPLE))
    for name in ("shared", "promos"):
        assert_done(run_cli("limit", "add", name, "4/d"))
    assert_done(run_cli("instance", "set", "a", "--limit", "shared"))
    assert_done(run_cli("campaign", "submit", "c", *TO_ALL, "--limit", "promos", "--draft", stdin=PEOPLE))
    refused = run_cli(*command, stdin=PEOPLE)
    assert (refused.code, why in refused.stderr, len(refused.stderr.splitlines())) == (1, True, 1), refused
    assert [each["name"] for each in assert_done(run_cli("campaign", "list", "--json")).json] == ["c"]
