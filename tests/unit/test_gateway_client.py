"""The client over canned replies: sends return verdicts, reads raise, keys stay secret."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from broadcaster.domain.outcomes import Outcome
from broadcaster.domain.states import LaneHealth
from broadcaster.errors import InputError
from broadcaster.gateway import BodyGate, EncodedFile, GatewayError, Reply, WAChatPro, Wire, read_rules
from broadcaster.gateway.client import LIST_REPLY_BYTES

KEY = "s3cret-key"
FILE = EncodedFile.from_bytes(b"data")

SENDS: dict[str, Callable[[WAChatPro], Awaitable[Any]]] = {
    "send": lambda client: client.send("49151", "text"),
    "sendfile": lambda client: client.send_file("49151", FILE, "a.png"),
    "sendfileurl": lambda client: client.send_file_url("49151", "https://x.example"),
}
READS: dict[str, Callable[[WAChatPro], Awaitable[Any]]] = {
    "chats": lambda client: client.chats(),
    "messages": lambda client: client.messages("49151"),
    "contacts": lambda client: client.contacts(),
}


def run(call: Callable[[WAChatPro], Awaitable[Any]], answer: httpx.Response | Exception, **options: Any) -> Any:
    def handle(_: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def scenario() -> Any:
        async with WAChatPro(KEY, "http://gateway.test", transport=httpx.MockTransport(handle), **options) as client:
            return await call(client)

    return asyncio.run(scenario())


@pytest.mark.parametrize("wire", Wire)
@pytest.mark.parametrize("method", SENDS)
def test_every_send_returns_the_gateways_verdict(method: str, wire: Wire) -> None:
    accepted = run(SENDS[method], httpx.Response(200, json={"sent": True, "id": "x"}), wire=wire)
    assert (accepted.outcome, accepted.gateway_id) == (Outcome.ACCEPTED, "x")
    throttled = run(SENDS[method], httpx.Response(429, headers={"retry-after": "9"}), wire=wire)
    assert (throttled.outcome, throttled.retry_after) == (Outcome.THROTTLED, 9.0)


@pytest.mark.parametrize("method", SENDS)
@pytest.mark.parametrize(
    ("failure", "outcome"),
    [
        (httpx.ConnectError("refused"), Outcome.NOT_SENT),
        (httpx.ReadTimeout("late"), Outcome.UNKNOWN),
        (RuntimeError("a bug in a transport"), Outcome.UNKNOWN),
    ],
)
def test_no_send_raises_for_trouble_on_the_way(method: str, failure: Exception, outcome: Outcome) -> None:
    assert run(SENDS[method], failure).outcome is outcome


def test_a_send_that_takes_too_long_is_unknown() -> None:
    class Never(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await asyncio.Event().wait()
            raise AssertionError

    async def scenario() -> Any:
        return await WAChatPro(KEY, transport=Never(), timeout=0.01).send("49", "x")

    assert asyncio.run(scenario()).outcome is Outcome.UNKNOWN


def test_cancelling_a_send_is_no_verdict() -> None:
    entered = asyncio.Event()

    class Never(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            entered.set()
            await asyncio.Event().wait()
            raise AssertionError

    async def scenario() -> None:
        task = asyncio.create_task(WAChatPro(KEY, transport=Never()).send("49", "x"))
        await entered.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scenario())


@pytest.mark.parametrize("method", ["send", "sendfile", "sendfileurl"])
def test_a_text_that_no_encoding_can_carry_is_rejected_without_a_request(method: str) -> None:
    calls: dict[str, Callable[[WAChatPro], Awaitable[Any]]] = {
        "send": lambda client: client.send("49", "\ud83d"),
        "sendfile": lambda client: client.send_file("49", FILE, "\ud83d.png"),
        "sendfileurl": lambda client: client.send_file_url("49", "u", "\ud83d"),
    }
    verdict = run(calls[method], AssertionError("a request was made"))
    assert (verdict.outcome, verdict.health) == (Outcome.REJECTED, None)


def test_an_instances_rules_are_applied() -> None:
    rules = read_rules({"texts": [{"pattern": "^ok$", "outcome": "accepted"}]})
    assert run(SENDS["send"], httpx.Response(200, text="OK"), rules=rules).outcome is Outcome.ACCEPTED


@pytest.mark.parametrize("method", READS)
def test_every_read_returns_one_item_for_each_of_the_gateways(method: str) -> None:
    items = [{"id": "4915112345678@c.us"}, None, 7, {"odd": []}]
    found = run(READS[method], httpx.Response(200, json={"status": "success", "data": items}))
    assert len(found) == len(items)
    assert found[0].phone == "4915112345678"


@pytest.mark.parametrize("method", READS)
def test_an_empty_list_is_empty(method: str) -> None:
    assert run(READS[method], httpx.Response(200, json={"data": []})) == []


@pytest.mark.parametrize("method", READS)
@pytest.mark.parametrize(
    ("answer", "outcome", "health"),
    [
        (httpx.ConnectError("refused"), Outcome.NOT_SENT, LaneHealth.DOWN),
        (httpx.ReadError("reset"), Outcome.UNKNOWN, None),
        (httpx.Response(401), Outcome.NOT_SENT, LaneHealth.REFUSED),
        (httpx.Response(404, json=[]), Outcome.NOT_SENT, LaneHealth.DOWN),
        (httpx.Response(429), Outcome.THROTTLED, LaneHealth.THROTTLED),
        (httpx.Response(500, json={"messages": []}), Outcome.UNKNOWN, None),
        (httpx.Response(302, json=[]), Outcome.UNKNOWN, None),
        (httpx.Response(200, json={"status": "error", "message": "not running", "messages": []}), Outcome.NOT_SENT,
         LaneHealth.DOWN),
        (httpx.Response(200, json={"data": {"success": False, "error": "oops", "messages": []}}), Outcome.REJECTED,
         LaneHealth.OK),
        (httpx.Response(200, json={"status": "success"}), Outcome.UNKNOWN, None),
        (httpx.Response(200, json={"status": "success", "messages": None}), Outcome.UNKNOWN, None),
        (httpx.Response(200, json={}), Outcome.UNKNOWN, None),
        (httpx.Response(200, text="no JSON"), Outcome.UNKNOWN, None),
        (httpx.Response(200, text="[" + " " * LIST_REPLY_BYTES + "]"), Outcome.UNKNOWN, None),
    ],
)  # fmt: skip
def test_a_read_that_shows_no_list_raises_rather_than_look_empty(
    method: str, answer: httpx.Response | Exception, outcome: Outcome, health: LaneHealth | None
) -> None:
    with pytest.raises(GatewayError) as caught:
        run(READS[method], answer)
    assert (caught.value.verdict.outcome, caught.value.verdict.health) == (outcome, health)
    assert str(caught.value) == f"{method}: {caught.value.verdict.reason}"


def test_a_message_that_failed_does_not_fail_the_list_that_it_is_in() -> None:
    items = [{"id": "x", "body": "Hi", "status": "FAILED", "error": "not delivered"}]
    for document in (items, {"messages": items}, {"success": True, "data": {"messages": items}}):
        (message,) = run(READS["messages"], httpx.Response(200, json=document))
        assert message.body == "Hi"


@pytest.mark.parametrize(("method", "most"), [("messages", 20_000), ("chats", 20_000), ("contacts", 150_000)])
def test_a_list_of_more_entries_than_there_are_is_unreadable(method: str, most: int) -> None:
    assert len(run(READS[method], httpx.Response(200, json=[0] * most))) == most
    with pytest.raises(GatewayError, match=f"^{method}: the reply lists more than {most:,} entries$") as caught:
        run(READS[method], httpx.Response(200, json=[0] * (most + 1)))
    assert (caught.value.verdict.outcome, caught.value.verdict.health) == (Outcome.UNKNOWN, None)


@pytest.mark.parametrize("method", READS)
def test_the_key_is_in_no_text_of_a_chat_a_contact_or_a_message(method: str) -> None:
    """What lists show is stored: names, ids of what was found in a chat, and what people write."""
    escaped = "".join(f"&#{ord(each)};" for each in KEY)
    texts = {"name": f"Ayu {KEY}", "caption": KEY[::-1], "filename": f"{KEY}.png", "type": escaped}
    listed = [{"id": f"true_4915112345678@c.us_{KEY}", "from": "4915112345678@c.us", "body": f"Hi {KEY}", **texts}]
    [entry] = run(READS[method], httpx.Response(200, json=listed))
    assert entry.id == "true_4915112345678@c.us_[key]"
    told = repr(entry)
    assert KEY not in told and KEY[::-1] not in told and escaped not in told
    if method == "messages":
        assert (entry.body, entry.kind) == ("Hi [key]", "[key]")
    else:
        assert entry.name == "Ayu [key]"


def test_what_a_message_says_is_kept_whole() -> None:
    """A chat is compared with what was sent."""
    long = "x" * 5_000
    listed = [{"id": "a", "body": long}, {"id": "b", "body": long + KEY + long}]
    bodies = [each.body for each in run(READS["messages"], httpx.Response(200, json=listed))]
    assert bodies == [long, f"{long}[key]{long}"]


def test_a_key_at_the_end_of_a_long_reason_is_not_cut_before_it_is_blanked_out() -> None:
    reason = run(SENDS["send"], httpx.ReadError("x" * 298 + KEY)).reason
    assert reason == "x" * 298 + "[k"


def test_the_key_is_in_no_repr_verdict_or_error() -> None:
    assert KEY not in repr(WAChatPro(KEY, transport=httpx.MockTransport(lambda _: httpx.Response(200))))
    assert KEY not in repr(run(SENDS["send"], httpx.ReadError(f"could not read {KEY}")))
    assert KEY not in repr(run(SENDS["send"], httpx.Response(400, json={"error": f"bad {KEY}", "id": KEY})))
    with pytest.raises(GatewayError) as caught:
        run(READS["chats"], httpx.Response(400, json={"error": f"bad {KEY}"}))
    assert KEY not in f"{caught.value!r} {caught.value} {caught.value.verdict}"
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "base_url",
    ["", "gateway.test", "ftp://gateway.test", "http://", "http://a:b@gateway.test", "http://gateway.test?x=1",
     "http://gateway.test/#x", "http://gateway.test:99999", "http://[::1"],
)  # fmt: skip
def test_an_unusable_base_url_is_refused_in_one_line_without_repeating_it(base_url: str) -> None:
    with pytest.raises(InputError, match="base URL: must be") as caught:
        WAChatPro(KEY, base_url)
    assert "a:b" not in str(caught.value)


@pytest.mark.parametrize("base_url", ["http://gateway.test/v1", "http://gateway.test/v1/"])
def test_a_base_url_may_have_a_path(base_url: str) -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        return httpx.Response(200, json=[])

    asyncio.run(WAChatPro(KEY, base_url, transport=httpx.MockTransport(answer)).chats())
    assert seen == ["http://gateway.test/v1/wa/chats"]


def test_a_shared_transport_stays_open() -> None:
    class Shared:
        closed = False

        async def post(
            self, url: str, content_type: str, body: object, *, within: float, limit: int, gate: BodyGate | None = None
        ) -> Reply:
            return Reply(200, {}, b'{"sent":true}', is_whole=True)

        async def aclose(self) -> None:
            self.closed = True

    async def scenario() -> Shared:
        transport = Shared()
        async with WAChatPro(KEY, transport=transport) as client:
            assert (await client.send("49", "x")).outcome is Outcome.ACCEPTED
        return transport

    assert not asyncio.run(scenario()).closed
