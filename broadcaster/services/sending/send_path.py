"""What all lanes of a worker process share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from broadcaster.services.sending.followed import Follower
from broadcaster.services.sending.opt_out_watch import OptOutWatch
from broadcaster.services.sending.outcome_writer import OutcomeWriter
from broadcaster.services.sending.prepared_contents import PreparedContents
from broadcaster.services.sending.sending_store import SendingStore


@dataclass(frozen=True, slots=True)
class SendPath:
    """What all lanes of a worker process share."""

    store: SendingStore
    outcomes: OutcomeWriter
    contents: PreparedContents
    opt_outs: OptOutWatch
    clock: Callable[[], float]
    """Seconds on a clock that neither another process nor a change of the time of day can set."""
    random: Random
    follower: Follower | None = None
    """Who follows messages on their way; None: nobody."""
