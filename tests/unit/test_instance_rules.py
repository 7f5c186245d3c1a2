"""The rules of an instance: read from a file, and why a reply is read as it is."""

from __future__ import annotations

import msgspec
import pytest

from broadcaster.domain.outcomes import Outcome
from broadcaster.errors import InputError
from broadcaster.gateway import DEFAULT_RULES, read_rules
from broadcaster.gateway.rules_file import decode_rules
from broadcaster.services.instance_rules import explain


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"yes_words": ["ok"],\n "texts": [}', "f.json, line 2, column 12: not JSON: a value is missing here"),
        (b"\xff{}", "f.json: not JSON in UTF-8"),
        ("[" * 100_000, "nested too deeply"),
        ('{"longest_retry_after": ' + "9" * 5_000 + "}", "an endless number"),
        (" " * 300_000 + "{}", "rules of more than 262,144 bytes"),
        ("[]", "must be one object"),
        ('{"yes_wordz": []}', "f.json: 'yes_wordz' is not known here: do you mean yes_words? (nothing was changed)"),
        (
            '{"texts": [{"pattern": 1, "outcome": "rejected"}]}',
            "f.json: texts, entry 1, pattern: must be a text in quotes",
        ),
        ('{"texts": [{"pattern": "(", "outcome": "rejected"}]}', "not a regular expression"),
        ('{"statuses": {"200": {"outcome": "accepted"}}}', "'200' is not a status outside 2xx"),
        ('{"yes_words": [], "yes_words": ["ok"]}', "'yes_words' is given twice"),
        ("", "f.json is empty: give rules as JSON"),
        ("{'yes_words': []}", "f.json, line 1, column 2: not JSON: a name in double quotes is missing"),
        ('{"yes_words": ["a\n"]}', "a text goes on in the next line"),
        ('{"name": "main", "differences": []}', "f.json: differences: must be an object"),
        ('{"differences": {}, "yes_words": []}', "'yes_words' stands beside the differences"),
        ('{"differences": {}, "rules": {"yes_words": []}}', "leave `rules` out"),
        ('{"yes_words": ["\\u0000"]}', "NUL"),
        ('{"yes_words": ["\\ud800"]}', "surrogate"),
    ],
)
def test_rules_that_cannot_be_are_refused_with_the_place(text: str | bytes, said: str) -> None:
    with pytest.raises(InputError) as caught:
        decode_rules(text, "f.json")
    assert str(caught.value).startswith("f.json")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "reply", "outcome", "parts"),
    [
        (
            200,
            {"status": "error", "message": "scan the QR code"},
            Outcome.NOT_SENT,
            ["texts: ", "verdict_fields: status"],
        ),
        (200, {"status": "queued"}, Outcome.ACCEPTED, ["verdict_fields: status", "yes_words: queued"]),
        (
            200,
            {"status": "success", "sent": True},
            Outcome.ACCEPTED,
            ["verdict_fields: status", "verdict_fields: sent"],
        ),
        (200, {"messageId": "3EB0"}, Outcome.ACCEPTED, ["id_fields: messageid"]),
        (200, {"error": "mbzrk"}, Outcome.REJECTED, ["error_fields: error"]),
        (502, "<html>", Outcome.UNKNOWN, ["statuses: 5xx"]),
    ],
)
def test_a_reading_names_the_rules_it_rests_on(status: int, reply: object, outcome: Outcome, parts: list[str]) -> None:
    reading = explain(DEFAULT_RULES, status, msgspec.json.encode(reply))
    assert reading.verdict.outcome is outcome
    found = [next((part for part in parts if each.startswith(part)), None) for each in reading.parts]
    assert set(parts) <= set(found), reading.parts


def test_the_first_text_rule_that_matches_is_the_one_named() -> None:
    kept = {"texts": [{"pattern": "scan", "outcome": "unknown"}]}
    reading = explain(read_rules(kept), 200, b'{"success":false,"message":"scan the QR code"}')
    assert reading.parts[0] == "texts: scan"
