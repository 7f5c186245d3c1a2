"""A worker that stops taking tasks as soon as it is ready: `python tests/support/deaf_worker.py worker`."""

from __future__ import annotations

from typing import Any

from celery import signals

from broadcaster.cli.main import main
from broadcaster.worker import deafness


def _become_deaf(sender: Any, **_: Any) -> None:
    consumer = sender
    consumer.timer.call_after(1.0, consumer.task_consumer.cancel)


if __name__ == "__main__":
    deafness.LONGEST_SILENCE = 3.0
    signals.worker_ready.connect(_become_deaf)
    main()
