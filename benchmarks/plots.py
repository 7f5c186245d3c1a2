"""Bar charts as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _ROW, _BAR = 900, 26, 16
_LABELS, _FIGURES = 400, 130
"""The width of what is to the left and to the right of the bars."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A value and its range; `text` is what is written beside it."""

    label: str
    value: float
    least: float
    most: float
    text: str


def bars(rows: Sequence[Bar]) -> str:
    """Horizontal bars from zero, each with its range as a thin line."""
    scale = (_WIDTH - _LABELS - _FIGURES) / (max(row.most for row in rows) or 1)
    height = _ROW * len(rows) + 10
    shapes = [shape for index, row in enumerate(rows) for shape in _bar(row, 5 + _ROW * index, scale)]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
            'font-family="sans-serif" font-size="12">',
            f'<rect width="{_WIDTH}" height="{height}" fill="white"/>',
            *shapes,
            "</svg>\n",
        ]
    )


def _bar(row: Bar, top: float, scale: float) -> list[str]:
    middle, base = top + _ROW / 2, top + _ROW / 2 + 4
    low, high = (_LABELS + scale * max(0.0, value) for value in (row.least, row.most))
    width = scale * max(0.0, row.value)
    return [
        f'<text x="{_LABELS - 8}" y="{base:.0f}" text-anchor="end">{escape(row.label)}</text>',
        f'<rect x="{_LABELS}" y="{middle - _BAR / 2:.0f}" width="{width:.1f}" height="{_BAR}" fill="#4878a8"/>',
        f'<path d="M{low:.1f} {middle:.0f}H{high:.1f}" stroke="#c44e52" stroke-width="2"/>',
        f'<text x="{high + 8:.1f}" y="{base:.0f}">{escape(row.text)}</text>',
    ]
