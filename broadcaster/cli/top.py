"""`broadcaster top`: everything that is sent now, and how it is doing, again and again."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from heapq import nlargest
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from broadcaster.cli.campaign.show import STATE_STYLES
from broadcaster.cli.database import reader, told_of_absence
from broadcaster.cli.instance.listing import HEALTH_STYLES, health_word
from broadcaster.cli.options.results import Json
from broadcaster.cli.output import console, one_line, say_json
from broadcaster.cli.own_process import as_called
from broadcaster.cli.troubles import trouble_document, trouble_line, troubles, without_repeated_remedies
from broadcaster.db.reading import Reader, as_of_now
from broadcaster.domain.campaign_plans import CampaignPlan
from broadcaster.domain.meter import Meter, SpeedLimit, said_speed, speed_limit
from broadcaster.domain.pacing import format_rate
from broadcaster.domain.standstill import Standstill
from broadcaster.domain.states import CampaignState, LaneHealth
from broadcaster.errors import UnavailableError
from broadcaster.services.campaigns.campaign_reports import CampaignSummary, list_campaigns, speed_limits
from broadcaster.services.campaigns.planning import plans_of_all
from broadcaster.services.instance_reports import InstanceSummary, list_instances
from broadcaster.settings import Settings, load
from broadcaster.time_zones import shown_time

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

MOST = 200
"""Campaigns, instances and troubles that are kept of a look, at most."""
_ONCE_SECONDS = 3.0
"""`--once` looks twice, so far apart: from one look no rate can be told."""
_COST_SHARE = 20
"""Plans and troubles are looked for again after so many times as long as that took."""
_APART = 2
"""Blanks between two columns."""
_SHORTEST_NAME = 16
"""Of a longer name so much is shown at least."""
_AROUND = 7
"""Lines of a terminal that are no rows: titles, headers and what lies between."""


@dataclass(frozen=True, slots=True)
class View:
    """What is known at one moment. Rates are in messages a second; None: not known yet."""

    campaigns: Sequence[CampaignSummary] = ()
    instances: Sequence[InstanceSummary] = ()
    idle_instances: int = 0
    """Instances that are well and have nothing to send: they are left out."""
    rates: Mapping[tuple[str, int], float] = field(default_factory=dict)
    """By `campaign` or `instance` and its id."""
    plans: Mapping[str, CampaignPlan] = field(default_factory=dict)
    troubles: Sequence[Standstill] = ()
    trying: str | None = None
    """Why nothing newer can be read; None: this is what is."""

    def rate(self, what: str, row: CampaignSummary | InstanceSummary) -> float:
        """How much of it was sent lately."""
        return self.rates.get((what, row.id), 0.0)

    @property
    def total_rate(self) -> float:
        """What all instances send."""
        return sum(rate for (what, _), rate in self.rates.items() if what == "instance")

    def ends_at(self, campaign: CampaignSummary) -> datetime | None:
        """When it is sent; None: nobody can tell, or it does not go on."""
        plan = self.plans.get(campaign.name)
        return plan.known_end if plan and campaign.state is CampaignState.RUNNING else None


class Looker:
    """Looks again and again, and tells rates by what was sent between the looks."""

    def __init__(self, source: Reader, settings: Settings) -> None:
        self._source, self._settings = source, settings
        self._meters: dict[tuple[str, int], Meter] = {}
        self._view = View()
        self._dear_again_at = 0.0

    def look(self, *, anew: bool = False) -> View:
        """What is known now. While Postgres is away, what was known before.

        `anew`: all of it as of one moment; otherwise plans and troubles may be those of an earlier look.
        """
        try:
            with as_of_now(self._source) as moment:
                self._view = self._read(moment, anew=anew)
        except UnavailableError as error:
            self._view = replace(self._view, rates={}, trying=str(told_of_absence(self._settings, error)))
        return self._view

    def _read(self, moment: Reader, *, anew: bool) -> View:
        campaigns = list_campaigns(moment, limit=MOST, states=(CampaignState.RUNNING, CampaignState.PAUSED))
        idle = 0

        def busy() -> Iterator[InstanceSummary]:
            nonlocal idle
            for each in list_instances(moment):
                if each.health is not LaneHealth.OK or each.pending or each.sending or each.in_doubt:
                    yield each
                else:
                    idle += 1

        shown = nlargest(MOST, busy(), key=_urgency)
        plans, found = self._view.plans, self._view.troubles
        if (began := time.monotonic()) >= self._dear_again_at or anew:
            plans = plans_of_all(moment)
            found = list(islice(troubles(moment, self._settings), MOST))
            self._dear_again_at = time.monotonic() + _COST_SHARE * (time.monotonic() - began)
        limits = speed_limits(moment, [each.id for each in campaigns])
        rates = {
            **self._rates("campaign", ((each.id, each.sent, limits.get(each.id)) for each in campaigns)),
            **self._rates("instance", ((each.id, each.sent, _limit_of(each)) for each in shown)),
        }
        self._meters = {key: meter for key, meter in self._meters.items() if key in rates}
        return View(campaigns, shown, idle, rates, plans, found)

    def _rates(self, what: str, sent: Iterable[tuple[int, int, SpeedLimit | None]]) -> dict[tuple[str, int], float]:
        """Of each id, so many sent, and its limit."""
        now = time.monotonic()
        return {
            (what, key): self._meters.setdefault((what, key), Meter()).rate(now, count, limit)
            for key, count, limit in sent
        }


def _limit_of(instance: InstanceSummary) -> SpeedLimit | None:
    return speed_limit([(instance.permitted_per_second, instance.burst)])


def _urgency(instance: InstanceSummary) -> tuple[bool, int]:
    """Those that are not well come first, then those with the most to send."""
    return instance.health is not LaneHealth.OK, instance.pending + instance.sending


def top(
    once: Annotated[bool, typer.Option("--once", help="Show it once, after three seconds, and end.")] = False,
    every: Annotated[
        float, typer.Option("--every", min=0.5, max=3600, metavar="SECONDS", help="How often to look.")
    ] = 2.0,
    as_json: Json = False,
) -> None:
    """Show all that is sent now: campaigns, instances, rates, health, when it ends, and what does not move.

    Instances that are well and have nothing to send are only counted. Ctrl-C ends it. With --json there is one
    document a look, each in a line. While Postgres is away it says so, and goes on once Postgres is back.

    Example: broadcaster top --once
    """
    settings = load()
    with reader(settings) as source:
        looker = Looker(source, settings)
        if once:
            first = looker.look()
            if first.trying is not None:
                raise UnavailableError(first.trying)
            time.sleep(_ONCE_SECONDS)
            _show_once(looker.look(anew=True), as_json=as_json)
        elif as_json:
            for view in iter(looker.look, None):
                say_json(top_document(view), indent=False)
                sys.stdout.flush()
                time.sleep(every)
        else:
            _show_live(looker, every)


def top_document(view: View) -> dict[str, Any]:
    """One look for programs: the keys of `--json`."""
    return {
        "rate_per_second": round(view.total_rate, 3),
        "campaigns": [
            {
                **{key: getattr(each, key) for key in ("name", "state", "total", "sent", "still_open", "in_doubt")},
                "unknown": each.unknown,
                "rate_per_second": round(view.rate("campaign", each), 3),
                "ends_at": view.ends_at(each),
            }
            for each in view.campaigns
        ],
        "instances": [
            {
                **{key: getattr(each, key) for key in ("name", "health", "health_reason", "retired_at")},
                **{key: getattr(each, key) for key in ("pending", "sending", "in_doubt")},
                "rate_per_second": round(view.rate("instance", each), 3),
                "permitted_per_second": each.permitted_per_second,
            }
            for each in view.instances
        ],
        "idle_instances": view.idle_instances,
        "standing_still": [trouble_document(each) for each in view.troubles],
        "trying_again": view.trying,
    }


def _show_once(view: View, *, as_json: bool) -> None:
    if as_json:
        say_json(top_document(view))
    else:
        console().print(_drawn(view, MOST))


def _show_live(looker: Looker, every: float) -> None:
    from rich.live import Live  # noqa: PLC0415 - start-up time: `--json` needs none

    screen = console()
    with Live(console=screen, screen=screen.is_terminal, auto_refresh=False) as live:
        for view in iter(looker.look, None):
            rows = screen.height - _AROUND if screen.is_terminal else MOST
            live.update(_drawn(view, max(rows, 4)), refresh=True)
            time.sleep(every)


def _drawn(view: View, rows: int) -> RenderableType:
    """A look as a terminal shows it, in about so many rows."""
    from rich.console import Group  # noqa: PLC0415 - start-up time, as above
    from rich.text import Text  # noqa: PLC0415

    campaigns = list(view.campaigns[: max(rows // 2, rows - len(view.instances) - len(view.troubles))])
    instances = list(view.instances[: max(rows // 3, rows - len(campaigns) - len(view.troubles))])
    told = list(view.troubles[: max(2, rows - len(campaigns) - len(instances))])
    parts: list[RenderableType] = [Text(_headline(view), style="bold")]
    if view.trying is not None:
        parts.append(Text(f"trying again: {one_line(as_called(view.trying))}", style="yellow"))
    if campaigns:
        parts += [
            Text(""),
            _campaigns(view, campaigns),
            *_more(len(view.campaigns) - len(campaigns), "campaigns more"),
        ]
    if instances:
        parts += [
            Text(""),
            _instances(view, instances),
            *_more(len(view.instances) - len(instances), "instances more"),
        ]
    if told:
        said = without_repeated_remedies(told)
        parts += [Text(""), *(Text(one_line(as_called(trouble_line(each))), style="yellow") for each in said)]
        parts += _more(len(view.troubles) - len(told), "that do not move: see `broadcaster status`")
    return Group(*parts)


def _headline(view: View) -> str:
    running = sum(each.state is CampaignState.RUNNING for each in view.campaigns)
    doubts = sum(each.in_doubt for each in view.campaigns)
    unknown = sum(each.unknown for each in view.campaigns)
    parts = [
        f"{running:,} {'campaign is' if running == 1 else 'campaigns are'} running, "
        f"at {said_speed(view.total_rate)} in all",
        f"{doubts:,} in doubt" if doubts else "",
        f"{unknown:,} to settle" if unknown else "",
        f"{view.idle_instances:,} {'instance has' if view.idle_instances == 1 else 'instances have'} nothing to send"
        if view.idle_instances
        else "",
    ]
    return "; ".join(filter(None, parts))


def _campaigns(view: View, shown: Sequence[CampaignSummary]) -> Table:
    rows = (
        (
            *(each.name, each.state, f"{each.sent:,}", f"{each.still_open:,}", f"{each.in_doubt:,}"),
            said_speed(view.rate("campaign", each)),
            shown_time(view.ends_at(each), seconds=False) or "",
        )
        for each in shown
    )
    headers = ("CAMPAIGN", "STATE", "SENT", "OPEN", "IN DOUBT", "NOW", "ENDS")
    return _table(headers, rows, STATE_STYLES, ("IN DOUBT", "STATE", "NOW", "ENDS"))


def _instances(view: View, shown: Sequence[InstanceSummary]) -> Table:
    rows = (
        (
            *(each.name, health_word(each.told_health)),
            *(f"{count:,}" for count in (each.pending, each.sending, each.in_doubt)),
            said_speed(view.rate("instance", each), each.permitted_per_second),
            format_rate(each.permitted_per_second),
        )
        for each in shown
    )
    headers = ("INSTANCE", "HEALTH", "PENDING", "SENDING", "IN DOUBT", "NOW", "PERMITTED")
    return _table(headers, rows, HEALTH_STYLES, ("SENDING", "IN DOUBT", "PERMITTED", "NOW"))


def _table(
    headers: Sequence[str], rows: Iterable[Sequence[str]], styles: Mapping[str, str], dispensable: Sequence[str]
) -> Table:
    """A name, a word with a style of its own, and figures.

    The name is cut to what the others leave of the terminal; where that is too little, the `dispensable` columns are
    left out, the first of them first.
    """
    from rich.cells import cell_len  # noqa: PLC0415 - start-up time, as above
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    shown = [dict(zip(headers, map(one_line, row), strict=True)) for row in rows]
    widths = {header: max(map(cell_len, (header, *(row[header] for row in shown)))) for header in headers}
    name, word = headers[:2]
    room, longest = console().width - _APART, widths.pop(name)
    for header in dispensable:
        if room - sum(widths.values()) - _APART * len(widths) >= min(longest, _SHORTEST_NAME):
            break
        del widths[header]
    left = max(1, room - sum(widths.values()) - _APART * len(widths))
    table = Table(box=None, padding=(0, _APART, 0, 0), header_style="bold")
    table.add_column(name, overflow="ellipsis", no_wrap=True, width=min(longest, left))
    for header, width in widths.items():
        justify: Literal["left", "right"] = "left" if header == word else "right"
        table.add_column(header, overflow="ellipsis", no_wrap=True, justify=justify, width=width)
    for row in shown:
        table.add_row(
            *(Text(row[each], style=styles.get(row[each], "") if each == word else "") for each in (name, *widths))
        )
    return table


def _more(count: int, what: str) -> list[RenderableType]:
    from rich.text import Text  # noqa: PLC0415 - start-up time, as above

    return [Text(as_called(f"and {count:,} more {what}"), style="dim")] if count > 0 else []
