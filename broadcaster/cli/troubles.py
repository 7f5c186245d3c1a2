"""Shows what does not move: one sentence each, with the command that helps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any, NamedTuple

from broadcaster.cli.output import console, one_line
from broadcaster.cli.own_process import as_called
from broadcaster.db.reading import Reader
from broadcaster.domain.holds import HoldNow
from broadcaster.domain.standstill import Cause, Remedy, Scene, Standstill, What, counted
from broadcaster.services.standstill import find_standstills, look_at_campaign
from broadcaster.settings import Settings
from broadcaster.time_zones import shown_time

if TYPE_CHECKING:
    from sqlalchemy import Engine

_MOST_SAID = 100
_REDIS_SECONDS = 1.0


class Few(NamedTuple):
    """Some standstills, and how many more there are of each kind."""

    first: Sequence[Standstill]
    more: Mapping[What, int]


def troubles(source: Engine | Reader, settings: Settings, campaign: str | None = None) -> Iterator[Standstill]:
    """Everything that does not move, while it is found; with `campaign`, only what concerns that campaign."""
    return find_standstills(source, settings, campaign=campaign, surroundings=partial(look_around, settings=settings))


def troubles_and_holds(
    source: Engine | Reader, settings: Settings, campaign: str
) -> tuple[list[Standstill], list[HoldNow]]:
    """What of a campaign does not move, and what holds it now, by one look."""
    return look_at_campaign(source, settings, campaign, partial(look_around, settings=settings))


def trouble_document(trouble: Standstill) -> dict[str, Any]:
    """One standstill for programs: an item of `standing_still`."""
    return {
        "what": trouble.what,
        "name": trouble.name,
        "cause": trouble.cause,
        "why": trouble.why,
        "since": trouble.since,
        "next_try": trouble.next_try,
        "until": trouble.until,
        "waiting": trouble.waiting,
        "command": trouble.remedy.command,
    }


def trouble_line(trouble: Standstill, *, of: str | None = None) -> str:
    """One standstill for people. A campaign held back by instances refers to their lines above.

    `of`: the campaign that all of it is about, whose name is not said again.
    """
    if trouble.cause is Cause.INSTANCES:
        waits = (
            f"; {counted(trouble.waiting)} {'waits' if trouble.waiting == 1 else 'wait'}" if trouble.waiting else ""
        )
        return f"{trouble.what} {trouble.name} {trouble.says}: {trouble.detail}, see above{waits}"
    is_own = trouble.what is What.CAMPAIGN and trouble.name == of
    return trouble.sentence(shown_time, "it" if is_own else None)


def few_troubles(found: Iterable[Standstill]) -> Few:
    """The first _MOST_SAID of each kind; of the others only their number is kept."""
    counts: Counter[What] = Counter()
    first = []
    for trouble in found:
        counts[trouble.what] += 1
        if counts[trouble.what] <= _MOST_SAID:
            first.append(trouble)
    return Few(first, {what: count - _MOST_SAID for what, count in counts.items() if count > _MOST_SAID})


def say_troubles(few: Few) -> None:
    """Print standstills after an empty line, one per line, and how many more there are. Print nothing if none is."""
    if not few.first:
        return
    from rich.text import Text  # noqa: PLC0415 - start-up time: `--json` needs none

    screen = console()
    for empty_line, line in zip(chain(["\n"], repeat("")), _lines(few), strict=False):
        screen.print(Text(f"{empty_line}{one_line(as_called(line))}", style="yellow"), soft_wrap=True)


def _lines(few: Few) -> Iterator[str]:
    first = list(without_repeated_remedies(few.first))
    for what in What:
        yield from (trouble_line(trouble) for trouble in first if trouble.what is what)
        if what in few.more:
            yield f"and {few.more[what]:,} {what}s more: see `broadcaster status --json`"


def said_by_instances(found: Iterable[Standstill]) -> Iterator[Standstill]:
    """The standstills of one campaign, without those that its instances' lines already say."""
    return (trouble for trouble in found if trouble.cause is not Cause.INSTANCES)


def without_repeated_remedies(found: Collection[Standstill]) -> Iterator[Standstill]:
    """The same, where messages in doubt do not repeat what helps those that are unknown: they may not need it."""
    said = {trouble.remedy.command for trouble in found if trouble.cause is Cause.UNKNOWN}
    for trouble in found:
        is_repeated = trouble.cause is Cause.IN_DOUBT and trouble.remedy.command in said
        yield replace(trouble, remedy=Remedy("", "")) if is_repeated else trouble


def without_own_remedy(found: Iterable[Standstill], command: str) -> Iterator[Standstill]:
    """The same, without the advice to run `command` where that is what says it."""
    for trouble in found:
        yield replace(trouble, remedy=Remedy("", "")) if trouble.remedy.command == command else trouble


def look_around(scene: Scene, settings: Settings) -> Scene:
    """What is known about stopped ticks besides the database: whether Redis answers, and what starts them."""
    from broadcaster import embedded  # noqa: PLC0415 - start-up time: only a standing beat needs it

    runs_here = embedded.read_status(settings).is_up
    configured = settings.database_url is not None and settings.redis_url is not None
    starter = "broadcaster doctor" if runs_here or configured else "broadcaster up"
    return replace(scene, is_redis_away=not _redis_answers(settings), starter=starter)


def _redis_answers(settings: Settings) -> bool:
    from kombu.connection import Connection  # noqa: PLC0415 - start-up time, as above
    from kombu.exceptions import OperationalError  # noqa: PLC0415
    from redis.exceptions import RedisError  # noqa: PLC0415

    options = {"max_retries": 0, "socket_timeout": _REDIS_SECONDS, "socket_connect_timeout": _REDIS_SECONDS}
    try:
        connect: Any = Connection  # has no types
        with connect(settings.broker_url, transport_options=options) as connection:
            return bool(connection.default_channel.client.ping())
    except (OperationalError, RedisError, OSError):
        return False
