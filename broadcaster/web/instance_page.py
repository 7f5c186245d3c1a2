"""The page of one instance: whether it is well, what it may send, and what goes through it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine

from broadcaster.db.reading import as_of_now
from broadcaster.domain.masking import with_masked_phones
from broadcaster.domain.meter import speed_limit
from broadcaster.domain.pacing import format_rate
from broadcaster.domain.standstill import What
from broadcaster.pages.own_words import in_own_words
from broadcaster.pages.told_times import told_gaps, told_hours
from broadcaster.services.campaigns.move_reports import OpenFailover, open_failovers
from broadcaster.services.instance_reports import (
    LONGEST_BOUND,
    InstanceCampaign,
    InstanceDetail,
    InstanceFailure,
    campaigns_of_instance,
    failures_of_instance,
    show_instance,
)
from broadcaster.web.surface import Surface
from broadcaster.web.told import told_troubles

_MOST_CAMPAIGNS = 50
_MOST_FAILURES = 10


@dataclass(frozen=True, slots=True)
class InstanceNow:
    """What is known of an instance at one moment."""

    detail: InstanceDetail
    campaigns: Sequence[InstanceCampaign]
    failures: Sequence[InstanceFailure]
    failovers: Sequence[OpenFailover]


async def live_instance(surface: Surface, asked: Mapping[str, str]) -> dict[str, Any]:
    """All of one instance, called `name`."""
    name = asked["name"]
    at, found = await surface.timed(("instance", name), _look, surface.engine, name)
    detail = found.detail
    of_it = [
        each for each in await surface.troubles() if each.what in (What.INSTANCE, What.INBOX) and each.name == name
    ]
    limit = speed_limit([(detail.permitted_per_second, detail.burst)])
    return {
        "instance": detail,
        "permitted": format_rate(detail.permitted_per_second),
        "speed": surface.speed(("instance", detail.id), at, detail.sent, limit, detail.permitted_per_second),
        "reason": with_masked_phones(detail.health_reason) if detail.health_reason else "",
        "stops": in_own_words(str(detail.stops), surface.language) if detail.stops and detail.stops.are_given else "",
        "hours": told_hours(detail.hours, surface.language) if detail.hours else "",
        "gaps": list(told_gaps(detail.gaps, surface.language)) if detail.gaps else [],
        "troubles": list(told_troubles(of_it, surface.language)),
        "sent_now": [each for each in found.campaigns if each.is_sent_now],
        "campaigns": found.campaigns,
        "most": _MOST_CAMPAIGNS,
        "longest_bound": LONGEST_BOUND,
        "failures": found.failures,
        "failovers": found.failovers,
    }


def _look(engine: Engine, name: str) -> InstanceNow:
    """As of one moment. Raises NotFoundError."""
    with as_of_now(engine) as moment:
        detail = show_instance(moment, name)
        return InstanceNow(
            detail,
            campaigns_of_instance(moment, detail.id, _MOST_CAMPAIGNS),
            failures_of_instance(moment, detail.id, _MOST_FAILURES),
            open_failovers(moment, instance=name),
        )
