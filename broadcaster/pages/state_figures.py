"""Messages by state, as equations and charts of pages show them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from broadcaster.domain.states import FINAL_MESSAGE_STATES, MessageState
from broadcaster.pages.charts import Bars, Mark
from broadcaster.pages.languages import Language
from broadcaster.pages.naming import COUNTED

_ALWAYS = (MessageState.SENT, MessageState.FAILED)
_KINDS = {
    "sent": (MessageState.SENT,),
    "failed": (MessageState.FAILED,),
    "doubt": (MessageState.IN_DOUBT, MessageState.UNKNOWN),
    "left": (MessageState.SKIPPED, MessageState.CANCELLED, MessageState.EXPIRED),
    "open": (MessageState.PENDING, MessageState.SENDING),
}
"""Which states are one part of a bar."""


class MessageCounts(Protocol):
    """Has a number of messages in each state."""

    def count(self, state: MessageState) -> int:
        """How many are in it."""


def shown_states(counted: MessageCounts) -> Sequence[MessageState]:
    """Those that hold a message, and the two that people look for; the final ones first."""
    order = [MessageState.SENT, MessageState.FAILED]
    order += [state for state in MessageState if state in FINAL_MESSAGE_STATES and state not in order]
    order += [state for state in MessageState if state not in order]
    return [state for state in order if state in _ALWAYS or counted.count(state)]


def state_terms(counted: MessageCounts, language: Language) -> Sequence[tuple[int, str]]:
    """The parts that a number of messages is the sum of."""
    found = [(state, counted.count(state)) for state in shown_states(counted)]
    return [(count, language.translations.npgettext("messages", *COUNTED[state], count)) for state, count in found]


def told_others(counted: MessageCounts, language: Language) -> str:
    """How many are neither sent nor failed, which have columns of their own: `28 skipped, 3 expired`."""
    others = [state for state in shown_states(counted) if state not in _ALWAYS]
    told = language.translations.npgettext
    counts = [(state, counted.count(state)) for state in others]
    return ", ".join(f"{language.number(count)} {told('messages', *COUNTED[state], count)}" for state, count in counts)


def bars_of_states(rows: Sequence[MessageCounts], language: Language) -> Sequence[Bars]:
    """One bar a row, of parts whose sum is all of its messages."""
    _ = language.gettext
    labels = {
        "sent": _("sent"),
        "failed": _("failed"),
        "doubt": _("in doubt or unknown"),
        "left": _("skipped, cancelled or expired"),
        "open": _("to send"),
    }
    return [
        Bars(Mark(kind, labels[kind]), [sum(row.count(state) for state in states) for row in rows])
        for kind, states in _KINDS.items()
    ]
