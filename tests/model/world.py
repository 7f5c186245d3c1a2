"""The world of the model: what the database, the workers' memories, the network and the gateway hold at one moment.

Everything is a tuple of small values, so that a world can be compared and hashed. Ids (of leases and of claims) are
small numbers; one that nothing refers to any more may be used again, since nobody could tell.

Clocks are left out: whatever could happen at some moment may happen at any. What the protocol does rely on is kept:
a holder counts its lease from before it asked, so it stops sending before the database sees the lease end
(`Worker.in_time`), unless a neighbour ended that lease early.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")

FINAL = frozenset({"sent", "failed", "unknown", "cancelled"})
OUTCOMES = frozenset({"accepted", "rejected", "not sent", "unclear"})
"""What a worker knows of an attempt that is over, until that is written."""


class Message(NamedTuple):
    """A row of `messages`; below `claim` is what nobody but the model knows."""

    state: str = "pending"
    attempt: int = 0
    spent: int = 0
    claim: int = 0
    """The claim token; 0 is NULL."""
    accepted: int = 0
    """How many requests of it the gateway accepted."""
    landed: bool = False
    """Whether that of its latest attempt is among them."""
    words: int = 0
    """How many times the operator's word alone made it pending."""
    by_word: bool = False
    """Whether it failed by the operator's word alone."""


class Lane(NamedTuple):
    """A row of `lanes`: free (lease 0), held, or held under a lease that has expired."""

    lease: int = 0
    expired: bool = False
    seen: tuple[int, ...] | None = None
    """Only in a broken protocol: what was sending when a recovery that is under way began, the lease being expired."""


class Hold(NamedTuple):
    """A place in flight: a message in a worker's memory, from its claim until its outcome is committed."""

    message: int
    attempt: int
    claim: int
    stage: str = "ready"
    """`ready` to leave, `waiting` for a reply, or an outcome to write."""


class Worker(NamedTuple):
    """What a worker process has in memory; it holds one lane at most."""

    lane: int = 0
    lease: int = 0
    in_time: bool = False
    """By its own clock its lease still holds."""
    phase: str = "working"
    """`closing`: it claims no more under this lease. `releasing`: only in a broken protocol."""
    unheard: int = 0
    """The token of a claim that it has not heard of."""
    told: tuple[Hold, ...] = ()
    """Those places in flight whose outcomes went with that claim."""
    holds: tuple[Hold, ...] = ()


class Request(NamedTuple):
    """An HTTP request between the worker and the gateway's decision."""

    message: int
    attempt: int
    intended: bool
    """Whether its intent was committed when it left."""


class OutcomeStatement(NamedTuple):
    """An outcome to write. Those in `World.late_outcomes` are delayed or spooled, and may be written at any time."""

    message: int
    attempt: int
    claim: int
    outcome: str


class TurnOver(NamedTuple):
    """What a claim asks for, and the outcomes that are written with it.

    In `World.late_claims`, its client has given it up, and the server may still run it.
    """

    lane: int
    lease: int
    claim: int
    want: int
    outcomes: tuple[OutcomeStatement, ...]


class World(NamedTuple):
    """All there is at one moment."""

    messages: tuple[Message, ...]
    lanes: tuple[Lane, ...]
    workers: tuple[Worker, ...] = (Worker(), Worker())
    requests: tuple[Request, ...] = ()
    late_claims: tuple[TurnOver, ...] = ()
    late_outcomes: tuple[OutcomeStatement, ...] = ()
    campaign: str = "running"
    counted: bool = False
    """Only in a broken protocol: a finish has read the counters and has not written yet."""
    wrote_stale: bool = False
    """A statement under a token that holds no more has changed something."""
    faults: int = 0
    """How many more things may go wrong."""
    orders: int = 0
    """How many more times the operator does something."""


@dataclass(frozen=True)
class Rules:
    """The bounds of the model, and its guards: every guard can be taken out to see what it is there for."""

    lane_of: tuple[int, ...] = (0,)
    """The lane of each message."""
    max_in_flight: int = 1
    max_attempts: int = 2
    faults: int = 2
    orders: int = 1

    claim_checks_lease: bool = True
    claim_writes_what_frees_its_places: bool = True
    """Otherwise outcomes that wait to be written free places for it, and are written by themselves."""
    claim_token_is_fresh: bool = True
    """Otherwise it is the lease's, as it used to be."""
    attempts_go_on: bool = True
    """Otherwise retry and resend number them from 1 again."""
    outcome_checks_claim: bool = True
    outcome_checks_attempt: bool = True
    unheard_claim_is_read_back: bool = True
    """Otherwise it is treated as one that did not happen."""
    unheard_claim_needs_proof: bool = True
    """Otherwise it is treated as one that did happen."""
    unfound_claim_closes_lane: bool = True
    closed_lane_is_released: bool = True
    """Otherwise its lease is left to run out."""
    sends_only_in_time: bool = True
    read_timeout_is_unclear: bool = True
    """Otherwise it counts as not sent."""
    take_wants_a_free_lane: bool = True
    """Otherwise an expired one will do."""
    release_wants_nothing_sending: bool = True
    release_sees_the_latest: bool = True
    """Otherwise it judges by a snapshot from before it had the lane's lock."""
    recovery_doubts: bool = True
    """Otherwise it makes what was sending pending."""
    recovery_sees_the_latest: bool = True
    """Otherwise it moves what its snapshot shows, and may find another version of the lane when it has the lock."""
    statements_end_before_leases: bool = True
    """Otherwise a claim may run for so long that the lease that it renews is over when it is committed."""
    absence_waits_for_requests: bool = True
    absence_waits_for_holders: bool = True
    """A worker whose lease was ended early may send until that lease would have ended by itself."""
    cancelled_is_swept: bool = True
    pause_leaves_what_is_held: bool = True
    settled_as_failed_is_a_word: bool = True
    """Otherwise only `resend` excuses a second request, and not a retry of what the operator has called failed."""
    finish_sees_the_latest: bool = True
    """Otherwise it judges by a snapshot from before it had the campaign's lock."""

    def start(self) -> World:
        """A running campaign whose messages are all due, free lanes, two workers with nothing to do."""
        return World(
            messages=tuple(Message() for _ in self.lane_of),
            lanes=tuple(Lane() for _ in set(self.lane_of)),
            faults=self.faults,
            orders=self.orders,
        )


class Step(NamedTuple):
    """One thing that happens. `who` is the place of the worker that does it in `World.workers`, if one does."""

    story: str
    world: World
    who: int | None = None
    is_own: bool = True
    """Whether the service does it by itself: not a fault, not the operator."""


Action = Callable[[World, Rules], Iterator[Step]]


def replaced(many: tuple[T, ...], place: int, one: T) -> tuple[T, ...]:
    """`many` with `one` in that place."""
    return (*many[:place], one, *many[place + 1 :])


def with_message(world: World, place: int, **changes: Any) -> World:
    """`world` with that message changed."""
    return world._replace(messages=replaced(world.messages, place, world.messages[place]._replace(**changes)))


def with_lane(world: World, place: int, lane: Lane) -> World:
    """`world` with that lane."""
    return world._replace(lanes=replaced(world.lanes, place, lane))


def with_worker(world: World, place: int, worker: Worker) -> World:
    """`world` with that worker."""
    return world._replace(workers=replaced(world.workers, place, worker))


def with_hold(world: World, place: int, old: Hold, *new: Hold) -> World:
    """`world` with `new` instead of `old` in the memory of that worker."""
    worker = world.workers[place]
    holds = tuple(sorted((*(hold for hold in worker.holds if hold != old), *new)))
    return with_worker(world, place, worker._replace(holds=holds))


def gone_wrong(world: World) -> World:
    """`world` with one fault less to come."""
    return world._replace(faults=world.faults - 1)


def is_holder(world: World, worker: Worker) -> bool:
    """Whether the worker's lease holds in the database."""
    lane = world.lanes[worker.lane]
    return worker.lease != 0 and lane.lease == worker.lease and not lane.expired


def sending(world: World, rules: Rules, lane: int) -> list[int]:
    """The messages of that lane whose row says `sending`."""
    return [m for m, each in enumerate(world.messages) if each.state == "sending" and rules.lane_of[m] == lane]


def fresh(world: World) -> int:
    """An id that nothing refers to."""
    used = {message.claim for message in world.messages}
    used.update(lane.lease for lane in world.lanes)
    for worker in world.workers:
        used.update((worker.lease, worker.unheard))
        used.update(hold.claim for hold in (*worker.holds, *worker.told))
    for late in world.late_claims:
        used.update((late.lease, late.claim))
        used.update(outcome.claim for outcome in late.outcomes)
    used.update(outcome.claim for outcome in world.late_outcomes)
    return next(number for number in range(1, len(used) + 2) if number not in used)
