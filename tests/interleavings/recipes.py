"""How each statement that writes the books is run: its parameters, and what the code runs with it in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Any
from uuid import UUID

import msgspec

from broadcaster.db.queries import query


class Campaign(IntEnum):
    """The campaigns of books.sql."""

    EVERYTHING = 1
    """Running, with messages in every state, on all lanes."""
    BALANCED = 2
    """Running, and everything is final; some failed, one is unknown."""
    FINISHED = 3
    PAUSED = 4
    STRAY = 5
    """Cancelled, with messages that came back since."""
    CLEARED = 6
    """Cancelled, with nothing left to do but to close its counters."""
    DUE = 7
    DRAFT = 8
    AUDIENCE = 9
    NEW = 10
    """Not there yet."""
    LAST_SENDING = 11
    """Running: all but one message, which is being sent, is final."""
    LAST_DOUBT = 12
    """Running: all but one message, which is in doubt, is final."""
    BALANCED_PAUSE = 13
    SEGMENT = 14
    """Not there yet: one in a segment of its own."""
    LAST_PENDING = 15
    """Running: all but one message is final."""


class Side(IntEnum):
    """Which of the two sessions of a pair."""

    FIRST = 1
    SECOND = 2


HOUR, MINUTE, NOTHING = timedelta(hours=1), timedelta(minutes=1), timedelta(0)
STALE = UUID(int=0xDEAD)
_LEASES = {1: UUID("00000000-0000-0000-0000-000000000101"), 4: UUID("00000000-0000-0000-0000-000000000104")}
_EXPIRED = UUID("00000000-0000-0000-0000-000000000103")

LOCK_CAMPAIGN = "SELECT id, state FROM campaigns WHERE id = %(campaign_id)s FOR NO KEY UPDATE"
"""What services/campaigns/lifecycle.py does before each of its statements."""
_INSERT_CAMPAIGN = """
WITH campaign AS (
    INSERT INTO campaigns (id, name, state, content_id, max_attempts, segment)
    SELECT %(campaign_id)s, 'new', 'scheduled', 1, 3, %(segment)s RETURNING id
)
INSERT INTO campaign_lanes (campaign_id, lane_id) SELECT campaign.id, lanes.id FROM campaign CROSS JOIN lanes
"""
_STAGE = """
INSERT INTO staged_messages (phone, seq, lane_id) SELECT '6299' || n, n, 1 + n % 4 FROM generate_series(1000, 1007) n
"""
_FILL_SEGMENT = """
INSERT INTO messages_{0} (seq, lane_id, phone) SELECT n, 1 + n % 4, '6299' || n FROM generate_series(1000, 1007) n
"""


def take_token(side: Side) -> UUID:
    """The lease under which this side takes lanes."""
    return UUID(int=0x300 + side)


def claim_token(side: Side) -> UUID:
    """The token of this side's claim."""
    return UUID(int=0x400 + side)


@dataclass(frozen=True)
class Step:
    """One statement. `parameters` are those of this side; `plain` ones are run on the tables themselves."""

    statement: str
    parameters: Callable[[Side], Mapping[str, Any]]
    name: str | None = None
    """Its file, unless it is none."""
    plain: bool = False


@dataclass(frozen=True)
class Recipe:
    """A transaction of one or more statements. `held` is the place of the one that is held before its locks."""

    label: str
    steps: tuple[Step, ...]
    worker: bool = False
    """Whether it is run by the pool of the send path, with its settings."""
    held: int = -1

    @property
    def names(self) -> set[str]:
        return {step.name for step in self.steps if step.name}

    def __str__(self) -> str:
        return self.label


def _step(name: str, plain: bool = False, numbered: Mapping[str, object] | None = None, **parameters: Any) -> Step:
    text = query(name).format(**numbered) if numbered else query(name)
    return Step(text, lambda _side: parameters, name, plain)


def _sql(text: str, plain: bool = False, **parameters: Any) -> Step:
    return Step(text, lambda _side: parameters, plain=plain)


def _claim(side: Side, lanes: tuple[int, ...]) -> dict[str, Any]:
    # Lane 2 is held by whoever the other side takes it for, lane 3 was held by a worker that does not know it yet.
    tokens = {**_LEASES, 2: take_token(Side(3 - side)), 3: _EXPIRED}
    return {
        "lanes": list(lanes),
        "tokens": [tokens[lane] for lane in lanes],
        "wants": [2] * len(lanes),
        "claim": claim_token(side),
        "lease": HOUR,
        "lead": 0.05,
    }


def _rows(entries: list[dict[str, Any]]) -> str:
    return msgspec.json.encode(entries).decode()


@dataclass(frozen=True)
class Books:
    """What recipes have to know of the books: the messages that are being sent, and those in doubt."""

    sending: list[tuple[int, int, int, UUID]]
    """campaign, seq, attempt, claim token"""
    doubts: list[tuple[int, int, int, int]]
    """campaign, seq, attempt, polls"""
    read_at: datetime


def _outcomes(books: Books, state: str, outcome: str, *, claim: UUID | None = None, attempt: int = 0) -> str:
    return _rows(
        [
            {
                "segment": 0,
                "campaign_id": campaign,
                "seq": seq,
                "attempt": number + attempt,
                "claim": claim or token,
                "state": state,
                "delay": 0.0,
                "spent": 1,
                "outcome": outcome,
                "reason": "said so",
            }
            for campaign, seq, number, token in books.sending
        ]
    )


def _readings(books: Books, sight: str) -> str:
    return _rows(
        [
            {"segment": 0, "campaign_id": campaign, "seq": seq, "attempt": attempt, "polls": polls, "sight": sight}
            for campaign, seq, attempt, polls in books.doubts
        ]
    )


def recipes(books: Books) -> list[Recipe]:
    """All of them."""
    return [*_sending(books), *_reconciling(books), *_ticking(), *_steering(), *_submitting()]


def _sending(books: Books) -> list[Recipe]:
    def worker(label: str, *steps: Step) -> Recipe:
        return Recipe(label, steps, worker=True)

    def outcomes(state: str, outcome: str, **changes: Any) -> Step:
        return _step("record_outcomes", rows=_outcomes(books, state, outcome, **changes))

    lanes = [1, 2, 3, 4]
    returned = {"ahead": [0.0] * 4, "again": [False] * 4}
    return [
        worker("claim", Step(query("claim"), lambda side: _claim(side, (1, 2, 3, 4)), "claim")),
        worker(
            "take_lanes",
            Step(
                query("take_lanes"),
                lambda side: {"lanes": lanes, "token": take_token(side), "holder": "new", "lease": HOUR},
                "take_lanes",
            ),
        ),
        worker(
            "release_lanes",
            Step(
                query("release_lanes"),
                lambda side: {"lanes": lanes, "tokens": _claim(side, (1, 2, 3, 4))["tokens"], **returned},
                "release_lanes",
            ),
        ),
        worker("record_outcomes sent", outcomes("sent", "accepted")),
        worker("record_outcomes pending", outcomes("pending", "throttled")),
        worker("record_outcomes in_doubt", outcomes("in_doubt", "unknown")),
        worker("record_outcomes of a stale claim", outcomes("sent", "accepted", claim=STALE)),
        worker("record_outcomes of a stale attempt", outcomes("failed", "rejected", attempt=-1)),
        worker("end_leases", _step("end_leases", holders=["worker 1", "worker 4"])),
        worker("recover_leases by a worker", _step("recover_leases", request_timeout=MINUTE)),
        worker(
            "change_lane_health",
            _step("change_lane_health", lane=1, token=_LEASES[1], health="down", reason="no", failures=1, rest=9.0),
        ),
        worker("finish_campaigns by a worker", _step("finish_campaigns")),
    ]


def _reconciling(books: Books) -> list[Recipe]:
    def worker(label: str, *steps: Step) -> Recipe:
        return Recipe(label, steps, worker=True)

    polling = {"first": timedelta(seconds=5), "longest": MINUTE}
    return [
        worker("pick_chats", _step("pick_chats", most=10, pace=NOTHING, **polling)),
        worker(
            "note_readings",
            _step(
                "note_readings",
                rows=_readings(books, "absent"),
                words='{"absent": "not there"}',
                read_at=books.read_at,
                settle=NOTHING,
                polls=1,
            ),
        ),
        *(
            worker(
                f"resolve_doubts {sight}",
                _step("resolve_doubts", rows=_readings(books, sight), read_at=books.read_at, proof=HOUR),
            )
            for sight in ("found", "absent")
        ),
        worker("prove_readback", _step("prove_readback", lane=1, accepted_at=books.read_at)),
        worker("reserve_read", _step("reserve_read", lane=1, pace=NOTHING, longest=HOUR)),
    ]


def _ticking() -> list[Recipe]:
    polling = {"first": timedelta(seconds=5), "longest": MINUTE}
    mending = (
        _step("mend_lanes", back=1.0, lease=HOUR, lead=0.05, longest_rest=HOUR),
        _step("mend_messages", back=1.0),
        _step("mend_turns"),
        _step("mend_doubts", back=1.0, gap=0.0, slack=1.0, request_timeout=MINUTE, **polling),
    )
    recover, refresh = _step("recover_leases", request_timeout=MINUTE), _step("refresh_next_due")
    close, finish = _step("close_cancelled"), _step("finish_campaigns")
    return [
        Recipe("wake_lanes", (_step("wake_lanes", again_after=NOTHING, ahead=MINUTE),)),
        Recipe("start_due_campaigns", (_step("start_due_campaigns"),)),
        Recipe("sweep_cancelled", (_step("sweep_cancelled"),)),
        Recipe("close_cancelled", (close,)),
        Recipe("finish_campaigns", (finish,)),
        Recipe("close_cancelled, finish_campaigns", (close, finish)),
        Recipe("recover_leases", (recover,)),
        Recipe("refresh_next_due", (refresh,)),
        Recipe("recover_leases, refresh_next_due", (recover, refresh), held=0),
        Recipe("give_up_doubts", (_step("give_up_doubts", deadline=HOUR, most=1000),)),
        *(Recipe(str(step.name), (step,)) for step in mending),
        Recipe("mend everything", mending, held=0),
    ]


def _steering() -> list[Recipe]:
    def both(label: str, step: Step, campaign: Campaign) -> list[Recipe]:
        lock = _sql(LOCK_CAMPAIGN, campaign_id=campaign)
        about = f"{label} of {campaign.name}"
        return [Recipe(about, (step,)), Recipe(f"lock_campaign, {about}", (lock, step))]

    def settle(campaign: Campaign, target: str) -> list[Recipe]:
        step = _step(
            "settle_messages",
            campaign_id=campaign,
            settle=NOTHING,
            phones=None,
            target=target,
            settled_by="me",
            reason=None,
        )
        return both(f"settle_messages {target}", step, campaign)

    steered = {
        "start_campaign": [Campaign.DRAFT],
        "pause_campaign": [Campaign.EVERYTHING, Campaign.LAST_PENDING],
        "resume_campaign": [Campaign.PAUSED, Campaign.BALANCED_PAUSE],
        "cancel_campaign": [Campaign.EVERYTHING, Campaign.PAUSED, Campaign.LAST_PENDING],
        "retry_campaign": [Campaign.EVERYTHING, Campaign.BALANCED, Campaign.FINISHED],
    }
    settled = [
        (Campaign.EVERYTHING, "pending"),
        (Campaign.BALANCED, "pending"),
        (Campaign.FINISHED, "pending"),
        (Campaign.LAST_DOUBT, "pending"),
        (Campaign.LAST_DOUBT, "failed"),
        (Campaign.STRAY, "sent"),
    ]
    return [
        *(
            recipe
            for name, campaigns in steered.items()
            for campaign in campaigns
            for recipe in both(name, _step(name, campaign_id=campaign), campaign)
        ),
        *(recipe for campaign, target in settled for recipe in settle(campaign, target)),
        Recipe("start_queued_campaign", (_step("start_queued_campaign", campaign_id=Campaign.DRAFT),)),
    ]


def _submitting() -> list[Recipe]:
    template = '{"required": [], "never_blank": false, "parts": [], "literals": 2, "fallbacks": 0, "longest": 99, "blanks": {}}'
    audience = {"audience_id": 1, "conditions": "[]", "campaign_variables": "{}", "template": template}
    number = {"segment": int(Campaign.SEGMENT)}
    return [
        Recipe(
            "insert_messages",
            (
                _sql(_INSERT_CAMPAIGN, plain=True, campaign_id=Campaign.NEW, segment=0),
                _step("stage_messages"),
                _sql(_STAGE),
                _step("insert_messages", campaign_id=Campaign.NEW),
            ),
        ),
        Recipe(
            "a campaign over an audience",
            (
                _step("lock_due_audience_campaign", campaign_id=Campaign.AUDIENCE),
                _step("snapshot_audience", **audience),
                _step("deal_snapshot", numbered={"messages": "messages"}, campaign_id=Campaign.AUDIENCE, segment=0),
                _step("run_audience_campaign", campaign_id=Campaign.AUDIENCE, segment=0, reason="nobody"),
            ),
            held=0,
        ),
        Recipe("run_audience_campaign", (
            _step("run_audience_campaign", campaign_id=Campaign.AUDIENCE, segment=0, reason="nobody"),
        )),
        Recipe(
            "a segment",
            (
                _sql(_INSERT_CAMPAIGN, plain=True, campaign_id=Campaign.SEGMENT, segment=Campaign.SEGMENT),
                _step("create_segment", plain=True, numbered=number),
                _sql(_FILL_SEGMENT.format(int(Campaign.SEGMENT)), plain=True),
                _step("delete_repeated_phones", plain=True, numbered={"table": f"messages_{Campaign.SEGMENT:d}"}),
                _step("index_phones", plain=True, numbered=number),
                _step("count_segment", numbered=number),
                _step("attach_segment", plain=True, numbered=number),
            ),
            held=5,
        ),
    ]


def now() -> datetime:
    return datetime.now(UTC)
