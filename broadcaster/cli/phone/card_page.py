"""The card of a person as a page: one file that needs nothing else, and prints well."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from typing import NamedTuple

from broadcaster.time_zones import shown_time

_STYLE = """
body { font: 10pt/1.4 system-ui, sans-serif; margin: 2em auto; max-width: 60em; padding: 0 1em; color: #111 }
h1 { font-size: 1.4em } h2 { font-size: 1.1em; margin: 1.6em 0 .4em; break-after: avoid }
table { border-collapse: collapse; width: 100% } thead { display: table-header-group } tr { break-inside: avoid }
th, td { border: 1px solid #bbb; padding: .25em .5em; text-align: start; vertical-align: top }
td { overflow-wrap: break-word }
th { background: #f2f2f2; font-size: .8em; font-weight: 600 } p { margin: .2em 0 }
@media screen and (max-width: 44em) {
  body { margin: 1em auto } table, tbody, tr, td { display: block } thead { display: none }
  tr { border: 1px solid #bbb; margin-bottom: .6em; padding: .3em .5em } td { border: 0; padding: .1em 0 }
  td:empty { display: none } td::before { content: attr(data-label) ": "; color: #555; font-size: .8em }
}
@page { size: A4; margin: 15mm } @media print { body { margin: 0; max-width: none; padding: 0 } }
"""


class Table(NamedTuple):
    """One kind of records, as people read them."""

    title: str
    headers: Sequence[str]
    lines: Sequence[Sequence[object]]


def page(heading: Sequence[str], tables: Sequence[Table]) -> str:
    """An HTML document with the lines of the heading and the tables. Nothing of it is taken for markup.

    Whoever opens it asks nobody else for anything: no script, no font, no image.
    """
    made = shown_time(datetime.now(UTC))
    lines = "".join(f"<p>{escape(line)}</p>\n" for line in (*heading, f"made on {made}"))
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>What is stored of a person</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<h1>What is stored of a person</h1>\n{lines}{''.join(map(_section, tables))}</body>\n</html>\n"
    )


def _section(table: Table) -> str:
    head = f"<h2>{escape(table.title)}: {len(table.lines):,}</h2>\n"
    if not table.lines:
        return head
    labels = [escape(each.lower()) for each in table.headers]
    names = "".join(f"<th>{each}</th>" for each in labels)
    rows = "".join(f"<tr>{''.join(map(_cell, line, labels))}</tr>\n" for line in table.lines)
    return f"{head}<table>\n<thead><tr>{names}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n"


def _cell(value: object, label: str) -> str:
    """Words of any script, each in its own direction. On a phone the label stands before them."""
    return f'<td dir="auto" data-label="{label}">{"" if value is None else escape(str(value))}</td>'
