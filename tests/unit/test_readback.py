"""Matching messages in doubt with what a chat shows."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broadcaster.domain.contents import MessageContent
from broadcaster.domain.readback import ChatReading, EntryCandidate, Page, Sight, Why, match_chat
from broadcaster.gateway import GatewayMessage

PHONE = "5215512345678"
ALIAS = "525512345678"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
CLOCK = timedelta(seconds=5)
HI = MessageContent(text="Hi Ann")
THUMBNAIL = "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAYEBQYFBAYGBQYHBwYIChAKCgkJChQODwwQFxQYGBcUFhYaHSUfGhsj"


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def candidate(
    start: float = 0,
    end: float | None = 60,
    content: MessageContent = HI,
    gateway_id: str | None = None,
    is_known: bool = False,
    *,
    is_elsewhere: bool = False,
) -> EntryCandidate:
    return EntryCandidate(content, at(start), None if end is None else at(end), gateway_id, is_known, is_elsewhere)


def known(text: str, start: float = 0, gateway_id: str | None = None) -> EntryCandidate:
    return candidate(start, start + 60, MessageContent(text=text), gateway_id, True)


def entry(seconds: float | None = 1, body: str | None = "Hi Ann", **fields: object) -> GatewayMessage:
    values = {"outgoing": True, "body": body, "at": None if seconds is None else at(seconds), **fields}
    return GatewayMessage(**values)  # type: ignore[arg-type]  # a test's shorthand


def reply(seconds: float, body: str = "Who is it?", **fields: object) -> GatewayMessage:
    return entry(seconds, body, outgoing=False, **fields)


BEFORE, AFTER = reply(-60), reply(30)
AROUND = (BEFORE, AFTER)


def readings(candidates: list[EntryCandidate], *pages: Page, clock: timedelta = CLOCK) -> list[ChatReading]:
    return match_chat(candidates, pages, clock_difference=clock)


def sights(candidates: list[EntryCandidate], *entries: GatewayMessage) -> list[Sight]:
    return [reading.sight for reading in readings(candidates, Page(PHONE, entries))]


def sight(*entries: GatewayMessage, content: MessageContent = HI) -> Sight:
    [only] = sights([candidate(content=content)], *entries)
    return only


def why(*entries: GatewayMessage, candidates: Sequence[EntryCandidate] = ()) -> Why | None:
    return readings([candidate(), *candidates], Page(PHONE, entries))[0].why


def test_an_entry_with_its_text_in_its_time_is_found_with_its_id() -> None:
    assert readings([candidate()], Page(PHONE, [entry(id="x")])) == [ChatReading(Sight.FOUND, "x", 1)]


def test_nothing_between_what_went_out_before_and_after_is_absent() -> None:
    told = readings([candidate(), known("Other", 20)], Page(PHONE, [*AROUND, entry(25, "Other")]))
    assert told[0] == ChatReading(Sight.ABSENT, None, 3)
    assert sights([candidate(), known("Other", 20)], *AROUND, entry(-10, "Old"), entry(25, "Other"))[0] is Sight.ABSENT


def test_a_reply_may_be_listed_before_what_it_replies_to_and_shows_only_that_the_list_is_long_enough() -> None:
    assert readings([candidate()], Page(PHONE, AROUND)) == [ChatReading(Sight.SILENT, None, 0)]
    assert sight(*AROUND, entry(-10, "Old")) is Sight.SILENT


def test_a_chat_that_shows_nothing_of_its_time_is_silent() -> None:
    assert readings([candidate()]) == [ChatReading(Sight.SILENT)]
    assert sight() is Sight.SILENT
    assert sight(BEFORE, entry(-10, "Old")) is Sight.SILENT
    assert sight(reply(-1)) is Sight.SILENT
    assert sight(GatewayMessage(outgoing=False)) is Sight.SILENT


def test_a_list_that_does_not_reach_back_shows_no_absence() -> None:
    assert (sight(AFTER), why(AFTER)) == (Sight.UNDECIDED, Why.SHORT)
    assert why(reply(-4), AFTER) is Why.SHORT
    assert why(entry(20, "Other"), candidates=[known("Other")]) is Why.SHORT


@pytest.mark.parametrize("length", [3, 50, 100])
def test_a_page_that_is_the_oldest_of_a_chat_is_no_absence(length: int) -> None:
    history = [reply(-10_000 + 100 * n) for n in range(length)]
    assert sight(*history) is Sight.SILENT
    told = readings([candidate()], Page(PHONE, history))
    assert [reading.entries for reading in told] == [length]


def test_what_goes_out_and_is_not_known_leaves_all_undecided() -> None:
    assert (sight(*AROUND, entry(body="Something else")), why(*AROUND, entry(body="Something else"))) == (
        Sight.UNDECIDED,
        Why.UNEXPLAINED,
    )
    assert why(BEFORE, entry(seconds=None, body="Something else")) is Why.UNEXPLAINED
    assert why(*AROUND, entry(body="Something else", outgoing=None)) is Why.UNEXPLAINED
    assert why(
        *AROUND, entry(body="Something else"), candidates=[candidate(content=MessageContent(text="Something else"))]
    ) is (Why.UNEXPLAINED), "an attempt in doubt explains nothing"


def test_what_is_known_explains_its_entry_and_no_other() -> None:
    told = sights([candidate(), known("Other")], *AROUND, entry(5, "Other"))
    assert told == [Sight.ABSENT, Sight.FOUND]
    told = sights(
        [candidate(), known("Other", gateway_id="x")], *AROUND, entry(5, "garbled", id=f"true_{PHONE}@c.us_x")
    )
    assert told == [Sight.ABSENT, Sight.FOUND]
    assert why(*AROUND, entry(5, "Other"), entry(6, "Other"), candidates=[known("Other")]) is Why.UNEXPLAINED
    # The earlier one may be what is known, and the later one anything.
    assert why(*AROUND, entry(-20, "Other"), entry(6, "Other"), candidates=[known("Other", -20)]) is Why.UNEXPLAINED
    assert why(*AROUND, entry(90, "Other"), candidates=[known("Other")]) is Why.UNEXPLAINED
    assert sight(BEFORE, reply(90), entry(-20, "Other")) is Sight.SILENT


@pytest.mark.parametrize("entries", [AROUND, (BEFORE,), ()])
def test_a_chat_that_does_not_show_what_was_accepted_since_shows_no_absence(
    entries: tuple[GatewayMessage, ...],
) -> None:
    assert why(*entries, candidates=[known("Other")]) is Why.INCOMPLETE
    assert why(*entries, candidates=[known("Other", -1)]) is None, "that one may be older than the list"
    assert why(*entries, entry(1, "Other"), candidates=[known("Other"), known("Other")]) is Why.INCOMPLETE
    [told] = readings([known("Hi Ann")], Page(PHONE, entries))
    assert told.why is None, "itself is what is looked for"


def test_a_text_is_compared_without_its_white_space_and_in_one_unicode_form() -> None:
    content = MessageContent(text="Caf\u00e9\n\n  at  8 ")
    assert sight(entry(body=" Cafe\u0301 at\u00a08"), content=content) is Sight.FOUND


SPELLINGS: dict[str, Callable[[str], str]] = {
    "escaped": html.escape,
    "escaped in part": lambda text: html.escape(text, quote=False),
    "escaped twice": lambda text: html.escape(html.escape(text)),
    "without markup": lambda text: text.translate(dict.fromkeys(map(ord, "*_~`"))),
    "without variation selectors": lambda text: text.replace("\ufe0f", ""),
    "with zero width": lambda text: "\ufeff" + text.replace(" ", " \u200b"),
    "with typography": lambda text: text.replace("'", "’").replace('"', "“").replace("...", "…").replace("-", "–"),
    "with line breaks as tags": lambda text: text.replace("\n", "<br/>"),
    "with escaped line breaks as tags": lambda text: html.escape(text.replace("\n", "<br />")),
    "with line breaks as written": lambda text: text.replace("\n", "\\n"),
    "all at once": lambda text: html.escape(text.replace("*", "").replace("\ufe0f", "").replace("\n", "<br>")),
}
ODD = MessageContent(text='*Tom & "Ann\'s"* <3 \u2764\ufe0f ~20 €~ `now`...\nYours, T-J')


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_a_text_is_found_however_the_gateway_spells_it(spelling: Callable[[str], str]) -> None:
    assert ODD.text is not None
    assert sight(*AROUND, entry(body=spelling(ODD.text)), content=ODD) is Sight.FOUND


@pytest.mark.parametrize(
    "shown",
    [
        "*Tom",
        'Tom & "Ann\'s" <3 ? ~20 ?~ now',
        "tom &amp; &quot;ann's&quot; <3 20 now... yours, t-j",
        "\u2764",
        "",
        None,
    ],
)
def test_what_may_be_left_of_a_text_is_never_its_absence(shown: str | None) -> None:
    lookalike = [known(shown)] if shown else []
    told = sights([candidate(content=ODD), *lookalike], *AROUND, entry(body=shown))
    assert told[0] is Sight.UNDECIDED


def test_a_short_text_is_not_what_is_left_of_a_long_one() -> None:
    long = candidate(content=MessageContent(text="The early bird offer ends on Monday"))
    assert sights([long, known("Tea?")], *AROUND, entry(body="Tea?")) == [Sight.ABSENT, Sight.FOUND]


def test_texts_that_differ_by_their_markup_vouch_for_none_of_them() -> None:
    marked = MessageContent(text="Hi *Ann*")
    assert sights([candidate(), candidate(content=marked)], *AROUND, entry()) == [Sight.UNDECIDED] * 2
    assert sights([candidate(), candidate(content=marked)], *AROUND, entry(), entry(2)) == [Sight.FOUND] * 2


def test_a_text_that_may_be_another_one_cut_short_vouches_for_neither() -> None:
    long = MessageContent(text="Hi Ann, how are you?")
    assert sights([candidate(), candidate(content=long)], *AROUND, entry()) == [Sight.UNDECIDED] * 2
    assert sights([candidate(), candidate(content=long)], *AROUND, entry(), entry(2, long.text)) == [Sight.FOUND] * 2
    three = [candidate(content=long), candidate(content=long), candidate()]
    told = sights(three, entry(1, long.text), entry(2), entry(3))
    assert told == [Sight.UNDECIDED, Sight.UNDECIDED, Sight.FOUND]


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
        entry(filename="offer.pdf"),
    ],
)
def test_what_may_or_may_not_be_it_leaves_it_undecided(unclear: GatewayMessage) -> None:
    assert (sight(*AROUND, unclear), why(*AROUND, unclear)) == (Sight.UNDECIDED, Why.UNCLEAR)


def test_an_identical_text_from_before_does_not_vouch_for_it() -> None:
    assert why(entry(seconds=-10), *AROUND) is Why.UNCLEAR
    for earlier in (known("Hi Ann", -20), known("Hi Ann", -4000, gateway_id="x")):
        assert sights([candidate(), earlier], entry(seconds=-10, id="x"), *AROUND) == [Sight.SILENT, Sight.FOUND]


@pytest.mark.parametrize("late", [150, 3600, 86_000])
def test_a_message_that_a_late_clock_has_dated_before_it_began_is_not_absent(late: float) -> None:
    around = [reply(-100_000), entry(40, "Later")]
    assert why(entry(1 - late), *around, candidates=[known("Later", 30)]) is Why.UNCLEAR
    assert why(entry(1 - late, outgoing=None), *around, candidates=[known("Later", 30)]) is Why.UNCLEAR
    # What was sent a little before it, and is known, explains one of two.
    twice, earlier = [entry(-late), entry(1 - late)], known("Hi Ann", -late - 5)
    assert why(*twice, *around, candidates=[known("Later", 30), earlier]) is Why.UNCLEAR
    assert why(*twice[1:], *around, candidates=[known("Later", 30), earlier]) is None
    assert why(entry(1 - late, "Another"), *around, candidates=[known("Later", 30)]) is None
    assert why(entry(-86_500), *around, candidates=[known("Later", 30)]) is None


def test_a_text_that_was_escaped_however_often_and_dated_too_early_is_not_absent() -> None:
    candidates = [candidate(content=MessageContent(text="Fish &amp;amp; chips")), known("Later", 30)]
    shown = "Fish & chips"
    for _ in range(12):
        shown = html.escape(shown)
        told = sights(candidates, reply(-300), entry(-150, shown), entry(40, "Later"))
        assert told == [Sight.UNDECIDED, Sight.FOUND]


def test_a_file_that_a_late_clock_has_dated_before_it_began_is_not_absent() -> None:
    shown = entry(-150, THUMBNAIL)
    assert sights([candidate(content=FILE)], reply(-300), shown, AFTER) == [Sight.UNDECIDED]


def test_clocks_may_differ_by_the_allowance() -> None:
    assert sight(entry(seconds=-4)) is Sight.FOUND
    assert sight(entry(seconds=64)) is Sight.FOUND
    assert sight(entry(seconds=66)) is Sight.UNDECIDED


def test_as_many_entries_as_identical_candidates_are_all_found() -> None:
    assert sights([candidate(), candidate(2)], entry(3, id="x"), entry(4, id="y")) == [Sight.FOUND] * 2


def test_fewer_entries_than_identical_candidates_decide_nothing() -> None:
    assert sights([candidate(), candidate(2)], entry(3)) == [Sight.UNDECIDED] * 2
    assert why(entry(3), candidates=[candidate(2)]) is Why.CONTESTED


def test_a_candidate_that_is_the_only_one_for_its_entry_is_found_beside_others_that_are_not() -> None:
    assert sights([candidate(0, 10), candidate(30, 40), candidate(30, 40)], entry(1), entry(35)) == [
        Sight.FOUND,
        Sight.UNDECIDED,
        Sight.UNDECIDED,
    ]


def test_a_known_id_accounts_for_its_entry_and_for_no_other() -> None:
    assert sights([candidate(gateway_id="x"), candidate()], *AROUND, entry(1, id="x")) == [Sight.FOUND, Sight.ABSENT]
    assert (
        sights([candidate(gateway_id="x"), candidate()], entry(1, id=f"true_{PHONE}@c.us_x"), entry(2))
        == [Sight.FOUND] * 2
    )
    ambiguous = entry(1, id="a_x"), entry(2, id="b_x")
    assert sights([candidate(content=ODD, gateway_id="x")], *AROUND, *ambiguous) == [Sight.UNDECIDED]
    for ids in (("x", "x"), ("x", "a_x")):
        candidates = [
            candidate(content=content, gateway_id=id_) for content, id_ in zip((ODD, FILE), ids, strict=True)
        ]
        assert sights(candidates, *AROUND, entry(id="a_x")) == [Sight.UNDECIDED] * 2


def test_what_another_account_sent_under_another_id_of_whatsapp_leaves_an_entry_to_ours() -> None:
    def told(theirs: str | None, shown: str | None, *, is_elsewhere: bool = True) -> Sight:
        other = candidate(-30, 30, gateway_id=theirs, is_elsewhere=is_elsewhere)
        return sights([candidate(), other], *AROUND, entry(id=shown))[0]

    assert told(f"true_{PHONE}@c.us_3EB01", f"true_{PHONE}@c.us_3EB02") is Sight.FOUND
    assert told(f"true_{PHONE}@c.us_3EB01", "true_77@lid_3EB02") is Sight.FOUND
    # What is not in WhatsApp's form may be the number of a queue, and name any entry.
    assert told(f"true_{PHONE}@c.us_3EB01", "3EB02") is Sight.UNDECIDED
    assert told("3EB01", f"true_{PHONE}@c.us_3EB02") is Sight.UNDECIDED
    assert told(f"true_{PHONE}@c.us_3EB01", None) is Sight.UNDECIDED
    assert told(None, f"true_{PHONE}@c.us_3EB02") is Sight.UNDECIDED
    # Part of it may be left out, or something added.
    assert told(f"true_{PHONE}@c.us_3EB01", f"true_{PHONE}@c.us_3EB01_out") is Sight.UNDECIDED
    assert told(f"true_{PHONE}@c.us_3EB01", f"true_{ALIAS}@c.us_3EB01") is Sight.ABSENT, "two keys of one WhatsApp"
    assert told(f"true_{PHONE}@c.us_3EB01", f"true_{PHONE}@c.us_3EB02", is_elsewhere=False) is Sight.UNDECIDED


def test_a_request_under_way_may_own_what_looks_like_ours() -> None:
    assert sights([candidate(), candidate(30, None)], entry(40)) == [Sight.UNDECIDED] * 2


def test_one_entry_listed_twice_is_one() -> None:
    assert sights([candidate(), candidate()], entry(id="x"), entry(id="x")) == [Sight.UNDECIDED] * 2
    assert sights([candidate(), candidate()], entry(), entry()) == [Sight.UNDECIDED] * 2
    assert sights([candidate(), candidate()], entry(id="x"), entry()) == [Sight.UNDECIDED] * 2
    assert sight(entry(outgoing=None), entry()) is Sight.FOUND
    told = sights([candidate(), known("Other")], *AROUND, *[entry(5, "Other")] * 2, *[entry(None, "Other")] * 1)
    assert told == [Sight.UNDECIDED, Sight.FOUND]
    assert sights([candidate(), known("Other")], *AROUND, *[entry(5, "Other")] * 2) == [Sight.ABSENT, Sight.FOUND]


def test_an_entry_without_an_id_beside_its_double_that_has_one_may_be_any_message() -> None:
    known_by_id = known("Other", gateway_id="x")
    told = sights(
        [candidate(content=FILE), known_by_id], *AROUND, entry(5, "[message]", id="x"), entry(5, "[message]")
    )
    assert told == [Sight.UNDECIDED, Sight.FOUND]
    told = sights([candidate(), known_by_id], *AROUND, entry(-20, "Old", id="x"), entry(-20, "Old"))
    assert told == [Sight.SILENT, Sight.FOUND]


def test_what_hides_its_id_may_be_what_hides_its_moment() -> None:
    told = readings(
        [candidate(), known("Hi Ann", gateway_id="x")],
        Page(PHONE, [entry(1), entry(-20, "Old")]),
        Page(ALIAS, [entry(None, id="x")]),
    )
    assert [each.sight for each in told] == [Sight.UNDECIDED, Sight.FOUND]


def test_entries_under_one_id_cannot_be_counted() -> None:
    assert sights([candidate(), candidate()], entry(1, id="x"), entry(2, id="x")) == [Sight.UNDECIDED] * 2
    own = sights([candidate(gateway_id="x")], *AROUND, entry(1, id="x", body="a"), entry(2, id="x", body="b"))
    assert own == [Sight.UNDECIDED]


@pytest.mark.parametrize(("first", "second"), [(PHONE, ALIAS), (ALIAS, PHONE)])
def test_a_chat_that_is_kept_under_another_form_of_the_number_is_found_there(first: str, second: str) -> None:
    shown = entry(phone=second, id=f"true_{second}@c.us_3EB0")
    found = ChatReading(Sight.FOUND, f"true_{second}@c.us_3EB0", 1)
    assert readings([candidate()], Page(first, []), Page(second, [shown])) == [found]
    by_id = candidate(content=FILE, gateway_id=f"true_{first}@c.us_3EB0")
    assert readings([by_id], Page(first, []), Page(second, [shown])) == [found]


def test_every_form_of_the_number_must_show_that_it_is_absent() -> None:
    [told] = readings([candidate()], Page(PHONE, AROUND), Page(ALIAS, [entry(body="Something else")]))
    assert (told.sight, told.why) == (Sight.UNDECIDED, Why.UNEXPLAINED)
    [told] = readings([candidate()], Page(PHONE, AROUND), Page(ALIAS, [reply(40)]))
    assert (told.sight, told.why) == (Sight.UNDECIDED, Why.SHORT)
    [told] = readings([candidate()], Page(PHONE, [BEFORE]), Page(ALIAS, [AFTER]))
    assert (told.sight, told.why) == (Sight.UNDECIDED, Why.SHORT)
    assert readings([candidate()], Page(PHONE, AROUND), Page(ALIAS, [])) == [ChatReading(Sight.SILENT)]
    assert readings([candidate()], Page(PHONE, [BEFORE]), Page(ALIAS, AROUND)) == [ChatReading(Sight.SILENT)]


@pytest.mark.parametrize("id_", [None, "true_{}@c.us_3EB0"])
def test_a_chat_that_is_listed_under_both_forms_is_one(id_: str | None) -> None:
    def page(phone: str, *shown: GatewayMessage) -> Page:
        named = [msgspec.structs.replace(each, phone=phone, id=id_ and id_.format(phone)) for each in shown]
        return Page(phone, [*AROUND, *named])

    twice = page(PHONE, entry()), page(ALIAS, entry())
    assert [told.sight for told in readings([candidate()], *twice)] == [Sight.FOUND]
    assert [told.sight for told in readings([candidate(), candidate()], *twice)] == [Sight.UNDECIDED] * 2
    twice = page(PHONE, entry(body="Other")), page(ALIAS, entry(body="Other"))
    assert [told.sight for told in readings([candidate(), known("Other")], *twice)] == [Sight.ABSENT, Sight.FOUND]


def test_a_hidden_number_is_some_persons() -> None:
    assert sight(*AROUND, entry(lid="77")) is Sight.FOUND
    assert why(*AROUND, entry(body="Something else", lid="77")) is Why.UNEXPLAINED
    assert sights([candidate(), known("Other")], *AROUND, entry(body="Other", lid="77")) == [Sight.ABSENT, Sight.FOUND]


def test_the_same_text_to_another_person_is_another_message() -> None:
    to_both = entry(5, "Other", phone=PHONE), entry(5, "Other", phone="4915112345678")
    assert (
        why(reply(-60, phone=PHONE), reply(30, phone=PHONE), *to_both, candidates=[known("Other")]) is Why.UNEXPLAINED
    )


@pytest.mark.parametrize("stranger", [reply(2, phone="4915112345678"), reply(2, lid="88")])
def test_on_a_page_that_shows_others_nothing_that_hides_its_number_can_be_told(stranger: GatewayMessage) -> None:
    assert sight(*AROUND, entry(lid="77"), stranger) is Sight.UNDECIDED
    assert why(*AROUND, entry(body="Other", lid="77"), stranger, candidates=[known("Other")]) is Why.UNEXPLAINED
    assert sight(BEFORE, reply(3, lid="77"), stranger) is Sight.UNDECIDED
    assert sight(*AROUND, entry(phone=PHONE), stranger) is Sight.FOUND
    mixed, own = Page(PHONE, [entry(id="x"), reply(2, lid="77"), stranger]), Page(ALIAS, [entry(id="x")])
    assert readings([candidate()], mixed, own)[0].sight is Sight.FOUND
    ours = reply(-60, phone=PHONE), reply(-50, lid="77")
    assert sight(*ours, stranger) is Sight.UNDECIDED
    assert sight(*ours, stranger, reply(1, phone=ALIAS)) is Sight.SILENT


FILE = MessageContent(filename="offer.pdf", caption="For you")
BARE_FILE = MessageContent(filename="offer.pdf")
LINK = MessageContent(url="https://shop.example/files/offer%201.pdf", caption=None)


@pytest.mark.parametrize(
    ("content", "shown", "expected"),
    [
        (FILE, entry(body="For you", filename="offer.pdf", caption="For you"), Sight.FOUND),
        (FILE, entry(body="https://gateway.example/1", filename="offer.pdf", caption="For you"), Sight.FOUND),
        (FILE, entry(body=THUMBNAIL, filename="offer.pdf", caption="For&nbsp;you"), Sight.FOUND),
        (FILE, entry(body="For  you"), Sight.FOUND),
        (FILE, entry(body=None, filename="offer.pdf"), Sight.UNDECIDED),
        (FILE, entry(body="https://gateway.example/1"), Sight.UNDECIDED),
        (FILE, entry(body=None), Sight.UNDECIDED),
        (FILE, entry(body=None, filename="renamed.pdf", caption="For you"), Sight.UNDECIDED),
        (FILE, entry(body="Hello"), Sight.UNDECIDED),
        (FILE, entry(body=THUMBNAIL), Sight.UNDECIDED),
        (BARE_FILE, entry(body=THUMBNAIL), Sight.UNDECIDED),
        (BARE_FILE, entry(body=None, filename="offer.pdf"), Sight.FOUND),
        (BARE_FILE, entry(body=None, filename="offer.pdf", caption="For you"), Sight.UNDECIDED),
        (LINK, entry(body="https://shop.example/files/offer%201.pdf"), Sight.FOUND),
        (LINK, entry(body=None, filename="offer 1.pdf"), Sight.FOUND),
        (LINK, entry(body="https://gateway.example/1"), Sight.UNDECIDED),
        (LINK, entry(body=THUMBNAIL), Sight.UNDECIDED),
    ],
)
def test_a_file_is_known_by_what_the_gateway_shows_of_it(
    content: MessageContent, shown: GatewayMessage, expected: Sight
) -> None:
    assert sight(*AROUND, shown, content=content) is expected


@pytest.mark.parametrize("content", [FILE, BARE_FILE, LINK])
@pytest.mark.parametrize(
    "body", [THUMBNAIL, THUMBNAIL[:30], f"data:image/jpeg;base64,{THUMBNAIL}", "https://a.example/1"]
)
def test_a_file_that_is_shown_by_a_thumbnail_is_not_absent_whatever_else_was_sent(
    content: MessageContent, body: str
) -> None:
    assert sights([candidate(content=content), known(body)], *AROUND, entry(body=body))[0] is Sight.UNDECIDED
    by_id = candidate(content=content, gateway_id="3EB0")
    assert sights([by_id], *AROUND, entry(body=body, id="3EB0")) == [Sight.FOUND]


def test_a_file_is_absent_where_all_that_went_out_is_a_known_text() -> None:
    assert sights([candidate(content=FILE), known("Hello Ann")], *AROUND, entry(body="Hello Ann"))[0] is Sight.ABSENT
    # What is left of its caption.
    assert sights([candidate(content=FILE), known("For")], *AROUND, entry(body="For"))[0] is Sight.UNDECIDED


ENTRIES = st.lists(
    st.builds(
        entry,
        st.one_of(st.none(), st.integers(-20, 80)),
        st.sampled_from(["Hi Ann", "Hi", "Other", None]),
        outgoing=st.sampled_from([True, True, True, None, False]),
        id=st.sampled_from([None, "a", "b", "c", "d", "e"]),
        phone=st.sampled_from([None, None, PHONE, ALIAS, "4915112345678"]),
    ),
    max_size=8,
)
CLAIMS = st.lists(
    st.builds(
        candidate,
        st.integers(0, 40),
        st.one_of(st.none(), st.integers(40, 60)),
        st.sampled_from([HI, MessageContent(text="Other"), FILE]),
        st.sampled_from([None, None, "a", "b"]),
        st.booleans(),
    ),
    max_size=5,
)


@given(CLAIMS, ENTRIES, ENTRIES)
def test_no_entry_is_found_twice(
    candidates: list[EntryCandidate], entries: list[GatewayMessage], others: list[GatewayMessage]
) -> None:
    told = readings(candidates, Page(PHONE, entries), Page(ALIAS, others))
    found = [reading for reading in told if reading.sight is Sight.FOUND]
    named = [reading.gateway_id for reading in found if reading.gateway_id]
    assert len(named) == len(set(named))
    assert len(found) <= sum(each.outgoing is True or each.id is not None for each in entries + others)
    assert all((reading.why is not None) is (reading.sight is Sight.UNDECIDED) for reading in told)


@given(CLAIMS, ENTRIES, ENTRIES, st.randoms())
def test_the_order_of_lists_and_pages_does_not_matter(
    candidates: list[EntryCandidate], entries: list[GatewayMessage], others: list[GatewayMessage], random: Random
) -> None:
    told = readings(candidates, Page(PHONE, entries), Page(ALIAS, others))
    shuffled = random.sample(entries, len(entries))
    again = readings(candidates, Page(ALIAS, others), Page(PHONE, shuffled))
    assert [reading.sight for reading in told] == [reading.sight for reading in again]


@given(CLAIMS, ENTRIES)
def test_a_page_that_is_listed_under_both_forms_changes_nothing(
    candidates: list[EntryCandidate], entries: list[GatewayMessage]
) -> None:
    assert readings(candidates, Page(PHONE, entries)) == readings(
        candidates, Page(PHONE, entries), Page(ALIAS, entries)
    )
    assert readings(candidates, Page(PHONE, entries)) == [
        replace(reading, entries=len(entries) if reading.entries else 0)
        for reading in readings(candidates, Page(PHONE, entries + entries))
    ]


@given(CLAIMS, ENTRIES)
def test_who_is_found_does_not_depend_on_the_order_of_the_candidates(
    candidates: list[EntryCandidate], entries: list[GatewayMessage]
) -> None:
    assert sights(candidates, *entries) == sights(candidates[::-1], *entries)[::-1]


@given(CLAIMS, ENTRIES)
def test_what_the_chat_holds_is_found(candidates: list[EntryCandidate], entries: list[GatewayMessage]) -> None:
    mine = candidate(5, 30, MessageContent(text="Mine"))
    told = sights([*candidates, mine], *entries, entry(10, "Mine", id="mine", phone=PHONE))
    assert told[-1] is Sight.FOUND


@given(st.integers(1, 4), st.integers(0, 6))
def test_identical_messages_are_found_only_if_there_are_enough_for_all(messages: int, shown: int) -> None:
    told = sights([candidate() for _ in range(messages)], *AROUND, *(entry(n) for n in range(shown)))
    assert told == [Sight.FOUND if shown >= messages else Sight.UNDECIDED if shown else Sight.SILENT] * messages


# What truly happened, and what a gateway makes of it.


@dataclass(frozen=True)
class Happening:
    """A message of a true history. `candidate` is its attempt if it is ours. Without `was_taken` it is in no chat."""

    content: MessageContent
    seconds: float
    outgoing: bool = True
    candidate: EntryCandidate | None = None
    was_taken: bool = True


@dataclass(frozen=True)
class Gateway:
    """How a gateway lists: each of `hides` is a share of entries, by which field."""

    spellings: tuple[Callable[[str], str], ...] = ()
    files: str = "whole"
    hides: tuple[str, ...] = ()
    sure_ids: bool = True
    most: int = 100
    oldest: bool = False
    doubles: bool = False
    aliases: bool = False
    late: int = 0
    """By how many seconds some of its nodes date entries too early."""

    def spell(self, text: str) -> str:
        for spelling in self.spellings:
            text = spelling(text)
        return text

    def show(self, number: int, each: Happening, phone: str, random: Random) -> GatewayMessage:
        content = each.content
        caption = content.caption and self.spell(content.caption)
        body = {
            "whole": caption,
            "thumbnail": THUMBNAIL,
            "link": "https://gateway.example/1",
            "caption": caption,
        }[self.files]
        hidden = {field for field in self.hides if random.random() < 0.5}
        named = self.sure_ids and not (each.candidate and "id" in hidden)
        return GatewayMessage(
            id=f"true_{phone}@c.us_{number}" if named else None,
            phone=None if "phone" in hidden else phone,
            outgoing=None if "outgoing" in hidden else each.outgoing,
            body=self.spell(content.text) if content.text else body,
            caption=caption if content.text is None and self.files == "whole" else None,
            filename=content.filename if self.files == "whole" else None,
            at=None if "at" in hidden else at(each.seconds - random.choice((0, self.late))),
        )

    def list(self, history: Sequence[Happening], random: Random) -> tuple[list[Page], set[int]]:
        """The pages, and which of the history is on any."""
        pages, listed = [], set()
        chat = sorted((each.seconds, number) for number, each in enumerate(history) if each.was_taken)
        for phone in (PHONE, ALIAS) if self.aliases else (PHONE,):
            most = random.randint(1, self.most) if self.aliases else self.most
            oldest = random.random() < 0.5 if self.aliases else self.oldest
            numbers = [number for _, number in (chat[:most] if oldest else chat[-most:])]
            entries = [self.show(number, history[number], phone, random) for number in numbers]
            if self.doubles:
                entries += random.sample(entries, random.randint(0, len(entries)))
            random.shuffle(entries)
            pages.append(Page(phone, entries))
            listed |= set(numbers)
        random.shuffle(pages)
        return pages, listed


def squash(text: str | None) -> str:
    """What two texts have in common that nobody could tell apart in a list."""
    text = text or ""
    for _ in range(6):
        text = html.unescape(text)
    for tag in ("<br>", "<br/>", "<br />", "\\n"):
        text = text.replace(tag, "")
    return "".join(filter(str.isalnum, text.casefold()))


CUT: Callable[[str], str] = lambda text: text[:6]  # noqa: E731 - one of a table
LOSSY = [
    CUT,
    lambda text: text.encode("ascii", "ignore").decode(),
    lambda text: text.encode("ascii", "replace").decode(),
    lambda text: f"Shop: {text}",
    lambda text: "[message]",
]
TEXTS = [
    "Hi Ann",
    "Hi *Ann*",
    "Hi Ann \u2764\ufe0f",
    "Hi Ann, how are you?",
    "Tom & <Ann>",
    "Tom\n& <Ann>",
    "Grüße",
    "Gruß 2",
]
CONTENTS = st.one_of(
    st.sampled_from([MessageContent(text=text) for text in TEXTS]),
    st.sampled_from([FILE, BARE_FILE, MessageContent(filename="b.png", caption="Hi Ann")]),
)


@st.composite
def ours(draw: st.DrawFn) -> Happening:
    start = draw(st.integers(-100, 100))
    end = start + draw(st.integers(1, 60))
    was_taken = draw(st.booleans())
    is_known = was_taken and draw(st.booleans())
    ended = None if not is_known and draw(st.integers(0, 5)) == 0 else end
    attempt = candidate(start, ended, draw(CONTENTS), None, is_known)
    skew = draw(st.integers(-4, 4))
    return Happening(attempt.content, draw(st.integers(start, end)) + skew, candidate=attempt, was_taken=was_taken)


HISTORIES = st.tuples(
    st.lists(ours(), min_size=1, max_size=4),
    st.lists(st.builds(Happening, CONTENTS, st.integers(-200, 200)), max_size=2),
    st.lists(st.builds(Happening, CONTENTS, st.integers(-300, 300), st.just(False)), max_size=4),
).map(lambda parts: [each for part in parts for each in part])
GATEWAYS = st.builds(
    Gateway,
    spellings=st.lists(st.sampled_from([*SPELLINGS.values(), *LOSSY]), max_size=3).map(tuple),
    files=st.sampled_from(["whole", "thumbnail", "link", "caption"]),
    hides=st.lists(st.sampled_from(["id", "phone", "outgoing", "at"]), max_size=4).map(tuple),
    sure_ids=st.booleans(),
    most=st.integers(1, 12),
    oldest=st.booleans(),
    doubles=st.booleans(),
    aliases=st.booleans(),
)


def with_ids(history: Sequence[Happening], random: Random) -> list[Happening]:
    """Some of what was taken has told its id."""
    return [
        replace(each, candidate=replace(each.candidate, gateway_id=f"true_{PHONE}@c.us_{number}"))
        if each.candidate and each.was_taken and random.random() < 0.3
        else each
        for number, each in enumerate(history)
    ]


@settings(max_examples=1000)
@given(HISTORIES, GATEWAYS, st.randoms(use_true_random=False))
def test_whatever_a_gateway_makes_of_a_chat_what_is_in_it_is_not_absent_and_nothing_vouches_for_what_is_not(
    history: list[Happening], gateway: Gateway, random: Random
) -> None:
    history = with_ids(history, random)
    pages, listed = gateway.list(history, random)
    attempts = [(number, each) for number, each in enumerate(history) if each.candidate]
    told = readings([each.candidate for _, each in attempts if each.candidate], *pages)
    for (number, each), reading in zip(attempts, told, strict=True):
        if each.was_taken and number in listed:
            assert reading.sight in (Sight.FOUND, Sight.UNDECIDED)
        if reading.sight is Sight.FOUND and not each.was_taken:
            by_hand = [by.content for by in history if by.candidate is None and by.outgoing]
            shown = {
                squash(part)
                for by in by_hand
                for part in (gateway.spell(by.text or ""), gateway.spell(by.caption or ""), by.filename)
            }
            wanted = {squash(each.content.text), squash(each.content.caption), squash(each.content.filename)}
            assert wanted & shown - {""}, "only somebody who sends the same by hand may vouch for it"


@settings(max_examples=500)
@given(
    HISTORIES,
    GATEWAYS,
    st.lists(st.sampled_from(list(SPELLINGS.values())), max_size=3).map(tuple),
    st.integers(0, 80_000),
    st.randoms(use_true_random=False),
)
def test_what_is_in_a_chat_is_not_absent_whenever_a_late_clock_says_that_it_was(
    history: list[Happening],
    gateway: Gateway,
    spellings: tuple[Callable[[str], str], ...],
    late: int,
    random: Random,
) -> None:
    history = with_ids(history, random)
    pages, listed = replace(gateway, spellings=spellings, late=late).list(history, random)
    attempts = [(number, each) for number, each in enumerate(history) if each.candidate]
    told = readings([each.candidate for _, each in attempts if each.candidate], *pages)
    for (number, each), reading in zip(attempts, told, strict=True):
        if each.was_taken and number in listed:
            assert reading.sight in (Sight.FOUND, Sight.UNDECIDED)


DISTINCT = ["Your order is ready", "Good morning Ann", "Closed on Monday", "New prices from May", "Lunch?"]


def elsewhere(history: Sequence[Happening]) -> list[EntryCandidate]:
    """The same, sent to the same person through another account, which another WhatsApp has."""
    return [
        replace(
            each.candidate,
            gateway_id=f"true_{PHONE}@c.us_{'E' * (number + 1)}",
            is_known=False,
            is_elsewhere=True,
        )
        for number, each in enumerate(history)
        if each.candidate
    ]


@settings(max_examples=500)
@given(HISTORIES, GATEWAYS, st.sets(st.integers(0, 5)), st.randoms(use_true_random=False))
def test_through_which_account_what_is_in_a_chat_was_sent_makes_nothing_absent_and_vouches_for_nothing(
    history: list[Happening], gateway: Gateway, others: set[int], random: Random
) -> None:
    """Some of it was sent through another account of the same WhatsApp, and all of it through one of another, too."""
    history = [
        replace(each, candidate=replace(each.candidate, is_known=False, is_elsewhere=True))
        if number in others and each.candidate
        else each
        for number, each in enumerate(with_ids(history, random))
    ]
    pages, listed = gateway.list(history, random)
    attempts = [(number, each) for number, each in enumerate(history) if each.candidate]
    told = readings([*(each.candidate for _, each in attempts if each.candidate), *elsewhere(history)], *pages)
    by_hand = any(each.candidate is None and each.outgoing for each in history)
    for (number, each), reading in zip(attempts, told, strict=False):
        if each.was_taken and number in listed:
            assert reading.sight in (Sight.FOUND, Sight.UNDECIDED)
        if reading.sight is Sight.FOUND and not each.was_taken:
            assert by_hand, "only somebody who sends the same by hand may vouch for it"


@given(
    st.lists(st.tuples(st.integers(0, 60), st.booleans()), min_size=1, max_size=4),
    st.lists(st.integers(-30, 60), min_size=1, max_size=4),
)
def test_what_another_whatsapp_sent_leaves_an_honest_chat_as_clear_as_it_is(
    requests: list[tuple[int, bool]], sent_elsewhere: list[int]
) -> None:
    ours = [
        candidate(start, start + 10, MessageContent(text=text))
        for text, (start, _) in zip(DISTINCT, requests, strict=False)
    ]
    shown = [
        entry(start + 1, text, id=f"true_{PHONE}@c.us_{text[:3]}")
        for text, (start, was_taken) in zip(DISTINCT, requests, strict=False)
        if was_taken
    ]
    others = [
        candidate(start, start + 10, MessageContent(text=text), f"true_{PHONE}@c.us_other {start}", is_elsewhere=True)
        for start in sent_elsewhere
        for text in DISTINCT
    ]
    assert sights([*ours, *others], *AROUND, *shown)[: len(ours)] == sights(ours, *AROUND, *shown)


@given(st.lists(st.tuples(st.integers(0, 60), st.booleans()), min_size=1, max_size=5), st.booleans(), st.randoms())
def test_an_honest_chat_with_something_around_shows_each_message_and_leaves_no_other_undecided(
    requests: list[tuple[int, bool]], sure_ids: bool, random: Random
) -> None:
    history = [
        Happening(
            content, start + 1, candidate=candidate(start, start + 10, content, None, was_taken), was_taken=was_taken
        )
        for (start, was_taken), content in zip(
            requests, (MessageContent(text=text) for text in DISTINCT), strict=False
        )
    ]
    around = [Happening(HI, -100, outgoing=False), Happening(HI, -90), Happening(HI, 100, outgoing=False)]
    pages, _ = Gateway(sure_ids=sure_ids).list([*history, *around], random)
    told = readings([each.candidate for each in history if each.candidate], *pages)
    assert [reading.sight is Sight.FOUND for reading in told] == [each.was_taken for each in history]
    assert Sight.UNDECIDED not in {reading.sight for reading in told}
