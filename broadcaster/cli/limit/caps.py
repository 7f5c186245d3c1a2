"""`broadcaster limit person`: caps on what each person gets, whatever the campaigns."""

from __future__ import annotations

from typing import Annotated

import typer

from broadcaster.cli.database import database
from broadcaster.cli.output import say, warn
from broadcaster.domain.frequency import parse_cap, parse_frequency_span
from broadcaster.domain.span_limits import said_without_effect
from broadcaster.errors import UsageError
from broadcaster.services import frequency
from broadcaster.settings import load

_NONE = "none"


def person(
    caps: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="CAP…",
            help="So many messages in any span: 3/7d, 1/d, 2/12h. Several hold together. `none`: no cap at all.",
            show_default=False,
        ),
    ] = None,
    remove: Annotated[
        list[str] | None,
        typer.Option("--remove", metavar="SPAN", help="Remove the cap of this span, such as 7d; may be repeated."),
    ] = None,
) -> None:
    """Cap how many messages each person gets in any span, from all campaigns and instances together.

    It holds at once, and counts what was sent before. Whoever has had as many gets the next message when that is
    allowed again, or is skipped by campaigns with --when-recent skip. A campaign with --beyond-caps goes out all the
    same.

    `none` alone removes all of them.

    Example: broadcaster limit person 1/d 3/7d
    """
    without_any = _NONE in {text.strip().casefold() for text in caps or ()}
    if without_any and len([*(caps or ()), *(remove or ())]) > 1:
        raise UsageError("cap 'none' goes with nothing else: it removes all caps")
    wanted = [] if without_any else [parse_cap(text) for text in caps or ()]
    spans = [parse_frequency_span(text, "--remove") for text in remove or ()]
    if not (wanted or spans or without_any):
        raise UsageError("give a cap such as 3/7d, or --remove with the span of one: see `broadcaster limit list`")
    all_spans = [*(cap.span for cap in wanted), *spans]
    if len(set(all_spans)) < len(all_spans):
        raise UsageError("two of these are of the same span: give one for each")
    settings = load()
    with database(settings) as engine:
        if without_any:
            frequency.remove_caps(engine)
        for span in spans:
            frequency.remove_cap(engine, span)
        for cap in wanted:
            frequency.set_cap(engine, cap, grace=settings.acceptance_seconds)
        found = frequency.show_caps(engine)
    for idle in said_without_effect([each.cap for each in found]):
        warn(idle)
    said = ", ".join(str(each.cap) for each in found)
    say(f"each person gets at most {said}, whatever the campaigns" if found else "no cap holds for people")
