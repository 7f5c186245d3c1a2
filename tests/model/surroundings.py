"""What happens around the workers: the gateway, time, death, statements that come late, recovery, reading back."""

from __future__ import annotations

from collections.abc import Iterator

from tests.model import database
from tests.model.world import (
    FINAL,
    OUTCOMES,
    Lane,
    Message,
    OutcomeStatement,
    Request,
    Rules,
    Step,
    Worker,
    World,
    gone_wrong,
    replaced,
    sending,
    with_hold,
    with_lane,
    with_message,
    with_worker,
)


def gateway(world: World, rules: Rules) -> Iterator[Step]:
    """Accepts or rejects a request, now or long after its client has gone; the reply may be lost, or the request."""
    for request in sorted(set(world.requests)):
        m, what = request.message, f"message {request.message + 1} (attempt {request.attempt})"
        rest = list(world.requests)
        rest.remove(request)
        decided = world._replace(requests=tuple(rest))
        row = world.messages[m]
        landed = row.landed or row.attempt == request.attempt
        taken = with_message(decided, m, accepted=row.accepted + 1, landed=landed)
        yield Step(f"the gateway accepts {what}", _replied(taken, request, "accepted"))
        if _waits(world, request):
            yield Step(f"the gateway rejects {what}", _replied(decided, request, "rejected"))
            if world.faults:
                unheard = gone_wrong(_replied(taken, request, "unclear"))
                yield Step(f"the gateway accepts {what}, and the reply is lost", unheard, None, False)
                unheard = gone_wrong(_replied(decided, request, "unclear"))
                yield Step(f"the request for {what} is lost on its way", unheard, None, False)
        else:
            yield Step(f"the request for {what}, which nobody waits for, comes to nothing", decided)


def lease_runs_out(world: World, rules: Rules) -> Iterator[Step]:
    """Its holder is gone; or it lives and was held up too long, and is a zombie from now on."""
    for number, lane in enumerate(world.lanes):
        if not lane.lease or lane.expired:
            continue
        ended = with_lane(world, number, lane._replace(expired=True))
        for w, worker in enumerate(world.workers):
            if worker.lease == lane.lease and worker.in_time:
                if world.faults:
                    zombie = gone_wrong(with_worker(ended, w, worker._replace(in_time=False)))
                    yield Step("is held up until its lease has run out", zombie, w, False)
                    yield Step("is taken for dead: a neighbour ends its lease", gone_wrong(ended), w, False)
                break
        else:
            yield Step("the lease of a worker that is gone runs out", ended)


def die(world: World, rules: Rules) -> Iterator[Step]:
    """A worker starts anew with nothing in memory; it may have spooled the outcomes that it could not write."""
    if not world.faults:
        return
    for w, worker in enumerate(world.workers):
        if not worker.lease and not worker.holds:
            continue
        fallen = gone_wrong(with_worker(world, w, Worker()))
        yield Step("dies and starts anew", fallen, w, False)
        if outcomes := {OutcomeStatement(*hold) for hold in worker.holds if hold.stage in OUTCOMES}:
            kept = fallen._replace(late_outcomes=tuple(sorted({*world.late_outcomes, *outcomes})))
            yield Step("spools its outcomes, ends and starts anew", kept, w, False)


def late_statements(world: World, rules: Rules) -> Iterator[Step]:
    """The server gets round to what its client gave up, or a worker to what was spooled."""
    for place, late in enumerate(world.late_claims):
        rest = world._replace(late_claims=(*world.late_claims[:place], *world.late_claims[place + 1 :]))
        for after, holds in database.turn_over(rest, rules, late, began_in_time=True):
            yield Step(f"the claim that was given up is committed, and takes {len(holds) or 'nothing'}", after)
    for place, outcome in enumerate(world.late_outcomes):
        rest = world._replace(late_outcomes=(*world.late_outcomes[:place], *world.late_outcomes[place + 1 :]))
        after = database.record_outcome(rest, rules, outcome)
        moved = "" if after.messages != world.messages else ", and changes nothing"
        what = f"{outcome.outcome!r} of message {outcome.message + 1} (attempt {outcome.attempt})"
        yield Step(f"the outcome {what}, delayed or spooled, is written{moved}", after)


def recover(world: World, rules: Rules) -> Iterator[Step]:
    """`recover_leases.sql`: what was sending under an expired lease is in doubt, and the lane is free, at once."""
    for number, lane in enumerate(world.lanes):
        if lane.lease and lane.expired:
            orphans = sending(world, rules, number)
            if not rules.recovery_sees_the_latest:
                if lane.seen is None:
                    seen = lane._replace(seen=tuple(orphans))
                    yield Step(
                        "recovery sees an expired lease, and waits for the lane", with_lane(world, number, seen)
                    )
                    continue
                orphans = [m for m in orphans if m in lane.seen]
            after = with_lane(world, number, Lane())
            for m in orphans:
                state, spent = "in_doubt" if rules.recovery_doubts else "pending", world.messages[m].spent + 1
                after = with_message(after, m, state=state, claim=0, spent=spent)
            yield Step("recovery frees the lane of an expired lease", after)


def read_back(world: World, rules: Rules) -> Iterator[Step]:
    """Found, shown absent, or undecided until it is given up."""
    for m, row in enumerate(world.messages):
        if row.state != "in_doubt":
            continue
        if row.landed:
            yield Step(f"reading back finds message {m + 1}", with_message(world, m, state="sent"))
        elif not row.accepted and _is_over(world, rules, m):
            state = "failed" if row.spent >= rules.max_attempts else "pending"
            after = with_message(world, m, state=state, by_word=False)
            yield Step(f"reading back shows message {m + 1} to be absent", after)
        yield Step(f"reading message {m + 1} back is given up: unknown", with_message(world, m, state="unknown"))


def finish(world: World, rules: Rules) -> Iterator[Step]:
    """`finish_campaigns.sql`: locks the campaign, then judges by what is committed by then."""
    if world.campaign not in ("running", "paused"):
        return
    if world.counted:
        yield Step("the campaign is finished by what was counted", world._replace(campaign="finished", counted=False))
    elif all(row.state in FINAL for row in world.messages):
        if rules.finish_sees_the_latest:
            yield Step("the campaign is finished", world._replace(campaign="finished"))
        else:
            yield Step("the campaign's messages are counted: all are final", world._replace(counted=True))


def sweep(world: World, rules: Rules) -> Iterator[Step]:
    """`sweep_cancelled.sql`: what came back unsent to a cancelled campaign."""
    is_due = world.campaign == "cancelled" and any(row.state == "pending" for row in world.messages)
    if is_due and rules.cancelled_is_swept:
        yield Step("what came back to the cancelled campaign is cancelled", _swept(world))


def operator(world: World, rules: Rules) -> Iterator[Step]:
    """Pauses, resumes, cancels, retries, settles."""
    if not world.orders:
        return
    world = world._replace(orders=world.orders - 1)
    yield from (step._replace(is_own=False) for order in (_run, _retry, _settle) for step in order(world, rules))


def _run(world: World, rules: Rules) -> Iterator[Step]:
    if world.campaign == "running":
        paused = world._replace(campaign="paused")
        if not rules.pause_leaves_what_is_held:
            paused = _taken_back(paused)
        yield Step("the operator pauses the campaign", paused)
    if world.campaign == "paused":
        yield Step("the operator resumes the campaign", world._replace(campaign="running"))
    if world.campaign in ("running", "paused"):
        yield Step("the operator cancels the campaign", _swept(world._replace(campaign="cancelled")))


def _swept(world: World) -> World:
    swept = (row._replace(state="cancelled") if row.state == "pending" else row for row in world.messages)
    return world._replace(messages=tuple(swept))


def _taken_back(world: World) -> World:
    """As when a row could say `claimed`: what has not left is pending again, while a worker has it in memory."""
    for worker in world.workers:
        for hold in worker.holds:
            row = world.messages[hold.message]
            if hold.stage == "ready" and row.state == "sending" and row.claim == hold.claim:
                world = with_message(world, hold.message, state="pending", claim=0)
    return world


def _retry(world: World, rules: Rules) -> Iterator[Step]:
    if world.campaign == "cancelled" or not any(row.state == "failed" for row in world.messages):
        return
    again = tuple(
        _again(row, rules, row.by_word and rules.settled_as_failed_is_a_word) if row.state == "failed" else row
        for row in world.messages
    )
    yield Step("the operator retries what failed", _reopened(world._replace(messages=again)))


def _settle(world: World, rules: Rules) -> Iterator[Step]:
    for m, row in enumerate(world.messages):
        if row.state in ("unknown", "in_doubt"):
            story = f"the operator settles message {m + 1} as"
            yield Step(f"{story} sent", with_message(world, m, state="sent"))
            yield Step(f"{story} failed", with_message(world, m, state="failed", by_word=True))
            if world.campaign != "cancelled":
                messages = replaced(world.messages, m, _again(row, rules, True))
                yield Step(f"{story} to be sent again", _reopened(world._replace(messages=messages)))


def _again(row: Message, rules: Rules, by_word: bool) -> Message:
    attempt = row.attempt if rules.attempts_go_on else 0
    return row._replace(state="pending", attempt=attempt, spent=0, words=row.words + by_word, by_word=False)


def _reopened(world: World) -> World:
    return world._replace(campaign="running") if world.campaign == "finished" else world


def _waits(world: World, request: Request) -> bool:
    return any(
        (hold.message, hold.attempt, hold.stage) == (request.message, request.attempt, "waiting")
        for worker in world.workers
        for hold in worker.holds
    )


def _replied(world: World, request: Request, stage: str) -> World:
    for w, worker in enumerate(world.workers):
        for hold in worker.holds:
            if (hold.message, hold.attempt, hold.stage) == (request.message, request.attempt, "waiting"):
                return with_hold(world, w, hold, hold._replace(stage=stage))
    return world


def _is_over(world: World, rules: Rules, m: int) -> bool:
    """Whether no request for it is under way, and none can leave any more on a claim of before."""
    if rules.absence_waits_for_requests and any(request.message == m for request in world.requests):
        return False
    return not rules.absence_waits_for_holders or not any(
        worker.in_time and any(hold.message == m and hold.stage == "ready" for hold in worker.holds)
        for worker in world.workers
    )
