"""Latency: seconds from a submission's commit to its first request at the gateway, on an idle system.

`campaign submit` nudges the workers. Where that is lost, the next tick finds the campaign.
"""

from __future__ import annotations

import io
import random
import time
from collections.abc import Callable, Sequence

from benchmarks.campaigns import add_instances
from benchmarks.contenders import messages as each_message
from benchmarks.processes import wait_until
from benchmarks.results import Row
from benchmarks.stand import Stand, open_stand, recording
from broadcaster.services.campaigns.new_content import text_content
from broadcaster.services.campaigns.submission import Submission
from broadcaster.services.campaigns.submitting import submit_campaign
from broadcaster.services.recipients.list_options import RecipientOptions
from broadcaster.services.recipients.reader import read_recipients

_INSTANCE = "instance"
_REST = 0.3
"""Seconds from a request to the next submission, at least: the lane is given back and all is idle again."""


def measure(quick: bool) -> Sequence[Row]:
    """Of the nudge both by the service and by the command, which is a process that comes and goes."""
    samples = 5 if quick else 60
    with open_stand(recording) as stand:
        add_instances(stand, {_INSTANCE: None})
        with stand.workers(1):
            nudged = [_latency(stand, _by_service) for _ in range(samples)]
            by_command = [_latency(stand, _by_command) for _ in range(samples // 3)]
            lost = [_latency(stand, _without_nudge) for _ in range(samples)]
    return [
        Row("with the nudge, median", nudged, "s").at_most(0.15),
        Row("with the nudge, 99th percentile", [_p99(nudged)], "s"),
        Row("with the nudge of `campaign submit`, median", by_command, "s").at_most(0.15),
        Row("without it, median", lost, "s"),
        Row("without it, 99th percentile", [_p99(lost)], "s").at_most(1.3),
    ]


def _latency(stand: Stand, submit_one: Callable[[Stand, str], float]) -> float:
    time.sleep(_REST + random.random())
    stand.sink.reset()
    committed = submit_one(stand, f"campaign {time.monotonic_ns()}")
    wait_until(lambda: stand.sink.requests() == 1, every=0.01)
    [[arrived]] = stand.moments().values()
    return arrived - committed


def _without_nudge(stand: Stand, name: str) -> float:
    content = text_content("Hello")
    recipients = io.BytesIO(f"phone\n{each_message.phone(1)}\n".encode())
    submission = Submission(name=name, instances=[_INSTANCE], content=content, max_attempts=5)
    with read_recipients(recipients, RecipientOptions(text=content.text)) as reader:
        submit_campaign(stand.engine, submission, reader)
    return time.monotonic()


def _by_service(stand: Stand, name: str) -> float:
    committed = _without_nudge(stand, name)
    stand.nudge()
    return committed


def _by_command(stand: Stand, name: str) -> float:
    """When another session sees what the command has committed: nothing is sent before that."""
    recipients = stand.directory / "one.csv"
    recipients.write_text(f"phone\n{each_message.phone(1)}\n")
    where = ["--instance", _INSTANCE, "--recipients", str(recipients)]
    with stand.broadcaster("campaign", "submit", name, *where, "--text", "Hello") as command:
        wait_until(lambda: stand.rows("SELECT FROM campaigns WHERE name = :name", name=name) != [], every=0.002)
        committed = time.monotonic()
        command.wait()
    return committed


def _p99(samples: Sequence[float]) -> float:
    return sorted(samples)[int(0.99 * len(samples))]
