"""What a task's lanes came to, as Flower shows it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from broadcaster.domain.masking import with_masked_phones
from broadcaster.services.sending.lane import Lane

MOST_NAMED = 5
"""So many instances, campaigns or troubles are named at most: Flower keeps a thousand tasks in memory."""


@dataclass(slots=True)
class DrainReport:
    """What became of a task's lanes."""

    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    """Messages by what became of them, by the instance's name."""
    campaign_ids: set[int] = field(default_factory=set)
    """The campaigns that the messages are of."""
    campaigns: list[str] = field(default_factory=list)
    """The names of some of these."""
    troubles: dict[str, str] = field(default_factory=dict)
    """What is wrong with an instance, by its name."""
    unfinished: dict[int, str] = field(default_factory=dict)
    """The lanes that still have work: the instance's name by the lane's id."""

    def add(self, lane: Lane) -> None:
        """Add what a lane has done so far."""
        for what, n in lane.counts.items():
            if n:
                counts = self.counts.setdefault(lane.held.name, {})
                counts[what] = counts.get(what, 0) + n
        self.campaign_ids |= lane.campaign_ids
        if lane.trouble is not None:
            self.troubles[lane.held.name] = lane.trouble

    def document(self) -> dict[str, Any]:
        """What became of messages by instance, and the campaigns that they are of."""
        return {"instances": self.counts, "campaigns": self.campaigns}

    def told_troubles(self) -> str:
        """What is wrong with which instances, without phones, and what became of messages all the same."""
        told = list(_few(f"{name} {with_masked_phones(what)}" for name, what in self.troubles.items()))
        told += _few(f"{name}: {_counted(counts)}" for name, counts in self.counts.items())
        return "; ".join(told + ([f"campaigns: {', '.join(self.campaigns)}"] if self.campaigns else []))


def _few(told: Iterable[str]) -> Iterator[str]:
    """The first of them, and how many more there are."""
    said = list(told)
    yield from said[:MOST_NAMED]
    if len(said) > MOST_NAMED:
        yield f"{len(said) - MOST_NAMED:,} more"


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {what.replace('_', ' ')}" for what, count in counts.items())
