"""The roles of a stack, each as one blocking call: worker, beat, Flower."""

from __future__ import annotations

import logging
import sys
import tempfile
from pathlib import Path

from broadcaster.settings import Settings
from broadcaster.worker.app import SENDS, TICKS, app
from broadcaster.worker.runtime import Runtime
from broadcaster.worker.tasks import attach


def run_worker(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT; then finish what is in flight and give the rest back.

    Raises BroadcasterError when the database cannot be used as it is.
    """
    runtime = Runtime(settings)
    attach(runtime)
    # Wake-ups are worthless when stale. Purging them here, rather than letting them expire, compares no two
    # machines' clocks; whatever was still wanted is published again within two seconds.
    app.control.purge()
    try:
        app.worker_main(
            [
                "worker",
                f"--queues={TICKS},{SENDS}",
                f"--loglevel={settings.log_level}",
                "--without-gossip",
                "--without-mingle",
            ]
        )
    finally:
        runtime.close()


def run_beat(settings: Settings) -> None:
    """Fire the ticks until stopped. Any number of beats may run: every tick is an idempotent scan."""
    # What beat remembers across restarts does not matter to ticks; a private file keeps several apart.
    with tempfile.TemporaryDirectory(prefix="broadcaster-beat-") as directory:
        app.Beat(schedule=str(Path(directory) / "schedule"), loglevel=settings.log_level, quiet=True).run()
