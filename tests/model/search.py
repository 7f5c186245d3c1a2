"""Visits every world that can be reached, nearest first, and tells the shortest story of what goes wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.model import surroundings, worker
from tests.model.properties import is_settled, violated
from tests.model.world import Action, Rules, Step, World

ACTIONS: Sequence[Action] = (
    worker.take_lane,
    worker.turn_over,
    worker.read_claim,
    worker.send,
    worker.notice_end_of_lease,
    worker.time_out,
    worker.write_outcome,
    worker.release,
    surroundings.gateway,
    surroundings.lease_runs_out,
    surroundings.die,
    surroundings.late_statements,
    surroundings.recover,
    surroundings.read_back,
    surroundings.finish,
    surroundings.sweep,
    surroundings.operator,
)
_NAMES = ("worker A", "worker B")


@dataclass(frozen=True)
class Result:
    """The worlds that were visited, and how to get to one that must not be, if there is any."""

    worlds: Sequence[World]
    violation: str | None = None
    story: Sequence[str] = ()

    def __str__(self) -> str:
        lines = (f"{number:3}. {line}" for number, line in enumerate(self.story, start=1))
        return "\n".join([self.violation or f"nothing goes wrong in {len(self.worlds)} worlds", *lines])


def explore(rules: Rules) -> Result:
    """Every world that can be reached under these rules, up to the first that violates a property.

    The last property needs all of them: nothing that the service does by itself leads out of a dead end.
    """
    start = rules.start()
    places, worlds, parents = {start: 0}, [start], [0]
    ways_in: list[list[int]] = [[]]
    at = 0
    while at < len(worlds):
        for step in _steps(worlds[at], rules):
            world = _ordered(step.world)
            place = places.setdefault(world, len(worlds))
            if place == len(worlds):
                worlds.append(world)
                parents.append(at)
                ways_in.append([])
                if violation := violated(world, rules):
                    return Result(worlds, violation, _story(worlds, parents, place, rules))
            if step.is_own:
                ways_in[place].append(at)
        at += 1
    for place in _dead_ends(worlds, ways_in):
        violation = "a dead end: without the operator or a further fault it is never settled"
        return Result(worlds, violation, _story(worlds, parents, place, rules))
    return Result(worlds)


def _steps(world: World, rules: Rules) -> Iterator[Step]:
    for action in ACTIONS:
        yield from action(world, rules)


def _ordered(world: World) -> World:
    """The two workers are alike: which is which makes no difference."""
    first, second = world.workers
    return world if first <= second else world._replace(workers=(second, first))


def _dead_ends(worlds: Sequence[World], ways_in: Sequence[Sequence[int]]) -> Iterator[int]:
    """Those from which no settled world can be reached, nearest first."""
    ahead = [place for place, world in enumerate(worlds) if is_settled(world)]
    leads_on = bytearray(len(worlds))
    for place in ahead:
        leads_on[place] = True
    while ahead:
        for place in ways_in[ahead.pop()]:
            if not leads_on[place]:
                leads_on[place] = True
                ahead.append(place)
    return (place for place, leads in enumerate(leads_on) if not leads)


def _story(worlds: Sequence[World], parents: Sequence[int], place: int, rules: Rules) -> list[str]:
    way = []
    while place:
        way.append(place)
        place = parents[place]
    names, lines, world = _NAMES, [], worlds[0]
    for place in reversed(way):
        step = next(step for step in _steps(world, rules) if _ordered(step.world) == worlds[place])
        lines.append(step.story if step.who is None else f"{names[step.who]} {step.story}")
        world = worlds[place]
        if step.world != world:
            names = names[::-1]
    return lines
