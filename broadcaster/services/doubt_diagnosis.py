"""Finds out what is wrong with messages in doubt: too many, too old, not to be decided in time, or given up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from shlex import quote
from typing import NamedTuple

from sqlalchemy import Engine

from broadcaster.db.engine import transaction
from broadcaster.db.statements import rows
from broadcaster.domain.unsettled_causes import unsettled_campaigns
from broadcaster.services.findings import Finding, Level, unwell, well
from broadcaster.services.standstill import find_unsettled
from broadcaster.settings import Settings

FEW_DOUBTS = 20
DOUBTED_SHARE = 0.05
"""More doubts than these, and than this share of an hour's attempts, are no accident any more."""
GIVEN_UP_SECONDS = 60.0
"""What giving up doubts may take once their deadline has passed."""


class _Stuck(NamedTuple):
    messages: int
    forgotten: int
    oldest_seconds: float


class _Account(NamedTuple):
    """An account with messages in doubt, of which `campaign` has some."""

    instance: str
    campaign: str
    reads_a_second: int
    is_unreadable: bool
    oldest_seconds: float
    messages: int
    attempts: int
    """Of the last hour."""


def examine_doubts(engine: Engine, settings: Settings) -> Iterator[Finding]:
    """Whether all doubts are decided in time, are few for what was sent, and none waits for an operator."""
    patience = settings.doubt_deadline_seconds + GIVEN_UP_SECONDS
    with transaction(engine) as connection:
        [stuck] = rows(connection, "stuck_doubts", _Stuck, deadline=timedelta(seconds=patience))
        accounts = rows(connection, "doubts_by_account", _Account)
        unsettled = find_unsettled(connection)
    found = [finding for account in accounts for finding in _examine_account(account, settings)]
    if stuck.messages:
        since = f"the oldest for {stuck.oldest_seconds:.0f} s"
        what = f"{stuck.messages:,} messages stay in doubt beyond BROADCASTER_DOUBT_DEADLINE_SECONDS, {since}"
        if stuck.forgotten:
            what += f", {stuck.forgotten:,} of them unknown to reading back"
        settle = f"broadcaster campaign settle {quote(accounts[0].campaign) if accounts else 'NAME'}"
        found.append(unwell("doubts", Level.BAD, what, "see the beat's ticks, or settle them with", settle))
    found += [
        unwell("doubts", Level.WARN, f"{each.name} {each.why}", *each.remedy)
        for each in unsettled_campaigns(unsettled)
    ]
    yield from found or [well("doubts", "all are read back or given up in time, and none waits for an operator")]


def _examine_account(account: _Account, settings: Settings) -> Iterator[Finding]:
    if account.is_unreadable and account.oldest_seconds > settings.doubt_deadline_seconds + GIVEN_UP_SECONDS:
        what = (
            f"{account.messages:,} messages through {account.instance} stay in doubt until its chats can be read, "
            f"the oldest for {account.oldest_seconds:.0f} s"
        )
        settle = f"broadcaster campaign settle {quote(account.campaign)}"
        yield unwell("doubts", Level.WARN, what, "decide yourself with", settle)
    if account.messages > max(FEW_DOUBTS, DOUBTED_SHARE * account.attempts):
        what = (
            f"{account.messages:,} messages through {account.instance} are in doubt, "
            f"many for its {account.attempts:,} attempts of the last hour"
        )
        check = f"broadcaster instance check {quote(account.instance)}"
        yield unwell("doubts", Level.BAD, what, "see how it answers with", check)
    reads = account.reads_a_second * settings.doubt_deadline_seconds
    if account.messages * settings.doubt_polls > reads:
        what = (
            f"{account.messages:,} messages through {account.instance} are in doubt, more than can be read back in "
            f"time at {account.reads_a_second} a second"
        )
        settle = f"broadcaster campaign settle {quote(account.campaign)}"
        yield unwell("doubts", Level.BAD, what, "settle them with", settle)
