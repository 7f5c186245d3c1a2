"""Broadcaster as it is: real workers and a beat, and a campaign from the service API."""

from __future__ import annotations

import csv
import time
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from benchmarks.contenders import messages as each_message
from benchmarks.meter import Run, metered
from benchmarks.processes import BenchmarkError
from benchmarks.stand import Stand, wait_until
from broadcaster.domain.pacing import default_burst
from broadcaster.errors import NotFoundError
from broadcaster.services.contents import text_content
from broadcaster.services.instances import add_instance, show_instance
from broadcaster.services.lifecycle import start_campaign
from broadcaster.services.recipients import RecipientOptions, read_recipients
from broadcaster.services.submission import Submission, submit


@dataclass(frozen=True, slots=True)
class Ours:
    """So many worker processes, and unlimited instances with so many requests in flight each."""

    workers: int
    instances: int
    in_flight: int

    @property
    def label(self) -> str:
        """For the report."""
        workers = "1 worker" if self.workers == 1 else f"{self.workers} workers"
        instances = "1 instance" if self.instances == 1 else f"{self.instances} instances"
        return f"Broadcaster, {workers}, {instances} × {self.in_flight} in flight"

    def run(self, stand: Stand, messages: int) -> Run:
        """One campaign, submitted beforehand: from its start to its last outcome."""
        campaign = f"campaign {time.monotonic_ns()}"
        campaign_id = self._submit(stand, campaign, messages)

        def all_sent() -> bool:
            sent = "SELECT sum(sent) = sum(total) FROM campaign_lanes WHERE campaign_id = :id"
            return bool(stand.scalar(sent, id=campaign_id))

        with stand.workers(self.workers) as workers, metered(stand, workers, messages) as run:
            start_campaign(stand.engine, campaign)
            wait_until(all_sent, every=0.1)
        first_to_last = stand.scalar(
            "SELECT extract(epoch FROM max(changed_at) - min(changed_at)) FROM messages WHERE campaign_id = :id",
            id=campaign_id,
        )
        assert isinstance(first_to_last, Decimal)
        run.rate_in_sql = (messages - 1) / float(first_to_last)
        return run

    def _submit(self, stand: Stand, campaign: str, messages: int) -> int:
        recipients = stand.directory / "recipients.csv"
        write_recipients(recipients, messages)
        content = text_content(each_message.TEXT)
        submission = Submission(
            name=campaign, instances=self._instances(stand), content=content, max_attempts=5, draft=True
        )
        with read_recipients(recipients, RecipientOptions(text=content.text)) as reader:
            submitted = submit(stand.engine, submission, reader)
        if submitted.campaign_id is None or submitted.total != messages:
            raise BenchmarkError(f"{submitted.total} of {messages} recipients were submitted")
        return submitted.campaign_id

    def _instances(self, stand: Stand) -> list[str]:
        names = [f"{self.in_flight} in flight, {number}" for number in range(1, self.instances + 1)]
        for name in names:
            try:
                show_instance(stand.engine, name)
            except NotFoundError:
                add_instance(
                    stand.engine,
                    stand.vault,
                    name,
                    each_message.KEY,
                    base_url=stand.sink.base_url,
                    burst=default_burst(None),
                    max_in_flight=self.in_flight,
                )
        return names


def write_recipients(path: Path, messages: int) -> None:
    """A recipients file of so many rows with two variables."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["phone", *each_message.variables(0)])
        for number in range(1, messages + 1):
            writer.writerow([each_message.phone(number), *each_message.variables(number).values()])
