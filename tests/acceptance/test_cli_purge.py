"""`broadcaster purge` and its schedule as operators meet them, beside a worker that sends."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from broadcaster.services.campaigns import loading, purging
from broadcaster.services.campaigns.new_content import text_content
from broadcaster.services.campaigns.submission import Submission
from broadcaster.services.campaigns.submitting import submit_campaign
from broadcaster.services.recipients.list_options import RecipientOptions
from broadcaster.services.recipients.reader import read_recipients
from broadcaster.settings import Settings
from tests.support.cli import RunCli, assert_done, assert_refused
from tests.support.database import everything
from tests.support.shop import Shop, drain, open_shop
from tests.support.stack import Stack, running_stack, wait_for

PEOPLE = 12
RUNNING = 200
REFUSED = (
    "export ended-100",
    "export ended-100 --rejected",
    "retry ended-100",
    "settle ended-100",
    "preview ended-100",
    "test ended-100 --to 628120000001",
)
"""What cannot be done with a campaign that has no messages any more."""


@pytest.fixture
def shop(engine: Engine, settings: Settings) -> Iterator[Shop]:
    """Two campaigns that ended long ago, and one that ended lately."""
    with open_shop(engine, settings) as opened:
        opened.add("a")
        for number, days in enumerate((200, 100, 20)):
            opened.submit(f"ended-{days}", PEOPLE, "a", first=100 * number)
        drain(opened)
        for days in (200, 100, 20):
            opened.end_long_ago(f"ended-{days}", days)
        yield opened


@pytest.fixture
def stack(tmp_path: Path, environ: dict[str, str]) -> Iterator[Stack]:
    with running_stack(tmp_path, environ) as running:
        yield running


def purged(shop: Shop) -> list[object]:
    return [name for (name,) in shop.sql("SELECT name FROM campaigns WHERE purged_at IS NOT NULL ORDER BY name")]


def test_a_dry_run_tells_what_would_go_and_changes_nothing(run_cli: RunCli, shop: Shop) -> None:
    before = everything(shop.engine)
    told = assert_done(run_cli("purge", "--older-than", "90d", "--dry-run")).stdout.splitlines()
    assert told[0].split() == ["NAME", "STATE", "ENDED", "MESSAGES", "ATTEMPTS", "REJECTED"]
    assert [line.split()[:2] for line in told[1:3]] == [["ended-200", "finished"], ["ended-100", "finished"]]
    assert told[3] == (
        "would be deleted: messages: 24, attempts: 24, rejected rows: 0, of campaigns: 2; nothing was changed"
    )
    document = assert_done(run_cli("purge", "--older-than", "13w", "--dry-run", "--json")).json
    assert document["dry_run"] is True
    assert [(each["name"], each["messages"]) for each in document["campaigns"]] == [
        ("ended-200", 12),
        ("ended-100", 12),
    ]
    assert everything(shop.engine) == before


def test_what_is_old_enough_goes_and_its_totals_stay(run_cli: RunCli, shop: Shop) -> None:
    told = assert_done(run_cli("purge", "--older-than", "90d")).stdout
    assert told.endswith("deleted: messages: 24, attempts: 24, rejected rows: 0, of campaigns: 2; their totals stay\n")
    assert purged(shop) == ["ended-100", "ended-200"]
    assert shop.sql("SELECT count(DISTINCT campaign_id), count(*) FROM messages") == [(1, PEOPLE)]
    assert assert_done(run_cli("purge", "--older-than", "90d")).stdout == "nothing is to be deleted\n"
    shown = assert_done(run_cli("campaign", "show", "ended-100", "--json")).json
    assert (shown["sent"], shown["purged_at"] is not None) == (PEOPLE, True)
    for command in ("show", "report"):
        assert (
            "\nwhat was personal of it was deleted on 2"
            in assert_done(run_cli("campaign", command, "ended-100")).stdout
        )
    said = "campaign 'ended-100' has no messages any more: what was personal of it was deleted on"
    for refused in REFUSED:
        assert_refused(run_cli("campaign", *refused.split()), said)
    assert_refused(run_cli("purge", "--older-than", "90d", "--campaign", "ended-100"), said)
    [row] = assert_done(run_cli("audit", "--object", "campaign", "ended-100", "--json")).json
    assert (row["command"], row["after"]["purged"]["messages"]) == ("purge", {"sent": PEOPLE})
    assert shop.sql("SELECT operator FROM purges LIMIT 1") == [(row["operator"],)]


def test_one_campaign_goes_by_itself_and_is_refused_while_it_is_too_young(run_cli: RunCli, shop: Shop) -> None:
    assert_refused(
        run_cli("purge", "--older-than", "90d", "--campaign", "ended-20"), "stays: it is finished only since"
    )
    assert_done(run_cli("purge", "--older-than", "10d", "--campaign", "ended-20"))
    assert purged(shop) == ["ended-20"]


def test_what_stays_though_it_is_old_enough_is_told_and_the_others_go(run_cli: RunCli, shop: Shop) -> None:
    counted = "UPDATE campaign_lanes SET sent = sent {0} 1, total = total {0} 1 WHERE campaign_id = 1"
    shop.sql(counted.format("+"))
    result = run_cli("purge", "--older-than", "90d", "--json")
    shop.sql(counted.format("-"))
    assert result.code == 1
    assert result.stderr == "warning: campaign ended-200 stays: instance a keeps 13 sent, a recount says 12\n"
    assert result.json["kept"] == [
        {"name": "ended-200", "kept_because": "instance a keeps 13 sent, a recount says 12"}
    ]
    assert (result.json["messages"], purged(shop)) == (PEOPLE, ["ended-100"])


def test_what_has_never_ended_is_told_since_it_keeps_everything(run_cli: RunCli, shop: Shop) -> None:
    shop.submit("draft", PEOPLE, "a", first=500)
    shop.sql(
        "UPDATE campaigns SET state = 'draft', started_at = NULL, created_at = now() - interval '1 year'"
        " WHERE name = 'draft'"
    )
    result = run_cli("purge", "--older-than", "90d", "--json")
    assert result.code == 1
    [kept] = result.json["kept"]
    assert kept["name"] == "draft"
    assert kept["kept_because"].startswith("it is draft, and was created on 20")
    assert kept["kept_because"].endswith(": start or cancel it")
    assert purged(shop) == ["ended-100", "ended-200"]


def test_the_tests_of_a_campaign_that_stays_go_all_the_same(run_cli: RunCli, shop: Shop) -> None:
    tested = "(SELECT id FROM campaigns WHERE name = 'ended-20')"
    shop.sql(f"UPDATE campaigns SET test_of = {tested} WHERE name = 'ended-200'")
    result = run_cli("purge", "--older-than", "90d", "--campaign", "ended-20")
    assert result.code == 1
    assert "campaign ended-20 stays: it is finished only since" in result.stderr
    assert purged(shop) == ["ended-200"]


@pytest.mark.parametrize(
    ("options", "days", "code", "said"),
    [
        ((), "", 2, "--older-than is missing: say how old, such as 90d, or set BROADCASTER_RETENTION_DAYS"),
        (("--older-than", "soon"), "", 2, "--older-than 'soon' is not understood"),
        (("--older-than", "23h"), "", 2, "--older-than '23h' must be between 24h and 36500d"),
        (("--older-than", "0d"), "", 2, "--older-than '0d' must be between 24h and 36500d"),
        (("--older-than", "99999999d"), "", 2, "--older-than '99999999d' must be between"),
        (("--older-than", "90d", "--campaign", "nobody"), "", 1, "no campaign is called 'nobody'"),
        ((), "0", 2, "BROADCASTER_RETENTION_DAYS: "),
        ((), "soon", 2, "BROADCASTER_RETENTION_DAYS: a whole number is wanted"),
    ],
)
def test_what_cannot_be_meant_is_one_line(
    run_cli: RunCli, engine: Engine, options: tuple[str, ...], days: str, code: int, said: str
) -> None:
    assert_refused(run_cli("purge", *options, environ={"BROADCASTER_RETENTION_DAYS": days}), said, code=code)


def test_the_setting_says_how_old_where_no_option_does(run_cli: RunCli, shop: Shop) -> None:
    assert_done(run_cli("purge", environ={"BROADCASTER_RETENTION_DAYS": "150"}))
    assert purged(shop) == ["ended-200"]


def test_without_postgres_there_is_one_line(run_cli: RunCli) -> None:
    away = {
        "BROADCASTER_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x",
        "BROADCASTER_MIGRATION_DATABASE_URL": None,
    }
    assert_refused(run_cli("purge", "--older-than", "90d", environ=away), "Postgres is not usable")


def test_a_beat_has_it_done_where_the_setting_says_so_and_not_otherwise(
    stack: Stack, shop: Shop, run_cli: RunCli
) -> None:
    stack.start("beat")
    worker = stack.start("worker", BROADCASTER_RETENTION_DAYS="90")
    wait_for(lambda: len(shop.sql("SELECT FROM ticks")) >= 5, "every tick")
    assert purged(shop) == []
    stack.start("beat", BROADCASTER_RETENTION_DAYS="90")
    wait_for(lambda: len(purged(shop)) == 2, "the purge")
    assert purged(shop) == ["ended-100", "ended-200"]
    assert shop.sql("SELECT DISTINCT operator FROM purges") == [("schedule",)]
    assert shop.sql("SELECT count(*) FROM audit_log WHERE command = 'purge'") == [(0,)]
    wait_for(lambda: b"broadcaster.purge" in worker.log.read_bytes(), "the log's line")
    assert b"Traceback" not in worker.log.read_bytes()


def test_campaigns_are_purged_while_others_are_sent_and_nothing_is_lost_or_doubled(
    stack: Stack, shop: Shop, run_cli: RunCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "LARGE_CAMPAIGN", 50)
    for number in range(6):
        _submit(shop, f"large {number}", 60, first=10_000 + 100 * number)
    stack.start("beat")
    stack.start("worker")
    wait_for(lambda: shop.sql("SELECT FROM campaigns WHERE finished_at IS NULL") == [], "the large campaigns")
    for number in range(6):
        shop.end_long_ago(f"large {number}", 100 + number)
    assert_done(run_cli("instance", "set", "a", "--rate", "20/s"))
    _submit(shop, "running", RUNNING, first=20_000)
    names = ["ended-200", *(f"large {number}" for number in range(6)), "ended-100"]
    for name in names:
        seen = len(shop.gateway.ledger.entries)
        wait_for(lambda seen=seen: len(shop.gateway.ledger.entries) > seen, "the next message")  # type: ignore[misc]
        [campaign] = purging.find_candidates(shop.engine, timedelta(days=90), name)
        assert purging.purge_campaign(shop.engine, campaign.id, timedelta(days=90)) is not None
    assert shop.state("running") == "running", "it was to be sent all the while"
    wait_for(lambda: shop.state("running") == "finished", "the running campaign")
    assert shop.states("running") == {"sent": RUNNING}
    assert set(purged(shop)) == set(names)
    segments = (
        "SELECT relname = 'messages_' || c.id FROM pg_class, campaigns c WHERE relname ~ '^messages_[1-9][0-9]*$'"
    )
    assert shop.sql(f"{segments} AND c.name = 'running'") == [(True,)]
    accepted = Counter(entry.phone for entry in shop.gateway.ledger.entries if entry.accepted)
    assert max(accepted.values()) == 1
    assert len(accepted) == 3 * PEOPLE + 6 * 60 + RUNNING


def _submit(shop: Shop, name: str, count: int, *, first: int) -> None:
    """As `Shop.submit`, but not started: beat does that."""
    rows = "".join(f"62812{first + n:07d},N{n}\n" for n in range(count))
    content = text_content("Hi {{ name }}")
    options = RecipientOptions(text=content.text, caption=content.caption)
    with read_recipients(io.BytesIO(f"phone,name\n{rows}".encode()), options) as recipients:
        submit_campaign(
            shop.engine, Submission(name=name, instances=("a",), content=content, max_attempts=3), recipients
        )


def test_a_worker_without_the_setting_deletes_nothing_whoever_asks_it(stack: Stack, shop: Shop) -> None:
    worker = stack.start("worker")
    stack.start("beat", BROADCASTER_RETENTION_DAYS="90")
    wait_for(lambda: b"broadcaster.purge" in worker.log.read_bytes(), "the task")
    with shop.engine.begin() as connection:
        assert connection.scalar(text("SELECT count(*) FROM purges")) == 0
