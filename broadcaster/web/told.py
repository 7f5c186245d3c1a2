"""What pages say of things that stand still or are counted, in a form that templates can show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from broadcaster.domain.masking import with_masked_phones
from broadcaster.domain.standstill import Standstill
from broadcaster.domain.states import MessageState
from broadcaster.pages.languages import Language
from broadcaster.pages.own_words import in_own_words, told_standstill
from broadcaster.pages.state_figures import shown_states
from broadcaster.services.campaigns.campaign_reports import CampaignSummary


@dataclass(frozen=True, slots=True)
class StateShare:
    """Which part of a bar the messages in one state are: where it begins and how wide it is, in hundredths."""

    state: MessageState
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


def shares_of_states(campaign: CampaignSummary) -> list[StateShare]:
    """A bar of all its messages; of none there is no part."""
    shares, begins = [], 0.0
    for state in shown_states(campaign):
        width = 100 * campaign.count(state) / max(1, campaign.total)
        shares.append(StateShare(state, begins, width))
        begins += width
    return shares


def told_troubles(found: Iterable[Standstill], language: Language) -> Iterator[ToldTrouble]:
    """The same for pages."""
    for each in found:
        masked = replace(each, detail=each.detail and with_masked_phones(each.detail))
        advice = in_own_words(each.remedy.advice, language)
        yield ToldTrouble(each.what, each.name, told_standstill(masked, language), advice, each.remedy.command)
