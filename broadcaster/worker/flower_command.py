"""Makes `celery -A broadcaster flower` run our Flower, with Flower's own options."""

from __future__ import annotations

import sys
from typing import Any


def replace() -> None:
    """Replace Flower's own command, which would let in everybody, if this process is `celery`."""
    module = sys.modules.get("flower.command")  # `celery` imports all its commands before the application
    if module is not None:
        module.flower.callback = _flower


def _flower(tornado_argv: tuple[str, ...] = (), **_: Any) -> None:
    from broadcaster.worker.flower import run_flower  # noqa: PLC0415 - slow to import
    from broadcaster.worker.hooks import ending_with_a_line  # noqa: PLC0415 - needs the application

    with ending_with_a_line():
        run_flower(tornado_argv)
