"""Which rules may count as accepted what was not accepted before."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from broadcaster.domain.outcomes import Outcome
from broadcaster.gateway import DEFAULT_RULES, classify_response, read_rules
from broadcaster.gateway.redaction import Redactor
from broadcaster.gateway.widening import widened_rules

DAILY = {"pattern": "daily limit", "outcome": "rejected"}
WELL = {"pattern": "all is well", "outcome": "accepted"}
RULES = DEFAULT_RULES


def wider(before: dict[str, Any], after: dict[str, Any]) -> str:
    return "; ".join(widened_rules(read_rules(before), read_rules(after)))


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ({}, {"yes_words": ["true", "put by"]}, "yes_words with put by"),
        ({"yes_words": ["true"]}, {"yes_words": ["true", "ok"]}, "yes_words with ok"),
        ({"yes_words": ["true"]}, {"texts": [DAILY]}, "yes_words with yes, ok, success"),
        ({}, {"error_fields": RULES.error_fields[1:]}, "error_fields without error"),
        ({}, {"no_prefixes": []}, "no_prefixes without error, fail"),
        ({}, {"id_fields": [*RULES.id_fields, "ref"]}, "id_fields with ref"),
        ({}, {"containers": [*RULES.containers, "meta"]}, "containers with meta"),
        ({}, {"answer_fields": [*RULES.answer_fields, "exists"]}, "exists_fields without exists"),
        ({}, {"texts": [WELL]}, "texts with 'all is well', which is accepted"),
        ({"texts": [DAILY, WELL]}, {"texts": [WELL, DAILY]}, "texts with 'all is well', which is accepted"),
        ({"texts": [DAILY]}, {}, "texts without 'daily limit'"),
        ({}, {"statuses": {"302": {"outcome": "accepted"}}}, "statuses with 302, which is accepted"),
        (
            {"statuses": {"5xx": {"outcome": "accepted"}, "502": {"outcome": "unknown"}}},
            {"statuses": {"5xx": {"outcome": "accepted"}}},
            "statuses with 5xx, which is accepted",
        ),
    ],
)
def test_rules_that_widen_what_is_accepted_are_named(before: dict[str, Any], after: dict[str, Any], said: str) -> None:
    assert wider(before, after).startswith(said)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {}),
        ({}, {"yes_words": ["true", "success"]}),
        ({}, {"no_words": [*RULES.no_words, "nope"], "no_prefixes": [*RULES.no_prefixes, "nope"]}),
        ({}, {"texts": [DAILY], "exists_fields": [*RULES.exists_fields, "there"]}),
        ({}, {"statuses": {"500": {"outcome": "not_sent", "health": "down"}}, "longest_retry_after": 60}),
        ({"texts": [WELL]}, {"texts": [DAILY, WELL]}),
        ({"statuses": {"302": {"outcome": "accepted"}}}, {}),
    ],
)
def test_rules_that_only_narrow_it_are_silent(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert wider(before, after) == ""


NAMES = st.sampled_from(["status", "sent", "error", "message", "id", "messageid", "code", "data", "exists", "x"])
WORDS = st.sampled_from(["ok", "queued", "true", "no", "failed", "odd", "invalid", "not sent"])


def lists(words: st.SearchStrategy[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(words, max_size=4, unique=True)


FIELDS = (
    "verdict_fields",
    "error_fields",
    "code_fields",
    "text_fields",
    "id_fields",
    "answer_fields",
    "exists_fields",
)
OVERRIDES: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        **{field: lists(NAMES) for field in (*FIELDS, "containers")},
        **{field: lists(WORDS) for field in ("yes_words", "no_words", "no_prefixes")},
        "texts": st.lists(
            st.fixed_dictionaries({"pattern": WORDS, "outcome": st.sampled_from([*Outcome])}), max_size=3
        ),
        "statuses": st.dictionaries(
            st.sampled_from(["302", "4xx", "500"]),
            st.fixed_dictionaries({"outcome": st.sampled_from([*Outcome]), "text": st.booleans()}),
        ),
    },
)
VALUES = st.one_of(WORDS, st.sampled_from([True, False, 0, 1, 200, 302, 500]))
REPLIES = st.dictionaries(NAMES, VALUES | st.dictionaries(NAMES, VALUES, max_size=3), max_size=4)


def is_accepted(status: int, reply: Any, overrides: dict[str, Any]) -> bool:
    body = msgspec.json.encode(reply)
    return classify_response(status, {}, body, Redactor(""), read_rules(overrides)).outcome is Outcome.ACCEPTED


@settings(max_examples=500)
@given(before=OVERRIDES, change=OVERRIDES, status=st.sampled_from([200, 302, 404, 500]), reply=REPLIES)
@example(before={}, change={"yes_words": ["odd"]}, status=200, reply={"sent": "odd"})
def test_where_nothing_is_named_no_reply_counts_as_accepted_that_did_not(
    before: dict[str, Any], change: dict[str, Any], status: int, reply: Any
) -> None:
    after = {**before, **change}
    if not wider(before, after):
        assert is_accepted(status, reply, before) or not is_accepted(status, reply, after)
