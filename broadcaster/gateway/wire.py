"""The bytes of a request: six methods, two encodings."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import quote_plus

import msgspec

from broadcaster.domain.instances import Wire
from broadcaster.gateway.files import EncodedFile

Fields = Mapping[str, str | int]
"""The parameters of one call, in the order of writing."""

Body = bytes | tuple[memoryview, ...]
"""A request body: whole, or in pieces that are sent in order under one Content-Length."""

CONTENT_TYPES = MappingProxyType(
    {
        Wire.JSON: "application/json",
        Wire.FORM: "application/x-www-form-urlencoded",
    }
)

_json = msgspec.json.Encoder()


def encode_call(wire: Wire, fields: Fields) -> bytes:
    """The body of a call.

    Raises UnicodeEncodeError for a text with half of a surrogate pair, which no encoding can carry.
    """
    if wire is Wire.JSON:
        return _json.encode(fields)
    return b"data=" + _percent(_json.encode({"method": "POST", "params": fields}))


def encode_file_call(wire: Wire, before: Fields, file: EncodedFile, after: Fields) -> tuple[memoryview, ...]:
    """The body of a call whose field `body`, between `before` and `after`, is a file in base64.

    All requests with the file share its pieces. Only the few bytes around them are made here. `before` must not be
    empty. Raises UnicodeEncodeError as `encode_call` does.
    """
    opening = _json.encode(before)[:-1] + b',"body":"'
    closing = b'"' + (b"," + _json.encode(after)[1:] if after else b"}")
    if wire is Wire.FORM:
        opening = b"data=" + _percent(b'{"method":"POST","params":' + opening)
        closing = _percent(closing + b"}")
    return (memoryview(opening), *file.pieces(wire), memoryview(closing))


def _percent(text: bytes) -> bytes:
    return quote_plus(text).encode("ascii")
