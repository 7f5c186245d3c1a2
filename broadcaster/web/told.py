"""What pages say of things that stand still or are counted, in a form that templates can show."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from broadcaster.domain.masking import masked
from broadcaster.domain.standstill import Remedy, Standstill
from broadcaster.domain.states import MessageState
from broadcaster.services.campaigns.campaign_reports import CampaignSummary
from broadcaster.time_zones import clock_time

_NUMBER = re.compile(r"[+(]*\d(?:[^\w]{0,4}\d){6,}")
"""What may be somebody's number, by the rule of db/schema/functions/without_numbers.sql."""
_SURELY_SENT_FIRST = (
    MessageState.SENT,
    MessageState.FAILED,
    MessageState.SKIPPED,
    MessageState.CANCELLED,
    MessageState.EXPIRED,
    MessageState.UNKNOWN,
    MessageState.IN_DOUBT,
    MessageState.SENDING,
    MessageState.PENDING,
)
"""In which order an equation and its bar have the states."""


@dataclass(frozen=True, slots=True)
class Term:
    """So many messages in one state, and which part of a bar they are, in hundredths of it."""

    state: MessageState
    count: int
    begins: float
    width: float


@dataclass(frozen=True, slots=True)
class ToldTrouble:
    """What does not move, and why, with the command that helps. Phones in it are masked."""

    what: str
    name: str
    sentence: str
    advice: str
    command: str


def terms_of(campaign: CampaignSummary) -> list[Term]:
    """The sum that makes its total, term by term; of states without messages only `sent`."""
    terms, begins = [], 0.0
    for state in _SURELY_SENT_FIRST:
        count = campaign.count(state)
        if count or state is MessageState.SENT:
            width = 100 * count / campaign.total if campaign.total else 0.0
            terms.append(Term(state, count, begins, width))
            begins += width
    return terms


def told_troubles(found: Iterable[Standstill]) -> Iterator[ToldTrouble]:
    """The same for pages."""
    for each in found:
        sentence = replace(each, remedy=Remedy("", ""), detail=each.detail and with_masked_phones(each.detail))
        yield ToldTrouble(each.what, each.name, sentence.sentence(clock_time), each.remedy.advice, each.remedy.command)


def with_masked_phones(text: str) -> str:
    """The text with whatever may be somebody's number masked."""
    return _NUMBER.sub(lambda found: masked("".join(each for each in found[0] if each.isdecimal())), text)
