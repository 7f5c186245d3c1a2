"""The exact bytes of every method in both encodings, as a server would see them."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.gateway import EncodedFile, WAChatPro, Wire
from broadcaster.gateway.files import PIECE_BYTES
from broadcaster.gateway.wire import encode_call, encode_file_call

Call = Callable[[WAChatPro], Awaitable[Any]]
FILE = EncodedFile.from_bytes(b"\xfb\xff\xfe?")


class Row:
    def __init__(self, path: str, call: Call, fields: str, escaped: str) -> None:
        self.path, self.call, self.fields, self.escaped = path, call, fields, escaped


ROWS = {
    "send": Row(
        "/wa/send",
        lambda client: client.send("4915112345678", 'Hi "Zoë" & co + 1\n👋'),
        '{"key":"k/1","phone":"4915112345678","body":"Hi \\"Zoë\\" & co + 1\\n👋"}',
        "%7B%22key%22%3A%22k%2F1%22%2C%22phone%22%3A%224915112345678%22%2C%22body%22%3A%22"
        "Hi+%5C%22Zo%C3%AB%5C%22+%26+co+%2B+1%5Cn%F0%9F%91%8B%22%7D",
    ),
    "sendfile": Row(
        "/wa/sendfile",
        lambda client: client.send_file("49", FILE, "a b.png"),
        '{"key":"k/1","phone":"49","body":"+//+Pw==","filename":"a b.png"}',
        "%7B%22key%22%3A%22k%2F1%22%2C%22phone%22%3A%2249%22%2C%22body%22%3A%22%2B%2F%2F%2BPw%3D%3D%22%2C%22"
        "filename%22%3A%22a+b.png%22%7D",
    ),
    "sendfile with a caption": Row(
        "/wa/sendfile",
        lambda client: client.send_file("49", FILE, "a.png", ""),
        '{"key":"k/1","phone":"49","body":"+//+Pw==","filename":"a.png","caption":""}',
        "%7B%22key%22%3A%22k%2F1%22%2C%22phone%22%3A%2249%22%2C%22body%22%3A%22%2B%2F%2F%2BPw%3D%3D%22%2C%22"
        "filename%22%3A%22a.png%22%2C%22caption%22%3A%22%22%7D",
    ),
    "sendfileurl": Row(
        "/wa/sendfileurl",
        lambda client: client.send_file_url("49", "https://x.example/a?b=c&d"),
        '{"key":"k/1","phone":"49","url":"https://x.example/a?b=c&d"}',
        "%7B%22key%22%3A%22k%2F1%22%2C%22phone%22%3A%2249%22%2C%22url%22%3A%22"
        "https%3A%2F%2Fx.example%2Fa%3Fb%3Dc%26d%22%7D",
    ),
    "sendfileurl with a caption": Row(
        "/wa/sendfileurl",
        lambda client: client.send_file_url("49", "u", "c"),
        '{"key":"k/1","phone":"49","url":"u","caption":"c"}',
        "%7B%22key%22%3A%22k%2F1%22%2C%22phone%22%3A%2249%22%2C%22url%22%3A%22u%22%2C%22caption%22%3A%22c%22%7D",
    ),
    "chats": Row(
        "/wa/chats",
        lambda client: client.chats(),
        '{"key":"k/1","limit":100}',
        "%7B%22key%22%3A%22k%2F1%22%2C%22limit%22%3A100%7D",
    ),
    "messages": Row(
        "/wa/messages",
        lambda client: client.messages("49", 20),
        '{"key":"k/1","phone":"49","limit":20}',
        "%7B%22key%22%3A%22k%2F1%22%2C%22phone%22%3A%2249%22%2C%22limit%22%3A20%7D",
    ),
    "contacts": Row(
        "/wa/contacts",
        lambda client: client.contacts(),
        '{"key":"k/1"}',
        "%7B%22key%22%3A%22k%2F1%22%7D",
    ),
}


def request_of(row: Row, wire: Wire) -> httpx.Request:
    """The one request that the call makes."""
    seen: list[httpx.Request] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        await request.aread()
        seen.append(request)
        return httpx.Response(200, json={"success": True, "data": []})

    async def call() -> None:
        async with WAChatPro(
            "k/1", "http://gateway.test/", wire=wire, transport=httpx.MockTransport(answer)
        ) as client:
            await row.call(client)

    asyncio.run(call())
    (request,) = seen
    return request


@pytest.mark.parametrize("name", ROWS)
def test_json_is_the_flat_object(name: str) -> None:
    row = ROWS[name]
    request = request_of(row, Wire.JSON)
    assert (request.method, request.url.path) == ("POST", row.path)
    assert request.headers["content-type"] == "application/json"
    assert request.content.decode() == row.fields
    assert request.headers["content-length"] == str(len(request.content))
    assert "transfer-encoding" not in request.headers


@pytest.mark.parametrize("name", ROWS)
def test_form_is_one_field_that_holds_the_method_and_the_parameters(name: str) -> None:
    row = ROWS[name]
    request = request_of(row, Wire.FORM)
    assert (request.method, request.url.path) == ("POST", row.path)
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    expected = f"data=%7B%22method%22%3A%22POST%22%2C%22params%22%3A{row.escaped}%7D"
    assert request.content.decode("ascii") == expected
    assert request.headers["content-length"] == str(len(request.content))
    assert "transfer-encoding" not in request.headers


def test_an_encoding_given_by_its_value_is_that_encoding() -> None:
    as_text: Any = "json"
    assert request_of(ROWS["contacts"], as_text).content == b'{"key":"k/1"}'


def decoded(wire: Wire, body: bytes) -> Any:
    if wire is Wire.JSON:
        return json.loads(body)
    ((data,),) = parse_qs(body.decode("ascii"), strict_parsing=True, keep_blank_values=True).values()
    document = json.loads(data)
    assert document["method"] == "POST"
    return document["params"]


@pytest.mark.parametrize("wire", Wire)
@given(text=st.text(), key=st.text())
def test_any_text_arrives_as_it_was_written(wire: Wire, text: str, key: str) -> None:
    fields = {"key": key, "phone": "49", "body": text}
    assert decoded(wire, encode_call(wire, fields)) == fields


@pytest.mark.parametrize("wire", Wire)
@given(content=st.binary(), caption=st.text())
def test_any_file_arrives_as_it_was(wire: Wire, content: bytes, caption: str) -> None:
    pieces = encode_file_call(wire, {"key": "k"}, EncodedFile.from_bytes(content), {"caption": caption})
    fields = decoded(wire, b"".join(pieces))
    assert base64.b64decode(fields["body"], validate=True) == content
    assert fields["caption"] == caption


@pytest.mark.parametrize("wire", Wire)
def test_a_file_of_many_pieces_arrives_as_it_was(wire: Wire) -> None:
    content = bytes(range(256)) * (PIECE_BYTES // 64)
    pieces = encode_file_call(wire, {"key": "k"}, EncodedFile.from_bytes(content), {})
    assert len(pieces) > 4
    assert base64.b64decode(decoded(wire, b"".join(pieces))["body"]) == content


@pytest.mark.parametrize("wire", Wire)
def test_requests_share_the_pieces_of_a_file(wire: Wire) -> None:
    file = EncodedFile.from_bytes(bytes(1_000_000))
    first = encode_file_call(wire, {"key": "a"}, file, {})
    second = encode_file_call(wire, {"key": "b"}, file, {})
    assert all(one is other for one, other in zip(first[1:-1], second[1:-1], strict=True))


def test_a_file_knows_its_size_in_memory() -> None:
    file = EncodedFile.from_bytes(bytes(3000))
    assert file.size_in_memory == 4000
    assert file.is_prepared(Wire.JSON)
    assert not file.is_prepared(Wire.FORM)
    file.pieces(Wire.FORM)
    assert file.is_prepared(Wire.FORM)
    assert file.size_in_memory == 8000


def test_half_a_surrogate_pair_cannot_be_encoded() -> None:
    for wire in Wire:
        with pytest.raises(UnicodeEncodeError):
            encode_call(wire, {"body": "\ud83d"})
