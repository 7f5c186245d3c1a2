"""Sustained sending: messages a second in each tenth of a run of a million, while vacuum keeps up.

By the rows in Postgres: when each became `sent`. Every message's row is written three times and its attempt once.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.campaigns import add_campaign, even
from benchmarks.results import Row
from benchmarks.sending import MAIN
from benchmarks.stand import Stand, open_stand

_CAMPAIGN = "sustained"
_TENTHS = """
SELECT count(*) / extract(epoch FROM max(changed_at) - min(changed_at))::double precision
FROM (
    SELECT changed_at, ntile(10) OVER (ORDER BY changed_at) AS tenth FROM messages WHERE campaign_id = :campaign
) sent
GROUP BY tenth ORDER BY tenth
"""
_SIZE = "SELECT pg_total_relation_size('messages_0') / 1048576.0"


def measure(quick: bool) -> Sequence[Row]:
    """The last tenth's ratio is to the first."""
    messages = 60_000 if quick else 1_000_000
    with open_stand() as stand:
        before, tenths = _send(stand, messages)
        after = float(stand.scalar(_SIZE))
    first, *between, last = (
        Row(f"tenth {number}", [rate], "messages/s") for number, rate in enumerate(tenths, start=1)
    )
    size = Row("messages on disk, all pending", [before], "MiB")
    return [
        first,
        *between,
        last.against(first, "the first").at_least(0.9),
        size,
        Row("messages on disk, all sent", [after], "MiB").against(size, "before"),
    ]


def _send(stand: Stand, messages: int) -> tuple[float, list[float]]:
    names = MAIN.names(stand)
    lanes = [row[0] for row in stand.rows("SELECT id FROM instances WHERE name = ANY (:names)", names=names)]
    campaign = add_campaign(stand, _CAMPAIGN, even(lanes, messages))
    size = float(stand.scalar(_SIZE))
    with stand.workers(MAIN.workers) as workers:
        MAIN.send(stand, workers, _CAMPAIGN, campaign, messages)
    return size, [row[0] for row in stand.rows(_TENTHS, campaign=campaign)]
