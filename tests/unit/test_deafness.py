"""A worker that takes no tasks is ended, unless it takes none because it was told to end."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from celery.worker import state

from broadcaster.worker import deafness
from broadcaster.worker.deafness import DeafnessWatch


def app_with_waiting_tasks() -> Any:
    @contextmanager
    def connection() -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(default_channel=SimpleNamespace(client=SimpleNamespace(llen=lambda _: 1)))

    queues = SimpleNamespace(consume_from=["sends"])
    return SimpleNamespace(connection_for_read=connection, amqp=SimpleNamespace(queues=queues))


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> Callable[[], bool]:
    """Whether a watch over a silent worker, run until it gives up, has ended it."""
    killed: list[int] = []
    watch = DeafnessWatch(app_with_waiting_tasks(), threads=1, patience=10)

    def kill(pid: int, _signal: int) -> None:
        killed.append(pid)
        watch.stop()

    monkeypatch.setattr(deafness, "LONGEST_SILENCE", 0.02)
    monkeypatch.setattr(os, "kill", kill)

    def run() -> bool:
        before = set(threading.enumerate())
        watch.start()
        for thread in set(threading.enumerate()) - before:
            thread.join(10)
            assert not thread.is_alive()
        return killed == [os.getpid()]

    return run


def test_a_silent_worker_is_ended_while_tasks_wait(ended: Callable[[], bool]) -> None:
    assert ended()


def test_one_that_stops_takes_no_tasks_and_is_left_alone(
    ended: Callable[[], bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "should_stop", 0)
    assert not ended()
