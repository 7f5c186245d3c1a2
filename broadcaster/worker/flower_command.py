"""`celery -A broadcaster flower` is our Flower, with the options that it has there."""

from __future__ import annotations

import sys
from typing import Any


def replace() -> None:
    """Put ours in the place of Flower's own command, which would let in everybody, where this process is `celery`."""
    module = sys.modules.get("flower.command")  # `celery` imports all its commands before the application
    if module is not None:
        module.flower.callback = _flower


def _flower(tornado_argv: tuple[str, ...] = (), **_: Any) -> None:
    from broadcaster.worker.flower import run_flower  # noqa: PLC0415 - slow to import
    from broadcaster.worker.hooks import ending_with_a_line  # noqa: PLC0415 - needs the application

    with ending_with_a_line():
        run_flower(tornado_argv)
