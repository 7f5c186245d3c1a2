"""Matching messages in doubt with what a chat shows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.domain.readback import Claim, Reading, ShownContent, Sight, read_back
from broadcaster.gateway import GatewayMessage

PHONE = "628123456789"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HI = ShownContent(text="Hi Ann")


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def claim(
    start: float = 0, end: float | None = 60, content: ShownContent = HI, gateway_id: str | None = None
) -> Claim:
    return Claim(content, at(start), None if end is None else at(end), gateway_id)


def entry(seconds: float | None = 1, body: str | None = "Hi Ann", **fields: object) -> GatewayMessage:
    values = {"outgoing": True, "body": body, "at": None if seconds is None else at(seconds), **fields}
    return GatewayMessage(**values)  # type: ignore[arg-type]  # a test's shorthand


def sights(claims: list[Claim], *entries: GatewayMessage, limit: int = 100, clock: float = 5) -> list[Sight]:
    readings = read_back(claims, entries, PHONE, limit=limit, clock_difference=timedelta(seconds=clock))
    return [reading.sight for reading in readings]


def sight(*entries: GatewayMessage, content: ShownContent = HI, limit: int = 100) -> Sight:
    [only] = sights([claim(content=content)], *entries, limit=limit)
    return only


def test_an_entry_with_its_text_in_its_time_is_found_with_its_id() -> None:
    readings = read_back([claim()], [entry(id="x")], PHONE, limit=100, clock_difference=timedelta(0))
    assert readings == [Reading(Sight.FOUND, "x")]


def test_nothing_in_a_whole_chat_is_absent() -> None:
    assert sight() is Sight.ABSENT
    assert sight(entry(body="Something else")) is Sight.ABSENT
    assert sight(entry(outgoing=False)) is Sight.ABSENT


def test_a_text_is_compared_without_its_white_space_and_in_one_unicode_form() -> None:
    content = ShownContent(text="Caf\u00e9\n\n  at  8 ")
    assert sight(entry(body=" Cafe\u0301 at\u00a08"), content=content) is Sight.FOUND


@pytest.mark.parametrize(
    "unclear",
    [
        entry(seconds=None),
        entry(outgoing=None),
        entry(body=None),
        entry(body=""),
        entry(body="Hi…"),
        entry(body="Hi A"),
        entry(seconds=600),
        entry(phone="4915112345678"),
    ],
)
def test_what_may_or_may_not_be_it_leaves_it_undecided(unclear: GatewayMessage) -> None:
    assert sight(unclear) is Sight.UNDECIDED


def test_an_identical_text_from_before_does_not_vouch_for_it() -> None:
    assert sight(entry(seconds=-10)) is Sight.ABSENT


def test_clocks_may_differ_by_the_allowance() -> None:
    assert sight(entry(seconds=-4)) is Sight.FOUND
    assert sight(entry(seconds=64)) is Sight.FOUND
    assert sight(entry(seconds=66)) is Sight.UNDECIDED


def test_a_full_list_that_does_not_reach_back_shows_no_absence() -> None:
    others = [entry(seconds=n, body="Other") for n in (10, 20)]
    assert sight(*others, limit=2) is Sight.UNDECIDED
    assert sight(*others, entry(seconds=-60, body="Old"), limit=3) is Sight.ABSENT
    assert sight(*others, entry(seconds=None, body="Old"), limit=3) is Sight.UNDECIDED


def test_a_full_list_that_ends_before_shows_no_absence() -> None:
    assert sight(entry(seconds=-70, body="Old"), entry(seconds=-60, body="Old"), limit=2) is Sight.UNDECIDED


def test_as_many_entries_as_identical_claims_are_all_found() -> None:
    assert sights([claim(), claim(2)], entry(3, id="x"), entry(4, id="y")) == [Sight.FOUND] * 2


def test_fewer_entries_than_identical_claims_decide_nothing() -> None:
    assert sights([claim(), claim(2)], entry(3)) == [Sight.UNDECIDED] * 2


def test_a_claim_that_is_the_only_one_for_its_entry_is_found_beside_others_that_are_not() -> None:
    assert sights([claim(0, 10), claim(30, 40), claim(30, 40)], entry(1), entry(35)) == [
        Sight.FOUND,
        Sight.UNDECIDED,
        Sight.UNDECIDED,
    ]


def test_a_known_id_accounts_for_its_entry_and_for_no_other() -> None:
    assert sights([claim(gateway_id="x"), claim()], entry(1, id="x")) == [Sight.FOUND, Sight.ABSENT]
    assert sights([claim(gateway_id="x"), claim()], entry(1, id=f"true_{PHONE}@c.us_x"), entry(2)) == [Sight.FOUND] * 2


def test_a_request_under_way_may_own_what_looks_like_ours() -> None:
    assert sights([claim(), claim(30, None)], entry(40)) == [Sight.UNDECIDED] * 2


def test_one_entry_listed_twice_is_one() -> None:
    assert sights([claim(), claim()], entry(id="x"), entry(id="x")) == [Sight.UNDECIDED] * 2


def test_entries_under_one_id_cannot_be_counted() -> None:
    assert sights([claim(), claim()], entry(1, id="x"), entry(2, id="x")) == [Sight.UNDECIDED] * 2
    assert sights([claim(gateway_id="x")], entry(1, id="x", body="a"), entry(2, id="x", body="b")) == [Sight.ABSENT]


FILE = ShownContent(filename="offer.pdf", caption="For you")
LINK = ShownContent(url="https://shop.example/files/offer%201.pdf", caption=None)


@pytest.mark.parametrize(
    ("content", "shown", "expected"),
    [
        (FILE, entry(body="For you", filename="offer.pdf", caption="For you"), Sight.FOUND),
        (FILE, entry(body="https://gateway.example/1", filename="offer.pdf", caption="For you"), Sight.FOUND),
        (FILE, entry(body="For  you"), Sight.FOUND),
        (FILE, entry(body=None, filename="offer.pdf"), Sight.UNDECIDED),
        (FILE, entry(body="https://gateway.example/1"), Sight.UNDECIDED),
        (FILE, entry(body=None), Sight.UNDECIDED),
        (FILE, entry(body=None, filename="renamed.pdf", caption="For you"), Sight.UNDECIDED),
        (FILE, entry(body="Hello"), Sight.ABSENT),
        (ShownContent(filename="offer.pdf"), entry(body=None, filename="offer.pdf"), Sight.FOUND),
        (LINK, entry(body="https://shop.example/files/offer%201.pdf"), Sight.FOUND),
        (LINK, entry(body=None, filename="offer 1.pdf"), Sight.FOUND),
        (LINK, entry(body="https://gateway.example/1"), Sight.UNDECIDED),
    ],
)
def test_a_file_is_known_by_what_the_gateway_shows_of_it(
    content: ShownContent, shown: GatewayMessage, expected: Sight
) -> None:
    assert sight(shown, content=content) is expected


ENTRIES = st.lists(
    st.builds(
        entry,
        st.one_of(st.none(), st.integers(-20, 80)),
        st.sampled_from(["Hi Ann", "Hi", "Other", None]),
        outgoing=st.sampled_from([True, True, True, None, False]),
        id=st.sampled_from([None, "a", "b", "c", "d", "e"]),
    ),
    max_size=8,
)
CLAIMS = st.lists(
    st.builds(
        claim,
        st.integers(0, 40),
        st.one_of(st.none(), st.integers(40, 60)),
        st.sampled_from([HI, ShownContent(text="Other"), FILE]),
        st.sampled_from([None, None, "a", "b"]),
    ),
    max_size=5,
)


@given(CLAIMS, ENTRIES)
def test_no_entry_is_found_twice(claims: list[Claim], entries: list[GatewayMessage]) -> None:
    readings = read_back(claims, entries, PHONE, limit=100, clock_difference=timedelta(seconds=5))
    found = [reading for reading in readings if reading.sight is Sight.FOUND]
    named = [reading.gateway_id for reading in found if reading.gateway_id]
    assert len(named) == len(set(named))
    assert len(found) <= sum(each.outgoing is True or each.id is not None for each in entries)


@given(CLAIMS, ENTRIES, st.randoms())
def test_the_order_of_the_list_does_not_matter(
    claims: list[Claim], entries: list[GatewayMessage], random: object
) -> None:
    shuffled = list(entries)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # a random.Random
    assert sights(claims, *entries) == sights(claims, *shuffled)


@given(CLAIMS, ENTRIES)
def test_who_is_found_does_not_depend_on_the_order_of_the_claims(
    claims: list[Claim], entries: list[GatewayMessage]
) -> None:
    assert sights(claims, *entries) == sights(claims[::-1], *entries)[::-1]


@given(CLAIMS, ENTRIES)
def test_what_the_chat_holds_is_never_absent(claims: list[Claim], entries: list[GatewayMessage]) -> None:
    mine = claim(5, 30, ShownContent(text="Mine"))
    told = sights([*claims, mine], *entries, entry(10, "Mine", id="mine"))
    assert told[-1] is Sight.FOUND


@given(st.integers(1, 4), st.integers(0, 6))
def test_identical_messages_are_found_only_if_there_are_enough_for_all(messages: int, shown: int) -> None:
    told = sights([claim() for _ in range(messages)], *(entry(n) for n in range(shown)))
    assert told == [Sight.FOUND if shown >= messages else Sight.UNDECIDED if shown else Sight.ABSENT] * messages
