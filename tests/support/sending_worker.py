"""A worker without Celery, as a process that may be killed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.support.shop import Shop

_WORKER = """
import asyncio, sys
from broadcaster.services.sending.sending_process import SendingProcess
from broadcaster.settings import load

async def run():
    async with SendingProcess(load()) as process:
        await process.send_due([int(lane) for lane in sys.argv[1:]])

asyncio.run(run())
"""


@contextmanager
def sending_worker(shop: Shop, lanes: Sequence[int]) -> Iterator[subprocess.Popen[bytes]]:
    """A process of its own that sends through these lanes until nothing is due; it has ended after the block."""
    argv = [sys.executable, "-c", _WORKER, *map(str, lanes)]
    with subprocess.Popen(argv, env={**os.environ, **shop.settings.environment()}) as process:
        yield process
