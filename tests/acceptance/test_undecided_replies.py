"""Replies that may ask to stop, of which nobody has decided: told before the next campaign, until it is decided."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from broadcaster.services.inbox import inbox_reader
from broadcaster.settings import Settings
from tests.support.cli import CliResult, RunCli, assert_done
from tests.support.people import listens, read_replies, write
from tests.support.shop import Shop, drain, open_shop

AYU, BUDI, CITRA, DEWI = (f"62812000000{number}" for number in range(4))
LIST = f"phone\n{AYU}\n{BUDI}\n{CITRA}\n{DEWI}\n"
TEXT = ("--text", "Hello, STOP ends this")
NEXT = ("campaign", "submit", "next", "--instance", "a", *TEXT)


@pytest.fixture
def shop(engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """Four people have got a campaign: Ayu has opted out, Budi and Citra may have asked for it, Dewi thanks."""
    monkeypatch.setattr(inbox_reader, "RUN_SECONDS", 0.1)
    with open_shop(engine, settings) as opened:
        opened.add("a")
        opened.submit("c", 4, "a")
        drain(opened)
        listens(opened, "a")
        write(opened, AYU, "请退订")
        write(opened, BUDI, "please stop sending me this", "I said stop it")
        write(opened, CITRA, "不要再发了")
        write(opened, DEWI, "thank you")
        read_replies(opened)
        yield opened


def submitted(run_cli: RunCli, *options: str) -> CliResult:
    return assert_done(run_cli(*NEXT, "--recipients", "-", "--draft", *options, stdin=LIST))


def undecided(run_cli: RunCli) -> set[str]:
    listed = assert_done(run_cli("replies", "list", "--undecided", "--json")).json
    assert {each["meaning"] for each in listed} <= {"near_miss"}
    return {each["phone"] for each in listed}


def counted(run_cli: RunCli, *options: str) -> int:
    return int(submitted(run_cli, "--dry-run", "--json", *options).json["undecided_near_misses"])


def test_a_submission_says_how_many_of_its_recipients_may_have_asked_to_stop(run_cli: RunCli, shop: Shop) -> None:
    said = "may have asked to stop, and nobody has decided: 2; "
    for options in (["--dry-run"], []):
        told = submitted(run_cli, *options).stdout
        assert "opted out by now: 1; " in told
        assert said in told
        assert "`broadcaster replies list --undecided`" in told
    only_dewi = assert_done(run_cli(*NEXT[:2], "other", *NEXT[3:], "--recipients", "-", stdin=f"phone\n{DEWI}\n"))
    assert "may have asked to stop" not in only_dewi.stdout


def test_audiences_and_rests_are_counted_alike(run_cli: RunCli, shop: Shop) -> None:
    assert counted(run_cli) == 2
    assert_done(run_cli("audience", "import", "people", "-", stdin=LIST))
    to_audience = assert_done(run_cli(*NEXT, "--audience", "people", "--draft", "--dry-run", "--json")).json
    assert (to_audience["opted_out"], to_audience["undecided_near_misses"]) == (1, 2)
    assert_done(run_cli("campaign", "submit", "never", *NEXT[3:], "--recipients", "-", "--draft", stdin=LIST))
    assert_done(run_cli("campaign", "cancel", "never", "--yes"))
    of_rest = assert_done(run_cli(*NEXT[:5], "--rest-of", "never", "--draft", "--dry-run", "--json")).json
    assert (of_rest["opted_out"], of_rest["undecided_near_misses"]) == (1, 2)


def test_whom_a_command_blocks_is_decided_also_once_she_is_unblocked(run_cli: RunCli, shop: Shop) -> None:
    assert undecided(run_cli) == {BUDI, CITRA}
    assert_done(run_cli("phone", "block", f"+{BUDI}"))
    assert undecided(run_cli) == {CITRA}
    assert counted(run_cli) == 1
    assert_done(run_cli("phone", "unblock", f"+{BUDI}"))
    assert (undecided(run_cli), counted(run_cli)) == ({CITRA}, 1)
    write(shop, BUDI, "STOP sending, I said")
    read_replies(shop)
    assert (undecided(run_cli), counted(run_cli)) == ({BUDI, CITRA}, 2)


def test_a_later_message_that_asks_for_something_else_decides(run_cli: RunCli, shop: Shop) -> None:
    # A gateway dates to the second: what may have been written before decides nothing.
    shop.sql("UPDATE inbound_messages SET said_at = said_at - interval '5 s'")
    write(shop, CITRA, "sorry, I meant another shop")
    read_replies(shop)
    assert undecided(run_cli) == {BUDI}


def test_a_start_that_is_read_late_decides_nothing(run_cli: RunCli, shop: Shop) -> None:
    assert_done(run_cli("phone", "block", f"+{BUDI}"))
    shop.sql("UPDATE opt_outs SET ended_at = now(), ended_way = 'reply' WHERE phone = :phone", phone=BUDI)
    assert undecided(run_cli) == {BUDI, CITRA}


def test_another_form_of_the_number_is_the_same_person(run_cli: RunCli, shop: Shop) -> None:
    kept, dialled = "5215512345678", "525512345678"
    shop.sql("UPDATE inbound_messages SET phone = :kept WHERE phone = :budi", kept=kept, budi=BUDI)
    found = assert_done(run_cli(*NEXT, "--recipients", "-", "--draft", "--json", stdin=f"phone\n+{dialled}\n")).json
    assert found["undecided_near_misses"] == 1
    assert_done(run_cli("phone", "block", f"+{dialled}"))
    assert undecided(run_cli) == {CITRA}


def test_status_and_doctor_tell_until_it_is_decided(run_cli: RunCli, shop: Shop) -> None:
    said = "a has heard from 2 people who may be asking to stop, and nobody has decided since"
    command = "broadcaster replies list --undecided --instance a"

    def told() -> tuple[bool, list[str]]:
        [*inboxes] = [each for each in run_cli("status", "--json").json["standing_still"] if each["what"] == "inbox"]
        found = [each for each in run_cli("doctor", "--json").json["checks"] if each["check"] == "replies"]
        lines = [line for line in run_cli("status").stdout.splitlines() if f"inbox {said}" in line]
        assert len(lines) == len(inboxes) == len([each for each in found if said in each["detail"]])
        assert [each["cause"] for each in inboxes] == ["undecided"] * len(inboxes)
        return all(command in line for line in lines), [each["level"] for each in found]

    assert told() == (True, ["warn", "ok"])
    for phone in (BUDI, CITRA):
        assert_done(run_cli("phone", "block", f"+{phone}"))
    assert told() == (True, ["ok"])


def test_what_a_removed_instance_has_heard_is_told_as_well(run_cli: RunCli, shop: Shop) -> None:
    shop.sql("UPDATE inbound_messages SET lane_id = 99")
    [told] = [each for each in run_cli("status", "--json").json["standing_still"] if each["what"] == "inbox"]
    assert (told["name"], told["command"]) == ("(removed)", "broadcaster replies list --undecided")


def test_reports_say_how_many_opted_out_and_how_many_may_ask_for_it(run_cli: RunCli, shop: Shop) -> None:
    said = "5 from 4, 100% of those sent; 1 opted out by it, 2 may ask to stop; half of the first ones within"
    for command in ("show", "report"):
        assert said in assert_done(run_cli("campaign", command, "c")).stdout
        document = assert_done(run_cli("campaign", command, "c", "--json")).json
        assert (document["opted_out_by_reply"], document["near_misses"]) == (1, 2)
