"""What happens, noted once for the receivers that want to know: the first half of the tick.

Nothing on the way of a message writes a notice. A tick looks at what the database says by then, so a tick that is
lost, late or doubled changes nothing: what ended is found by its moment, what lasts is remembered in `troubles`.
docs/decisions/0042-notices.md has the reasons.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Set
from datetime import UTC, datetime, timedelta

import msgspec
import structlog
from sqlalchemy import Connection, Engine

from broadcaster.db.engine import transaction
from broadcaster.db.statements import execute, rows, value, values
from broadcaster.domain import notices
from broadcaster.domain.care import JUDGED_FROM
from broadcaster.domain.notices import NoticeEvent, Occasion
from broadcaster.services.standstill import find_standstills, find_unsettled
from broadcaster.settings import Settings

KEPT = timedelta(days=90)
"""How long notices and their deliveries are kept."""
GIVE_UP_AFTER = timedelta(days=3)
"""What a receiver has not taken for so long is not tried any more."""
_INSTANCES = {NoticeEvent.TROUBLE, NoticeEvent.WELL}

log = structlog.get_logger(__name__)


class _Ripe(msgspec.Struct, frozen=True):
    """A trouble that has lasted long enough to be told."""

    event: NoticeEvent
    subject: str
    cause: str
    seen_since: datetime


class _Recovered(msgspec.Struct, frozen=True):
    """An instance that is well, of whose trouble receivers were told then."""

    instance: str
    told_at: datetime


def note_notices(engine: Engine, settings: Settings) -> list[str]:
    """Note what happened since the last time, for the receivers that there are; returns each event with its subject.

    One at a time, whoever calls it: the others do nothing.
    """
    with transaction(engine) as connection:
        wanted = {NoticeEvent(each) for each in values(connection, "wanted_events")}
        if not wanted or not value(connection, "may_note"):
            return []
        lasting = notices.few_at_once(_lasting(connection, engine, settings, wanted))
        found = [*lasting, *_passed(connection, wanted)]
        occasions = [each for each in found if each.event in wanted]
        noted = values(connection, "note_notices", occasions=_json(occasions)) if occasions else []
        execute(connection, "settle_handed_over")
        execute(connection, "give_up_deliveries", patience=GIVE_UP_AFTER)
        execute(connection, "forget_notices", kept=KEPT)
    for each in noted:
        log.info("notice", what=each)
    return noted


def _passed(connection: Connection, wanted: Collection[NoticeEvent]) -> Iterator[Occasion]:
    """What came to pass at a moment."""
    for end in rows(connection, "ended_campaigns", notices.CampaignEnd):
        yield notices.ended(end)
    if NoticeEvent.OPT_OUTS in wanted:
        for rate in rows(connection, "opt_out_rates", notices.OptOutRate, judged_from=JUDGED_FROM):
            yield notices.many_opted_out(rate)


def _lasting(
    connection: Connection, engine: Engine, settings: Settings, wanted: set[NoticeEvent]
) -> Iterator[Occasion]:
    """What does not pass and has lasted for long enough, and instances that are well again."""
    looked = (wanted | ({NoticeEvent.TROUBLE} if wanted & _INSTANCES else set())) & notices.PATIENCE.keys()
    found = {
        (each.event, each.subject, each.occurrence): each
        for each in _troubles(connection, engine, settings, looked)
        if each.event in looked
    }
    execute(connection, "see_troubles", found=_json(found.values()), looked=sorted(looked))
    for ripe in rows(connection, "ripe_troubles", _Ripe, patience=_json(notices.PATIENCE)):
        occasion = found[ripe.event, ripe.subject, ripe.cause]
        since = ripe.seen_since.astimezone(UTC)
        # What comes and goes is told since the time that was counted began, and not since it came last.
        began = occasion.notice.since and min(occasion.notice.since, since)
        yield msgspec.structs.replace(
            occasion,
            occurrence=f"{ripe.cause} {since.isoformat()}".lstrip(),
            notice=msgspec.structs.replace(occasion.notice, since=began),
        )
    for each in rows(connection, "end_troubles", _Recovered, calm=_json(notices.CALM)):
        yield notices.well_again(each.instance, each.told_at.astimezone(UTC).isoformat(), each.told_at)


def _troubles(
    connection: Connection, engine: Engine, settings: Settings, looked: Set[NoticeEvent]
) -> Iterator[Occasion]:
    if NoticeEvent.STOPPED in looked:
        yield from map(notices.stopped, rows(connection, "stopped_campaigns", notices.StoppedCampaign))
    if NoticeEvent.DOUBTS in looked:
        yield from map(notices.unsettled, find_unsettled(connection))
    if looked & {NoticeEvent.TROUBLE, NoticeEvent.STUCK, NoticeEvent.HELD}:
        yield from notices.troubles(find_standstills(engine, settings))


def _json(document: Iterable[Occasion] | Mapping[NoticeEvent, float]) -> str:
    return msgspec.json.encode(document if isinstance(document, Mapping) else list(document)).decode()
