"""What a reply to a send comes to: rows of status + headers + body → outcome + health."""

from __future__ import annotations

import json
import time
from typing import NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from broadcaster.domain.outcomes import Outcome, Verdict
from broadcaster.domain.states import LaneHealth
from broadcaster.gateway import DEFAULT_RULES, classify_response
from broadcaster.gateway.redaction import Redactor

ACCEPTED, REJECTED, THROTTLED = Outcome.ACCEPTED, Outcome.REJECTED, Outcome.THROTTLED
NOT_SENT, UNKNOWN = Outcome.NOT_SENT, Outcome.UNKNOWN
OK, DOWN, REFUSED, SLOW = LaneHealth.OK, LaneHealth.DOWN, LaneHealth.REFUSED, LaneHealth.THROTTLED
KEY = "s3cret/key+1"


def classify(status: int, body: bytes | str = b"", headers: dict[str, str] | None = None) -> Verdict:
    content = body.encode() if isinstance(body, str) else body
    return classify_response(status, headers or {}, content, Redactor(KEY), DEFAULT_RULES)


class Reply(NamedTuple):
    status: int
    body: str
    outcome: Outcome
    health: LaneHealth | None


SUCCESSES = [
    '{"success":true}',
    '{"status":"success","message":"Message queued"}',
    '{"status":"ok"}',
    '{"status":"queued","queueNumber":4}',
    '{"status":"true"}',
    '{"status":1}',
    '{"status":"1"}',
    '{"sent":true,"message":"Sent to 49151","id":"true_49151@c.us_3EB0"}',
    '{"sent":"true"}',
    '{"ok":true,"result":{"message_id":7}}',
    '{"result":"success"}',
    '{"queued":true}',
    '{"error":false,"message":"done"}',
    '{"error":0}',
    '{"errors":[],"error":"","success":true}',
    '{"error":null,"success":true}',
    '{"error":"none","status":"sent"}',
    '{"data":{"status":"success","id":"x"}}',
    '{"response":{"sent":true}}',
    '[{"status":"success"}]',
    '{"messages":[{"id":"wamid.1","message_status":"accepted"}]}',
    '{"key":{"remoteJid":"49151@s.whatsapp.net","fromMe":true,"id":"3EB0"}}',
    '{"messageId":"3EB0"}',
    '{"code":200,"message":"Message added"}',
    '{"status":200,"message":"Message added"}',
    '{"Success":true}',
    '{"status":"success","message":"Daily limit: 20 of 1000 used"}',
    '\ufeff{"success":true}',
    ' \n{"success":true}\n',
]

TABLE = [
    *(Reply(200, body, ACCEPTED, OK) for body in SUCCESSES),
    Reply(201, '{"success":true}', ACCEPTED, OK),
    Reply(202, '{"status":"queued"}', ACCEPTED, OK),
    # 2xx: the instance is down
    Reply(200, '{"status":"error","message":"Instance is not running"}', NOT_SENT, DOWN),
    Reply(200, '{"success":false,"error":"NOT_RUNNING"}', NOT_SENT, DOWN),
    Reply(200, '{"sent":false,"message":"WhatsApp disconnected"}', NOT_SENT, DOWN),
    Reply(200, '{"error":"You are logged out"}', NOT_SENT, DOWN),
    Reply(200, '{"error":"Logout"}', NOT_SENT, DOWN),
    Reply(200, '{"ok":false,"reason":"please scan the QR code"}', NOT_SENT, DOWN),
    Reply(200, '{"status":"disconnected"}', NOT_SENT, DOWN),
    Reply(200, '{"status":"error","data":{"message":"session closed"}}', NOT_SENT, DOWN),
    # 2xx: the key is refused
    Reply(200, '{"error":"Invalid key"}', NOT_SENT, REFUSED),
    Reply(200, '{"status":false,"message":"Wrong key"}', NOT_SENT, REFUSED),
    Reply(200, '{"status":"error","message":"The API key is invalid"}', NOT_SENT, REFUSED),
    Reply(200, '{"success":0,"msg":"Unauthorized"}', NOT_SENT, REFUSED),
    Reply(200, '{"status":"unauthorized"}', NOT_SENT, REFUSED),
    Reply(200, '{"error":{"code":401,"message":"nope"}}', NOT_SENT, REFUSED),
    Reply(200, '{"error":"your subscription has expired"}', NOT_SENT, REFUSED),
    # 2xx: the message is refused
    Reply(200, '{"sent":false,"message":"not registered on WhatsApp"}', REJECTED, OK),
    Reply(200, '{"success":false,"error":"invalid number"}', REJECTED, OK),
    Reply(200, '{"status":"failed","reason":"The phone number is not valid"}', REJECTED, OK),
    Reply(200, '{"status":"fail"}', REJECTED, OK),
    Reply(200, '{"success":false}', REJECTED, OK),
    Reply(200, '{"success":false,"code":200}', REJECTED, OK),
    Reply(200, '{"success":"false","message":"something odd"}', REJECTED, OK),
    Reply(200, '{"status":"0"}', REJECTED, OK),
    Reply(200, '{"error":true}', REJECTED, OK),
    Reply(200, '{"error":"who knows"}', REJECTED, OK),
    Reply(200, '{"errors":["first","second"]}', REJECTED, OK),
    Reply(200, '{"error":{"code":"E1"}}', REJECTED, OK),
    Reply(200, '{"error":"text exceeds the length limit"}', REJECTED, OK),
    Reply(200, '{"success":false,"id":"request-1"}', REJECTED, OK),
    # 2xx: not now
    Reply(200, '{"status":"error","message":"Too many requests"}', THROTTLED, SLOW),
    Reply(200, '{"error":"daily limit reached"}', THROTTLED, SLOW),
    Reply(200, '{"status":429,"message":"slow down"}', THROTTLED, SLOW),
    # 2xx: nobody can tell
    Reply(200, "", UNKNOWN, None),
    Reply(204, "", UNKNOWN, None),
    Reply(200, "OK", UNKNOWN, None),
    Reply(200, "<html>Welcome</html>", UNKNOWN, None),
    Reply(200, '{"success":tru', UNKNOWN, None),
    Reply(200, "{}", UNKNOWN, None),
    Reply(200, "[]", UNKNOWN, None),
    Reply(200, "true", UNKNOWN, None),
    Reply(200, '"ok"', UNKNOWN, None),
    Reply(200, '{"success":null}', UNKNOWN, None),
    Reply(200, '{"message":"Message queued"}', UNKNOWN, None),
    Reply(200, '{"message":"instance not running, will be sent later"}', UNKNOWN, None),
    Reply(200, '{"id":"request-1","message":"too many requests"}', UNKNOWN, None),
    Reply(200, '{"success":true,"error":"limit reached"}', UNKNOWN, None),
    Reply(200, '{"status":"success","data":{"sent":false}}', UNKNOWN, None),
    Reply(200, '{"status":500,"message":"internal error"}', UNKNOWN, None),
    Reply(200, '{"status":"error","message":"timed out waiting for the phone"}', UNKNOWN, None),
    Reply(200, "[" * 100_000, UNKNOWN, None),
    # by status
    Reply(300, "", UNKNOWN, None),
    Reply(301, "", UNKNOWN, None),
    Reply(302, '{"success":true}', UNKNOWN, None),
    Reply(303, "", UNKNOWN, None),
    Reply(304, "", UNKNOWN, None),
    Reply(307, "", NOT_SENT, DOWN),
    Reply(308, "", NOT_SENT, DOWN),
    Reply(400, "", REJECTED, OK),
    Reply(400, '{"error":"instance not running"}', NOT_SENT, DOWN),
    Reply(400, '{"error":"invalid phone"}', REJECTED, OK),
    Reply(400, "rate limit", THROTTLED, SLOW),
    Reply(401, "", NOT_SENT, REFUSED),
    Reply(403, "<h1>Forbidden</h1>", NOT_SENT, REFUSED),
    Reply(403, '{"error":"logged out"}', NOT_SENT, DOWN),
    Reply(404, "<html>no limit on this page</html>", NOT_SENT, DOWN),
    Reply(405, "", NOT_SENT, DOWN),
    Reply(408, "", UNKNOWN, None),
    Reply(413, "", REJECTED, OK),
    Reply(418, "", REJECTED, OK),
    Reply(422, '{"message":"not on whatsapp"}', REJECTED, OK),
    Reply(425, "", THROTTLED, None),
    Reply(429, '{"success":true}', UNKNOWN, None),
    Reply(500, '{"success":false,"error":"instance not running"}', UNKNOWN, None),
    Reply(501, "", UNKNOWN, None),
    Reply(502, "", UNKNOWN, None),
    Reply(503, '{"error":"invalid phone"}', UNKNOWN, None),
    Reply(504, "", UNKNOWN, None),
    *(Reply(status, "", UNKNOWN, None) for status in range(520, 531)),
    Reply(600, "", UNKNOWN, None),
    Reply(101, "", UNKNOWN, None),
]


@pytest.mark.parametrize("row", TABLE, ids=[f"{row.status} {row.body[:60]}" for row in TABLE])
def test_every_reply_comes_to_its_outcome(row: Reply) -> None:
    verdict = classify(row.status, row.body)
    assert (verdict.outcome, verdict.health) == (row.outcome, row.health)
    assert verdict.http_status == row.status
    assert verdict.reason


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"success":true,"id":"abc"}', "abc"),
        ('{"success":true,"id":12}', "12"),
        ('{"success":true,"messageId":"m","id":"request"}', "m"),
        ('{"success":true,"message_id":"m"}', "m"),
        ('{"success":true,"data":{"id":{"_serialized":"true_49@c.us_3E","id":"3E"}}}', "true_49@c.us_3E"),
        ('{"key":{"id":"3EB0"},"status":"PENDING"}', "3EB0"),
        ('{"success":true,"messageId":{"fromMe":true,"_serialized":"true_49@c.us_3E"}}', "true_49@c.us_3E"),
        ('{"success":true}', None),
        ('{"success":true,"id":null}', None),
        ('{"success":true,"id":"a\\u0000\\ud800b"}', "a\N{REPLACEMENT CHARACTER}?b"),
    ],
)
def test_the_gateways_id_of_the_message_is_kept(body: str, expected: str | None) -> None:
    verdict = classify(200, body)
    assert (verdict.outcome, verdict.gateway_id) == (ACCEPTED, expected)


@pytest.mark.parametrize("status", [425, 429, 503, 401, 404])
def test_retry_after_is_honoured_where_the_message_may_be_sent_again(status: int) -> None:
    assert classify(status, headers={"Retry-After": "17"}).retry_after == 17.0


@pytest.mark.parametrize("status", [200, 302, 400, 408, 500])
def test_retry_after_means_nothing_for_other_outcomes(status: int) -> None:
    assert classify(status, headers={"retry-after": "17"}).retry_after is None


def test_a_refusals_text_is_kept_as_the_reason() -> None:
    assert classify(200, '{"error":"Recipient blocked you"}').reason == "Recipient blocked you"
    assert classify(400, '{"message":"bad caption"}').reason == "HTTP 400: bad caption"
    assert classify(404, "<html>").reason == "HTTP 404: nothing answers there as a gateway: is the base URL right?"
    assert classify(200, '{"status":"error","message":"out of ink"}').reason == "out of ink"
    assert classify(200, '{"status":"disconnected"}').reason == "disconnected"
    assert classify(200, '{"status":"failed"}').reason == "the gateway refused it without a reason"


def test_the_raw_reply_is_kept_up_to_two_kilobytes() -> None:
    short = '{"success":true,"note":"ü"}'
    assert classify(200, short).reply == short
    kept = classify(200, "ü" * 5000).reply
    assert kept is not None
    assert kept == "ü" * 1024


def test_a_long_reason_is_cut() -> None:
    assert len(classify(200, json.dumps({"error": "x" * 5000})).reason) == 300


def test_no_form_of_the_key_is_kept() -> None:
    body = json.dumps({"error": f"invalid key {KEY}", "id": KEY, "messageId": KEY})
    verdict = classify(200, body)
    assert verdict.outcome is NOT_SENT
    assert "s3cret" not in repr(verdict)
    assert verdict.reason == "invalid key [key]"


def test_a_reply_that_is_not_utf8_or_holds_nul_can_be_stored() -> None:
    verdict = classify(200, b'{"status":"success","message":"Envi\xe9 \x00"}')
    assert verdict.reply == '{"status":"success","message":"Envi\ufffd \ufffd"}'
    assert classify(200, b'{"status":"success","message":"Envi\xe9"}').outcome is ACCEPTED


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["status", "success", "error", "errors", "message", "data", "id", "code", "result", "key"])
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(status=st.integers(100, 999), body=st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
@example(200, b'{"status":1e999}')
@example(200, b'{"status":-0.0,"code":123456789012345678901234567890}')
@example(200, b'{"error":' * 2000)
def test_no_reply_makes_classification_raise_or_keeps_what_cannot_be_stored(status: int, body: bytes) -> None:
    verdict = classify(status, body)
    for text in (verdict.reason, verdict.gateway_id or "", verdict.reply or ""):
        assert "\0" not in text
        text.encode("utf-8")
    assert len((verdict.reply or "").encode()) <= 2048


@pytest.mark.parametrize(
    "piece",
    [
        "scan ",
        "invalid ",
        "not ",
        "number ",
        "erro ",
        "9",
        "ﷺ ",
        "\\\\",
        "%5C",
        "%25",
        "s3cret",
        "key is ",
        "&#0",
        "[",
        '{"error":',
    ],
)
@pytest.mark.parametrize("status", [200, 400])
def test_no_reply_takes_long_to_read(status: int, piece: str) -> None:
    noise = piece * (64_000 // len(piece))
    redact = Redactor('\\%/ "&s3cret')
    for body in (noise, json.dumps({"error": noise, "id": noise})):
        began = time.process_time()
        classify_response(status, {}, body.encode(), redact, DEFAULT_RULES)
        assert time.process_time() - began < 1


@given(body=JSON.map(lambda value: json.dumps(value).encode()), status=st.integers(100, 199) | st.integers(300, 999))
def test_only_a_2xx_is_ever_accepted(status: int, body: bytes) -> None:
    assert classify(status, body).outcome is not ACCEPTED


@given(body=st.binary(max_size=100))
def test_what_is_not_json_is_never_accepted_nor_sent_again(body: bytes) -> None:
    try:
        json.loads(body)
    except ValueError:
        assert classify(200, body).outcome is UNKNOWN
