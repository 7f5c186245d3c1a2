"""What a worker does of itself: take a lane, claim, send, write what came of it, release."""

from __future__ import annotations

from collections.abc import Iterator

from tests.model import database
from tests.model.world import (
    OUTCOMES,
    Hold,
    Lane,
    OutcomeStatement,
    Request,
    Rules,
    Step,
    TurnOver,
    Worker,
    World,
    fresh,
    gone_wrong,
    is_holder,
    sending,
    with_hold,
    with_lane,
    with_worker,
)


def take_lane(world: World, rules: Rules) -> Iterator[Step]:
    """Only a lane that nobody holds, and only where something is due."""
    for w, worker in enumerate(world.workers):
        if worker.lease or worker.holds or world.campaign != "running":
            continue
        for number, lane in enumerate(world.lanes):
            is_free = not lane.lease or (lane.expired and not rules.take_wants_a_free_lane)
            if is_free and any(m.state == "pending" for m in world.messages):
                lease = fresh(world)
                taken = with_lane(world, number, Lane(lease))
                yield Step("takes the lane", with_worker(taken, w, Worker(number, lease, True)), w)


def turn_over(world: World, rules: Rules) -> Iterator[Step]:
    """Write what it knows, and claim for as many messages as have a place then.

    Its commit may not be heard, or come only after it was given up.
    """
    for w, worker in enumerate(world.workers):
        decided = tuple(hold for hold in worker.holds if hold.stage in OUTCOMES)
        want = rules.max_in_flight - len(worker.holds) + len(decided)
        if not worker.lease or worker.phase != "working" or worker.unheard or want < 1:
            continue
        told = decided if rules.claim_writes_what_frees_its_places else ()
        token = fresh(world) if rules.claim_token_is_fresh else worker.lease
        outcomes = tuple(OutcomeStatement(*hold) for hold in told)
        statement = TurnOver(worker.lane, worker.lease, token, want, outcomes)
        is_lost = rules.claim_checks_lease and not is_holder(world, worker)
        if world.campaign != "running" and not is_lost:
            continue
        writes = f"writes what became of {_named(told)}, and " if told else ""
        for after, holds in database.turn_over(world, rules, statement, began_in_time=False):
            heard = _with_claim(worker, told, holds)
            if is_lost:
                story = f"{writes}asks for more and hears that its lease is lost"
                yield Step(story, with_worker(after, w, _let_go(heard)), w)
                continue
            story = f"{writes}claims {_named(holds)}"
            yield Step(story, with_worker(after, w, heard), w)
            if world.faults:
                deaf = _deaf(worker, rules, token, told, holds)
                unheard = gone_wrong(with_worker(after, w, deaf))
                yield Step(f"{story}; it is committed, and not heard", unheard, w, False)
                late = tuple(sorted((*world.late_claims, statement)))
                unheard = gone_wrong(with_worker(world, w, deaf))._replace(late_claims=late)
                story = f"{writes}asks for messages; it gives the statement up, which is still under way"
                yield Step(story, unheard, w, False)


def read_claim(world: World, rules: Rules) -> Iterator[Step]:
    """A claim that was not heard is read back by its token; where it is not found, it may still come.

    Found, it proves the outcomes that went with it to be written; otherwise they are written again.
    """
    for w, worker in enumerate(world.workers):
        if not worker.unheard:
            continue
        if found := database.read_claim(world, worker.unheard):
            proven = with_worker(world, w, _with_claim(worker, worker.told, found))
            yield Step(f"reads its claim back: {_named(found)} is sending under its token", proven, w)
        else:
            phase = "closing" if rules.unfound_claim_closes_lane else "working"
            unproven = with_worker(world, w, worker._replace(unheard=0, told=(), phase=phase))
            yield Step("reads its claim back: nothing is sending under its token", unproven, w)
        if world.faults:
            closed = gone_wrong(with_worker(world, w, worker._replace(unheard=0, told=(), phase="closing")))
            yield Step("cannot read its claim back, and closes the lane", closed, w, False)


def send(world: World, rules: Rules) -> Iterator[Step]:
    """It looks at its own clock as the request leaves: nothing leaves under a lease that has ended."""
    for w, worker in enumerate(world.workers):
        if not worker.in_time and rules.sends_only_in_time:
            continue
        for hold in worker.holds:
            if hold.stage == "ready":
                is_numbered = world.messages[hold.message].attempt >= hold.attempt or not rules.attempts_go_on
                intended = is_numbered and all(late.claim != hold.claim for late in world.late_claims)
                request = Request(hold.message, hold.attempt, intended)
                after = with_hold(world, w, hold, hold._replace(stage="waiting"))
                after = after._replace(requests=tuple(sorted((*world.requests, request))))
                yield Step(f"sends {_named([hold])}", after, w)
                if world.faults:
                    refused = with_hold(gone_wrong(world), w, hold, hold._replace(stage="not sent"))
                    yield Step(f"cannot connect to send {_named([hold])}: not sent", refused, w, False)


def notice_end_of_lease(world: World, rules: Rules) -> Iterator[Step]:
    """By its own clock, some time after its lease was ended early; then it forgets what has not left."""
    for w, worker in enumerate(world.workers):
        if not worker.lease:
            continue
        if worker.in_time and not is_holder(world, worker):
            yield Step(
                "has its lease run out by its own clock", with_worker(world, w, worker._replace(in_time=False)), w
            )
        if not worker.in_time:
            yield Step(
                "sees that its time is over, and forgets what has not left", with_worker(world, w, _let_go(worker)), w
            )


def time_out(world: World, rules: Rules) -> Iterator[Step]:
    """The client waits no longer for the reply; the request may still be under way."""
    if not world.faults:
        return
    for w, worker in enumerate(world.workers):
        for hold in worker.holds:
            if hold.stage == "waiting":
                stage = "unclear" if rules.read_timeout_is_unclear else "not sent"
                after = with_hold(gone_wrong(world), w, hold, hold._replace(stage=stage))
                yield Step(f"waits no longer for the reply to {_named([hold])}: {stage}", after, w, False)


def write_outcome(world: World, rules: Rules) -> Iterator[Step]:
    """Until that is heard to be committed, it is written again."""
    for w, worker in enumerate(world.workers):
        for hold in worker.holds:
            if hold.stage not in OUTCOMES:
                continue
            outcome = OutcomeStatement(*hold)
            what = f"that {_named([hold])} is {hold.stage}"
            written = database.record_outcome(world, rules, outcome)
            moved = "" if written.messages != world.messages else ", which changes nothing"
            yield Step(f"writes {what}{moved}", with_hold(written, w, hold), w)
            if world.faults:
                if moved == "":
                    yield Step(f"writes {what}; it is committed, and not heard", gone_wrong(written), w, False)
                late = gone_wrong(world)._replace(late_outcomes=tuple(sorted({*world.late_outcomes, outcome})))
                if late.late_outcomes != world.late_outcomes:
                    yield Step(f"writes {what} and gives the statement up, which is still under way", late, w, False)


def release(world: World, rules: Rules) -> Iterator[Step]:
    """With nothing in flight. Where a message is sending all the same, the lease ends at once and is recovered."""
    for w, worker in enumerate(world.workers):
        if not worker.lease or worker.holds or worker.unheard:
            continue
        done = with_worker(world, w, Worker())
        number, is_mine = worker.lane, world.lanes[worker.lane].lease == worker.lease
        is_sending = rules.release_wants_nothing_sending and bool(sending(world, rules, number))
        if worker.phase == "closing" and not rules.closed_lane_is_released:
            yield Step("leaves its lease to run out", done, w)
        elif worker.phase == "releasing":
            yield Step("frees the lane by what it saw", with_lane(done, number, Lane()) if is_mine else done, w)
        elif not is_mine:
            yield Step("releases a lane that it has lost, which changes nothing", done, w)
        elif is_sending:
            expired = world.lanes[number]._replace(expired=True)
            yield Step("ends its lease, since something is sending", with_lane(done, number, expired), w)
        elif rules.release_sees_the_latest:
            yield Step("releases the lane", with_lane(done, number, Lane()), w)
        else:
            yield Step("sees that nothing is sending", with_worker(world, w, worker._replace(phase="releasing")), w)


def _let_go(worker: Worker) -> Worker:
    """Without a lease; what has left is still waited for and written."""
    return Worker(holds=tuple(hold for hold in worker.holds if hold.stage != "ready"))


def _with_claim(worker: Worker, told: tuple[Hold, ...], taken: tuple[Hold, ...]) -> Worker:
    """With what a claim took, in the places of those whose outcomes were written with it, too."""
    kept = (hold for hold in worker.holds if hold not in told)
    return worker._replace(holds=tuple(sorted((*kept, *taken))), unheard=0, told=())


def _deaf(worker: Worker, rules: Rules, token: int, told: tuple[Hold, ...], holds: tuple[Hold, ...]) -> Worker:
    """After a claim that it has not heard of."""
    if not rules.unheard_claim_needs_proof:
        return _with_claim(worker, told, holds)
    return worker._replace(unheard=token, told=told) if rules.unheard_claim_is_read_back else worker


def _named(holds: list[Hold] | tuple[Hold, ...]) -> str:
    return " and ".join(f"message {hold.message + 1} (attempt {hold.attempt})" for hold in holds) or "nothing"
