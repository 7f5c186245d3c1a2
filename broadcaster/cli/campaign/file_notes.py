"""What `campaign submit` says of a recipients file beside its numbers, and what it asks."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from broadcaster.cli.output import one_line, say, warn
from broadcaster.services.campaigns.loading import OnePer
from broadcaster.services.campaigns.submission import Submission, Submitted
from broadcaster.services.recipients.row_checks import SentAlreadyError


def ask_again(error: SentAlreadyError, path: Path) -> None:
    """Ask whether to send again to whoever got a message. Raises the error unless somebody says yes."""
    if path == Path("-") or not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise error
    if not typer.confirm(f"{one_line(str(error))}\nSend to all such rows again?", err=True):
        raise error


def say_file_notes(submitted: Submitted, submission: Submission) -> None:
    """Say which lines repeat others, where variables are empty, and what else should be known before it is sent."""
    for line, first in submitted.repeats:
        say(f"  line {line} repeats line {first}")
    if submitted.repeated > len(submitted.repeats):
        say(f"  and {submitted.repeated - len(submitted.repeats):,} more repeat others")
    if submitted.repeated:
        if submission.one_per is OnePer.ROW:
            say("  each of these lines gets a message of its own")
        else:
            say("  the first line of a phone is sent; --one-per row sends each")
    for name, count in submitted.empty_values.items():
        if count:
            say(f"{name} is empty for {count:,} of {submitted.total + submitted.duplicates:,}")
    for notice in submitted.notices:
        warn(notice)
