"""Charts as SVG within a page, by pygal: without script, in two widths, and told apart by patterns besides colours.

Colours and patterns are the stylesheet's and those of `marks.html`; every chart stands beside a table of its numbers.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element

import pygal
from markupsafe import Markup
from pygal.style import Style

from broadcaster.domain.course import Course, Step, TimeSpan
from broadcaster.pages.languages import Language

# Pygal finds maps, which nobody has here, by a finder of the old kind: Python 3.11 would warn of it at every import.
sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != "pygal"]

_MOST_BARS = 12
_LONGEST_LABEL = {True: 26, False: 13}
"""Characters of a label, by whether the chart is the wide one."""
_FAR_ABOVE = 4
"""What is permitted is no line where it is so many times what was sent: that would be flat."""
_LONGEST_BY_CLOCK = timedelta(hours=36)
"""The time of the day says enough of a moment in it."""
_LEFT_OUT = {"defs", "desc", "script", "style", "title"}
_LAYERS_LEFT_OUT = {"titles", "plot overlay", "plot tooltip-overlay", "plot text-overlay", "background"}
_PLACES = {"d", "x", "y", "width", "height"}
"""Attributes with numbers, of which a tenth of a pixel is enough."""
_LONG_NUMBER = re.compile(r"-?\d+\.\d{2,}")


class Mark(NamedTuple):
    """How one kind of thing looks in a chart (a pattern of `marks.html`), and what it is called."""

    kind: str
    label: str


class Bars(NamedTuple):
    """One kind of thing in a chart of bars: how many of each label."""

    mark: Mark
    values: Sequence[int]


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart for wide pages, the same for narrow ones, and what its marks mean."""

    wide: Markup
    narrow: Markup
    marks: Sequence[Mark]


def course_chart(course: Course, language: Language) -> Chart:
    """What was sent by steps of time, what was permitted, and when nothing might leave."""
    _ = language.gettext
    most_sent = max(step.accepted + step.others for step in course.steps)
    permitted = [step.permitted for step in course.steps]
    highest = max((each for each in permitted if each is not None), default=0)
    has_line = 0 < highest <= _FAR_ABOVE * max(1, most_sent)
    top = max(1, most_sent, highest if has_line else 0) * 1.05
    layers: list[tuple[Mark, list[list[tuple[float, float]]], bool]] = [
        (Mark("closed", _("windows closed")), [_band(span, top) for span in course.closed], True),
        (Mark("paused", _("paused")), [_band(span, top) for span in course.paused], True),
        (Mark("trouble", _("an instance was not well")), [_band(each.span, top) for each in course.troubled], True),
        (Mark("others", _("not accepted, or in doubt")), [_stairs(course, _all_requests)], True),
        (Mark("sent", _("accepted by the gateway")), [_stairs(course, _accepted)], True),
    ]
    if has_line:
        layers.append((Mark("permitted", _("permitted by the paces")), list(_permitted_lines(course)), False))
    drawn_not_at_all = set() if any(step.others for step in course.steps) else {"others"}
    layers = [layer for layer in layers if layer[1] and layer[0].kind not in drawn_not_at_all]

    def drawn(*, wide: bool) -> Markup:
        chart = pygal.XY(
            **_look(wide=wide, height=300 if wide else 220),
            show_dots=False,
            x_labels=list(_moment_labels(course, 7 if wide else 3, language)),
            value_formatter=language.number,
            range=(0, top),
            xrange=(course.time.begins_at.timestamp(), course.time.ends_at.timestamp()),
            y_labels=_round_labels(top),
        )
        kinds = []
        for mark, lines, fill in layers:
            for line in lines:
                chart.add(None, line, fill=fill)
                kinds.append(mark.kind)
        return _svg(chart, kinds)

    return Chart(drawn(wide=True), drawn(wide=False), [mark for mark, _lines, _fill in layers])


def bars_chart(labels: Sequence[str], bars: Sequence[Bars], language: Language) -> Chart:
    """Bars beside each other's labels, each of parts that add up. Of more than a dozen labels it shows the first."""
    bars = [Bars(each.mark, each.values[:_MOST_BARS]) for each in bars if any(each.values[:_MOST_BARS])]
    top = max(map(sum, zip(*(each.values for each in bars), strict=True)), default=1)

    def drawn(*, wide: bool) -> Markup:
        shown = [_shortened(label, _LONGEST_LABEL[wide]) for label in labels[:_MOST_BARS]]
        chart = pygal.HorizontalStackedBar(
            **_look(wide=wide, height=50 + 30 * len(shown)),
            # The first bar is at the bottom.
            x_labels=shown[::-1],
            value_formatter=language.number,
            range=(0, top),
            y_labels=_round_labels(top, 6 if wide else 3),
            spacing=4,
        )
        for each in bars:
            chart.add(None, list(each.values)[::-1])
        return _svg(chart, [each.mark.kind for each in bars])

    return Chart(drawn(wide=True), drawn(wide=False), [each.mark for each in bars])


def _look(*, wide: bool, height: int) -> dict[str, Any]:
    return {
        "width": 860 if wide else 340,
        "height": height,
        "margin": 6,
        "margin_right": 16,
        "style": Style(label_font_size=12, major_label_font_size=12),
        "css": [],
        "js": [],
        "show_legend": False,
        "no_prefix": True,
        "disable_xml_declaration": True,
        "truncate_label": -1,
    }


def _svg(chart: pygal.Graph, kinds: Sequence[str]) -> Markup:
    """What pygal draws, without its own styles and scripts. What it draws is text that it has escaped."""

    def cleaned(root: Element) -> Element:
        root.attrib.pop("id", None)
        root.set("aria-hidden", "true")
        root.set("focusable", "false")
        _clean(root, kinds)
        return root

    chart.add_xml_filter(cleaned)
    return Markup(re.sub(r"<!--.*?-->", "", chart.render()))  # noqa: S704 - pygal escapes


def _clean(node: Element, kinds: Sequence[str]) -> None:
    for child in list(node):
        tag = child.tag if isinstance(child.tag, str) else "script"
        if tag in _LEFT_OUT or child.get("class") in _LAYERS_LEFT_OUT:
            node.remove(child)
            continue
        if child.get("class", "").startswith("series "):
            kind = kinds[int(child.get("class", "").split("serie-")[1].split()[0])]
            child.set("class", f"mark-{kind}")
            child.set("fill", "none" if kind == "permitted" else f"url(#mark-{kind})")
        for name in _PLACES.intersection(child.keys()):
            child.set(name, _LONG_NUMBER.sub(lambda found: f"{float(found[0]):.1f}", child.get(name, "")))
        _clean(child, kinds)


def _band(span: TimeSpan, top: float) -> list[tuple[float, float]]:
    begins, ends = span.begins_at.timestamp(), span.ends_at.timestamp()
    return [(begins, 0), (begins, top), (ends, top), (ends, 0)]


def _accepted(step: Step) -> int:
    return step.accepted


def _all_requests(step: Step) -> int:
    return step.accepted + step.others


def _stairs(course: Course, height: Callable[[Step], int]) -> list[tuple[float, float]]:
    width = course.width.total_seconds()
    edges = [(step.begins_at.timestamp(), height(step)) for step in course.steps]
    return [point for begins, value in edges for point in ((begins, value), (begins + width, value))]


def _permitted_lines(course: Course) -> Iterator[list[tuple[float, float]]]:
    """One line for each time in which there is a limit."""
    width = course.width.total_seconds()
    line: list[tuple[float, float]] = []
    for step in course.steps:
        if step.permitted is None:
            if line:
                yield line
            line = []
        else:
            begins = step.begins_at.timestamp()
            line += [(begins, step.permitted), (begins + width, step.permitted)]
    if line:
        yield line


def _moment_labels(course: Course, most: int, language: Language) -> Iterator[dict[str, Any]]:
    """Evenly spread ones: of a long time days, of a short one times of the day, with the day where that is another."""
    edges = [step.begins_at.astimezone(language.zone) for step in course.steps]
    by_clock = course.time.ends_at - course.time.begins_at <= _LONGEST_BY_CLOCK
    if not by_clock:
        edges = [edge for edge in edges if (edge.hour, edge.minute) == (0, 0)] or edges
    last, is_one_day = None, edges[0].date() == edges[-1].date()
    for edge in edges[:: -(-len(edges) // most)]:
        label = language.clock(edge) if by_clock else language.short_day(edge)
        if by_clock and not is_one_day and edge.date() != last:
            label = f"{language.short_day(edge)}, {label}"
        last = edge.date()
        yield {"value": edge.timestamp(), "label": label}


def _round_labels(top: float, most: int = 5) -> list[int]:
    """From 0 on, in steps of 1, 2 or 5 times a power of ten."""
    step = 1
    while top / step > most:
        step = step * 5 // 2 if str(step)[0] == "2" else step * 2
    return list(range(0, int(top) + 1, step))


def _shortened(label: str, longest: int) -> str:
    return label if len(label) <= longest else f"{label[: longest - 1]}…"
