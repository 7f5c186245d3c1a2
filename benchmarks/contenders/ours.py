"""Broadcaster as it is: real workers and a beat, and a campaign from the service API."""

from __future__ import annotations

import csv
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contenders import messages as each_message
from benchmarks.meter import Run, metered
from benchmarks.processes import BenchmarkError, wait_until
from benchmarks.stand import Stand
from broadcaster.domain.contents import Content
from broadcaster.domain.pacing import default_burst
from broadcaster.errors import NotFoundError
from broadcaster.services.campaigns.lifecycle import start_campaign
from broadcaster.services.campaigns.new_content import file_content, text_content
from broadcaster.services.campaigns.submission import Submission
from broadcaster.services.campaigns.submitting import submit_campaign
from broadcaster.services.instance_reports import show_instance
from broadcaster.services.instances import add_instance
from broadcaster.services.recipients.list_options import RecipientOptions
from broadcaster.services.recipients.reader import read_recipients


@dataclass(frozen=True, slots=True)
class Ours:
    """So many worker processes, and unlimited instances with so many requests in flight each; texts or one file."""

    workers: int
    instances: int
    in_flight: int
    file: bool = False

    @property
    def label(self) -> str:
        """For the report."""
        workers = "1 worker" if self.workers == 1 else f"{self.workers} workers"
        instances = "1 instance" if self.instances == 1 else f"{self.instances} instances"
        return f"Broadcaster, {workers}, {instances} × {self.in_flight} in flight"

    def run(self, stand: Stand, messages: int) -> Run:
        """One campaign, submitted beforehand: from its start to its last outcome."""
        campaign = f"campaign {time.monotonic_ns()}"
        campaign_id = self.submit(stand, campaign, messages)
        with stand.workers(self.workers) as workers:
            return self.send(stand, workers, campaign, campaign_id, messages)

    def send(self, stand: Stand, workers: Sequence[int], campaign: str, campaign_id: int, messages: int) -> Run:
        """Send a draft of so many pending messages through the processes `workers`."""

        def all_sent() -> bool:
            sent = "SELECT sum(sent) = :messages FROM campaign_lanes WHERE campaign_id = :id"
            return bool(stand.scalar(sent, id=campaign_id, messages=messages))

        with metered(stand, workers, messages) as run:
            start_campaign(stand.engine, campaign)
            wait_until(all_sent, every=0.1)
        first_to_last = stand.scalar(
            "SELECT extract(epoch FROM max(changed_at) - min(changed_at)) FROM messages"
            " WHERE campaign_id = :id AND state = 'sent'",
            id=campaign_id,
        )
        run.rate = (messages - 1) / float(first_to_last)
        return run

    def names(self, stand: Stand) -> list[str]:
        """Its instances, which are added when they are first asked for."""
        names = [f"{self.in_flight}-in-flight-{number}" for number in range(1, self.instances + 1)]
        for name in names:
            try:
                show_instance(stand.engine, name)
            except NotFoundError:
                add_instance(
                    stand.engine,
                    stand.vault,
                    name,
                    f"{each_message.KEY}-of-{name}",
                    base_url=stand.sink.base_url,
                    burst=default_burst(None),
                    max_in_flight=self.in_flight,
                    rate_per_second=None,
                )
        return names

    def submit(self, stand: Stand, campaign: str, messages: int) -> int:
        """Store a draft of so many messages; returns its id."""
        recipients = stand.directory / "recipients.csv"
        write_recipients(recipients, messages)
        content = self._content(stand)
        submission = Submission(
            name=campaign, instances=self.names(stand), content=content, max_attempts=5, draft=True
        )
        with read_recipients(recipients, RecipientOptions(text=content.text)) as reader:
            submitted = submit_campaign(stand.engine, submission, reader)
        if submitted.campaign_id is None or submitted.total != messages:
            raise BenchmarkError(f"{submitted.total} of {messages} recipients were submitted")
        return submitted.campaign_id

    def _content(self, stand: Stand) -> Content:
        if not self.file:
            return text_content(each_message.TEXT)
        path = stand.directory / each_message.FILENAME
        path.write_bytes(each_message.FILE)
        return file_content(path, len(each_message.FILE))


def write_recipients(path: Path, messages: int) -> None:
    """A recipients file of so many rows with two variables."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["phone", *each_message.variables(0)])
        for number in range(1, messages + 1):
            writer.writerow([each_message.phone(number), *each_message.variables(number).values()])
