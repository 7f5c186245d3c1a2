"""What a trial message shows of a gateway, and what is proposed after it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.domain.chat_pages import Page
from broadcaster.domain.outcomes import Outcome
from broadcaster.domain.trial import Flag, advise, find_trial, only_narrows, yes_flags
from broadcaster.domain.trial_text import text_changes, trial_text
from broadcaster.gateway import DEFAULT_RULES, classify_response, read_rules
from broadcaster.gateway.redaction import Redactor
from broadcaster.simulator.text_changes import CHANGES

TOKEN = "a1b2c3"
SENT = trial_text("[TEST]", TOKEN)
NOW = datetime(2026, 11, 23, tzinfo=UTC)


@dataclass(frozen=True)
class Entry:
    id: str | None = "true_628@c.us_3EB0"
    phone: str | None = "628"
    lid: str | None = None
    outgoing: bool | None = True
    body: str | None = SENT
    caption: str | None = None
    filename: str | None = None
    at: datetime | None = NOW


def changed(change: Callable[[str], str]) -> dict[str, str]:
    return {each.what: each.how for each in text_changes(SENT, change(SENT))}


def test_a_text_that_came_back_as_sent_has_no_changes() -> None:
    assert changed(str) == {}


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("escape_html", {"quotes": "are escaped for HTML", "signs": "are escaped for HTML"}),
        ("strip_markup", {"markup": "came back without their marks"}),
        ("drop_variation", {"emoji": "came back without U+FE0F"}),
        ("fold_space", {"line breaks": "are left out"}),
        ("crlf", {"line breaks": "came back as CR LF"}),
        ("decompose", {"accents": "came back in another form of Unicode"}),
        ("plain_quotes", {"quotes": "came back as '\"double\" \\'single\\' \"curly\" \\'both\\''"}),
        (
            "question_marks",
            {"emoji": "came back as '?? ?? ??'", "quotes": "came back as '\"double\" \\'single\\' ?curly? ?both?'"},
        ),
        ("lower", {"accents": "came back in other capitals"}),
    ],
)
def test_what_gateways_do_to_texts_is_told_part_by_part(change: str, found: dict[str, str]) -> None:
    assert changed(CHANGES[change]) == found


def test_a_text_that_is_cut_short_says_what_is_not_shown() -> None:
    cut = changed(lambda text: text[: text.index("Markup")])
    assert {what for what, how in cut.items() if how == "are not shown"} == {"markup", "accents", "signs"}


def test_breaks_that_are_written_out_are_no_change_of_the_parts_beside_them() -> None:
    assert changed(lambda text: text.replace("\n", "<br>")) == {"line breaks": "came back as <br>"}


def test_a_trial_is_found_by_its_token_whatever_was_made_of_the_rest() -> None:
    pages = [Page("62", []), Page("628", [Entry(body="Hi"), Entry(body=SENT.upper().replace(" ", ""), id=None)])]
    found = find_trial(TOKEN, SENT, "3EB0", pages)
    assert found is not None
    assert (found.forms, found.id, found.is_same_id, found.is_recognised) == (("628",), None, None, False)
    assert found.missing == ("id",)


@pytest.mark.parametrize(
    ("entry", "given", "is_same", "is_recognised", "missing"),
    [
        (Entry(), "true_528@c.us_3EB0", True, True, ()),
        (Entry(), "3EB1", False, True, ()),
        (Entry(), None, None, True, ()),
        (Entry(at=None), "3EB0", True, False, ("time",)),
        (Entry(outgoing=None), "3EB0", True, False, ("direction",)),
        (Entry(body="/9j/4AAQ"), "3EB0", True, False, ()),
        (Entry(body=None), "3EB0", True, False, ()),
    ],
)
def test_what_a_chat_shows_of_a_trial(
    entry: Entry, given: str | None, is_same: bool | None, is_recognised: bool, missing: tuple[str, ...]
) -> None:
    found = find_trial(TOKEN, SENT, given, [Page("628", [entry])])
    assert found is not None
    assert (found.is_same_id, found.is_recognised, found.missing) == (is_same, is_recognised, missing)


def test_a_message_without_the_token_and_the_id_is_not_the_trial() -> None:
    others = [Entry(body=trial_text("[TEST]", "ffffff"), id="true_628@c.us_3EB9"), Entry(body="Hi", id=None)]
    assert find_trial(TOKEN, SENT, "3EB0", [Page("628", others)]) is None
    assert find_trial(TOKEN, SENT, None, [Page("628", others)]) is None


@pytest.mark.parametrize(
    ("reply", "flags"),
    [
        ({"sent": True, "id": "x"}, (Flag("sent", True),)),
        (
            {"Status": " Success ", "data": {"status": "queued"}},
            (Flag("Status", " Success "), Flag("data.status", "queued")),
        ),
        ([{"ok": 1}], (Flag("ok", 1),)),
        ({"sent": False, "status": "error", "note": "ok", "other": {"ok": True}}, ()),
        ("ok", ()),
    ],
)
def test_the_fields_that_say_yes_are_named(reply: Any, flags: tuple[Flag, ...]) -> None:
    assert yes_flags(reply, DEFAULT_RULES) == flags


def propose(reply: Any, overrides: dict[str, Any] | None = None, **seen: bool) -> tuple[Any, str]:
    kept = overrides or {}
    advice = advise(reply, kept, read_rules(kept), **{"is_accepted": True, "is_shown": True, **seen})
    return advice.rules, advice.reason


def test_only_the_words_of_the_reply_are_proposed_to_count_as_a_yes() -> None:
    assert propose({"status": "success", "data": {"status": "queued"}})[0] == {"yes_words": ["success", "queued"]}
    assert propose({"sent": True})[0] == {"yes_words": ["true"]}
    kept = {"texts": [{"pattern": "x", "outcome": "rejected"}], "yes_words": ["queued", "success"]}
    assert propose({"status": "success"}, kept)[0] == {**kept, "yes_words": ["success"]}


@pytest.mark.parametrize(
    ("reply", "overrides", "seen", "said"),
    [
        ({"sent": False}, {}, {"is_accepted": False}, "none of the fields success, sent, ok"),
        ({"sent": True, "error": "x"}, {}, {"is_accepted": False}, "something else in the reply speaks against it"),
        ({"id": "3EB0"}, {}, {}, "weaker signs"),
        ({"sent": True}, {}, {"is_shown": False}, "not proven"),
        ({"status": "ok"}, {"yes_words": ["ok"]}, {}, "already"),
        ({"status": "ok"}, {"texts": [{"pattern": "queue", "outcome": "accepted"}]}, {}, "a rule of its own"),
    ],
)
def test_nothing_is_proposed_that_the_trial_does_not_show(
    reply: Any, overrides: dict[str, Any], seen: dict[str, bool], said: str
) -> None:
    rules, reason = propose(reply, overrides, **seen)
    assert rules is None
    assert said in reason


VALUES = st.one_of(
    st.sampled_from(
        [*DEFAULT_RULES.yes_words[:8], "error", "no", "not connected", "Message was queued", "200", "404", "1"]
    ),
    st.sampled_from([True, False, None, 0, 1, 200, 500, 7]),
)
NAMES = st.sampled_from(
    ["status", "sent", "success", "error", "message", "id", "messageId", "code", "data", "result", "x"]
)
REPLIES = st.recursive(
    st.dictionaries(NAMES, VALUES, max_size=4),
    lambda inner: st.dictionaries(NAMES, inner | VALUES, max_size=4),
    max_leaves=4,
)


def is_accepted(reply: Any, overrides: dict[str, Any]) -> bool:
    body = msgspec.json.encode(reply)
    return classify_response(200, {}, body, Redactor(""), read_rules(overrides)).outcome is Outcome.ACCEPTED


@given(tried=REPLIES, other=REPLIES)
def test_a_proposal_never_counts_as_accepted_what_did_not_count_before(tried: Any, other: Any) -> None:
    rules, _ = propose(tried, {}, is_accepted=is_accepted(tried, {}))
    if rules is not None:
        assert only_narrows({}, rules, DEFAULT_RULES.yes_words)
        assert is_accepted(tried, dict(rules))
        assert is_accepted(other, {}) or not is_accepted(other, dict(rules))


@pytest.mark.parametrize(
    ("after", "narrows"),
    [
        ({"texts": [], "yes_words": ["ok"]}, True),
        ({"texts": [], "yes_words": ["ok", "perhaps"]}, False),
        ({"yes_words": ["ok"]}, False),
        ({"texts": [], "yes_words": ["ok"], "error_fields": []}, False),
        ({"texts": []}, False),
    ],
)
def test_only_fewer_words_for_yes_are_narrower_for_certain(after: dict[str, Any], narrows: bool) -> None:
    assert only_narrows({"texts": []}, after, ["ok", "yes"]) is narrows
