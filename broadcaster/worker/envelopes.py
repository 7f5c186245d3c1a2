"""Which messages a worker accepts from Redis: our own wake-ups, and questions about the worker. Pure.

Whoever can write to Redis can put anything into a queue, and Celery and kombu trust it. A message without properties
ends a worker; others stay unacknowledged and use up its prefetch. So each message is checked before they see it, and
dropped unless it is exactly what we publish. That loses nothing: a wake-up is published again in a second (I6). The
fields are those of Celery's message protocol 2, in kombu's envelope for transports without headers.
"""

from __future__ import annotations

from base64 import b64decode
from typing import Annotated, Any, Literal

import msgspec

from broadcaster.worker.app import (
    DELIVER,
    DISPATCH,
    LIFECYCLE,
    NOTICES,
    OCCURRENCE,
    PURGE,
    READ_BACK,
    READ_REPLIES,
    RECONCILE,
    RECOVER,
    SCHEDULES,
    SEND,
)

QUESTIONS = frozenset(
    {"active", "active_queues", "clock", "conf", "ping", "registered", "report", "reserved", "revoked", "scheduled"}
    | {"stats"}
)
"""Remote control commands that only ask something."""
NO_ALARM = "it asks for events, which are published anyway"
"""Why commands are dropped that Flower gives when it connects, and would change nothing."""
_ASK_FOR_EVENTS = frozenset({"enable_events", "heartbeat"})
CONTROL_QUEUE = ".pidbox"
"""The ending of the names of remote control queues."""
_LONGEST = 4 << 20
"""The most characters of a body. MOST_LANES_A_TASK lane ids take a few thousand."""

_Name = Annotated[str, msgspec.Meta(max_length=255, pattern=r"^[^\x00-\x1f\x7f]*\Z")]
_Id = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
_Lanes = Annotated[list[_Id], msgspec.Meta(max_length=10_000)]


class _Headers(msgspec.Struct):
    task: str
    id: _Name
    root_id: _Name | None = None
    parent_id: _Name | None = None
    group: None = None
    eta: None = None
    expires: None = None
    retries: Literal[0] | None = None
    timelimit: tuple[None, None] | None = None
    shadow: None = None
    argsrepr: str | None = None
    kwargsrepr: str | None = None
    origin: _Name | None = None
    replaced_task_nesting: Literal[0] = 0
    stamped_headers: None = None
    stamps: dict[str, None] | None = None


class _Properties(msgspec.Struct):
    delivery_tag: _Name
    delivery_info: dict[str, Any]
    body_encoding: Literal["base64"]
    correlation_id: _Name | None = None
    reply_to: _Name | None = None
    priority: Annotated[int, msgspec.Meta(ge=0, le=9)] | None = 0


class _Envelope(msgspec.Struct, rename="kebab"):
    body: Annotated[str, msgspec.Meta(min_length=1, max_length=_LONGEST)]
    content_type: Literal["application/json"]
    content_encoding: Literal["utf-8"]
    properties: _Properties
    headers: dict[str, Any]


class _Embedded(msgspec.Struct, forbid_unknown_fields=True):
    """The tasks that may follow a task. Nothing follows ours."""

    callbacks: None = None
    errbacks: None = None
    chain: None = None
    chord: None = None


_NO_NAMES = dict[str, msgspec.UnsetType]
_WITHOUT = msgspec.json.Decoder(tuple[tuple[()], _NO_NAMES, _Embedded])
_BODIES: dict[str, msgspec.json.Decoder[Any]] = {
    **dict.fromkeys(
        (DISPATCH, LIFECYCLE, RECOVER, RECONCILE, SCHEDULES, NOTICES, READ_BACK, READ_REPLIES, PURGE), _WITHOUT
    ),
    SEND: msgspec.json.Decoder(tuple[tuple[_Lanes], _NO_NAMES, _Embedded]),
    DELIVER: msgspec.json.Decoder(tuple[tuple[_Id], _NO_NAMES, _Embedded]),
    OCCURRENCE: msgspec.json.Decoder(tuple[tuple[_Name, _Name], _NO_NAMES, _Embedded]),
}


class _Asker(msgspec.Struct):
    exchange: _Name
    routing_key: _Name


class _Question(msgspec.Struct):
    method: str
    arguments: dict[str, Any] | None = None
    destination: list[_Name] | None = None
    pattern: None = None
    matcher: None = None
    reply_to: _Asker | None = None
    ticket: _Name | None = None


def fault(message: object, queue: str) -> str | None:
    """Why this worker does not accept a message from `queue`; None: it does."""
    try:
        envelope = msgspec.convert(message, _Envelope)
        body = b64decode(envelope.body, validate=True)
        if queue.endswith(CONTROL_QUEUE):
            method = msgspec.json.decode(body, type=_Question).method
            if method in _ASK_FOR_EVENTS:
                return NO_ALARM
            return None if method in QUESTIONS else "it is a command"
        headers = msgspec.convert(envelope.headers, _Headers)
        if headers.task not in _BODIES:
            return "there is no such task"
        _BODIES[headers.task].decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        return type(error).__name__
    return None
