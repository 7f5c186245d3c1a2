"""`broadcaster limit`, and the limits of `instance add` and `set`: what people see of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from broadcaster.settings import Settings
from tests.support.cli import RunCli, assert_done
from tests.support.shop import Shop, drain, open_shop

ADD = ("instance", "add", "main", "--key", "key-main")


@pytest.fixture
def shop(engine: Engine, settings: Settings) -> Iterator[Shop]:
    with open_shop(engine, settings) as opened:
        yield opened


def test_all_rates_of_an_instance_are_shown_with_what_is_left(run_cli: RunCli, engine: Engine) -> None:
    rates = ("--rate", "20/min", "--rate", "1000/d", "--rate", "50/h")
    assert "at 20/min, 50/h, 1000/d" in assert_done(run_cli(*ADD, *rates, "--ramp", "20,50")).stdout
    shown = assert_done(run_cli("instance", "show", "main")).stdout
    for line in ("limit 50/h: 50 left", "limit 1000/d: 1,000 left", "ramp, step 1 of 2, 20/d: 20 left"):
        assert line in shown
    assert_done(run_cli("instance", "set", "main", "--rate", "20/min"))
    assert [limit["ramp"] for limit in assert_done(run_cli("instance", "show", "main", "--json")).json["limits"]] == [
        [20, 50]
    ]
    assert_done(run_cli("instance", "set", "main", "--ramp", "none"))
    assert assert_done(run_cli("instance", "show", "main", "--json")).json["limits"] == []


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (
            ("--rate", "20/min", "--rate", "unlimited"),
            "--rate unlimited goes with no other rate: leave one of them out",
        ),
        (("--rate", "20/d", "--rate", "30/d"), "--rate 20/d and 30/d are of the same span: give one of them"),
        (("--rate", "1.5/d"), "limit '1.5/d' must be a whole number of messages"),
        (("--ramp", "50,20"), "ramp '50,20' must rise from step to step"),
        (("--ramp", "few"), "ramp 'few' is not understood: write it like 20,50,120,300, or none"),
        (("--limit", "nothing"), "no limit is called 'nothing': see `broadcaster limit list`"),
    ],
)
def test_limits_that_cannot_be_kept_are_refused_and_nothing_is_stored(
    run_cli: RunCli, engine: Engine, arguments: tuple[str, ...], why: str
) -> None:
    refused = run_cli(*ADD, *arguments)
    assert refused.code in {1, 2}
    assert why in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert assert_done(run_cli("instance", "list", "--json")).json == []


def test_a_shared_limit_from_its_beginning_to_its_end(run_cli: RunCli, engine: Engine) -> None:
    assert "there are no shared limits yet" in assert_done(run_cli("limit", "list")).stdout
    assert_done(run_cli("limit", "add", "customers", "2000/d"))
    assert_done(run_cli(*ADD, "--limit", "customers"))
    assert "limit customers, 2000/d: 2,000 left" in assert_done(run_cli("instance", "show", "main")).stdout
    assert "main" in assert_done(run_cli("limit", "show", "customers")).stdout
    assert "limit customers is 10/d now" in assert_done(run_cli("limit", "set", "customers", "10/d")).stdout
    held = run_cli("limit", "remove", "customers")
    assert (held.code, "holds for 'main': take it from them first" in held.stderr) == (1, True)
    assert_done(run_cli("instance", "set", "main", "--limit", "none"))
    assert_done(run_cli("limit", "remove", "customers"))
    assert "write it like 1000/d or 50/h" in run_cli("limit", "add", "customers", "many").stderr


def test_a_limit_that_is_full_is_told_of_with_the_list(run_cli: RunCli, shop: Shop) -> None:
    shop.add("a", "1000/s 5/h")
    shop.submit("c", 9, "a")
    drain(shop)
    assert "a waits: limit 5/h: full, the next place is free at" in assert_done(run_cli("instance", "list")).stdout


def test_gaps_and_rests_are_said_shown_changed_and_taken_away(run_cli: RunCli, engine: Engine) -> None:
    added = assert_done(run_cli(*ADD, "--gap", "20s..60s", "--rest", "5m..10m after 50")).stdout
    assert "\n  gap: 20s..1m\n  rest: 5m..10m after 50\n" in added
    assert "gaps of 20s..1m, rests of 5m..10m after 50" in assert_done(run_cli("instance", "show", "main")).stdout
    assert_done(run_cli("instance", "set", "main", "--gap", "none"))
    shown = assert_done(run_cli("instance", "show", "main", "--json")).json
    assert shown["gaps"] == {"rest": {"span": {"least": 300.0, "most": 600.0}, "after": 50}}
    assert_done(run_cli("instance", "set", "main", "--rest", "none"))
    assert assert_done(run_cli("instance", "show", "main", "--json")).json["gaps"] is None


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--gap", "20"), "gap '20' is not understood: write it like 20s..60s, or none"),
        (("--gap", "60s..20s"), "gap '60s..20s' ends before it begins: write the shorter time first"),
        (("--rest", "5m"), "rest '5m' is not understood: write it like \"5m..10m after 50\", or none"),
        (("--rate", "unlimited", "--rest", "5m after 50"), "--rest is for an instance with a rate or a gap"),
    ],
)
def test_gaps_that_are_none_are_refused(run_cli: RunCli, engine: Engine, arguments: tuple[str, ...], why: str) -> None:
    refused = run_cli(*ADD, *arguments)
    assert refused.code == 2
    assert why in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
