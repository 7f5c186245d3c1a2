"""`broadcaster instance`, through the real command line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from broadcaster.base_urls import DEFAULT_BASE_URL
from broadcaster.crypto import open_vault
from broadcaster.domain.states import LaneHealth
from broadcaster.services.dispatch import start_due_campaigns
from broadcaster.services.instances import add_instance
from broadcaster.settings import Settings
from broadcaster.simulator import FaultPlan, FaultRule, InstanceConfig, Simulator, SimulatorConfig, background
from tests.support.cli import RunCli, assert_done, assert_refused
from tests.support.commands import assert_runnable
from tests.support.database import as_owner
from tests.support.reference import commands
from tests.support.shop import Shop, drain

KEY = "k3y-of-a"


def test_an_instance_is_listed_with_its_limits_and_never_with_its_key(run_cli: RunCli, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{KEY}\n")
    assert_done(run_cli("instance", "add", "a", "--key-file", "key", "--rate", "20/min", "--wire", "form"))
    assert_done(
        run_cli("instance", "add", "b", "--key-stdin", "--rate", "unlimited", "--burst", "5", stdin=f"{KEY}-b")
    )
    shown = assert_done(run_cli("instance", "show", "a", "--json"))
    listed = assert_done(run_cli("instance", "list", "--json"))
    people = assert_done(run_cli("instance", "list"))
    assert (shown.json["name"], shown.json["rate"], shown.json["burst"], shown.json["wire"]) == (
        "a",
        "20/min",
        2,
        "form",
    )
    assert [(row["name"], row["rate"], row["burst"]) for row in listed.json] == [
        ("a", "20/min", 2),
        ("b", "unlimited", 5),
    ]
    assert [line.split()[:3] for line in people.stdout.splitlines()[1:]] == [
        ["a", "ok", "20/min"],
        ["b", "ok", "unlimited"],
    ]
    everything = shown.stdout + listed.stdout + people.stdout + run_cli("instance", "show", "a").stdout
    assert KEY not in everything


def test_an_instance_is_slow_until_somebody_says_that_it_has_no_limit(run_cli: RunCli) -> None:
    told = assert_done(run_cli("instance", "add", "a", "--key", KEY)).stdout
    assert told.startswith("added instance a, at 20/min: try it with `broadcaster instance check a --to NUMBER`")
    told = assert_done(run_cli("instance", "add", "b", "--key", f"{KEY}-b", "--rate", "unlimited")).stdout
    assert told.startswith("added instance b, at unlimited: ")
    listed = assert_done(run_cli("instance", "list", "--json")).json
    assert [(row["rate"], row["burst"]) for row in listed] == [("20/min", 2), ("unlimited", 2)]


def test_what_can_be_set_can_be_given_when_it_is_added() -> None:
    options = {
        each.words: {name for parameter in each.command.params for name in parameter.opts if name.startswith("--")}
        for each in commands()
    }
    add, change = options["instance", "add"], options["instance", "set"]
    assert change - add == {"--add-rate", "--any-time"}, "these are about what there is already"
    assert add <= change


def test_adding_says_all_that_was_set(run_cli: RunCli) -> None:
    paced = ("--rate", "10/min", "--rate", "500/d", "--ramp", "20,50", "--country", "ID")
    slow = ("--gap", "20s..60s", "--rest", "5m..10m after 50", "--window", "Mon-Fri 09:00-17:00")
    told = ("--read-replies", "30s", "--confirm-opt-out", "You get no more.", "--stop-above", "optouts=2%")
    said = assert_done(run_cli("instance", "add", "a", "--key", KEY, *paced, *slow, *told)).stdout
    for each in (
        *("rates: 10/min, 500/d", "burst: 1", "ramp: 20, 50 a day, at step 1", "country: ID", "gap: 20s..1m"),
        *("rest: 5m..10m after 50", "windows: Mon-Fri 09:00-17:00", "replies are read: every 30 s"),
        *("opt-outs are confirmed with: You get no more.", "stops itself at: optouts above 2%"),
    ):
        assert f"\n  {each}" in said, said
    unread = run_cli("instance", "add", "b", "--key", f"{KEY}-b", "--stop-above", "optouts=2%")
    assert_refused(unread, "reads no replies", code=2)


def test_set_changes_what_is_given_and_leaves_the_rest(run_cli: RunCli) -> None:
    assert_done(run_cli("instance", "add", "a", "--key", KEY, "--rate", "20/min", "--max-in-flight", "3"))
    assert_done(run_cli("instance", "set", "a", "--rate", "10/s"))
    shown = assert_done(run_cli("instance", "show", "a", "--json")).json
    assert (shown["rate"], shown["burst"], shown["max_in_flight"]) == ("10/s", 10, 3)
    assert_done(run_cli("instance", "set", "a", "--rate", "unlimited", "--burst", "7"))
    shown = assert_done(run_cli("instance", "show", "a", "--json")).json
    assert (shown["rate"], shown["rate_per_second"], shown["burst"]) == ("unlimited", None, 7)


def test_set_says_what_follows(run_cli: RunCli, engine: Engine) -> None:
    assert_done(run_cli("instance", "add", "a", "--key", KEY, "--rate", "20/min"))

    def told(*options: str) -> str:
        first, _, _ = assert_done(run_cli("instance", "set", "a", *options)).stdout.partition("\n")
        return first.removeprefix("changed instance a; ")

    def is_now(health: str) -> None:
        with engine.begin() as connection:
            connection.execute(text("UPDATE lanes SET health = :health, health_reason = 'Why'"), {"health": health})

    assert told("--rate", "30/min") == "nothing waits for it"
    assert told("--rate", "20/min") == "nothing waits for it"
    options = ("--instance", "a", "--recipients", "-", "--text", "Hi")
    assert_done(run_cli("campaign", "submit", "promo", *options, stdin="phone\n628123456789\n628123456780\n"))
    start_due_campaigns(engine)
    assert told("--rate", "10/min") == "2 messages wait for it, and workers follow within 20 seconds, at 10/min"
    begins = "a new account begins, and what the one before left in doubt is still looked for there; "
    at_once = "2 messages that wait for it go out at once, at 10/min"
    assert told("--key", "another") == begins + at_once
    is_now("refused")
    assert told("--rate", "10/min").startswith("it stays stopped (Why): mend that, then go on with `broadcaster")
    assert told("--key", "another") == f"it is the same account as before; {at_once}"
    is_now("down")
    assert told("--rate", "10/min") == "it is still down (Why) and is tried again by itself: see `broadcaster status`"
    assert told("--base-url", "https://elsewhere.example") == begins + at_once
    assert_done(run_cli("instance", "pause", "a"))
    assert told("--key", KEY) == f"{begins}it stays paused: go on with `broadcaster instance resume a`"


def test_a_list_fits_a_hundred_columns_whatever_is_wrong(run_cli: RunCli, engine: Engine) -> None:
    for name in ("front-desk-of-the-clinic", "b"):
        assert_done(run_cli("instance", "add", name, "--key", f"{KEY}-{name}", "--rate", "1234567/h"))
    with engine.begin() as connection:
        connection.execute(text("UPDATE lanes SET health = 'throttled', health_reason = repeat('too many ', 30)"))
    assert_done(run_cli("instance", "pause", "b"))
    table = assert_done(run_cli("instance", "list")).stdout.splitlines()
    assert max(map(len, table[:3])) <= 100
    assert [line[:48] for line in table[3:]] == ["front-desk-of-the-clinic is throttled: too many t"[:48]]


def test_a_refused_key_stands_out_and_a_new_key_lets_the_lane_go_on(run_cli: RunCli, engine: Engine) -> None:
    assert_done(run_cli("instance", "add", "a", "--key", KEY))
    with engine.begin() as connection:
        connection.execute(text("UPDATE lanes SET health = 'refused', health_reason = 'wrong key'"))
    assert "a is stopped: wrong key\n" in assert_done(run_cli("instance", "list")).stdout
    assert_done(run_cli("instance", "set", "a", "--key-stdin", stdin="another"))
    assert assert_done(run_cli("instance", "show", "a", "--json")).json["health"] == "ok"


def test_pause_resume_and_remove(run_cli: RunCli) -> None:
    assert_done(run_cli("instance", "add", "a", "--key", KEY))
    assert_done(run_cli("instance", "pause", "a"))
    assert assert_done(run_cli("instance", "show", "a", "--json")).json["health"] == "paused"
    assert_done(run_cli("instance", "resume", "a"))
    assert assert_done(run_cli("instance", "show", "a", "--json")).json["health"] == "ok"
    assert_done(run_cli("instance", "remove", "a"))
    assert assert_done(run_cli("instance", "list", "--json")).json == []


def test_a_check_passes_where_the_gateway_shows_its_chats(run_cli: RunCli, simulator: Simulator) -> None:
    assert_done(run_cli("instance", "add", "a", "--key", KEY, "--rate", "unlimited", "--base-url", simulator.base_url))
    people = assert_done(run_cli("instance", "check", "a")).stdout
    assert [line.split("  ")[-1].strip() for line in people.splitlines()] == [
        f"yes ({simulator.base_url})",
        "yes",
        "yes",
        "yes (0 chats)",
        "not known (there is no chat yet); find out with `broadcaster instance check a --to MY_PHONE`",
        "not known",
        "yes; whether what it accepts arrives was not looked for lately",
    ]
    programs = assert_done(run_cli("instance", "check", "a", "--json")).json
    assert (programs["passed"], programs["key_accepted"], programs["chats"]) == (True, True, 0)
    assert (programs["problem"], programs["sending"]["works"]) == (None, True)
    assert {entry.endpoint for entry in simulator.ledger.entries} == {"/wa/chats"}


@pytest.mark.parametrize(
    ("kind", "found", "to_do"),
    [
        ("bad_key", {"reachable": True, "key_accepted": False}, "`broadcaster instance set a --key-file FILE"),
        ("http_401", {"reachable": True, "key_accepted": False}, "`broadcaster instance set a --key-file FILE"),
        ("not_running", {"reachable": True, "running": False}, "scan its QR code"),
        ("http_429", {"reachable": True, "running": False}, "wait a minute, then `broadcaster instance check a`"),
        ("html", {"reachable": True, "reply_readable": False}, "`broadcaster instance set a --base-url URL`"),
        ("http_500", {"reachable": True, "reply_readable": False}, "try later"),
        ("no_route", {"reachable": True, "running": False}, "`broadcaster instance set a --base-url URL`"),
        ("wrong_wire", {"reachable": True, "running": False}, "`broadcaster instance set a --wire form`"),
        ("drop_before_accept", {"reachable": False}, "`broadcaster instance set a --base-url URL`"),
    ],
)
def test_a_check_says_what_is_wrong_and_what_to_do(
    run_cli: RunCli,
    engine: Engine,
    settings: Settings,
    simulator: Simulator,
    kind: str,
    found: dict[str, bool],
    to_do: str,
) -> None:
    add_instance(engine, open_vault(settings), "a", KEY, base_url=simulator.base_url, rate_per_second=None)
    simulator.gateway.faults = FaultPlan([FaultRule(kind=kind)])
    people = run_cli("instance", "check", "a")
    assert (people.code, people.stderr.count("\n")) == (1, 1)
    assert people.stderr.startswith("error: instance a cannot be used: ")
    bad, *_ = [line for line in people.stdout.splitlines() if " NO" in line]
    assert re.search("sending  +(NO, (its key|it takes no|nothing answers)|not known: its list)", people.stdout)
    assert to_do in bad
    assert to_do in people.stderr
    assert_runnable(people.stdout + people.stderr)
    programs = run_cli("instance", "check", "a", "--json")
    assert (programs.code, programs.stderr) == (1, "")
    assert not programs.json["sending"]["works"]
    answers = ("reachable", "key_accepted", "running", "reply_readable")
    assert {name: programs.json[name] for name in answers if programs.json[name] is not None} == found
    assert programs.json["reason"]
    assert KEY not in people.stdout + people.stderr + programs.stdout


def test_a_check_of_an_address_where_nobody_listens_says_so(run_cli: RunCli) -> None:
    assert_done(run_cli("instance", "add", "a", "--key", KEY, "--base-url", "http://127.0.0.1:1"))
    result = run_cli("instance", "check", "a")
    assert result.code == 1
    assert result.stdout.startswith("reachable       NO (http://127.0.0.1:1): see whether its address is right")


@pytest.mark.parametrize(
    ("health", "rests", "told"),
    [
        ("paused", None, "it is paused (Why): go on with `broadcaster instance resume a`"),
        ("refused", None, "it is stopped (Why): mend that, then go on with `broadcaster instance resume a`"),
        (
            "down",
            None,
            "it is down (Why): it is tried again by itself, as soon as there is something to send; at once with",
        ),
        ("down", "1 hour", "it is down (Why): it is tried again by itself, "),
        ("throttled", "1 hour", "it is throttled (Why): it is tried again by itself, "),
        ("ok", "1 hour", "it is resting (Why): it is tried again by itself, "),
    ],
)
def test_a_check_tells_that_nothing_is_sent_and_what_to_do(
    run_cli: RunCli, simulator: Simulator, engine: Engine, health: str, rests: str | None, told: str
) -> None:
    assert_done(run_cli("instance", "add", "a", "--key", KEY, "--rate", "unlimited", "--base-url", simulator.base_url))
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE lanes SET health = :health, health_reason = 'Why',"
                " not_before = now() + CAST(:rests AS interval)"
            ),
            {"health": LaneHealth(health), "rests": rests},
        )
    people = run_cli("instance", "check", "a")
    assert people.code == 1
    assert f"sending         NO, {told}" in people.stdout
    assert people.stderr.startswith(f"error: nothing is sent through instance a now: {told}")
    assert_runnable(people.stdout + people.stderr)
    programs = run_cli("instance", "check", "a", "--json")
    assert (programs.code, programs.json["passed"], programs.json["sending"]["works"]) == (1, False, False)
    assert (programs.json["sending"]["next_try"] is None) is (rests is None)


@pytest.mark.parametrize(
    ("shown", "missing", "told"),
    [
        (12, 0, "yes; of what it accepted lately 12 were looked for, and all are in their chats"),
        (7, 5, "DOUBTFUL: of 12 accepted messages that were looked for, 5 are not in their chats, so 19% to 68% of"),
    ],
)
def test_a_check_tells_what_truth_checks_have_found(
    run_cli: RunCli, simulator: Simulator, engine: Engine, shown: int, missing: int, told: str
) -> None:
    assert_done(run_cli("instance", "add", "a", "--key", KEY, "--rate", "unlimited", "--base-url", simulator.base_url))
    with engine.begin() as connection:
        counts = {"shown": shown, "missing": missing}
        connection.execute(text("UPDATE accounts SET truth_shown = :shown, truth_missing = :missing"), counts)
    assert f"sending         {told}" in assert_done(run_cli("instance", "check", "a")).stdout
    sending = assert_done(run_cli("instance", "check", "a", "--json")).json["sending"]
    assert (sending["works"], sending["shown"], sending["missing"]) == (True, shown, missing)


def test_a_key_that_is_a_word_of_the_reply_leaves_a_sentence(run_cli: RunCli) -> None:
    with background(SimulatorConfig(instances=(InstanceConfig(name="a", key="right"),))) as gateway:
        assert_done(
            run_cli("instance", "add", "a", "--key", "wrong", "--rate", "unlimited", "--base-url", gateway.base_url)
        )
        told = run_cli("instance", "check", "a").stderr
    assert "cannot be used: '[key] key', where [key] stands for its key; give the right key" in told


def test_a_check_tells_whether_reading_back_works_and_what_messages_look_like(
    run_cli: RunCli, simulator: Simulator, engine: Engine, settings: Settings
) -> None:
    add_instance(engine, open_vault(settings), "a", KEY, base_url=simulator.base_url, rate_per_second=None)
    arguments = ("--instance", "a", "--recipients", "-", "--text", "Hi")
    assert_done(run_cli("campaign", "submit", "promo", *arguments, stdin="phone\n628123456789\n"))
    start_due_campaigns(engine)
    drain(Shop(engine, settings, simulator))
    people = assert_done(run_cli("instance", "check", "a")).stdout
    assert "read back       yes\n" in people
    assert "1 in the chat, 1 with id, 1 with time, 1 with direction, 1 with text or file" in people
    with as_owner(engine).begin() as connection:
        assert connection.scalar(text("SELECT is_shown AND looked_at > now() - interval '1 minute' FROM looks"))
        connection.execute(text("UPDATE contents SET body = 'Something else'"))
    programs = assert_done(run_cli("instance", "check", "a", "--json")).json
    assert (programs["read_back"]["works"], programs["read_back"]["entries"]) == (False, 1)
    assert programs["read_back"]["reason"]


def differences(run_cli: RunCli, name: str, *options: str) -> list[str]:
    """What `instance set` says of each thing that is another one now."""
    return [line.strip() for line in assert_done(run_cli("instance", "set", name, *options)).stdout.splitlines()[1:]]


def test_rates_that_are_replaced_or_added_are_said(run_cli: RunCli) -> None:
    assert_done(run_cli("instance", "add", "r", "--key-stdin", "--rate", "20/min", "--rate", "1000/d", stdin="key"))
    assert differences(run_cli, "r", "--rate", "50/h") == ["rates: '20/min, 1000/d' -> '50/h'"]
    more = differences(run_cli, "r", "--add-rate", "900/d", "--add-rate", "10/min")
    assert more == ["rates: '50/h' -> '10/min, 50/h, 900/d'"]
    other = differences(run_cli, "r", "--add-rate", "40/h")
    assert other == ["rates: '10/min, 50/h, 900/d' -> '10/min, 40/h, 900/d'"]
    both = run_cli("instance", "set", "r", "--rate", "1/min", "--add-rate", "5/h")
    assert_refused(both, "--add-rate with --rate", code=2)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--rate", "10/s"), ["rates: '20/min' -> '10/s'", "burst: 2 -> 10"]),
        (("--burst", "3"), ["burst: 2 -> 3"]),
        (("--gap", "20s..60s"), ["gap: none -> '20s..1m'", "burst: 2 -> 1"]),
        (("--rest", "5m..10m after 50"), ["rest: none -> '5m..10m after 50'"]),
        (("--ramp", "10,20,40"), ["ramp: none -> '10, 20, 40 a day, at step 1'"]),
        (("--limit", "clinic"), ["limits that it shares: none -> 'clinic'"]),
        (("--max-in-flight", "3"), ["most in flight: 16 -> 3"]),
        (("--wire", "form"), ["wire: 'json' -> 'form'"]),
        (("--country", "ID"), ["country: none -> 'ID'"]),
        (("--base-url", "https://other.example"), [f"base URL: '{DEFAULT_BASE_URL}' -> 'https://other.example'"]),
        (
            ("--read-replies", "30s", "--stop-above", "optouts=2%"),
            [
                "replies are read: none -> 'every 30 s'",
                "stops itself at: none -> 'optouts above 2%, from 50 messages on'",
            ],
        ),
        (
            ("--window", "Mon-Fri 09:00-17:00", "--window-zone", "Asia/Jakarta"),
            ["windows: none -> 'Mon-Fri 09:00-17:00 Asia/Jakarta'"],
        ),
        (("--country", "none"), []),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else "",
)
def test_each_setting_is_said_as_it_was_and_is_and_taken_away_again(
    run_cli: RunCli, options: tuple[str, ...], said: list[str]
) -> None:
    assert_done(run_cli("limit", "add", "clinic", "1000/d"))
    assert_done(run_cli("instance", "add", "a", "--key", KEY))
    assert sorted(differences(run_cli, "a", *options)) == sorted(said)
    assert differences(run_cli, "a", *options) == []
    if options[0] in {"--gap", "--rest", "--ramp", "--limit"}:
        what, _, value = said[0].partition(": none -> ")
        assert f"{what}: {value} -> none" in differences(run_cli, "a", options[0], "none")
