"""A gateway that nobody controls: what it answers, what it lists, and for how long. Rows of docs/reliability.md."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from urllib.request import Request, urlopen

import msgspec
import pytest

from broadcaster.crypto import open_vault
from broadcaster.domain.contents import Content
from broadcaster.domain.outcome_run import MANY
from broadcaster.errors import ConflictError
from broadcaster.services.campaigns.new_content import file_content, text_content
from broadcaster.services.instance_changes import InstanceChanges, set_instance
from broadcaster.simulator import Listing
from broadcaster.simulator.config import parse_listing
from tests.support.chaos import IN_FLIGHT, INSTANCES, LATENCY, Chaos
from tests.support.shop import MORE_INSTANCES
from tests.support.stack import wait_for

full = pytest.mark.chaos
MOST_TRIED = IN_FLIGHT + 10
"""Messages of an instance that may meet a trouble before it has stopped."""
TROUBLED = 30.0
"""Seconds for which a lasting trouble lasts."""
EVERYONE = (*INSTANCES, *MORE_INSTANCES)
USUAL = {
    "BROADCASTER_LEASE_SECONDS": "15",
    "BROADCASTER_REQUEST_TIMEOUT_SECONDS": "30",
    "BROADCASTER_DRAIN_SECONDS": "20",
    "BROADCASTER_DOUBT_SETTLE_SECONDS": "10",
    "BROADCASTER_DOUBT_POLL_SECONDS": "5",
}
"""What is configured unless somebody says otherwise."""
LOST, REFUSED = 6, 4
"""Of the first ten messages, so many are accepted and so many are not; to all of them there is no reply."""


def unheard(prefix: str = "62812") -> list[str]:
    """The faults that befall the first ten."""
    phones = f"endpoint=sends,phone={prefix}000000*"
    return [f"kind=drop_after_accept,{phones},count={LOST}", f"kind=drop_before_accept,{phones},count={REFUSED}"]


def tried(chaos: Chaos) -> Counter[str]:
    """By instance, the requests to send that met something other than latency."""
    return Counter(
        entry.instance
        for entry in chaos.shop.gateway.ledger.entries
        if entry.endpoint.startswith("/wa/send") and entry.fault not in (None, "latency")
    )


def health(chaos: Chaos) -> dict[str, str]:
    rows = chaos.shop.sql("SELECT i.name, l.health FROM lanes l JOIN instances i USING (id)")
    return {str(name): str(health) for name, health in rows}


def longest_gap(chaos: Chaos, since: float = 0.0) -> float:
    """The longest time, in seconds, in which the gateway accepted nothing, from `since` (monotonic) on."""
    moments = [entry.monotonic_ns / 1e9 for entry in chaos.shop.gateway.ledger.entries if entry.accepted]
    return max(later - earlier for earlier, later in pairwise(moments) if later >= since)


# What reading back makes of strange listings


@dataclass(frozen=True)
class Chats:
    """How chats are listed, of which phones, and whether they can be understood."""

    listing: str
    prefix: str = "62812"
    text: str = "Hi {{ name }}"
    is_file: bool = False
    earlier: int = 0
    """Messages that stand in the troubled chats before."""
    tells: bool = True

    def content(self, directory: Path) -> Content:
        if not self.is_file:
            return text_content(self.text)
        path = directory / "prices.png"
        path.write_bytes(b"\x89PNG" + bytes(500))
        return file_content(path, 1000, caption=self.text)


LISTINGS = {
    "Mexican chats kept as 521": Chats("aliases=mexico", prefix="52551"),
    "Brazilian chats kept without the ninth digit": Chats("aliases=brazil", prefix="551198"),
    "chats kept under ids that tell no number": Chats("aliases=lid", tells=False),
    "lists that escape, strip markup and variation selectors": Chats(
        "texts=escape_html+strip_markup+drop_variation", text="*Hi* _{{ name }}_ & ~you~ <3 ❤️"
    ),
    "files listed as thumbnails": Chats("thumbnails=1", is_file=True, tells=False),
    "pages of 50, oldest first": Chats("page=50,order=oldest", earlier=60, tells=False),
}


def listed(names: Sequence[str], marks: Sequence[pytest.MarkDecorator] = ()) -> list[object]:
    return [pytest.param(name, id=name, marks=marks) for name in names]


@pytest.mark.parametrize("name", [*listed(list(LISTINGS)[:1]), *listed(list(LISTINGS)[1:], [full])])
def test_however_chats_are_listed_what_has_no_reply_is_found_or_left_undecided(
    chaos: Chaos, name: str, tmp_path: Path
) -> None:
    chats = LISTINGS[name]
    chaos.shop.gateway.gateway.set_listing(parse_listing(chats.listing))
    for number in range(10 if chats.earlier else 0):
        wrote(chaos, f"{chats.prefix}{number:07d}", chats.earlier)
    patience = {} if chats.tells else {"BROADCASTER_DOUBT_DEADLINE_SECONDS": "10"}
    chaos.begin(
        300,
        faults=[LATENCY, *unheard(chats.prefix)],
        prefix=chats.prefix,
        content=chats.content(tmp_path),
        **patience,
    )
    wait_for(lambda: not chaos.unsent() and not chaos.in_doubt(), "the doubts")
    assert chaos.decided() == ({"found": LOST, "absent": REFUSED} if chats.tells else {"unknown": LOST + REFUSED})
    chaos.finish(f"{name}, no replies", runs=LOST + REFUSED, most_in_doubt=LOST + REFUSED)


@full
def test_lists_that_are_half_a_minute_late_for_a_third_of_the_chats_double_nothing(chaos: Chaos) -> None:
    late = [{"phone": f"62812{tens:06d}*", "younger_than": 30.0} for tens in range(0, 60, 3)]
    chaos.shop.gateway.gateway.set_listing(msgspec.convert({"hides": late}, Listing))
    chaos.begin(600, faults=[LATENCY, *unheard()], **USUAL)
    wait_for(lambda: not chaos.unsent() and not chaos.in_doubt(), "the doubts", 180)
    assert chaos.decided() == {"found": LOST, "absent": REFUSED}
    chaos.finish("lists 30 s late for a third of the chats, no replies", runs=LOST + REFUSED, most_in_doubt=10)


def wrote(chaos: Chaos, phone: str, count: int) -> None:
    """Somebody wrote so many messages to the phone by hand, through every instance."""
    for instance in INSTANCES:
        for number in range(count):
            message = {"instance": instance, "phone": phone, "body": f"Earlier {number}"}
            url = f"{chaos.shop.gateway.base_url}/_sim/outgoing"
            urlopen(Request(url, msgspec.json.encode(message)), timeout=10).close()


# Accounts


def change_keys(chaos: Chaos, keys: Mapping[str, str]) -> None:
    vault = open_vault(chaos.shop.settings)
    for name, key in keys.items():
        set_instance(chaos.shop.engine, vault, name, InstanceChanges(key=f"key-{key}"))


@full
@pytest.mark.parametrize(
    ("change", "keys"),
    [
        ("the keys changed", dict(zip(INSTANCES, MORE_INSTANCES, strict=False))),
        ("an account moved from one instance to another", {"a": "d", "b": "a", "c": "b"}),
    ],
)
def test_what_is_in_doubt_is_found_in_the_account_that_sent_it(
    chaos: Chaos, change: str, keys: Mapping[str, str]
) -> None:
    chaos.begin(450, faults=[LATENCY, *unheard(), "kind=http_500,endpoint=/wa/messages"], awaited=100)
    wait_for(lambda: chaos.doubts() == LOST + REFUSED, "the doubts")
    time.sleep(1)  # what is accepted by the old accounts now can prove that they are read back
    change_keys(chaos, keys)
    time.sleep(2)  # that nothing is decided
    assert chaos.decided() == {}
    chaos.healed()
    assert chaos.decided() == {"found": LOST, "absent": REFUSED}
    left = "SELECT count(*) FROM accounts WHERE key_encrypted IS NOT NULL"
    wait_for(lambda: chaos.shop.sql(left) == [(len(INSTANCES),)], "the old keys to be forgotten")
    chaos.finish(f"{change} while messages are in doubt", most_in_doubt=LOST + REFUSED)


def test_two_instances_cannot_have_one_account(chaos: Chaos) -> None:
    chaos.shop.add("a")
    chaos.shop.add("b")
    with pytest.raises(ConflictError, match="'a' has this key at this URL already"):
        change_keys(chaos, {"b": "a"})
    with pytest.raises(ConflictError, match="'b' has this key at this URL already"):
        change_keys(chaos, {"a": "b"})


# Lasting troubles

REFUSALS = dict(
    zip(
        EVERYONE,
        (
            "not_connected",
            "no_credit",
            "wrong_address",
            "quota",
            "strange_words",
            "strange_status",
            "not_connected_id",
        ),
        strict=True,
    )
)


def trouble(kinds: Mapping[str, str]) -> list[str]:
    return [f"kind={kind},instance={name}" for name, kind in kinds.items()]


def assert_stopped(chaos: Chaos, unwell: Sequence[str]) -> None:
    """All of them stop after a few messages, and stay so for as long as the trouble lasts."""
    since = time.monotonic()
    wait_for(lambda: not {"ok"} & {health(chaos)[name] for name in unwell}, "all lanes to stop", 20)
    assert max(tried(chaos).values()) <= MOST_TRIED, tried(chaos)
    time.sleep(max(0.0, since + TROUBLED - time.monotonic()))  # the trouble lasts for so long
    assert "ok" not in {health(chaos)[name] for name in unwell}, health(chaos)
    assert max(tried(chaos).values()) <= MOST_TRIED, tried(chaos)
    assert not chaos.shop.states("c").get("failed")


@full
@pytest.mark.parametrize("first", [140, 0], ids=["in the middle", "from the start"])
def test_whatever_words_refuse_everything_the_lanes_stop_and_nothing_fails(chaos: Chaos, first: int) -> None:
    refusals = trouble(REFUSALS)
    faults = [LATENCY] if first else [LATENCY, *refusals]
    chaos.begin(1400, faults=faults, instances=EVERYONE, awaited=first)
    chaos.shop.fault(LATENCY, *refusals)
    assert_stopped(chaos, EVERYONE)
    chaos.healed()
    when = "in the middle" if first else "from the start"
    chaos.finish(f"everything refused {when}, in seven ways", runs=len(REFUSALS), most_in_doubt=0)


@full
def test_words_about_recipients_that_are_said_of_all_stop_the_lanes_after_thirty(chaos: Chaos) -> None:
    kinds = {"a": "no_whatsapp", "b": "too_often", "c": "too_big"}
    chaos.begin(900)
    chaos.shop.fault(LATENCY, *trouble(kinds))
    wait_for(lambda: "ok" not in health(chaos).values(), "all lanes to stop", 20)
    time.sleep(TROUBLED)  # the trouble lasts for so long
    assert "ok" not in health(chaos).values()
    failed = chaos.shop.states("c").get("failed", 0)
    assert 2 * MANY <= failed <= 2 * (MANY + IN_FLIGHT)
    chaos.healed()
    chaos.finish("not on WhatsApp, too often and too big said of all", runs=len(kinds), most_in_doubt=0, failed=failed)


@full
def test_whatever_is_left_open_of_everything_the_lanes_stop_and_it_is_decided_afterwards(chaos: Chaos) -> None:
    kinds = {"a": "http_500,endpoint=sends", "b": "html,endpoint=sends", "c": "http_500_after_accept"}
    chaos.begin(900)
    chaos.shop.fault(LATENCY, *trouble(kinds))
    assert_stopped(chaos, INSTANCES)
    assert chaos.doubts() <= len(INSTANCES) * MOST_TRIED
    chaos.healed()
    assert set(chaos.decided()) == {"found", "absent"}
    chaos.finish(
        "500, a web page, and 500 after accept to everything",
        runs=len(kinds),
        most_in_doubt=len(INSTANCES) * MOST_TRIED,
    )


# Single troubles


@full
def test_a_proxy_that_had_forwarded_costs_no_second_message(chaos: Chaos) -> None:
    kinds = ["http_503_after_accept", "http_408_after_accept"] * 9
    chaos.begin(450, faults=[LATENCY, *(f"kind={kind},nth={9 + 17 * n}" for n, kind in enumerate(kinds))])
    wait_for(lambda: not chaos.unsent() and not chaos.in_doubt(), "the doubts")
    assert chaos.decided() == {"found": len(kinds)}
    chaos.finish("503 and 408 of a proxy that had forwarded", runs=len(kinds), most_in_doubt=len(kinds))


def test_one_message_that_is_never_taken_fails_and_slows_nobody(chaos: Chaos) -> None:
    begun = time.monotonic()
    chaos.begin(200, instances=("a",), faults=[LATENCY, "kind=too_big,endpoint=sends,phone=628120000030"])
    chaos.also("other", 200, first=1000)
    wait_for(lambda: chaos.accepted() == 399, "the others", 25)
    assert longest_gap(chaos, begun) <= 3
    wait_for(lambda: chaos.shop.states("c").get("failed") == 1, "the end of the one", 120)
    chaos.finish("one message of 200 that is too big", most_in_doubt=0, failed=1)


@full
def test_one_reply_of_overload_rests_a_lane_for_no_longer_than_seconds(chaos: Chaos) -> None:
    busy = 'kind=reply,status=503,endpoint=sends,nth=120,body={"error": "Service busy, try again later"}'
    once = ["kind=http_503,endpoint=sends,nth=40", busy, "kind=http_429,endpoint=sends,nth=200"]
    begun = time.monotonic()
    chaos.begin(300, instances=("a",), faults=[LATENCY, *once])
    wait_for(lambda: not chaos.unsent(), "the campaign", 40)
    assert longest_gap(chaos, begun) <= 5
    chaos.finish("one 503", runs=len(once), most_in_doubt=2)


def test_a_reply_that_contradicts_itself_is_in_doubt(chaos: Chaos) -> None:
    chaos.begin(150, faults=[LATENCY, "kind=contradiction,phone=62812000000*,count=6"])
    wait_for(lambda: not chaos.unsent() and not chaos.in_doubt(), "the doubts")
    assert chaos.decided() == {"absent": 6}
    chaos.finish("success, and an error beside it", runs=6, most_in_doubt=6)


@full
def test_thirty_numbers_without_whatsapp_in_a_row_do_not_hold_the_others(chaos: Chaos) -> None:
    body = '{"success": false, "error": "Ufandelo ga mirsote"}'
    absent = [f"kind=reply,endpoint=sends,phone=6281200001{tens}*,body={body}" for tens in range(3)]
    begun = time.monotonic()
    chaos.begin(1000, instances=("a",), faults=[LATENCY, *absent])
    wait_for(lambda: chaos.accepted() == 970, "the others", 90)
    assert longest_gap(chaos, begun) <= 20
    chaos.finish("thirty numbers without WhatsApp in a row", runs=30, most_in_doubt=0, failed=30)


# Many doubts at once


@full
def test_what_a_worker_was_sending_at_full_rate_that_was_killed_is_decided_within_half_a_minute(chaos: Chaos) -> None:
    lanes, in_flight = (*INSTANCES, "d"), 32
    chaos.begin(
        5000,
        workers=1,
        instances=lanes,
        rate="unlimited",
        in_flight=in_flight,
        faults=["kind=latency,seconds=0.4"],
        awaited=500,
        **USUAL,
    )
    chaos.workers += chaos.start_workers(1, **USUAL)
    # Half of what is in flight will never be accepted.
    chaos.shop.fault("kind=latency,seconds=0.4", "kind=hang_before_accept,endpoint=sends,seconds=60,probability=0.3")
    time.sleep(1)  # until the slow ones fill the places in flight
    chaos.workers.pop(0).kill()
    killed = time.monotonic()
    chaos.shop.fault(LATENCY)
    wait_for(lambda: bool(chaos.doubts()), "the recovery")
    doubts = chaos.doubts()
    wait_for(lambda: not chaos.in_doubt(), "the last doubt", 90)
    decided = time.monotonic() - killed
    assert decided <= 30, (doubts, decided)
    assert min(chaos.decided()["found"], chaos.decided()["absent"]) >= 10, chaos.decided()
    chaos.finish("kill -9 at full rate", most_in_doubt=len(lanes) * in_flight)


@full
def test_hundreds_of_doubts_of_one_lane_are_decided_within_three_minutes(chaos: Chaos) -> None:
    unread = "kind=http_500,endpoint=/wa/messages"
    unheard = [f"kind=drop_{when}_accept,endpoint=sends,probability=0.18" for when in ("after", "before")]
    chaos.begin(1900, instances=("a",), rate="unlimited", faults=[LATENCY, *unheard, unread], **USUAL)
    wait_for(lambda: not chaos.unsent(), "the first round", 120)
    assert chaos.in_doubt() >= 550
    seconds = chaos.healed("kind=rate_limit,rate=50", within=240)
    assert seconds <= 180
    chaos.finish("hundreds of doubts of one lane", runs=chaos.doubts(), most_in_doubt=chaos.doubts())
