"""Replies as gateways of this family really give them: for whom each is trouble, in whatever language it speaks."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broadcaster.domain.outcomes import Outcome, Verdict
from broadcaster.domain.states import LaneHealth
from broadcaster.gateway import DEFAULT_RULES, classify_response
from broadcaster.gateway.redaction import Redactor

DATA = Path(__file__).parent / "data"
FIELD: dict[str, dict[str, Any]] = json.loads((DATA / "replies.json").read_text("utf-8"))
DOUBTS: dict[str, list[str]] = json.loads((DATA / "reply_doubts.json").read_text("utf-8"))
TEXTS: dict[str, list[str]] = json.loads((DATA / "reply_texts.json").read_text("utf-8"))

SENT, MESSAGE, WAITS, LANE, DOUBT = "sent", "message", "message waits, others go on", "lane", "doubt"
SLOW, UNRECOGNISED = "instance waits", "not recognised"
MEANINGS = {
    SENT: {(Outcome.ACCEPTED, LaneHealth.OK)},
    MESSAGE: {(Outcome.REJECTED, LaneHealth.OK)},
    UNRECOGNISED: {(Outcome.REJECTED, LaneHealth.OK)},
    WAITS: {(Outcome.THROTTLED, None)},
    LANE: {(Outcome.NOT_SENT, LaneHealth.DOWN), (Outcome.NOT_SENT, LaneHealth.REFUSED)},
    SLOW: {(Outcome.THROTTLED, LaneHealth.THROTTLED)},
    DOUBT: {(Outcome.UNKNOWN, None)},
}


def classify(status: int, body: Any, headers: dict[str, str] | None = None) -> Verdict:
    content = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    return classify_response(status, headers or {}, content.encode(), Redactor("key"), DEFAULT_RULES)


def means(verdict: Verdict, want: str) -> bool:
    is_as_recognised = verdict.is_recognised != (want == UNRECOGNISED)
    return (verdict.outcome, verdict.health) in MEANINGS[want] and is_as_recognised


@pytest.mark.parametrize("row", FIELD.values(), ids=FIELD)
def test_replies_from_the_field_mean_what_they_say(row: dict[str, Any]) -> None:
    assert means(classify(row["status"], row["body"]), row["want"])


class Reply(NamedTuple):
    want: str
    body: Any
    status: int = 200
    headers: dict[str, str] | None = None


PAGE = {"Content-Type": "text/html; charset=utf-8"}
ABSENT = {"jid": "62811@s.whatsapp.net", "exists": False, "number": "62811", "name": "instance"}
ECHO = "Your subscription has expired, scan the QR code"

REPLIES = [
    # taken, whatever text of the message's own the reply repeats
    Reply(SENT, {"detail": "success! message in queue", "id": ["80367170"], "process": "pending", "status": True}),
    Reply(SENT, {"sent": True, "message": {"id": "PsqX", "status": "pending", "text": {"body": "not connected"}}}),
    Reply(SENT, {"zaapId": "39", "messageId": "D24", "id": "D24"}),
    Reply(SENT, {"id": "x", "message": ECHO, "status": "queued"}, 201),
    Reply(SENT, {"status": "success", "response": [{"id": "true_6_3E", "body": ECHO, "ack": 0}]}),
    Reply(SENT, {"id": {"fromMe": True, "_serialized": "true_6@c.us_3E"}, "ack": 0, "body": ECHO}, 201),
    Reply(SENT, {"success": True, "response": "Message sent successfully"}),
    Reply(SENT, {"success": True, "response": None}),
    Reply(SENT, {"success": True, "data": "3EB0C7"}),
    Reply(SENT, {"status": "success", "message": "Mensaje enviado"}),
    Reply(SENT, {"status": "sukses", "message": "Pesan terkirim"}),
    Reply(SENT, {"status": "success", "message": "Message sent. If it is not delivered, contact support."}),
    Reply(SENT, {"success": True, "message": "Message queued, credits left: 20"}),
    Reply(SENT, {"success": True}, headers=PAGE),
    # a flag of success beside what speaks against it
    Reply(DOUBT, {"success": True, "response": "xqz vwq zzk"}),
    *(Reply(DOUBT, {"success": True, name: False}) for name in ("data", "result", "message", "id")),
    Reply(DOUBT, {"status": "success", "response": "Failed to send message"}),
    Reply(DOUBT, {"sent": True, "message": "Error: number is not on WhatsApp"}),
    Reply(DOUBT, {"sent": True, "id": "x", "message": "Failed: session closed"}),
    Reply(DOUBT, {"status": True, "message": "Gagal mengirim"}),
    Reply(DOUBT, {"success": True, "data": {"status": "failed"}}),
    Reply(DOUBT, {"success": True, "data": [{"success": False, "error": "who knows"}]}),
    Reply(DOUBT, {"sent": True, "id": "3E", "exists": False}),
    Reply(DOUBT, {"success": True, "id": "3E"}, 400),
    # two flags, of which one is of the call only: the words say that the instance could not send
    Reply(LANE, {"success": True, "data": {"success": False, "message": "session closed"}}),
    Reply(LANE, {"status": "success", "data": {"status": "error", "message": "insufficient credits"}}),
    Reply(DOUBT, {"success": True, "id": "3E", "data": {"success": False, "message": "session closed"}}),
    # what says yes says it of the message: it is under way, whatever the instance says of itself
    *(Reply(DOUBT, {"status": word, "error": "not connected"}) for word in ("queued", "PENDING", "scheduled", "sent")),
    *(Reply(DOUBT, {"success": False, name: True, "error": "not connected"}) for name in ("queued", "is_pending")),
    Reply(DOUBT, {"success": False, "status": "delayed", "error": "not connected"}),
    Reply(DOUBT, {"buffered": True, "message": "not connected"}, 400),
    Reply(LANE, {"success": False, "queued": False, "error": "not connected"}),
    # under way beside success is success, unless a failure is told of besides
    Reply(SENT, {"success": True, "message": "Your message is being sent in the background"}),
    Reply(SENT, {"success": True, "message": "will be added to the sending queue"}),
    Reply(DOUBT, {"success": True, "message": "Phone offline, message buffered"}),
    # the number does not exist, whatever the words
    Reply(MESSAGE, {"status": "success", "data": {"exists": False, "number": "6"}}),
    Reply(MESSAGE, {"success": False, "numberExists": False, "error": "xqz instance not connected"}),
    Reply(MESSAGE, {"status": 400, "error": "Bad Request", "response": {"message": [ABSENT]}}, 400),
    Reply(MESSAGE, {"status": 404, "response": {"message": [ABSENT]}}, 404),
    Reply(LANE, {"error": "xqz", "exists": False, "session": "x"}, 404),
    # statuses
    Reply(MESSAGE, {"error": "number is not on WhatsApp"}, 404),
    Reply(LANE, {"message": "Not Found"}, 404),
    Reply(LANE, "", 404),
    Reply(LANE, {"status": 404, "response": {"message": ['The "shop" instance does not exist']}}, 404),
    Reply(LANE, {"message": "Gone"}, 410),
    Reply(LANE, "", 402),
    Reply(LANE, "xqz", 466),
    Reply(LANE, "<html><body>Bad Request</body></html>", 400),
    Reply(LANE, "\n <!DOCTYPE html><html>x", 422),
    Reply(LANE, "xqz", 409, PAGE),
    Reply(MESSAGE, "Invalid number", 400, PAGE),
    Reply(MESSAGE, "<html>413</html>", 413, PAGE),
    Reply(SLOW, "<html>429</html>", 429, PAGE),
    Reply(WAITS, {"message": "Too many messages to this recipient"}, 429),
    Reply(WAITS, "", 425),
    Reply(DOUBT, {"message": "instance not connected"}, 503),
    Reply(DOUBT, {"message": "Service temporarily unavailable"}, 503),
    Reply(DOUBT, "", 503, {"Retry-After": "soon"}),
    Reply(DOUBT, {"message": "timed out"}, 503, {"Retry-After": "3"}),
    Reply(DOUBT, "<html>", 503, {"Retry-After": "3"}),
    Reply(DOUBT, "Service Unavailable", 503, {"Retry-After": "3", **PAGE}),
    Reply(DOUBT, "Service Unavailable " * 50, 503, {"Retry-After": "3"}),
    Reply(DOUBT, "Error 503 Backend fetch failed", 503, {"Retry-After": "5"}),
    Reply(SLOW, "Service Unavailable", 503, {"Retry-After": "3"}),
    Reply(SLOW, {"message": "xqz"}, 503, {"Retry-After": "3"}),
    Reply(DOUBT, {"success": True}, 503, {"Retry-After": "3"}),
    Reply(DOUBT, {"success": True, "message": "queued, slow down"}, 429),
    Reply(DOUBT, {"error": False, "message": "slow down"}, 429),
    Reply(DOUBT, {"sent": True}, 425),
    Reply(DOUBT, {"ok": True}, 404),
    *(Reply(DOUBT, {"error": "xqz, message queued"}, status) for status in (401, 402, 403, 404, 413, 425, 429, 466)),
    Reply(SLOW, {"error": "xqz, message queue is full"}, 429),
    Reply(SLOW, "", 503, {"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}),
    Reply(SLOW, {"message": "Server is too busy"}, 503),
    Reply(SLOW, {"message": "Down for maintenance"}, 503),
    Reply(DOUBT, "", 408, {"Retry-After": "3"}),
    *(Reply(DOUBT, {"message": "instance not connected"}, status) for status in (500, 502, 504, 524)),
    # codes
    Reply(DOUBT, {"status": "1005", "message": "xqz zz"}),
    Reply(DOUBT, {"status": "1005", "id": "7", "message": "xqz zz"}),
    Reply(MESSAGE, {"status": "1006", "message": "Number not on WhatsApp"}),
    Reply(LANE, {"code": "INSTANCE_NOT_CONNECTED", "status": "error", "message": "xqz"}),
    Reply(LANE, {"code": 402, "message": "xqz"}),
    Reply(LANE, {"statusCode": 401, "message": "xqz"}, 400),
    Reply(MESSAGE, {"code": 413, "message": "xqz"}),
    Reply(UNRECOGNISED, {"status": 404, "message": "xqz"}),
    # words without any flag decide only where a flag is there and cannot be read, or where they report a failure
    Reply(LANE, {"message": "Error: instance not connected"}),
    Reply(DOUBT, {"message": "instance not connected"}),
    Reply(DOUBT, {"message": ECHO}),
    # refusals that nothing is known of
    *(Reply(UNRECOGNISED, {"status": word, "message": "xqz"}) for word in ("error", "failed", "fatal", "gagal", 400)),
    *(Reply(UNRECOGNISED, body, 400) for body in ("", "xqz", {"xqz": 1}, {"message": "xqz zqk"})),
    Reply(UNRECOGNISED, "", 400, PAGE),
    Reply(UNRECOGNISED, {"message": "xqz"}, 400, PAGE),
    Reply(UNRECOGNISED, {"message": "invalid data", "errors": {"phone": ["The phone field is required."]}}, 422),
    Reply(MESSAGE, {"message": "xqz", "errors": {"phone": ["is invalid"]}}, 422),
]


@pytest.mark.parametrize("reply", REPLIES, ids=[f"{reply.status} {reply.body}"[:80] for reply in REPLIES])
def test_replies_are_trouble_for_whom_they_should_be(reply: Reply) -> None:
    assert means(classify(reply.status, reply.body, reply.headers), reply.want)


def refusals(text: str) -> list[tuple[int, Any]]:
    """The same words in the shapes of several gateways."""
    return [
        (200, {"status": False, "message": text}),
        (200, {"success": False, "error": text}),
        (200, {"error": {"code": "E1", "message": text}}),
        (200, {"sent": "false", "data": {"reason": text}}),
        (400, {"error": text}),
        (400, {"statusCode": 400, "error": "Bad Request", "message": [text]}),
        (422, {"errors": [text]}),
        (400, text),
    ]


@pytest.mark.parametrize("want", TEXTS)
def test_a_refusal_is_read_for_whom_it_speaks_of_in_many_languages(want: str) -> None:
    misread = [
        (text, status, body)
        for text in TEXTS[want]
        for status, body in refusals(text)
        if not means(classify(status, body), want)
    ]
    assert misread == []


@pytest.mark.parametrize("text", DOUBTS["kept"])
def test_what_is_kept_for_later_or_lost_sight_of_is_never_read_as_refused(text: str) -> None:
    misread = [body for status, body in refusals(text) if not means(classify(status, body), DOUBT)]
    assert misread == []
    assert classify(429, {"error": text}).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("text", DOUBTS["refused"])
def test_words_of_waiting_that_speak_of_something_else_leave_no_doubt(text: str) -> None:
    outcomes = {classify(status, body).outcome for status, body in refusals(text)}
    assert not outcomes & {Outcome.UNKNOWN, Outcome.ACCEPTED}


REFUSALS = [
    (status, body)
    for want in (MESSAGE, WAITS, LANE, SLOW, UNRECOGNISED)
    for text in TEXTS[want]
    for status, body in refusals(text)
]


@settings(max_examples=300, deadline=None)
@given(refusal=st.sampled_from(REFUSALS), kept=st.sampled_from(DOUBTS["kept"]))
def test_words_of_waiting_beside_a_refusal_make_it_unknown_and_never_accepted(refusal: Any, kept: str) -> None:
    status, body = refusal
    content = f"{body}. {kept}" if isinstance(body, str) else {**body, "info": kept}
    assert classify(status, content).outcome is Outcome.UNKNOWN


@settings(max_examples=300, deadline=None)
@given(
    text=st.sampled_from([text for want in (MESSAGE, WAITS, LANE, SLOW) for text in TEXTS[want]]),
    kept=st.sampled_from(DOUBTS["kept"]),
    flag=st.sampled_from(["success", "sent", "ok"]),
)
def test_words_of_waiting_resolve_no_contradiction(text: str, kept: str, flag: str) -> None:
    assert classify(200, {flag: False, "message": f"{text}. {kept}"}).outcome is Outcome.UNKNOWN
    assert classify(429, {flag: True, "message": f"{text}. {kept}"}).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("want", [MESSAGE, WAITS, LANE, SLOW])
def test_a_flag_of_success_beside_the_text_of_a_failure_is_unknown(want: str) -> None:
    for text in TEXTS[want]:
        assert means(classify(200, {"success": True, "message": text}), DOUBT), text
        assert means(classify(200, {"status": "success", "response": f"ERROR: {text}"}), DOUBT), text


MACHINE_WORDS = {"true", "false", "error", "success", "pending"}


def without_words(value: Any) -> Any:
    """`value` with every human word in a language that nobody speaks, and all that is for machines as it was."""
    if isinstance(value, dict):
        return {name: without_words(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [without_words(inner) for inner in value]
    if not isinstance(value, str) or value.lower() in MACHINE_WORDS or re.fullmatch(r"\S*[\d@_]\S*", value):
        return value
    return re.sub(r"(?<![<\w/])[^\W\d_]+(?![\w>])", lambda word: "zx" + "qv" * (len(word[0]) // 3), value)


def test_words_are_replaced_and_nothing_else() -> None:
    row = {"status": "error", "id": "true_62811@c.us", "message": "Phone is not ok", "page": "<h1>Not Found</h1>"}
    gone = {"status": "error", "id": "true_62811@c.us", "message": "zxqv zx zxqv zx", "page": "<h1>zxqv zxqv</h1>"}
    assert without_words(row) == gone


@pytest.mark.parametrize("row", FIELD.values(), ids=FIELD)
def test_a_reply_in_a_language_of_nobody_is_never_taken_for_the_opposite(row: dict[str, Any]) -> None:
    verdict = classify(row["status"], without_words(row["body"]))
    if row["want"] == SENT:
        assert means(verdict, SENT)
    elif row["want"] == DOUBT:
        assert verdict.outcome is Outcome.UNKNOWN
    elif row["status"] in (402, 404, 405, 415, 466):
        assert means(verdict, LANE)
    elif "exists" in json.dumps(row["body"]):
        assert means(verdict, MESSAGE)
    else:
        flags = json.dumps(row["body"])
        says_no = row["status"] >= 400 or '"error"' in flags or ": false" in flags
        assert means(verdict, UNRECOGNISED if says_no and ': "success"' not in flags else DOUBT)
