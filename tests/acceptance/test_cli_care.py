"""Care of campaigns through the real command line: what is said before, and what holds after a change."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from broadcaster.services import dispatch
from broadcaster.settings import Settings
from tests.support.cli import RunCli, assert_done, assert_refused
from tests.support.shop import Shop, drain, open_shop

PEOPLE = "phone\n" + "".join(f"6281200000{n:02d}\n" for n in range(20))
TO_ALL = ("--recipients", "-", "--text", "Hi")


@pytest.fixture
def shop(engine: Engine, settings: Settings) -> Iterator[Shop]:
    with open_shop(engine, settings) as opened:
        opened.add("a")
        opened.add("b")
        yield opened


def know(shop: Shop, lane: str, *phones: str) -> None:
    for phone in phones:
        shop.sql(
            "INSERT INTO known_phones (account_id, phone, is_contact)"
            " SELECT account_id, :phone, true FROM instances WHERE name = :lane",
            phone=phone,
            lane=lane,
        )


def test_who_is_not_known_to_the_other_instance_gets_nothing_through_it(run_cli: RunCli, shop: Shop) -> None:
    know(shop, "a", *(f"6281200000{n:02d}" for n in range(20)))
    know(shop, "b", "628120000000", "628120000001")
    assert_done(run_cli("campaign", "submit", "c", "--instance", "a", *TO_ALL, "--only-known", stdin=PEOPLE))
    dispatch.start_due_campaigns(shop.engine)
    assert_done(run_cli("campaign", "pause", "c"))
    said = assert_done(run_cli("campaign", "set", "c", "--instance", "b")).stdout
    assert "skipped, since its care leaves them out there by now: 18" in said
    assert_done(run_cli("campaign", "resume", "c"))
    drain(shop)
    assert sorted(shop.accepted()) == ["628120000000", "628120000001"]
    assert shop.states("c") == {"sent": 2, "skipped": 18}


def test_whom_care_leaves_out_by_now_is_left_out_when_it_goes_on(run_cli: RunCli, shop: Shop) -> None:
    know(shop, "a", *(f"6281200000{n:02d}" for n in range(20)))
    assert_done(run_cli("campaign", "submit", "c", "--instance", "a", *TO_ALL, "--only-known", stdin=PEOPLE))
    dispatch.start_due_campaigns(shop.engine)
    assert_done(run_cli("campaign", "pause", "c"))
    shop.sql("DELETE FROM known_phones WHERE phone > '628120000004'")
    assert_done(run_cli("campaign", "resume", "c"))
    drain(shop)
    assert shop.states("c") == {"sent": 5, "skipped": 15}


def test_limits_that_nobody_could_know_of_are_refused_however_they_come_about(run_cli: RunCli, shop: Shop) -> None:
    assert_done(run_cli("instance", "set", "a", "--read-replies", "30s"))
    careful = ("--stop-above", "optouts=2%", "--draft")
    assert_done(run_cli("campaign", "submit", "c", "--instance", "a", *TO_ALL, *careful, stdin=PEOPLE))
    refused = run_cli("campaign", "set", "c", "--instance", "b")
    assert_refused(
        refused, "--stop-above optouts wants to know who answers, and its instances read no replies", code=2
    )
    off = run_cli("instance", "set", "a", "--read-replies", "off")
    assert off.code == 0
    assert "warning: campaigns 'c': limits on opt-outs and replies" in off.stderr
    assert_refused(run_cli("campaign", "clone", "c", "d"), "its instances read no replies", code=2)


def test_it_is_said_that_rows_with_one_phone_share_its_consent(run_cli: RunCli, shop: Shop) -> None:
    family = "phone,agreed\n628120000001,2026-10-01\n628120000001,\n628120000002,2026-10-01\n"
    consents = ("--consent-source", "form", "--consent-column", "agreed", "--require-consent")
    arguments = ("campaign", "submit", "c", "--instance", "a", *TO_ALL, *consents, "--dry-run", "--json")
    shared = assert_done(run_cli(*arguments, "--one-per", "row", stdin=family)).json["notices"]
    assert [each for each in shared if each.startswith("consent is a phone's")]
    alone = assert_done(run_cli(*arguments, stdin=family)).json["notices"]
    assert not [each for each in alone if each.startswith("consent is a phone's")]


def test_what_its_care_will_come_to_is_said_before(run_cli: RunCli, shop: Shop) -> None:
    def notices(*options: str) -> list[str]:
        arguments = ("campaign", "submit", "c", *TO_ALL, *options, "--dry-run", "--json")
        document = assert_done(run_cli(*arguments, stdin=PEOPLE)).json
        return [*document["notices"], f"{document['seconds_to_send']}"]

    late, seconds = notices("--instance", "a", "--canary", "10%,50%", "--after", "30m", "--expires", "40m")
    too_late = "since they cannot leave before: they wait for the slices of its canary"
    assert re.match(rf"10 of 20 messages will expire at .*, {too_late}$", late)
    assert float(seconds) >= 1800
    nobody, _ = notices("--instance", "a", "--only-known")
    assert nobody == "nobody may get it: by now all of its recipients would be skipped"
    arguments = ("campaign", "submit", "c", "--instance", "a", *TO_ALL, "--only-known", "--dry-run")
    assert "how long sending takes cannot be told" not in run_cli(*arguments, stdin=PEOPLE).stdout
    assert_done(run_cli("instance", "set", "a", "--read-replies", "30s"))
    unread, *_ = notices("--instance", "a", "--instance", "b", "--stop-above", "optouts=2%")
    assert unread.startswith("replies are not read through 'b': ")


def test_a_canary_that_is_taken_away_is_told_of_wherever_it_was_shown(run_cli: RunCli, shop: Shop) -> None:
    submitted = ("campaign", "submit", "c", "--instance", "a", *TO_ALL, "--canary", "10%,50%", "--after", "30m")
    assert_done(run_cli(*submitted, stdin=PEOPLE))
    dispatch.start_due_campaigns(shop.engine)
    assert "slice 1 of 3" in run_cli("campaign", "show", "c").stdout
    drop = ("campaign", "set", "c", "--canary", "none")
    assert_refused(run_cli(*drop), "pause it first")
    assert_done(run_cli("campaign", "pause", "c"))
    assert_refused(run_cli("campaign", "set", "c", "--canary", "5%"), "can only be taken away", code=2)
    assert "  canary: '10%, 50%' -> none\n" in assert_done(run_cli(*drop, "--dry-run")).stdout
    assert "slice 1 of 3" in run_cli("campaign", "show", "c").stdout
    assert "  canary: '10%, 50%' -> none\n" in assert_done(run_cli(*drop)).stdout
    assert "is so already" in assert_done(run_cli(*drop)).stdout
    shown = assert_done(run_cli("campaign", "show", "c", "--json")).json
    assert (shown["care"], shown["next_slice_at"]) == (None, None)
    assert "canary" not in run_cli("campaign", "show", "c").stdout
    trail = " ".join(assert_done(run_cli("audit", "--object", "campaign", "c")).stdout.split())
    assert "care canary of 10%, 50%, the next slice 30m after one has left -> -" in trail


def test_without_care_a_campaign_has_what_is_given_with_it(run_cli: RunCli, shop: Shop) -> None:
    careful = ("--canary", "10%", "--only-known", "--cooldown", "24h", "--stop-above", "failures=5%", "--draft")
    assert run_cli("campaign", "submit", "c", "--instance", "a", *TO_ALL, *careful, stdin=PEOPLE).code == 0
    said = assert_done(run_cli("campaign", "set", "c", "--no-care", "--cooldown", "2d")).stdout
    for each in ("canary: '10%' -> none", "only known: 'yes' -> 'no'", "stops itself at: ", "cooldown: '24h' -> '2d'"):
        assert each in said
    assert assert_done(run_cli("campaign", "show", "c", "--json")).json["care"] == {"cooldown": 172_800}
