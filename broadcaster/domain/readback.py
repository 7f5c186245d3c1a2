"""Whether a chat, read back, shows the messages that nobody knows about. Pure.

A *claim* is one attempt of ours that has, or may have, an entry in the chat. Claims compete for entries: an identical
text that was sent legitimately must not vouch for one that was not. So a message counts as found only if it is found
however the entries are dealt out among all claims, and as absent only if nothing in a list that provably covers its
time could be it. Everything between is undecided.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol
from urllib.parse import unquote, urlsplit


class ChatEntry(Protocol):
    """One entry of a chat, as far as the gateway shows it: None is what it does not show."""

    @property
    def id(self) -> str | None: ...
    @property
    def phone(self) -> str | None: ...
    @property
    def outgoing(self) -> bool | None: ...
    @property
    def at(self) -> datetime | None: ...
    @property
    def body(self) -> str | None: ...
    @property
    def caption(self) -> str | None: ...
    @property
    def filename(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class ShownContent:
    """What a chat can show of a message: `text` of a text message; otherwise a file's name or URL, and caption."""

    text: str | None = None
    filename: str | None = None
    url: str | None = None
    caption: str | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """One attempt that may have an entry, dated between `start` and `end` (None: it may still be under way).

    `gateway_id` is the id that the gateway gave it, where it gave one.
    """

    content: ShownContent
    start: datetime
    end: datetime | None
    gateway_id: str | None = None


class Sight(StrEnum):
    """What a chat says of a claim."""

    FOUND = "found"
    ABSENT = "absent"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a chat says of one claim; `gateway_id` is that of the entry it was found by, where that shows one."""

    sight: Sight
    gateway_id: str | None = None


def read_back(
    claims: Sequence[Claim], entries: Sequence[ChatEntry], phone: str, *, limit: int, clock_difference: timedelta
) -> list[Reading]:
    """What the chat with `phone` says of each claim, in their order.

    `claims` are all attempts to that phone whose entries may be in the list, known or in doubt. `limit` is how many
    entries were asked for. `clock_difference` is by how much the gateway's clock may differ from that of the claims.
    """
    chat = _distinct([entry for entry in entries if entry.outgoing is not False])
    named = Counter(entry.id for entry in chat)
    own = _by_id(claims, chat, named)
    left = [number for number in range(len(chat)) if number not in own.values()]
    certain: dict[int, list[int]] = {}
    possible: dict[int, bool] = {}
    for claim, each in enumerate(claims):
        if claim not in own:
            alike = [number for number in left if _could_be(each, chat[number], clock_difference)]
            possible[claim] = bool(alike)
            certain[claim] = [
                number
                for number in alike
                # Several entries under one id may be one message or many: nothing can be counted by them.
                if (chat[number].id is None or named[chat[number].id] == 1)
                and _is_like(each, chat[number], phone, clock_difference)
            ]
    dealt = _deal(certain)

    def reading(claim: int) -> Reading:
        if claim in own:
            return Reading(Sight.FOUND, chat[own[claim]].id)
        if claim in dealt and _is_needed(claim, certain, len(dealt)):
            return Reading(Sight.FOUND, chat[dealt[claim]].id)
        start = claims[claim].start - clock_difference
        absent = not possible[claim] and _covers(entries, start, limit)
        return Reading(Sight.ABSENT if absent else Sight.UNDECIDED)

    return [reading(claim) for claim in range(len(claims))]


def _distinct(entries: Sequence[ChatEntry]) -> list[ChatEntry]:
    """The entries in an order that is not the list's; one that is listed twice under its id counts once."""
    distinct: list[ChatEntry] = []
    for entry in sorted(entries, key=_order):
        if not (entry.id and distinct and _order(distinct[-1]) == _order(entry)):
            distinct.append(entry)
    return distinct


def _order(entry: ChatEntry) -> tuple[str, ...]:
    moment = entry.at.isoformat() if entry.at else ""
    texts = (entry.id, entry.body, entry.caption, entry.filename, entry.phone)
    return (moment, *(text or "" for text in texts), str(entry.outgoing))


def _by_id(claims: Sequence[Claim], chat: Sequence[ChatEntry], named: Mapping[str | None, int]) -> dict[int, int]:
    """The entries that bear a claim's own id. An id that does not tell apart is none."""
    given = Counter(each.gateway_id for each in claims)
    own = {
        claim: number
        for claim, each in enumerate(claims)
        if each.gateway_id and given[each.gateway_id] == 1
        for number, entry in enumerate(chat)
        if entry.id and named[entry.id] == 1 and _is_same_id(each.gateway_id, entry.id)
    }
    owners = Counter(own.values())
    return {claim: number for claim, number in own.items() if owners[number] == 1}


def _is_same_id(ours: str, theirs: str) -> bool:
    """Some gateways answer `3EB0…` and list `true_4915112345678@c.us_3EB0…`."""
    return ours == theirs or ours.endswith(f"_{theirs}") or theirs.endswith(f"_{ours}")


def _could_be(claim: Claim, entry: ChatEntry, clock_difference: timedelta) -> bool:
    """Nothing that the entry shows rules out that it is the claim's."""
    too_early = entry.at is not None and entry.at < claim.start - clock_difference
    return not too_early and _compare(claim.content, entry) is not False


def _is_like(claim: Claim, entry: ChatEntry, phone: str, clock_difference: timedelta) -> bool:
    """Everything that makes an entry the claim's is shown and fits; only another claim could have it."""
    if entry.outgoing is not True or entry.at is None or entry.phone not in (None, phone):
        return False
    in_time = claim.end is None or entry.at <= claim.end + clock_difference
    return in_time and _compare(claim.content, entry) is True


def _compare(content: ShownContent, entry: ChatEntry) -> bool | None:
    """Whether the entry shows this content; None where it does not show enough to tell."""
    body = _folded(entry.body)
    if content.text is not None:
        text = _folded(content.text)
        if not body:
            return None
        # A gateway may cut long texts short, and a beginning is no proof of anything else.
        cut = body.rstrip("….").rstrip()
        return True if body == text else None if text.startswith(cut) else False
    name = _folded(content.filename or _last_part(content.url or ""))
    caption, shown_name = _folded(content.caption), _folded(entry.filename)
    shown_captions = {_folded(entry.caption), body} - {""}
    if content.url and _folded(content.url) in shown_captions:
        return True
    if shown_name == name and shown_name:
        # The same file under different words is another message of ours.
        return True if not caption or caption in shown_captions else None
    if not shown_name and caption and caption in shown_captions:
        return True
    is_text = not shown_name and not entry.caption and body and "://" not in body
    return False if is_text else None


def _last_part(url: str) -> str:
    return unquote(urlsplit(url).path.rpartition("/")[2])


def _folded(text: str | None) -> str:
    """The text in one spelling: Unicode NFC, each run of white space one blank, none around it."""
    return " ".join(unicodedata.normalize("NFC", text or "").split())


def _covers(entries: Sequence[ChatEntry], start: datetime, limit: int) -> bool:
    """Whether nothing later than `start` can be missing from the list.

    A list that is shorter than what was asked for is the whole chat. A full one must reach over the start, from
    before it to after it, or it may be the wrong end of the chat.
    """
    if len(entries) < limit:
        return True
    moments = [entry.at for entry in entries if entry.at is not None]
    return bool(moments) and min(moments) < start <= max(moments)


def _deal(wanted: Mapping[int, Sequence[int]]) -> dict[int, int]:
    """Entries to claims, each at most once and as many as possible (augmenting paths)."""
    holder: dict[int, int] = {}

    def serve(claim: int, tried: set[int]) -> bool:
        for entry in wanted[claim]:
            if entry not in tried:
                tried.add(entry)
                if entry not in holder or serve(holder[entry], tried):
                    holder[entry] = claim
                    return True
        return False

    for claim in wanted:
        serve(claim, set())
    return {claim: entry for entry, claim in holder.items()}


def _is_needed(claim: int, wanted: Mapping[int, Sequence[int]], most: int) -> bool:
    """Whether it has an entry in every dealing of `most` entries: without it one fewer could be dealt."""
    return len(_deal({other: entries for other, entries in wanted.items() if other != claim})) < most
