"""What must hold in every world that can be reached, named by the invariants of the design."""

from __future__ import annotations

from tests.model.world import FINAL, Rules, World, sending


def violated(world: World, rules: Rules) -> str | None:
    """The first property that does not hold, in words."""
    if any(not request.intended for request in world.requests):
        return "I3: a request is under way whose intent was not committed before it left"
    if world.wrote_stale:
        return "I7: a statement under a token that holds no more has changed something"
    if world.campaign == "finished" and any(row.state not in FINAL for row in world.messages):
        return "I1: the campaign is finished, and not every message is final"
    for number, lane in enumerate(world.lanes):
        under_way = len(sending(world, rules, number))
        if under_way and not lane.lease:
            return "a lane is free while a message of it is sending: nobody will recover that"
        if under_way > rules.max_in_flight:
            return "more messages of a lane are sending than may be in flight"
    for m, row in enumerate(world.messages):
        if row.accepted > 1 + row.words:
            return f"I2: message {m + 1} was accepted {row.accepted} times"
        if row.state in ("pending", "failed", "cancelled"):
            open_ends = row.accepted + sum(request.message == m for request in world.requests)
            if open_ends > row.words + row.by_word:
                return f"I4: message {m + 1} is {row.state}, and it was accepted or may yet be"
    return None


def is_settled(world: World) -> bool:
    """Whether nothing is left to do for anybody but the operator."""
    if world.campaign == "paused":
        return all(row.state in FINAL or row.state == "pending" for row in world.messages)
    return world.campaign in ("finished", "cancelled") and all(row.state in FINAL for row in world.messages)
