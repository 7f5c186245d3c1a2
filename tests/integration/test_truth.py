"""A gateway that says yes and sends nothing is stopped by a sample of what it accepted."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.request import Request, urlopen

import msgspec
import pytest
from sqlalchemy import Engine

from broadcaster.domain.standstill import Cause
from broadcaster.services.campaigns.new_content import file_content
from broadcaster.services.instance_health import resume_instance
from broadcaster.services.reconcile import truth_check
from broadcaster.services.sending.sending_process import SendingProcess
from broadcaster.services.standstill import find_standstills
from broadcaster.settings import Settings
from broadcaster.simulator import InstanceConfig, SimulatorConfig, background
from broadcaster.simulator.config import parse_listing
from tests.support.shop import Shop, drain

ROUNDS = 12


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was accepted just now is looked for at once."""
    monkeypatch.setattr(truth_check, "SINCE", timedelta(0))
    monkeypatch.setattr("broadcaster.services.reconcile.reconciler.RUN_SECONDS", 0.01)
    monkeypatch.setattr("broadcaster.services.reconcile.reconciler.LOOK_AGAIN_SECONDS", 0.01)


@pytest.fixture
def shop(engine: Engine, settings: Settings) -> Iterator[Shop]:
    with background(SimulatorConfig(instances=(InstanceConfig(name="a", key="key-a"),))) as gateway:
        shop = Shop(engine, msgspec.structs.replace(settings, truth_check_seconds=0.001), gateway)
        shop.add("a")
        yield shop


def look(shop: Shop, rounds: int = ROUNDS) -> None:
    """So many samples."""

    async def run() -> None:
        async with SendingProcess(shop.settings) as process:
            for _ in range(rounds):
                shop.sql("UPDATE accounts SET next_truth_at = now(), next_read_at = now()")
                await process.reconcile()

    asyncio.run(run())


def lane(shop: Shop) -> tuple[str, str]:
    [(health, reason)] = shop.sql("SELECT health, coalesce(health_reason, '') FROM lanes")
    return str(health), str(reason)


def counted(shop: Shop) -> list[tuple[object, ...]]:
    return shop.sql("SELECT truth_shown, truth_missing FROM accounts")


def test_a_gateway_that_says_yes_and_sends_nothing_is_stopped_with_the_evidence(shop: Shop) -> None:
    shop.fault("kind=false_yes")
    shop.submit("c", 100, "a")
    drain(shop)
    assert shop.states("c") == {"sent": 100}
    look(shop)
    health, reason = lane(shop)
    assert health == "refused"
    assert "10 accepted messages that were looked for, 10 are not in their chats" in reason
    assert "BROADCASTER_TRUTH_CHECK_SECONDS=0" in reason
    shop.submit("more", 1, "a", first=1000)
    assert shop.lanes() == []


def test_what_goes_wrong_lately_outweighs_what_went_well_before(shop: Shop) -> None:
    shop.submit("well", 30, "a")
    drain(shop)
    look(shop, 2 * ROUNDS)
    assert lane(shop)[0] == "ok"
    shop.fault("kind=false_yes")
    shop.submit("false", 250, "a", first=1000)
    drain(shop)
    look(shop, 40)
    assert lane(shop)[0] == "refused"


def test_a_gateway_that_sends_what_it_takes_is_never_stopped(shop: Shop) -> None:
    shop.submit("c", 20, "a")
    drain(shop)
    look(shop)
    assert lane(shop) == ("ok", "")
    assert counted(shop) == [(ROUNDS, 0)]


@pytest.mark.parametrize(
    "listing",
    ["aliases=lid", "aliases=brazil", "thumbnails=1", "page=50,order=oldest", "omits=times", "omits=directions"],
)
def test_a_gateway_that_lists_what_nobody_can_read_is_not_called_a_liar(
    shop: Shop, tmp_path: Path, listing: str
) -> None:
    shop.gateway.gateway.set_listing(parse_listing(listing))
    content = None
    if "thumbnails" in listing:
        path = tmp_path / "prices.png"
        path.write_bytes(b"\x89PNG")
        content = file_content(path, 1000, caption="Hi {{ name }}")
    for number in range(60 if "page" in listing else 0):
        wrote(shop, "5511980000000", f"Earlier {number}")
    shop.submit("c", 1, "a", prefix="551198", content=content)
    drain(shop)
    look(shop)
    assert lane(shop) == ("ok", "")


def wrote(shop: Shop, phone: str, body: str) -> None:
    """Somebody wrote to the phone by hand."""
    message = {"instance": "a", "phone": phone, "body": body}
    urlopen(Request(f"{shop.gateway.base_url}/_sim/outgoing", msgspec.json.encode(message)), timeout=10).close()


def test_after_an_operator_has_looked_it_is_given_another_chance(shop: Shop) -> None:
    shop.fault("kind=false_yes")
    shop.submit("c", 20, "a")
    drain(shop)
    look(shop)
    shop.fault()
    resume_instance(shop.engine, "a")
    assert counted(shop) == [(0, 0)]


def test_each_message_counts_once_and_one_alone_stops_nothing(shop: Shop) -> None:
    shop.fault("kind=false_yes")
    shop.submit("c", 1, "a")
    drain(shop)
    look(shop)
    assert counted(shop) == [(0, 1)]
    assert lane(shop)[0] == "ok"


def test_what_was_accepted_before_an_operator_looked_is_not_looked_for_again(shop: Shop) -> None:
    shop.fault("kind=false_yes")
    shop.submit("c", 100, "a")
    drain(shop)
    look(shop)
    assert lane(shop)[0] == "refused"
    resume_instance(shop.engine, "a")
    look(shop)
    assert counted(shop) == [(0, 0)]
    assert lane(shop)[0] == "ok"


def waits(shop: Shop) -> float:
    """Seconds until the next look."""
    [(seconds,)] = shop.sql("SELECT extract(epoch FROM next_truth_at - now())::float FROM accounts")
    return float(str(seconds))


def test_after_a_miss_the_next_look_comes_sooner_and_five_times_in_a_row_at_most(engine: Engine, shop: Shop) -> None:
    shop.settings = msgspec.structs.replace(shop.settings, truth_check_seconds=600.0)
    shop.submit("well", 1, "a")
    drain(shop)
    look(shop, 1)
    assert waits(shop) > 500
    shop.fault("kind=false_yes")
    shop.submit("false", 20, "a", first=1000)
    drain(shop)
    sooner = []
    for _ in range(7):
        look(shop, 1)
        sooner.append(waits(shop) < 3)
    assert sooner == [True, True, True, True, True, False, True]


def test_while_it_is_only_suspected_people_are_told_to_look_also_after_the_campaign(shop: Shop) -> None:
    shop.submit("well", 3, "a")
    drain(shop)
    look(shop, 4)
    assert suspected(shop, "well") == []
    shop.fault("kind=false_yes")
    shop.submit("false", 4, "a", first=1000)
    drain(shop)
    look(shop, 6)
    assert counted(shop) == [(3, 4)]
    for campaign in ("false", None):
        assert suspected(shop, campaign) == [
            "of 7 accepted messages that were looked for, 4 are not in their chats",
            "broadcaster instance check a --to MY_PHONE",
        ]
    shop.sql("UPDATE accounts SET next_truth_at = now() - interval '2 days'")
    assert suspected(shop, "false") == []


def suspected(shop: Shop, campaign: str | None) -> list[str | None]:
    found = list(find_standstills(shop.engine, shop.settings, campaign=campaign))
    return [said for each in found if each.cause is Cause.SUSPECT for said in (each.detail, each.remedy.command)]
