"""Hosts of links that people take for others: letters of several scripts, or one letter from another host. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from itertools import combinations, islice

from broadcaster.errors import quoted

_ALONE = frozenset({"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC", "GEORGIAN", "HEBREW", "ARABIC"})
"""Scripts that no honest name mixes with each other. Japanese and others are written in several, Latin among them."""
_LIKE_LATIN = frozenset("асеорхуіјѕһԁԛԝӏѵԍкмтвнαορνικτυ")
"""Cyrillic and Greek letters that look like Latin ones: a name of these alone is read as another."""
_SHORTEST_NAME = 4
"""Characters of a domain's name: of shorter ones most are one letter away from each other, such as `t.co`."""
_MOST_HOSTS = 100
"""Hosts that are compared with each other."""


def look_alikes(hosts: Iterable[str]) -> Iterator[str]:
    """What is to be said of hosts (in lower case, with or without `www.`) that may deceive; a sentence each."""
    by_name = {_readable(host.removeprefix("www.")): host for host in islice(hosts, _MOST_HOSTS)}
    for name, host in by_name.items():
        shown = quoted(host) if name in host else f"{quoted(host)}, which is shown as {quoted(name)},"
        scripts = max((_scripts(label) for label in name.split(".")), key=len)
        if len(scripts) > 1:
            mixed = " and ".join(each.title() for each in sorted(scripts))
            yield f"{shown} mixes letters of {mixed}, as names that deceive do: type it again"
        elif _is_latin_to_the_eye(name):
            yield f"{shown} has letters that look like Latin ones and are others: type it again"
    for one, other in combinations(by_name, 2):
        mine, its = _domain(one), _domain(other)
        if mine != its and min(map(len, (_name(mine), _name(its)))) >= _SHORTEST_NAME and _is_one_edit(mine, its):
            yield f"{quoted(by_name[other])} is one letter away from {quoted(by_name[one])}: is it meant so?"


def _readable(host: str) -> str:
    """The host with the letters that `xn--` stands for."""
    try:
        return ".".join(
            label[4:].encode().decode("punycode") if label.startswith("xn--") else label for label in host.split(".")
        )
    except UnicodeError:
        return host


def _is_latin_to_the_eye(name: str) -> bool:
    *labels, ending = name.split(".")
    return ending.isascii() and any(label and _LIKE_LATIN.issuperset(label) for label in labels)


def _scripts(label: str) -> frozenset[str]:
    names = (unicodedata.name(each, "").partition(" ")[0] for each in label if each.isalpha())
    return _ALONE.intersection(names)


def _domain(host: str) -> str:
    """What somebody registers: its last two labels, or three below an ending like `co.id`."""
    labels = host.split(".")
    below_country = len(labels) > 2 and len(labels[-1]) == 2 and len(labels[-2]) <= 3
    return ".".join(labels[-3:] if below_country else labels[-2:])


def _name(domain: str) -> str:
    return domain.partition(".")[0]


def _is_one_edit(one: str, other: str) -> bool:
    """Whether a letter is another one, or one too many, or two that follow each other have changed places."""
    if len(one) > len(other):
        one, other = other, one
    if len(other) - len(one) > 1:
        return False
    start = next((place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))
    mine, its = one[start:], other[start:]
    if len(one) < len(other):
        return mine == its[1:]
    return mine[1:] == its[1:] or (mine[:2] == its[1::-1] and mine[2:] == its[2:])
