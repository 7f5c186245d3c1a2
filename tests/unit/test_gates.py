"""A body passes its gate whole and once, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from math import inf

import pytest

from broadcaster.gateway import AskingGate, BodyGate, TimedGate
from broadcaster.gateway.gates import Pieces

BODIES = {"a text": b"text", "a file": (memoryview(b"te"), memoryview(b"xt"))}


async def pieces(gate: BodyGate, body: bytes | tuple[memoryview, ...]) -> list[bytes]:
    return await read(gate.lead(body))


async def read(led: Pieces) -> list[bytes]:
    if isinstance(led, AsyncIterator):
        return [bytes(piece) async for piece in led]
    return [bytes(piece) for piece in led]


def open_until(moment: float) -> Callable[[], BodyGate]:
    return lambda: TimedGate(moment, lambda: 5.0)


def saying(why: str | None) -> Callable[[], BodyGate]:
    async def ask() -> str | None:
        return why

    return lambda: AskingGate(ask)


OPEN = {"before its moment": open_until(5.1), "without one": open_until(inf), "allowed": saying(None)}
SHUT = {"at its moment": open_until(5.0), "long after": open_until(-inf), "forbidden": saying("no")}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("gate", OPEN.values(), ids=OPEN)
def test_it_lets_a_body_pass(gate: Callable[[], BodyGate], body: bytes | tuple[memoryview, ...]) -> None:
    opened = gate()
    assert b"".join(asyncio.run(pieces(opened, body))) == b"text"
    assert not opened.shut()
    assert opened.refused is None


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("gate", SHUT.values(), ids=SHUT)
def test_it_refuses_a_body(gate: Callable[[], BodyGate], body: bytes | tuple[memoryview, ...]) -> None:
    refusing = gate()
    assert asyncio.run(pieces(refusing, body)) == []
    assert refusing.shut()
    assert refusing.refused in ("no", "held back: connecting took too long")


@pytest.mark.parametrize("gate", OPEN.values(), ids=OPEN)
def test_nothing_passes_one_that_was_shut(gate: Callable[[], BodyGate]) -> None:
    async def scenario() -> None:
        given_up = gate()
        led = given_up.lead(b"text")
        assert given_up.shut()
        assert given_up.refused is None, "it was not asked"
        assert await read(led) == []

    asyncio.run(scenario())


def test_the_moment_does_not_end_a_body_that_has_begun() -> None:
    now = 0.0
    gate = TimedGate(1.0, lambda: now)
    led = gate.lead((memoryview(b"a"), memoryview(b"b"), memoryview(b"c")))
    assert next(led) == b"a"
    now = 2.0
    assert list(led) == [b"b", b"c"]
    assert not gate.shut()


def test_shutting_one_that_is_asking_keeps_the_body() -> None:
    async def scenario() -> None:
        answered = asyncio.Event()

        async def ask() -> None:
            await answered.wait()

        gate = AskingGate(ask)
        passing = asyncio.create_task(pieces(gate, b"text"))
        await asyncio.sleep(0)  # one turn of the loop: it asks
        assert gate.shut()
        answered.set()
        assert await passing == []

    asyncio.run(scenario())
