"""Two stands that differ only in how many messages wait: the same statements on both, taking turns.

Several figures are views of it, because ten million rows take a minute or two to make.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache, partial
from time import perf_counter
from uuid import uuid4

import psycopg

from benchmarks.campaigns import add_campaign, add_instances, even
from benchmarks.processes import BenchmarkError
from benchmarks.stand import Stand, open_stand
from broadcaster.db.statements import query
from broadcaster.domain.pacing import CLAIM_LEAD
from broadcaster.services.campaigns import campaign_reports
from broadcaster.services.campaigns.lifecycle import start_campaign
from broadcaster.services.dispatch import wake_lanes
from broadcaster.services.instance_reports import list_instances

LANES = 100
_LANES_A_CLAIM = 10
_WANTED = 10
"""Messages for each lane of a claim, so that a claim brings a hundred."""
_FAILED_SHARE = 10
"""Beside so many pending messages there is one that failed."""
_CAMPAIGN = "campaign"
_OPT_OUTS = """
SELECT phone, ARRAY[phone], 'file'
FROM (SELECT '62812' || lpad(n::text, 8, '0') AS phone FROM generate_series(1, 1000000) n ORDER BY random()) numbers
"""

REPORTS: dict[str, Callable[[Stand], object]] = {
    "campaign show": lambda stand: campaign_reports.campaign_summary(stand.engine, _CAMPAIGN),
    "campaign list": lambda stand: campaign_reports.list_campaigns(stand.engine),
    "campaign watch": lambda stand: campaign_reports.campaign_summary(stand.engine, _CAMPAIGN),
    "campaign report, with failures by reason": lambda stand: campaign_reports.campaign_detail(
        stand.engine, _CAMPAIGN
    ),
    "instance list": lambda stand: list(list_instances(stand.engine)),
}


@dataclass(slots=True)
class Times:
    """Seconds of each turn."""

    pending: int
    claim: list[float] = field(default_factory=list)
    dispatch: list[float] = field(default_factory=list)
    reports: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in REPORTS})


@cache
def compare(quick: bool) -> tuple[Times, Times]:
    """With few and with many messages pending; each also has a tenth as many failed ones."""
    few, many = Times(10_000), Times(100_000 if quick else 10_000_000)
    with ExitStack() as stack:
        stands = [(times, stack.enter_context(_loaded(times.pending))) for times in (few, many)]
        for _ in range(5 if quick else 20):
            for times, stand in stands:
                for name, report in REPORTS.items():
                    times.reports[name].append(_seconds(partial(report, stand)))
        _dispatch_in_turn(stands, 5 if quick else 40)
        _claim_in_turn(stands, few.pending // (_LANES_A_CLAIM * _WANTED))
        for _, stand in stands:
            _require_true_counters(stand)
    return few, many


def compare_opt_outs(quick: bool) -> tuple[list[float], list[float]]:
    """Seconds of each claim of a hundred messages: where nobody has opted out, and where a million others have."""
    none: list[float] = []
    million: list[float] = []
    opt_outs = 100_000 if quick else 1_000_000
    with ExitStack() as stack:
        takers = []
        for times, count in ((none, 0), (million, opt_outs)):
            stand = stack.enter_context(_loaded(10_000 if quick else 50_000))
            stand.execute(f"INSERT INTO opt_outs (phone, forms, way) {_OPT_OUTS} LIMIT {count}")
            stand.execute("ANALYZE opted_out")
            takers.append((times, stack.enter_context(_Taker(stand))))
        for turn in range((10_000 if quick else 50_000) // (_LANES_A_CLAIM * _WANTED)):
            for times, taker in takers:
                times.append(_seconds(partial(taker.claim, turn)))
    return none, million


@contextmanager
def _loaded(pending: int) -> Iterator[Stand]:
    """A stand with one running campaign of so many pending messages, and a tenth as many failed ones."""
    with open_stand() as stand:
        lanes = add_instances(stand, dict.fromkeys((f"instance {number}" for number in range(LANES)), None))
        failed = pending // _FAILED_SHARE
        add_campaign(stand, _CAMPAIGN, even(lanes, pending + failed), failed=failed)
        start_campaign(stand.engine, _CAMPAIGN)
        stand.execute("CHECKPOINT")
        yield stand


def _dispatch_in_turn(stands: Sequence[tuple[Times, Stand]], turns: int) -> None:
    for _ in range(turns):
        for times, stand in stands:
            times.dispatch.append(_seconds(partial(_dispatch, stand)))
            stand.execute("UPDATE lanes SET woken_at = NULL")


def _dispatch(stand: Stand) -> None:
    woken = sum(map(len, wake_lanes(stand.engine)))
    if woken != LANES:
        raise BenchmarkError(f"{woken} of {LANES} lanes were woken")


def _claim_in_turn(stands: Sequence[tuple[Times, Stand]], turns: int) -> None:
    """Claim as a worker does it, ten lanes at a time, until the smaller backlog is used up."""
    with ExitStack() as stack:
        takers = [(times, stack.enter_context(_Taker(stand))) for times, stand in stands]
        for turn in range(turns):
            for times, taker in takers:
                times.claim.append(_seconds(partial(taker.claim, turn)))


class _Taker:
    """A connection as the send path has it, which holds all lanes."""

    def __init__(self, stand: Stand) -> None:
        url = stand.settings.postgres_url.replace("postgresql+psycopg://", "postgresql://", 1)
        self._connection = psycopg.connect(url, autocommit=True)
        self._connection.execute(query("plan_by_key"))
        self._token = uuid4()
        self._lease = timedelta(hours=1)
        self._lanes: list[int] = [row[0] for row in stand.rows("SELECT id FROM lanes ORDER BY id")]
        take = {"lanes": self._lanes, "token": self._token, "holder": "benchmark", "lease": self._lease}
        self._connection.execute(query("take_lanes"), take)

    def __enter__(self) -> _Taker:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def claim(self, turn: int) -> None:
        """A hundred messages of the next ten lanes. Raises BenchmarkError if there are fewer."""
        first = turn * _LANES_A_CLAIM % LANES
        parameters = {
            "outcomes": "[]",
            "lanes": self._lanes[first : first + _LANES_A_CLAIM],
            "tokens": [self._token] * _LANES_A_CLAIM,
            "wants": [_WANTED] * _LANES_A_CLAIM,
            "claim": uuid4(),
            "lease": self._lease,
            "lead": CLAIM_LEAD,
            "hold": self._lease,
            "reserve": timedelta(0),
        }
        rows = self._connection.execute(query("turn_over"), parameters, prepare=True).fetchall()
        # A row of each lane comes first, without a message, and one of outcomes last.
        if len(rows) != _LANES_A_CLAIM * (1 + _WANTED) + 1:
            raise BenchmarkError(f"{len(rows) - _LANES_A_CLAIM - 1} messages were claimed")


def _require_true_counters(stand: Stand) -> None:
    """Invariant I1: what the reports read equals what counting says."""
    states = "count(*), " + ", ".join(
        f"count(*) FILTER (WHERE state = '{state}')" for state in ("pending", "sending", "failed")
    )
    recount = stand.rows(f"SELECT campaign_id, lane_id, {states} FROM messages GROUP BY 1, 2 ORDER BY 1, 2")
    counters = stand.rows(
        "SELECT campaign_id, lane_id, total, pending, sending, failed FROM campaign_lanes ORDER BY 1, 2"
    )
    if counters != recount:
        raise BenchmarkError("the counters differ from a recount")
    reasons = "SELECT campaign_id, lane_id, failure_reason(reason), count(*) FROM messages WHERE state = 'failed'"
    failures = "SELECT campaign_id, lane_id, reason, messages FROM failure_counts WHERE messages > 0 ORDER BY 1, 2, 3"
    if stand.rows(f"{reasons} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3") != stand.rows(failures):
        raise BenchmarkError("the failures by reason differ from a recount")


def _seconds(call: Callable[[], object]) -> float:
    started = perf_counter()
    call()
    return perf_counter() - started
