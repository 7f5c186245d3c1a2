"""What a worker takes from Redis."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kombu import Connection

from broadcaster.worker.app import DELIVER, DISPATCH, OCCURRENCE, READ_BACK, SEND, SENDS, TICKS, app
from broadcaster.worker.envelopes import QUESTIONS, fault

CONTROL = "worker-1@host.celery.pidbox"


def body(document: object) -> str:
    return b64encode(json.dumps(document).encode()).decode()


def envelope(**changes: Any) -> dict[str, Any]:
    """A wake-up, changed: `headers__eta` is the field eta of its headers; ... takes a field away."""
    message: dict[str, Any] = {
        "body": body([[[1]], {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}]),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {"task": SEND, "id": "1"},
        "properties": {"delivery_info": {}, "body_encoding": "base64", "delivery_tag": "t"},
    }
    for path, value in changes.items():
        *parents, last = path.replace("content_", "content-").split("__")
        target = message
        for each in parents:
            target = target[each]
        if value is ...:
            del target[last]
        else:
            target[last] = value
    return message


MALFORMED: dict[str, Any] = {
    "a list": [],
    "a number": 7,
    "null": None,
    "an empty object": {},
    "no body": envelope(body=...),
    "a body that is a number": envelope(body=7),
    "a body in no base64": envelope(body="%%%"),
    "a body that is no JSON": envelope(body=b64encode(b"{").decode()),
    "a body that is nested deeply": envelope(body=b64encode(b"[" * 100_000).decode()),
    "no properties": envelope(properties=...),
    "properties that are null": envelope(properties=None),
    "no tag": envelope(properties__delivery_tag=...),
    "a tag that is a list": envelope(properties__delivery_tag=[1]),
    "no delivery info": envelope(properties__delivery_info=...),
    "an unknown encoding": envelope(properties__body_encoding="rot13"),
    "a priority that is none": envelope(properties__priority="x"),
    "no headers": envelope(headers=...),
    "headers that are a list": envelope(headers=[1]),
    "no task": envelope(headers__task=...),
    "a task that is a list": envelope(headers__task=[1]),
    "an unknown task": envelope(headers__task="os.system"),
    "no id": envelope(headers__id=...),
    "an id that is an object": envelope(headers__id={}),
    "an id with control characters": envelope(headers__id="\x1b[2J"),
    "pickle": envelope(content_type="application/x-python-serialize"),
    "an unknown charset": envelope(content_encoding="klingon"),
    "arguments that are a number": envelope(body=body([7, {}, {}])),
    "no arguments": envelope(body=body([[], {}, {}])),
    "a lane that is a text": envelope(body=body([[["x"]], {}, {}])),
    "a lane that is too large": envelope(body=body([[[10**20]], {}, {}])),
    "far too many lanes": envelope(body=body([[[1] * 100_000], {}, {}])),
    "named arguments": envelope(body=body([[[1]], {"lanes": [1]}, {}])),
    "a callback": envelope(body=body([[[1]], {}, {"callbacks": [{"task": SEND}]}])),
    "a chain": envelope(body=body([[[1]], {}, {"chain": [1]}])),
    "a receiver that is a list": envelope(headers__task=DELIVER),
    "more behind a task": envelope(body=body([[[1]], {}, {"more": 1}])),
    "a list behind a task": envelope(body=body([[[1]], {}, []])),
    "a time to run at": envelope(headers__eta="2999-01-01T00:00:00+00:00"),
    "an expiry": envelope(headers__expires={}),
    "retries": envelope(headers__retries="x"),
    "a time limit": envelope(headers__timelimit=[1, 1]),
    "a group": envelope(headers__group="g"),
}


@pytest.mark.parametrize("message", MALFORMED.values(), ids=MALFORMED)
def test_what_is_not_exactly_a_wake_up_is_not_taken(message: object) -> None:
    assert fault(message, SENDS)
    assert fault(envelope(), SENDS) is None


@pytest.mark.parametrize(
    ("task", "arguments"),
    [(SEND, ([1, 2],)), (OCCURRENCE, ("news", "news 1")), (DISPATCH, ()), (READ_BACK, ()), (DELIVER, (7,))],
)
def test_what_we_publish_is_taken(task: str, arguments: tuple[object, ...]) -> None:
    with Connection("memory://") as connection:
        app.send_task(task, arguments, connection=connection)
        queue = SENDS if task != DISPATCH else TICKS
        published = connection.default_channel._get(queue)  # as it was published: kombu shows only what it has read
    assert fault(published, queue) is None


@pytest.mark.parametrize("method", sorted(QUESTIONS))
def test_a_question_is_taken(method: str) -> None:
    asked = {"method": method, "arguments": {}, "destination": None, "pattern": None, "matcher": None, "ticket": "t"}
    assert fault(envelope(body=body(asked), headers={}), CONTROL) is None


@pytest.mark.parametrize("method", ["shutdown", "cancel_consumer", "pool_shrink", "hello", "objgraph", 7, None])
def test_a_command_is_not_taken(method: object) -> None:
    assert fault(envelope(body=body({"method": method}), headers={}), CONTROL)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(["body", "headers", "properties", "headers__task", "properties__delivery_tag"]), _JSON, _JSON)
def test_whatever_stands_in_a_message_nothing_is_raised(where: str, value: object, content: object) -> None:
    for message in (value, envelope(**{where: value}), envelope(body=body(content))):
        for queue in (SENDS, CONTROL):
            fault(message, queue)
