"""What operators did to a campaign and its instances, one row an action, in words of people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from broadcaster.domain.changed_settings import changed_settings
from broadcaster.domain.states import MessageState
from broadcaster.pages.languages import Language
from broadcaster.pages.naming import COUNTED, EVENTS, NAMES, SETTINGS
from broadcaster.pages.own_words import in_own_words, own_words
from broadcaster.pages.told_times import told_hours
from broadcaster.services.audit import AuditEntry
from broadcaster.services.campaigns.full_reports import CampaignReport

_LONGEST_VALUE = 120
"""Characters of what was changed that are shown, unless it is ours."""
_SAID_BY_COMMAND = {"state", "state_reason", "health", "health_reason", "outcome_run", "retired_at"}
"""Where a campaign or an instance stands: the name of what was done says it."""
_ONE_ACTION = timedelta(minutes=1)
"""What a command writes in several rows of the trail follows within this time."""


class ToldEvent(NamedTuple):
    """What an operator did."""

    at: datetime
    who: str
    what: str
    changes: Sequence[tuple[str, str | None, str | None]]
    """The name of each value, and what it was and became, where that can be said in a few words."""


def told_events(report: CampaignReport, language: Language) -> Sequence[ToldEvent]:
    """What operators did, oldest first."""
    said_hours = {each: told_hours(hours, language) for each, hours in report.event_hours.items()}
    campaign = report.detail.summary.name
    told = []
    for action in _actions(report.events):
        event = action[0]
        of = "" if (event.object_kind, event.object_name) == ("campaign", campaign) else f" ({event.object_name})"
        command = event.command or ""
        known = EVENTS.get(command)
        what = language.gettext(known) if known else command or in_own_words(event.action, language)
        changes = [change for entry in action for change in _told_changes(entry, said_hours, language)]
        told.append(ToldEvent(event.at, event.operator or "-", f"{what}{of}", changes))
    return told


def _actions(events: Sequence[AuditEntry]) -> Iterator[Sequence[AuditEntry]]:
    """What one command wrote of one object: never the same value twice, since then it was given again."""
    action: list[AuditEntry] = []
    for event in events:
        if action and not _goes_on(action, event):
            yield action
            action = []
        action.append(event)
    if action:
        yield action


def _goes_on(action: Sequence[AuditEntry], event: AuditEntry) -> bool:
    first, latest = action[0], action[-1]
    if _doer(event) != _doer(first) or not event.command or event.at - latest.at > _ONE_ACTION:
        return False
    return event.action in {"changed", "noted"} and not _values(event) & {
        name for each in action for name in _values(each)
    }


def _doer(event: AuditEntry) -> tuple[str | None, ...]:
    return event.operator, event.host, event.command, event.object_kind, event.object_name


def _values(event: AuditEntry) -> set[str]:
    return {*(event.before or {}), *(event.after or {})}


def _told_changes(
    event: AuditEntry, said_hours: Mapping[int, str], language: Language
) -> list[tuple[str, str | None, str | None]]:
    if event.action not in {"changed", "noted"}:
        return []
    if _counts_messages(event):
        return [(each, None, None) for each in _told_counts(event, language)]
    changed = changed_settings(event.before or {}, event.after or {}, said_hours, language.moment)
    told = []
    for name, pair in changed.items():
        if name in _SAID_BY_COMMAND and event.command in EVENTS:
            continue
        was, now = pair if name == "windows" else (_few_words(each, language) for each in pair)
        told.append((_named(name, language), was, now))
    return told


def _counts_messages(event: AuditEntry) -> bool:
    """Whether it says how many messages went from which states into which (`audit_messages.sql`)."""
    return event.object_kind == "campaign" and bool(_values(event)) and _values(event) <= set(MessageState)


def _told_counts(event: AuditEntry, language: Language) -> Iterator[str]:
    """How many came to which state: `302 cancelled`."""
    before, after = event.before or {}, event.after or {}
    for state in MessageState:
        if (came := after.get(state, 0) - before.get(state, 0)) > 0:
            yield f"{language.number(came)} {language.translations.npgettext('messages', *COUNTED[state], came)}"


def _named(setting: str, language: Language) -> str:
    return language.gettext(SETTINGS[setting]) if setting in SETTINGS else setting


def _few_words(value: str, language: Language) -> str | None:
    if value in NAMES:
        return language.gettext(NAMES[value])
    told = own_words(value, language)
    return told if told is not None else value if len(value) <= _LONGEST_VALUE else None
