"""What a proof of a campaign is made of: lines of JSON, each of which covers all before it. Pure.

docs/proofs.md describes the format for whoever reads or checks it with another program.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Annotated, Final, Literal

import msgspec

from broadcaster.domain.content_kinds import ContentKind
from broadcaster.domain.contents import MessageContent
from broadcaster.domain.masking import without_numbers
from broadcaster.domain.outcomes import Outcome
from broadcaster.domain.states import CampaignState, MessageState

FORMAT: Final = "broadcaster proof"
VERSION: Final = 1
BEGINNING = "0" * 64
"""What stands for the link of the line before the first one."""
LONGEST_LINE = 16 * 1024 * 1024
"""Bytes. A message may have some 32,000 attempts, of about 400 bytes each."""

_MARK = b',"chain":"'
_END = b'"}\n'
_LINKED = len(_MARK) + len(BEGINNING) + len(_END)
"""Bytes at the end of a line."""
_SIGNED = re.compile(rb'\{"signature":"(?P<signature>[0-9a-f]{128})"\}\n')
_encode = msgspec.json.Encoder().encode
_without_numbers = lru_cache(maxsize=4096)(without_numbers)
_NO_OFFSET = timedelta(0)
Count = Annotated[int, msgspec.Meta(ge=0)]


def _require_utc(*moments: datetime | None) -> None:
    """Raises ValueError, which msgspec tells with its place, for a moment that is not in UTC."""
    if any(moment is not None and moment.utcoffset() != _NO_OFFSET for moment in moments):
        raise ValueError("a moment is not in UTC")


class ContentDigest(msgspec.Struct, frozen=True, omit_defaults=True):
    """A version of what the campaign sent. `sha256` is of the text's template, the URL's, or the file's bytes."""

    version: Count
    kind: ContentKind
    sha256: str
    since: datetime
    caption_sha256: str | None = None
    filename_sha256: str | None = None

    def __post_init__(self) -> None:
        _require_utc(self.since)


class Remains(msgspec.Struct, frozen=True):
    """What is left of a campaign whose messages are deleted: how many there were, counted when they went."""

    purged_at: datetime
    messages: Mapping[MessageState, Count]
    attempts: Mapping[Outcome, Count]
    doubts: Mapping[str, Count]
    """By what was concluded."""
    accepted_more_than_once: Count

    def __post_init__(self) -> None:
        _require_utc(self.purged_at)


class ProofHeader(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The first line: of which campaign, as of when, and how many of its messages came to what."""

    format: Literal["broadcaster proof"]
    version: Literal[1]
    written_by: str
    """The program and its version."""
    campaign: str
    state: CampaignState
    as_of: datetime
    """When the rows were read, by the database's clock."""
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime
    recipients_read: Count
    recipients_rejected: Count
    total: Count
    messages: Mapping[MessageState, Count]
    """By state, as the counters have them: those of `total`."""
    contents: Sequence[ContentDigest]
    phones: Literal["hashed", "clear"]
    key_sha256: str | None = None
    """By which the key of the hashes is known; None: phones are in the clear."""
    public_key: str
    """In hex."""
    remains: Remains | None = None
    """Set where its messages are deleted, so that no record follows."""

    def __post_init__(self) -> None:
        _require_utc(self.as_of, self.created_at, self.started_at, self.finished_at)


class AttemptRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """One request. `request` and `reply` are digests; None: there was no reply, or what it takes is forgotten."""

    attempt: Count
    outcome: Outcome
    at: datetime
    """When its outcome was recorded."""
    reason: str
    content: Count
    """The version that it sent."""
    status: Count | None = None
    request: str | None = None
    reply: str | None = None
    doubt: str | None = None
    """What was concluded where it was in doubt."""

    def __post_init__(self) -> None:
        _require_utc(self.at)


class SettlementRecord(msgspec.Struct, frozen=True):
    """An operator decided about the message."""

    before: MessageState
    after: MessageState
    at: datetime

    def __post_init__(self) -> None:
        _require_utc(self.at)


class MessageRecord(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One recipient, and what the message came to. Without a phone: that person was forgotten."""

    record: Count
    """From 1, without a gap."""
    seq: Count
    phone: str | None = None
    """Hashed or in the clear."""
    instance: str
    state: MessageState
    at: datetime
    """Since when it is in this state."""
    reason: str | None = None
    gateway_id: str | None = None
    """Hashed where the phones are: it may have the number in it."""
    attempts: Sequence[AttemptRecord] = ()
    settlements: Sequence[SettlementRecord] = ()

    def __post_init__(self) -> None:
        _require_utc(self.at)


class Digests:
    """How what is personal is written: by hashes under a key of this proof, or else as it is."""

    def __init__(self, key: bytes | None) -> None:
        """`key` has 64 bytes at most; None: nothing is hashed."""
        self._key = key
        # HMAC (RFC 2104) with the key worked in once: `hmac.digest` does so each time, and takes three times as long.
        block = (key or b"").ljust(64, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    @property
    def key_sha256(self) -> str | None:
        """What the key is known by."""
        return None if self._key is None else hashlib.sha256(self._key).hexdigest()

    def hidden(self, value: str | None) -> str | None:
        """A phone (E.164 digits) or an id, or its hash."""
        return value if value is None or self._key is None else self.digest(value.encode())

    def digest(self, value: bytes) -> str:
        """HMAC-SHA-256 under the key, or SHA-256 where there is none: short texts could be guessed by that one."""
        if self._key is None:
            return hashlib.sha256(value).hexdigest()
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(value)
        outer.update(inner.digest())
        return outer.hexdigest()

    def reason(self, text: str | None) -> str | None:
        """Words of a gateway or an operator; without whatever may be a number where phones are hashed."""
        return text if text is None or self._key is None else _without_numbers(text)


def request_text(phone: str, content: MessageContent, file_sha256: str | None) -> bytes:
    """What a request said, as JSON in UTF-8 with sorted names and without blanks: what is sent but for the key.

    The names are those of the gateway's API. Of a file `body` has the SHA-256, in hex.
    """
    body = content.text if content.text is not None else file_sha256 if content.url is None else None
    fields = {
        "body": body,
        "caption": content.caption,
        "filename": content.filename,
        "phone": phone,
        "url": content.url,
    }
    return _encode({name: value for name, value in fields.items() if value is not None})


class Chain:
    """Makes the lines of a proof, one after the other."""

    def __init__(self) -> None:
        self.link = BEGINNING
        """Of the latest line, in hex: SHA-256 of the link before it and of its own bytes up to its link."""

    def line(self, document: ProofHeader | MessageRecord) -> bytes:
        """The document with its link, as it is written."""
        said = said_of(document)
        self.link = link_of(self.link, said)
        return said + _MARK + self.link.encode() + _END


def said_of(document: ProofHeader | MessageRecord) -> bytes:
    """What its line says up to the link: the one way in which it is written."""
    return _encode(document)[:-1]


def link_of(before: str, said: bytes) -> str:
    """The link of a line that says this, after a line with the link `before`."""
    return hashlib.sha256(before.encode() + said).hexdigest()


def split_line(line: bytes) -> tuple[bytes, str] | None:
    """What a line says up to its link, and the link; None: it is no such line."""
    end = len(line) - _LINKED
    link = line[end + len(_MARK) : -len(_END)]
    if end < 0 or line != line[:end] + _MARK + link + _END:
        return None
    return line[:end], link.decode("ascii", "replace")


def signed_text(link: str) -> bytes:
    """What is signed of a proof whose last line has this link."""
    return f"{FORMAT} {VERSION} {link}".encode()


def signature_line(signature: bytes) -> bytes:
    """The last line."""
    return b'{"signature":"' + signature.hex().encode() + b'"}\n'


def read_signature(line: bytes) -> bytes | None:
    """The signature in a last line; None: it is none."""
    found = _SIGNED.fullmatch(line)
    return None if found is None else bytes.fromhex(found["signature"].decode())
