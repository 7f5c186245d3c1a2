"""The rules of an instance: the defaults, overridden by its own."""

from __future__ import annotations

from typing import Any

import pytest

from broadcaster.domain.outcomes import Outcome, Verdict
from broadcaster.domain.states import LaneHealth
from broadcaster.errors import InputError
from broadcaster.gateway import DEFAULT_RULES, classify_response, read_rules
from broadcaster.gateway.redaction import Redactor


def classify(code: int, body: str, overrides: dict[str, Any] | None) -> Verdict:
    return classify_response(code, {}, body.encode(), Redactor("key"), read_rules(overrides))


@pytest.mark.parametrize("overrides", [None, {}])
def test_an_instance_without_rules_has_the_default_ones(overrides: dict[str, Any] | None) -> None:
    assert read_rules(overrides) is DEFAULT_RULES


def text(pattern: str, outcome: str, health: str | None = None) -> dict[str, Any]:
    return {"texts": [{"pattern": pattern, "outcome": outcome, "health": health}]}


def status(name: str, outcome: str, **more: Any) -> dict[str, Any]:
    return {"statuses": {name: {"outcome": outcome, **more}}}


DOWN, REFUSED, SLOW, OK = LaneHealth.DOWN, LaneHealth.REFUSED, LaneHealth.THROTTLED, LaneHealth.OK
GERMAN = {"verdict_fields": ["gesendet"], "yes_words": ["ja"]}


@pytest.mark.parametrize(
    ("code", "body", "overrides", "outcome", "health"),
    [
        (200, '{"error":"Em manutenção"}', text("manutenção", "not_sent", "down"), Outcome.NOT_SENT, DOWN),
        (200, '{"error":"daily limit"}', text("daily limit", "rejected"), Outcome.REJECTED, None),
        (200, '{"error":"invalid key"}', text("daily limit", "rejected"), Outcome.NOT_SENT, REFUSED),
        (200, '{"message":"Message queued"}', text("^message queued", "accepted", "ok"), Outcome.ACCEPTED, OK),
        (200, "OK", text("^ok$", "accepted", "ok"), Outcome.ACCEPTED, OK),
        (500, '{"error":"not running"}', status("500", "unknown", text=True), Outcome.NOT_SENT, DOWN),
        (503, "too busy", status("500", "unknown", text=True), Outcome.THROTTLED, SLOW),
        (521, "", status("52x", "not_sent", health="down"), Outcome.NOT_SENT, DOWN),
        (409, "", status("4xx", "unknown"), Outcome.UNKNOWN, None),
        (429, "", status("4xx", "unknown"), Outcome.THROTTLED, SLOW),
        (413, "", status("413", "not_sent", health="down"), Outcome.NOT_SENT, DOWN),
        (404, '{"error":"not on whatsapp"}', status("404", "unknown", text=["rejected"]), Outcome.REJECTED, OK),
        (404, '{"error":"invalid key"}', status("404", "unknown", text=["rejected"]), Outcome.UNKNOWN, None),
        (400, "<html>", status("4xx", "unknown"), Outcome.UNKNOWN, None),
        (400, "<html>", status("4xx", "unknown", page=True), Outcome.NOT_SENT, DOWN),
        (500, "come back", status("5xx", "unknown", throttled_by="come back"), Outcome.THROTTLED, SLOW),
        (200, '{"gesendet":"ja"}', GERMAN, Outcome.ACCEPTED, OK),
        (200, '{"success":"ja"}', GERMAN, Outcome.UNKNOWN, None),
    ],
)
def test_an_instances_own_rules_come_first(
    code: int, body: str, overrides: dict[str, Any], outcome: Outcome, health: LaneHealth | None
) -> None:
    verdict = classify(code, body, overrides)
    assert (verdict.outcome, verdict.health) == (outcome, health)


@pytest.mark.parametrize(
    ("code", "body", "outcome"),
    [
        (200, '{"success":false,"message":"all is well"}', Outcome.REJECTED),
        (400, '{"message":"all is well"}', Outcome.REJECTED),
        (200, '{"status":"all is well"}', Outcome.ACCEPTED),
    ],
)
def test_words_that_an_instance_has_for_success_do_not_outdo_a_failure(code: int, body: str, outcome: Outcome) -> None:
    assert classify(code, body, text("all is well", "accepted", "ok")).outcome is outcome


def test_only_an_exact_status_or_known_words_make_a_refusal_recognised() -> None:
    assert not classify(418, "", None).is_recognised
    assert not classify(418, "", status("41x", "rejected")).is_recognised
    assert classify(418, "", status("418", "rejected")).is_recognised
    assert classify(418, "zimt", text("zimt", "rejected")).is_recognised
    assert not classify(200, '{"success":false,"message":"zimt"}', None).is_recognised


@pytest.mark.parametrize(
    ("overrides", "fault"),
    [
        ({"text": []}, "text"),
        ({"texts": [{"pattern": 7, "outcome": "rejected"}]}, "texts, entry 1, pattern: must be a text in quotes"),
        (
            {"texts": [{"pattern": "x", "outcome": "lost"}]},
            "texts, entry 1, outcome: 'lost' must be one of accepted, rej",
        ),
        ({"texts": [{"pattern": "x"}]}, "texts, entry 1: outcome is missing: add what the reply came to, one of"),
        ({"texts": [{"pattern": "x", "helth": 1}]}, "texts, entry 1: 'helth' is not known here: do you mean health?"),
        ({"texts": ["x"]}, "texts, entry 1: must be an object in braces"),
        ({"name": "main"}, "'name' is not known here: known are verdict_fields, yes_words"),
        ({"yes_words": "ok"}, 'yes_words: must be a list in brackets, such as ["success"]'),
        ({"yes_words": [1]}, "yes_words, entry 1: must be a text in quotes"),
        ({"statuses": {"429": {"outcome": "unknown"}, "500": "x"}}, "statuses, 500: must be an object in braces"),
        ({"statuses": {"500": {"outcome": "unknown", "page": 1}}}, "statuses, 500, page: must be true or false"),
        ({"texts": [{"pattern": "(", "outcome": "rejected"}]}, "'('"),
        ({"statuses": {"2xx": {"outcome": "accepted"}}}, "'2xx'"),
        ({"statuses": {"teapot": {"outcome": "accepted"}}}, "'teapot'"),
        ({"statuses": {"404": {"outcome": "rejected", "health": "paused"}}}, "operator"),
        (text("x" * 301, "rejected"), "300 characters"),
        (status("503", "unknown", throttled_by="x" * 301), "statuses: 503"),
        (status("503", "unknown", throttled_by="["), "statuses: 503"),
        (status("404", "unknown", text=["lost"]), "statuses, 404, text, entry 1: 'lost' must be one of"),
        ({"longest_retry_after": -1}, "longest_retry_after: must be a number of seconds, 0 or more"),
    ],
)
def test_a_fault_in_the_rules_is_one_line_that_says_where(overrides: dict[str, Any], fault: str) -> None:
    with pytest.raises(InputError) as caught:
        read_rules(overrides)
    assert fault in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*b", r"(\w*x)*", "(?:a{1,9})+b", "(ab|a)+c"])
def test_a_pattern_that_could_keep_a_worker_busy_for_ever_is_refused(pattern: str) -> None:
    with pytest.raises(InputError, match="keep a worker busy"):
        read_rules({"texts": [{"pattern": pattern, "outcome": "rejected"}]})


@pytest.mark.parametrize("pattern", ["no (chat|number)", r"\(limit\)+", "(code )+", "a+b+", r"(very )?large"])
def test_a_pattern_that_is_soon_done_is_taken(pattern: str) -> None:
    read_rules({"texts": [{"pattern": pattern, "outcome": "rejected"}]})
