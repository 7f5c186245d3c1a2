"""`replies`, `instance set --read-replies`, and what reports say of replies, through the real command line."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from broadcaster.services.inbox import inbox_reader
from broadcaster.settings import Settings
from tests.support.cli import RunCli, assert_done
from tests.support.people import listens, read_replies, write
from tests.support.shop import Shop, drain, open_shop

AYU, BUDI = "628120000000", "628120000001"


@pytest.fixture
def shop(engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """Two people have got a campaign; one has opted out, the other nearly so."""
    monkeypatch.setattr(inbox_reader, "RUN_SECONDS", 0.1)
    with open_shop(engine, settings) as opened:
        opened.add("a")
        opened.submit("c", 4, "a")
        drain(opened)
        listens(opened, "a")
        write(opened, AYU, "=STOP")
        write(opened, BUDI, "please stop sending me this")
        read_replies(opened)
        yield opened


def test_replies_are_switched_on_and_off(run_cli: RunCli, shop: Shop) -> None:
    assert_done(run_cli("instance", "set", "a", "--read-replies", "1m"))
    shown = json.loads(run_cli("instance", "show", "a", "--json").stdout)
    assert shown["inbox"]["read_replies_seconds"] == 60
    assert "replies" in run_cli("instance", "show", "a").stdout
    assert_done(run_cli("instance", "set", "a", "--read-replies", "off"))
    assert json.loads(run_cli("instance", "show", "a", "--json").stdout)["inbox"]["read_replies_seconds"] is None
    for wrong in ("1s", "2w", "often"):
        refused = run_cli("instance", "set", "a", "--read-replies", wrong)
        assert refused.code == 2
        assert "--read-replies" in refused.stderr


def test_replies_are_listed_shown_and_exported(run_cli: RunCli, shop: Shop) -> None:
    listed = json.loads(run_cli("replies", "list", "--campaign", "c", "--instance", "a", "--json").stdout)
    assert {(each["phone"], each["body"], each["meaning"]) for each in listed} == {
        (AYU, "=STOP", "stop"),
        (BUDI, "please stop sending me this", "near_miss"),
    }
    near = run_cli("replies", "list", "--near-miss").stdout
    assert f"phone block +{BUDI}" in near
    assert AYU not in near
    assert json.loads(run_cli("replies", "list", "--phone", f"+{AYU}", "--json").stdout)[0]["body"] == "=STOP"
    nothing = run_cli("replies", "list", "--since", "in 2h", "--json")
    assert nothing.stdout == "[]\n", nothing
    assert (
        "=STOP"
        in run_cli("replies", "show", str(listed[0]["id"])).stdout
        + run_cli("replies", "show", str(listed[1]["id"])).stdout
    )
    rows = list(csv.DictReader(io.StringIO(run_cli("replies", "export").stdout)))
    assert {row["body"] for row in rows} == {"'=STOP", "please stop sending me this"}
    for wrong, code in ((("--campaign", "no"), 1), (("--instance", "no"), 1), (("--phone", "12"), 2)):
        refused = run_cli("replies", "list", *wrong)
        assert (refused.code, refused.stdout) == (code, "")
        assert len(refused.stderr.splitlines()) == 1
    assert run_cli("replies", "show", "99").code == 1


def test_reports_tell_how_many_replied_and_how_soon_also_after_a_purge(run_cli: RunCli, shop: Shop) -> None:
    def figures() -> tuple[object, ...]:
        shown = json.loads(run_cli("campaign", "report", "c", "--json").stdout)
        assert json.loads(run_cli("campaign", "show", "c", "--json").stdout)["replies"] == shown["replies"]
        return shown["replies"], shown["answered"], shown["reply_rate"], shown["seconds_to_first_reply"]

    before = figures()
    assert before[:3] == (2, 2, 0.5)
    assert "replies" in run_cli("campaign", "report", "c").stdout
    shop.sql("UPDATE campaigns SET state = 'finished', finished_at = now() WHERE name = 'c'")
    shop.end_long_ago("c")
    assert_done(run_cli("purge", "--older-than", "30d"))
    assert figures() == before
    assert shop.sql("SELECT DISTINCT phone, body, chat, gateway_id FROM inbound_messages") == [(None,) * 4]


def test_who_is_forgotten_has_written_nothing_and_is_not_taken_in_again(run_cli: RunCli, shop: Shop) -> None:
    assert json.loads(run_cli("phone", "show", f"+{AYU}", "--json").stdout)["replies"][0]["text"] == "=STOP"
    assert_done(run_cli("phone", "forget", f"+{AYU}", "--yes"))
    write(shop, AYU, "still here")
    read_replies(shop)
    assert shop.sql("SELECT phone FROM inbound_messages ORDER BY phone") == [(BUDI,), (None,)]
    assert shop.sql("SELECT count(*) FROM inbound_messages WHERE body IN ('=STOP', 'still here')") == [(0,)]
