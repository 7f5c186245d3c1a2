"""How the instances of a campaign share its messages: by which weights, and what becomes of those of one in trouble.

Pure. docs/decisions/0039-several-senders.md has the reasons.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum

import msgspec

from broadcaster.domain.care import Care
from broadcaster.domain.spans import said_span
from broadcaster.errors import UsageError, quoted

MOST_WEIGHT = 1000
_NONE = "none"
_WEIGHT = re.compile(r"[0-9]{1,4}")


class MoveReason(StrEnum):
    """Why pending messages went from one instance of their campaign to another."""

    FAILOVER = "failover"
    """It had been down or refused for long."""
    BACK = "back"
    """One that had been so is well again, and got its part back."""
    REPLACED = "replaced"
    """An operator took it away from the campaign."""
    RETIRED = "retired"
    """An operator retired it."""
    RESHARED = "reshared"
    """An operator gave the campaign other instances, or other weights, or started a draft that had waited."""

    @property
    def words(self) -> str:
        """For people."""
        return _WORDS[self]


_WORDS = {
    MoveReason.FAILOVER: "it was in trouble",
    MoveReason.BACK: "another is well again",
    MoveReason.REPLACED: "taken away from the campaign",
    MoveReason.RETIRED: "retired",
    MoveReason.RESHARED: "shared anew",
}


class Sharing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is stored of it with a campaign or a schedule. Weights are stored with its lanes."""

    failover_after: float | None = None
    """For how many seconds an instance is in trouble before others send what it has pending; None: they never do."""
    sticky: bool = False
    """Whether a person gets it through the instance that talked to them last."""
    failover_sticky: bool = False
    """Whether these are sent by others, too, while theirs is in trouble."""

    @property
    def is_given(self) -> bool:
        """Whether there is anything of it."""
        return self != Sharing()

    def __str__(self) -> str:
        """For people: `failover after 15m, people keep their instance`."""
        told = []
        if self.failover_after is not None:
            told.append(f"failover after {said_span(self.failover_after)}")
        if self.sticky:
            told.append("people keep their instance" + (", but for a failover" if self.failover_sticky else ""))
        return ", ".join(told) or _NONE


class SharingChange(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be another; None: it stays."""

    failover_after: float | None = None
    never_fails_over: bool = False
    sticky: bool | None = None
    failover_sticky: bool | None = None

    def of(self, before: Sharing) -> Sharing:
        """What it makes of that. Raises UsageError where it does not go together."""
        after = None if self.never_fails_over else self.failover_after or before.failover_after
        sticky = before.sticky if self.sticky is None else self.sticky
        moves_sticky = before.failover_sticky if self.failover_sticky is None else self.failover_sticky
        if self.failover_sticky and not sticky:
            raise UsageError("--failover-sticky goes with --sticky: nobody keeps an instance without it")
        if self.failover_sticky and after is None:
            raise UsageError("--failover-sticky goes with --failover-after: without it nothing moves")
        return Sharing(
            failover_after=after, sticky=sticky, failover_sticky=moves_sticky and sticky and after is not None
        )


def said_idle_failover(sharing: Sharing | None, instances: int) -> str | None:
    """That a failover has nowhere to go among so many instances; None: it has, or none is asked for."""
    if sharing is None or sharing.failover_after is None or instances > 1:
        return None
    return "--failover-after plays no part: there is one instance, and no other one that could take over"


def refuse_strangers(sharing: Sharing | None, care: Care | None) -> None:
    """Raise UsageError where a failover would send to people through an instance that does not know them."""
    if sharing is not None and sharing.failover_after is not None and care is not None and care.only_known:
        raise UsageError(
            "--failover-after with --only-known: the others do not know the same people; leave one of the two out"
        )


def parse_weights(written: Sequence[str]) -> Mapping[str, int | None]:
    """Instances as `--instance` names them, `NAME` or `NAME=WEIGHT`, each with its weight; None: by its rate.

    Raises UsageError for a weight that is none, where only some have one, and where one is named twice.
    """
    weights: dict[str, int | None] = {}
    for each in written:
        name, equals, weight = each.rpartition("=")
        if (name if equals else each) in weights:
            raise UsageError(f"--instance {quoted(name if equals else each)} is given twice: name each instance once")
        if not equals:
            weights[each] = None
        elif not _WEIGHT.fullmatch(weight) or not 1 <= int(weight) <= MOST_WEIGHT:
            raise UsageError(f"--instance {quoted(each)}: a weight is a whole number from 1 to {MOST_WEIGHT}")
        else:
            weights[name] = int(weight)
    if len({weight is None for weight in weights.values()}) > 1:
        bare = next(name for name, weight in weights.items() if weight is None)
        raise UsageError(f"--instance {quoted(bare)}: give each instance a weight, such as {bare}=1, or none of them")
    return weights


def given_weights(weights: Mapping[str, int | None]) -> Mapping[str, float]:
    """Those that are weights; empty where the instances share by their rates."""
    return {name: weight for name, weight in weights.items() if weight is not None}


def said_weights(weights: Mapping[str, float | None]) -> str:
    """For people: `a (3), b (1)`; without weights `a, b`."""
    return ", ".join(named_weights(weights))


def named_weights(weights: Mapping[str, float | None]) -> list[str]:
    """The same, each apart."""
    return [name if weight is None else f"{name} ({weight:g})" for name, weight in weights.items()]
