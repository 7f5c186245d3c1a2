"""Whether a chat, read back, shows messages whose outcome nobody knows. Pure.

A *candidate* is one attempt of ours that has, or may have, an entry in the chat. Candidates compete for entries: a
text that was sent must not vouch for an identical one that was not. So a message counts as found only if it gets an
entry however the entries are dealt out among all candidates.

A message counts as absent only if the chat itself shows that. The list must cover its time and contain nothing that
could be it. Everything sent since must be known to be something else, and every known message must be there. A chat
that shows nothing of its time is *silent* and proves nothing: it may be the wrong end of the chat, or the wrong
number. All other cases are undecided.

The gateway's clock may have been put back for a while, or be late at one of its nodes: what looks like the message and
is not known to be another one may be it, too, where it is dated before the message began.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from broadcaster.domain.chat_pages import ChatEntry, ChatMessage, Page, Placed, bare_id, is_another, messages, place
from broadcaster.domain.contents import MessageContent
from broadcaster.domain.shown_content import Wanted, compare

__all__ = ["LATEST_CLOCK", "ChatEntry", "ChatReading", "EntryCandidate", "Page", "Sight", "Why", "match_chat"]

LATEST_CLOCK = timedelta(days=1)
"""By so much a gateway may date an entry too early: its clock is late, or it goes by that of another zone."""


@dataclass(frozen=True, slots=True)
class EntryCandidate:
    """One attempt that may have an entry, dated from `start` to `end` (None: it may still be under way).

    `gateway_id` is the id from the gateway, if it gave one. `is_known` tells that the gateway certainly accepted the
    attempt: then it explains an entry. `is_elsewhere`: it was sent through another account, which may or may not be of
    the same WhatsApp. Then no entry is its own that has another id of WhatsApp's than it was answered with.
    """

    content: MessageContent
    start: datetime
    end: datetime | None
    gateway_id: str | None = None
    is_known: bool = False
    is_elsewhere: bool = False


class Sight(StrEnum):
    """What a chat shows of a candidate."""

    FOUND = "found"
    ABSENT = "absent"
    SILENT = "silent"
    """The chat shows nothing of the candidate's time. That proves nothing without accepted messages of the same kind
    that were shown."""
    UNDECIDED = "undecided"


class Why(StrEnum):
    """Why a candidate is undecided, in words for people. A closed set."""

    CONTESTED = "the chat shows fewer such messages than may have been sent"
    UNCLEAR = "the chat shows something that may be it"
    UNEXPLAINED = "the chat shows a message that nobody knows of"
    INCOMPLETE = "the chat does not show another message that was accepted"
    SHORT = "the list does not reach back"
    UNREAD = "the chat could not be read under every form of its number"


@dataclass(frozen=True, slots=True)
class ChatReading:
    """What a chat shows of one candidate.

    `gateway_id` is the id of the entry that it was found in, if the entry shows one. `entries` is the length of the
    longest page: a proof from a shorter page does not hold for this one. `why` is None unless the candidate is
    undecided.
    """

    sight: Sight
    gateway_id: str | None = None
    entries: int = 0
    why: Why | None = None


def match_chat(
    candidates: Sequence[EntryCandidate], pages: Sequence[Page], *, clock_difference: timedelta
) -> list[ChatReading]:
    """What a chat shows of each candidate, in their order.

    `candidates` are all attempts to one person whose entries may be in a list, known or not, since LATEST_CLOCK before
    those in question began. `pages` has one list for each form of the person's number (`whatsapp_numbers.forms`); if
    one is missing, an absence proves nothing. The gateway's clock may differ from the candidates' by
    `clock_difference`; where it differs by more, nothing is found, and nothing that is listed counts as absent.
    """
    return _Chat(candidates, pages, clock_difference).readings()


class _Chat:
    """The candidates of a chat, each by its `index`, and what the chat shows, each by its `number` in `_shown`.

    What it shows are entries of the gateway's lists, joined where several show the same (`chat_pages.messages`).
    """

    def __init__(
        self, candidates: Sequence[EntryCandidate], pages: Sequence[Page], clock_difference: timedelta
    ) -> None:
        self._candidates = candidates
        self._difference = clock_difference
        self._placed = place(pages)
        self._shown = messages(self._placed)
        self._own = _by_id(candidates, self._shown)
        taken = set(self._own.values())
        self._left = [number for number in range(len(self._shown)) if number not in taken]
        self._doubled = [number for number in taken if self._shown[number].may_be_two]
        self._possible: dict[int, list[int]] = {}
        self._certain: dict[int, list[int]] = {}
        self._known: dict[int, list[int]] = {}
        """Which of what is shown each known candidate explains."""
        seen = [shown.seen for shown in self._shown]
        self._wanted = [Wanted(each.content) for each in candidates]
        for index, each in enumerate(candidates):
            if index not in self._own:
                alike = {
                    number: compare(self._wanted[index], seen[number])
                    for number in self._since(each, self._left)
                    if not (each.is_elsewhere and is_another(each.gateway_id, self._shown[number].entry.id))
                }
                same = [number for number, is_same in alike.items() if is_same and self._may_count(each, number)]
                self._possible[index] = [number for number, is_same in alike.items() if is_same is not False]
                self._certain[index] = [number for number in same if self._is_full(number)]
                if each.is_known:
                    self._known[index] = same
        self._dealt = _deal(self._certain)
        self._explained = _deal(self._known)

    def readings(self) -> list[ChatReading]:
        longest = max(map(len, self._placed), default=0)
        return [self._reading(index, longest) for index in range(len(self._candidates))]

    def _reading(self, index: int, longest: int) -> ChatReading:
        if index in self._own or self._is_found(index):
            found = self._own[index] if index in self._own else self._dealt[index]
            return ChatReading(Sight.FOUND, self._shown[found].entry.id, longest)
        if self._possible[index]:
            why = Why.CONTESTED if self._certain[index] else Why.UNCLEAR
            return ChatReading(Sight.UNDECIDED, None, longest, why)
        if self._may_be_dated_early(index):
            return ChatReading(Sight.UNDECIDED, None, longest, Why.UNCLEAR)
        if not self._is_all_explained(self._candidates[index]):
            return ChatReading(Sight.UNDECIDED, None, longest, Why.UNEXPLAINED)
        if self._misses_known(index):
            return ChatReading(Sight.UNDECIDED, None, longest, Why.INCOMPLETE)
        return self._extent(self._candidates[index].start, longest)

    def _since(self, candidate: EntryCandidate, numbers: Sequence[int]) -> Iterator[int]:
        """Those of `numbers` that are not provably older than the candidate."""
        for number in numbers:
            at = self._shown[number].entry.at
            if at is None or at >= candidate.start - self._difference:
                yield number

    def _may_be_dated_early(self, index: int) -> bool:
        """Whether an entry from before it began may be it, and no known candidate explains that entry."""
        wanted, start = self._wanted[index], self._candidates[index].start
        return any(
            (at := self._shown[number].entry.at) is not None
            and start - LATEST_CLOCK <= at < start - self._difference
            and compare(wanted, self._shown[number].seen) is not False
            and not self._is_explained(number)
            for number in (*self._left, *self._doubled)
        )

    def _is_explained(self, number: int) -> bool:
        """Whether a known candidate explains the entry, however the entries are dealt out."""
        others = {index: [each for each in numbers if each != number] for index, numbers in self._known.items()}
        return len(_deal(others)) < len(self._explained)

    def _is_in_time(self, candidate: EntryCandidate, number: int) -> bool:
        at = self._shown[number].entry.at
        return at is None or candidate.end is None or at <= candidate.end + self._difference

    def _may_count(self, candidate: EntryCandidate, number: int) -> bool:
        shown = self._shown[number]
        return shown.is_here and shown.is_single and self._is_in_time(candidate, number)

    def _is_full(self, number: int) -> bool:
        """Whether the entry shows everything that a match needs. Then only another candidate could have it."""
        entry = self._shown[number].entry
        return entry.outgoing is True and entry.at is not None

    def _is_found(self, index: int) -> bool:
        """Whether it gets an entry in every dealing, even if those of other candidates may be spelled differently."""
        if index not in self._dealt or not _is_needed(index, self._certain, len(self._dealt)):
            return False
        full = {number for numbers in self._certain.values() for number in numbers}
        wide = {
            other: [
                number for number in numbers if number in full and self._is_in_time(self._candidates[other], number)
            ]
            for other, numbers in self._possible.items()
        }
        wide[index] = self._certain[index]
        return _is_needed(index, wide, len(_deal(wide)))

    def _is_all_explained(self, candidate: EntryCandidate) -> bool:
        """Whether known candidates explain all that is shown since the candidate began. Each explains one entry."""
        if any(True for _ in self._since(candidate, self._doubled)):
            return False  # A second entry may hide behind a known one.
        # An older entry that looks like a known candidate's counts too: that candidate may have to explain it.
        to_explain = {
            *self._since(candidate, self._left),
            *(number for numbers in self._known.values() for number in numbers),
        }
        return len(self._explained) == len(to_explain)

    def _misses_known(self, index: int) -> bool:
        """Whether one that began no earlier was accepted, and may not be shown. Then this one may be hidden too."""
        start, most = self._candidates[index].start, len(self._explained)
        return any(
            self._candidates[other].start >= start and not _is_needed(other, self._known, most)
            for other in self._known.keys() - {index}
        )

    def _extent(self, start: datetime, longest: int) -> ChatReading:
        """What lists without an unexplained entry prove about a candidate that began at `start`."""
        later = [page for page in self._placed if any(entry.at and entry.at >= start for entry, _ in page)]
        if not later:
            return ChatReading(Sight.SILENT, None, longest)
        # The list for another form of the number may be the wrong end of a chat too.
        if not all(self._reaches_over(page, start) for page in later):
            return ChatReading(Sight.UNDECIDED, None, longest, Why.SHORT)
        shows_ours = any(
            entry.outgoing and is_here and entry.at and entry.at >= start for page in later for entry, is_here in page
        )
        # Replies may be listed sooner than sent messages. Then the list reaches back far enough but proves nothing.
        return ChatReading(Sight.ABSENT, None, longest) if shows_ours else ChatReading(Sight.SILENT, None, 0)

    def _reaches_over(self, page: Sequence[Placed], start: datetime) -> bool:
        moments = [entry.at for entry, is_here in page if is_here and entry.at]
        return bool(moments) and min(moments) < start - self._difference and start <= max(moments)


def _by_id(candidates: Sequence[EntryCandidate], shown: Sequence[ChatMessage]) -> dict[int, int]:
    """By the index of a candidate the number of the entry with its own id. An ambiguous id counts as none."""
    own: dict[int, int] = {}
    for index, each in enumerate(candidates):
        ours = bare_id(each.gateway_id)
        bearers = [number for number, it in enumerate(shown) if ours and it.id and _is_same_id(ours, it.id)]
        if len(bearers) == 1:
            own[index] = bearers[0]
    owners = Counter(own.values())
    return {index: number for index, number in own.items() if owners[number] == 1}


def _is_same_id(ours: str, theirs: str) -> bool:
    return ours == theirs or ours.endswith(f"_{theirs}") or theirs.endswith(f"_{ours}")


def _deal(wanted: Mapping[int, Collection[int]]) -> dict[int, int]:
    """Deal entries (numbers) to candidates (indexes), each at most once, as many as possible (augmenting paths)."""
    holder: dict[int, int] = {}

    def serve(index: int, tried: set[int]) -> bool:
        for number in wanted[index]:
            if number not in tried:
                tried.add(number)
                if number not in holder or serve(holder[number], tried):
                    holder[number] = index
                    return True
        return False

    for index in wanted:
        serve(index, set())
    return {index: number for number, index in holder.items()}


def _is_needed(index: int, wanted: Mapping[int, Collection[int]], most: int) -> bool:
    """Whether the candidate gets an entry in every dealing of `most`: without it, fewer could be dealt."""
    return len(_deal({other: numbers for other, numbers in wanted.items() if other != index})) < most
