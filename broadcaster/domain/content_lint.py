"""What may be wrong with a text, as far as it can be seen without asking anybody. Pure.

Remarks stop nothing by themselves: what looks odd may be meant.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from urllib.parse import urlsplit

from broadcaster.domain.contents import Content
from broadcaster.domain.look_alikes import look_alikes
from broadcaster.domain.placeholders import foreign_placeholders
from broadcaster.errors import InputError, listed, quoted


class Severity(StrEnum):
    """How much a remark matters. With `--strict` a warning refuses the content."""

    NOTE = "note"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing that was seen. `code` is for programs, and stays the same."""

    code: str
    message: str
    severity: Severity = Severity.WARNING


_Check = Callable[[str], Iterator[Remark]]

_LONG_TEXT = 4_096
"""Characters of a text in WhatsApp's own API for businesses: https://developers.facebook.com/docs/whatsapp"""
_LONG_CAPTION = 1_024
"""The same of a caption."""
_MOSTLY = 0.7
_FEW_LETTERS = 12
_TAG = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_LINK = re.compile(r"(?:https?://|www\.)[^\s<>\"'{}|\\^`\x00-\x1f]+", re.IGNORECASE)
_BARE_SHORT_LINK = re.compile(r"(?<![\w./@-])(?:[a-z]+\.)?[a-z0-9-]+\.[a-z]{2,4}/[^\s<>\"']+", re.IGNORECASE)
_BARE_HOST = re.compile(r"(?<![\w@./-])(?:[\w-]+\.)+[a-z]{2,24}(?![\w@])")
SHORTENERS = frozenset(
    {"bit.ly", "bitly.com", "buff.ly", "cutt.ly", "did.ly", "goo.gl", "is.gd", "j.mp", "lnkd.in", "ow.ly", "rb.gy"}
    | {"rebrand.ly", "s.id", "shorturl.at", "short.io", "t.co", "t.ly", "tiny.cc", "tinyurl.com", "v.gd"}
)
"""Hosts whose links do not show where they lead. Filters and people take them for spam."""
_PLACEHOLDERS = re.compile(
    r"\*\|\w[\w ]*\|\*|<<\s*\w[\w ]*\s*>>|\$\{\s*\w+\s*\}|(?<!\{)\{\s*[^\W\d]\w*(?: \w+)?\s*\}(?!\})|"
    r"%[A-Z_]{3,}%|\[[A-Z][A-Z_ ]+\]|"
    r"\[(?:first |last |your |nama|name)[\w ]*\]|\bX{3,}\b|\b(?:TODO|TBD|FIXME)\b|\blorem ipsum\b|\}\}"
)
_OPT_OUT = re.compile(
    r"\b(?:stop|unsubscribe|unsub|opt[ -]?out|berhenti|unreg|hentikan|keluar|batal|abmelden|abbestellen|arr[êe]t|"
    r"d[ée]sabonner|d[ée]sinscri\w+|baja|cancelar|parar|sair|descadastr\w+|disiscri\w+|cancell\w+|afmelden|uitschrijven|"
    r"отписаться|стоп|iptal|çık|hủy|dừng|หยุด|ยกเลิก)\b|إلغاء|توقف|रोकें|退订|退訂|取消|停止|配信停止|수신거부",
    re.IGNORECASE,
)
_LATIN_RUN = re.compile(
    r"[\u0080-\u00ff\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u203a\u20ac\u2122]{2,}"
)
_FILE_NAME = re.compile(r"\S+\.(?:txt|text|md|csv|docx?|rtf|pdf|jpe?g|png|mp4)", re.IGNORECASE)
_STORED_DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}(?: \d{2}:\d{2}:\d{2})?\b")


def lint(content: Content, shown: Sequence[str] = (), variables: Collection[str] = ()) -> list[Remark]:
    """What is to be said of a content whose recipients have these variables, and of some messages that it makes.

    Each thing is said once.
    """
    template = content.template
    source = "" if template is None else template.source
    written = _TAG.sub(" ", source)
    remarks = [
        *(each for check in _CHECKS for each in check(written)),
        *_deceptive_hosts([written, content.url.source if content.url else "", *shown]),
        *_placeholders(written, variables),
        *_length(content, [written, *shown]),
        *_same_for_all(content),
        *_no_opt_out(written),
        *(each for text in shown for check in _OF_VALUES for each in check(text)),
        *_stored_dates(source, shown),
    ]
    return list({remark.code + remark.message: remark for remark in remarks}.values())


def empty_values(content: Content, counts: Mapping[str, int]) -> Iterator[Remark]:
    """What is to be said of variables that are empty for so many recipients, and have no default."""
    template = content.template
    for name in template.bare_names if template else ():
        if count := counts.get(name, 0):
            yield Remark(
                "empty_value",
                f"{{{{ {name} }}}} shows nothing to {count:,} of the recipients, who have no {name}: write "
                f"{{{{ {name} | default(\"…\") }}}}, or leave them out, with --where '{name} is not empty'",
            )


def refuse_warnings(remarks: Sequence[Remark]) -> None:
    """Raise InputError where a warning is among them."""
    warnings = [remark.message for remark in remarks if remark.severity is Severity.WARNING]
    if warnings:
        raise InputError(f"--strict refuses this content: {'; '.join(warnings)}")


def _links(text: str) -> Iterator[Remark]:
    links = _LINK.findall(text)
    hosts = list(dict.fromkeys(filter(None, map(_host, links))))
    if hosts:
        yield Remark("link", f"it leads to {listed(hosts)}", Severity.NOTE)
    for host in dict.fromkeys([*hosts, *filter(None, map(_host, _BARE_SHORT_LINK.findall(text)))]):
        if host.removeprefix("www.") in SHORTENERS:
            yield Remark("short_link", f"{quoted(host)} hides where the link leads: write the whole link")
        elif _is_odd(host):
            yield Remark("odd_link", f"{quoted(host)} is no name that people can read: link to a name")
    if any(link.lower().startswith("http://") for link in links):
        yield Remark("insecure_link", "a link begins with http://: people are warned of it; write https://")


def _deceptive_hosts(texts: Sequence[str]) -> Iterator[Remark]:
    found = (_host(link) for text in texts for form in (_LINK, _BARE_HOST) for link in form.findall(text))
    for sentence in look_alikes(dict.fromkeys(filter(None, found))):
        yield Remark("look_alike_link", sentence)


def _host(link: str) -> str | None:
    try:
        return urlsplit(link if "://" in link else f"https://{link}").hostname
    except ValueError:
        return None


def _is_odd(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return any(label.startswith("xn--") for label in host.split("."))
    return True


def _capitals(text: str) -> Iterator[Remark]:
    letters = [each for each in _LINK.sub("", text) if each.isupper() or each.islower()]
    if len(letters) >= _FEW_LETTERS and sum(map(str.isupper, letters)) >= _MOSTLY * len(letters):
        yield Remark("capitals", "nearly all of it is in capitals, which reads as shouting")


def _placeholders(text: str, variables: Collection[str]) -> Iterator[Remark]:
    meant = foreign_placeholders(text, variables)
    for written, name in meant.items():
        yield Remark("placeholder", f"{quoted(written)} is sent as it stands: write {{{{ {name} }}}} for the column")
    found = [
        each for each in dict.fromkeys(match.group() for match in _PLACEHOLDERS.finditer(text)) if each not in meant
    ]
    if found:
        yield Remark(
            "placeholder", f"{listed(found, 4)} would be sent as it stands: write a variable like {{{{ name }}}}"
        )


def _lost_characters(text: str) -> Iterator[Remark]:
    if "\ufffd" in text:
        yield Remark("lost_character", "there is a \ufffd where a character was lost: type it again")


def _mojibake(text: str) -> Iterator[Remark]:
    for run in _LATIN_RUN.findall(text):
        mended = _mended(run)
        if mended is not None:
            yield Remark(
                "mojibake", f"{quoted(run)} was {quoted(mended)} before it was read in a wrong encoding: mend it"
            )
            return


def _mended(run: str) -> str | None:
    """What a run of characters was, if it is UTF-8 that was read as Windows-1252."""
    encoded = b"".join(_byte(each) for each in run)
    for start in range(len(encoded) - 1):
        try:
            return encoded[start:].decode()
        except UnicodeDecodeError as error:
            if error.start > 0:
                return encoded[start : start + error.start].decode()
    return None


def _byte(character: str) -> bytes:
    try:
        return character.encode("cp1252")
    except UnicodeEncodeError:
        return character.encode("latin-1", "replace")


def _length(content: Content, texts: Sequence[str]) -> Iterator[Remark]:
    longest = max(map(len, texts))
    if content.text is not None and longest > _LONG_TEXT:
        yield Remark("long", f"a text has {longest:,} characters: beyond {_LONG_TEXT:,} WhatsApp may cut it off")
    if content.caption is not None and longest > _LONG_CAPTION:
        yield Remark("long", f"a caption has {longest:,} characters: beyond {_LONG_CAPTION:,} WhatsApp may cut it off")


def _same_for_all(content: Content) -> Iterator[Remark]:
    if content.template is not None and not content.template.names:
        yield Remark(
            "same_for_all", "everybody gets the same words, which looks like spam: address people by {{ name }}"
        )


def _no_opt_out(written: str) -> Iterator[Remark]:
    if not _OPT_OUT.search(written):
        yield Remark("no_opt_out", "nobody is told how to opt out: end with a line like 'Reply STOP to get no more'")


def _stored_dates(source: str, shown: Sequence[str]) -> Iterator[Remark]:
    found = [date for text in shown for date in _STORED_DATE.findall(text) if date not in source]
    if found:
        what = f"people read {quoted(found[0])}: write it as they do, like {{{{ day | date }}}}"
        yield Remark("plain_date", what, Severity.NOTE)


def _written_out(text: str) -> Iterator[Remark]:
    if "\\n" in text:
        yield Remark("written_out", r"'\n' is sent as it stands, and begins no line: put the text into a --text-file")


def _file_name(text: str) -> Iterator[Remark]:
    if _FILE_NAME.fullmatch(text.strip()):
        yield Remark("file_name", "the text looks like the name of a file: --text-file sends what is in it")


_OF_VALUES: tuple[_Check, ...] = (_lost_characters, _mojibake)
"""Also of what lists bring along."""
_CHECKS: tuple[_Check, ...] = (_links, _capitals, _written_out, _file_name, *_OF_VALUES)
