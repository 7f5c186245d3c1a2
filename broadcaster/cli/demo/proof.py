"""Compares Postgres's sent messages with those that the simulated gateway took, message by message."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Engine

from broadcaster.domain.states import CampaignState, MessageState
from broadcaster.services.campaigns.campaign_reports import campaign_summary, export_messages
from broadcaster.simulator import Entry

_EXAMPLES = 3


class Delivery(NamedTuple):
    """One message as both sides know it: the instance, the phone, the endpoint."""

    instance: str
    phone: str
    endpoint: str


@dataclass(frozen=True, slots=True)
class Proof:
    """One promise, whether it was kept, and the evidence for or against it."""

    claim: str
    holds: bool
    evidence: str


def prove_the_promises(engine: Engine, campaigns: dict[str, str], ledger: Iterable[Entry]) -> list[Proof]:
    """A proof of each promise of the demo. `campaigns` maps names to the endpoint of their messages."""
    planned = [
        (Delivery(row.instance, str(row.phone), endpoint), row.state)
        for name, endpoint in campaigns.items()
        for row in export_messages(engine, name)
    ]
    recorded = [delivery for delivery, state in planned if state == MessageState.SENT]
    taken = [Delivery(entry.instance, entry.phone, entry.endpoint) for entry in ledger if entry.accepted]
    return [
        prove_nothing_is_lost(engine, list(campaigns)),
        prove_nothing_is_doubled([delivery for delivery, _ in planned], taken),
        prove_the_books_agree(recorded, taken),
    ]


def prove_nothing_is_lost(engine: Engine, campaigns: Sequence[str]) -> Proof:
    """Every campaign is finished, and its planned messages equal those in the final states (invariant I1)."""
    rows = [campaign_summary(engine, name) for name in campaigns]
    sums: Counter[str] = Counter()
    for row in rows:
        sums.update({state.value: row.count(state) for state in MessageState})
    total = sum(row.total for row in rows)
    parts = [f"{count:,} {state.replace('_', ' ')}" for state, count in sums.items() if count]
    holds = total == sums.total() and all(row.state is CampaignState.FINISHED and not row.still_open for row in rows)
    return Proof("nothing lost", holds, f"{total:,} planned = {' + '.join(parts)}")


def prove_nothing_is_doubled(planned: Sequence[Delivery], taken: Sequence[Delivery]) -> Proof:
    """The gateway took exactly one message for each planned one (invariant I2)."""
    missing, extra = Counter(planned) - Counter(taken), Counter(taken) - Counter(planned)
    if missing or extra:
        faults = [*_describe(missing, "never reached the gateway"), *_describe(extra, "taken too often or unplanned")]
        return Proof("nothing doubled", False, "; ".join(faults))
    evidence = f"the gateway took {len(taken):,} messages: exactly one for each recipient of each campaign"
    return Proof("nothing doubled", True, evidence)


def prove_the_books_agree(recorded: Sequence[Delivery], taken: Sequence[Delivery]) -> Proof:
    """Postgres's sent messages equal the gateway's ledger, recipient by recipient."""
    only_here, only_there = Counter(recorded) - Counter(taken), Counter(taken) - Counter(recorded)
    if only_here or only_there:
        faults = [*_describe(only_here, "only in Postgres"), *_describe(only_there, "only in the gateway's ledger")]
        return Proof("books agree", False, "; ".join(faults))
    return Proof("books agree", True, "compared phone by phone: Postgres and the gateway's ledger say the same")


def _describe(deliveries: Counter[Delivery], what: str) -> list[str]:
    if not deliveries:
        return []
    shown = ", ".join(f"{each.phone} via {each.instance}" for each in list(deliveries)[:_EXAMPLES])
    return [f"{deliveries.total():,} {what} ({shown}{', …' if len(deliveries) > _EXAMPLES else ''})"]
