"""The six endpoints, exactly as the API page describes them: anything else is refused."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Annotated, Generic, Literal, TypeVar
from urllib.parse import parse_qsl, urlsplit

import msgspec
from msgspec import Meta

from broadcaster.simulator.http1 import Request

Wire = Literal["json", "form"]

_WIRE_OF_CONTENT_TYPE: dict[str, Wire] = {
    "application/json": "json",
    "application/x-www-form-urlencoded": "form",
}

Key = Annotated[str, Meta(min_length=1)]
Phone = Annotated[str, Meta(pattern=r"^[1-9][0-9]{6,14}\Z")]
Text = Annotated[str, Meta(min_length=1)]
Limit = Annotated[int, Meta(ge=1)]


class RefusedError(Exception):
    """The request breaks the rules of the API page. `status` is the HTTP status of the reply."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class SentContent(msgspec.Struct, frozen=True):
    """What a sending call delivers. `sha256` is the hash of the text (UTF-8), the decoded file or the URL."""

    sha256: str
    body: str = ""
    caption: str = ""
    filename: str = ""
    url: str = ""


class Send(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`/wa/send`: a text."""

    key: Key
    phone: Phone
    body: Text

    def content(self) -> SentContent:
        return SentContent(_sha256(self.body.encode()), body=self.body)


class SendFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`/wa/sendfile`: a file, in base64."""

    key: Key
    phone: Phone
    body: Text
    filename: Text
    caption: str = ""

    def content(self) -> SentContent:
        try:
            file = base64.b64decode(self.body, validate=True)
        except (binascii.Error, ValueError):
            raise RefusedError(400, "body is not valid base64") from None
        return SentContent(_sha256(file), caption=self.caption, filename=self.filename)


class SendFileUrl(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`/wa/sendfileurl`: a file that the gateway fetches."""

    key: Key
    phone: Phone
    url: Text
    caption: str = ""

    def content(self) -> SentContent:
        try:
            parts = urlsplit(self.url)
        except ValueError:
            raise RefusedError(400, "url is malformed") from None
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            raise RefusedError(400, "url must start with http:// or https://")
        return SentContent(_sha256(self.url.encode()), caption=self.caption, url=self.url)


class Chats(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`/wa/chats`: the newest chats."""

    key: Key
    limit: Limit = 100


class Messages(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`/wa/messages`: the newest messages of one chat."""

    key: Key
    phone: Phone
    limit: Limit = 100


class Contacts(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`/wa/contacts`: all contacts."""

    key: Key


Sending = Send | SendFile | SendFileUrl
Reading = Chats | Messages | Contacts

SENDING_ENDPOINTS: dict[str, type[Sending]] = {
    "/wa/send": Send,
    "/wa/sendfile": SendFile,
    "/wa/sendfileurl": SendFileUrl,
}
READING_ENDPOINTS: dict[str, type[Reading]] = {
    "/wa/chats": Chats,
    "/wa/messages": Messages,
    "/wa/contacts": Contacts,
}
ENDPOINTS: dict[str, type[Sending | Reading]] = {**SENDING_ENDPOINTS, **READING_ENDPOINTS}


class Call(msgspec.Struct, frozen=True):
    """One request, understood. `content` is None for the reading endpoints."""

    endpoint: str
    wire: Wire
    fields: Sending | Reading
    content: SentContent | None

    @property
    def phone(self) -> str:
        """The phone, or an empty string where the endpoint takes none."""
        return "" if isinstance(self.fields, Chats | Contacts) else self.fields.phone


_Fields = TypeVar("_Fields")


class _Envelope(msgspec.Struct, Generic[_Fields], forbid_unknown_fields=True, frozen=True):
    """The JSON text in the form field `data`."""

    method: Literal["POST"]
    params: _Fields


_JSON_DECODERS = {path: msgspec.json.Decoder(fields) for path, fields in ENDPOINTS.items()}
_FORM_DECODERS = {
    path: msgspec.json.Decoder(_Envelope[fields])  # type: ignore[valid-type]  # a type made at run time
    for path, fields in ENDPOINTS.items()
}


def read(request: Request) -> Call:
    """Understand a request. Raises RefusedError with what the client did wrong."""
    endpoint = request.head.path
    if endpoint not in ENDPOINTS:
        raise RefusedError(404, f"no such endpoint: {endpoint}")
    if request.head.method != "POST":
        raise RefusedError(405, f"{endpoint} takes POST only")
    if request.head.query:
        raise RefusedError(400, "parameters go into the body, not into the URL")
    content_type = request.head.headers.get("content-type", "").partition(";")[0].strip().lower()
    wire = _WIRE_OF_CONTENT_TYPE.get(content_type)
    if wire is None:
        raise RefusedError(415, f"Content-Type must be one of {', '.join(_WIRE_OF_CONTENT_TYPE)}")
    try:
        if wire == "json":
            fields = _JSON_DECODERS[endpoint].decode(request.body)
        else:
            fields = _FORM_DECODERS[endpoint].decode(_form_data(request.body)).params
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RefusedError(400, _explain(error)) from None
    content = None if isinstance(fields, Reading) else fields.content()
    return Call(endpoint, wire, fields, content)


def _form_data(body: bytes) -> str:
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=2
        )
    except ValueError:
        raise RefusedError(400, "the form is malformed") from None
    if [name for name, _ in pairs] != ["data"]:
        raise RefusedError(400, "the form must have exactly one field: data")
    return pairs[0][1]


def _explain(error: Exception) -> str:
    text = str(error)
    if "matching regex" in text:
        return "phone must be 7 to 15 digits, starting with the country code, without + or 00"
    return text


def _sha256(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()
