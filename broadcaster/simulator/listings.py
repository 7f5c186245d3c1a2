"""How the lists of `/wa/messages`, `/wa/chats` and `/wa/contacts` can differ from the truth. Fields of a listing:

aliases=…      chats are kept and listed under another number: mexico (521…), brazil or ninth_digit (without the
               ninth digit), argentina (549…), ivory_coast (without the two digits of 2021), lid (an id of its
               own, 15 digits and @lid), or prefixes such as 52>521
answers=…      to which number /wa/messages answers with the chat: kept (the one it is kept under), both (and the
               one sent to) or none
texts=…+…      texts and captions are changed: escape_html, strip_markup (*_~), drop_variation (U+FE0F),
               fold_space, drop_emoji, question_marks, plain_quotes, decompose, crlf, lower
replaces       (JSON only) what is replaced by what in texts and captions, before that
page=N         at most N messages or chats, whatever the limit asked for
order=…        newest (first), oldest (the oldest ones, oldest first) or newest_ascending (the newest, oldest first)
lag=S          messages and chats show a message after S seconds
hides=…+…      what no list shows: everything, files, texts, sent_by_api, or a phone or prefix (52*); in JSON
               {"what", "phone", "endpoint", "after", "older_than", "younger_than"}
duplicates=…   same_ids or without_ids: every message is listed twice
thumbnails=1   files are listed with a picture in base64 as text, without file name and caption
omits=…+…      times, ids, directions
clock=S        everything is dated S seconds later than it was; earlier: a negative number
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from broadcaster.simulator.fault_rule import Count, Seconds
from broadcaster.simulator.numbers import Aliases, check_aliases
from broadcaster.simulator.text_changes import CHANGES


class Hide(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Messages that no list shows: those that meet all conditions. A chat without other messages is not listed."""

    what: Literal["everything", "files", "texts", "sent_by_api"] = "everything"
    phone: str | None = None
    """The exact phone, or a prefix followed by `*`."""
    endpoint: Literal["/wa/messages", "/wa/chats", "/wa/contacts"] | None = None
    """The only endpoint where they are hidden. None: all three."""
    after: Seconds = 0.0
    """Only once this many seconds have passed since this was set."""
    older_than: Seconds = 0.0
    """Only messages that were accepted more than this many seconds ago."""
    younger_than: Seconds | None = None
    """Only messages that were accepted less than this many seconds ago: as if these chats lagged behind others."""

    def __post_init__(self) -> None:
        if self.phone is not None and not re.fullmatch(r"\d+\*?|\*", self.phone):
            raise ValueError("phone must be digits, or leading digits followed by *")


class Listing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How an instance lists. The defaults are the truth, newest first, up to the limit asked for.

    Raises ValueError (from msgspec: ValidationError) for unknown names.
    """

    aliases: Aliases = ""
    """The other number under which chats are kept and listed: `mexico` 521…, `brazil` and `ninth_digit` without the
    ninth digit, `argentina` 549…, `ivory_coast` without the two digits of 2021, `lid` an id of its own, or prefixes
    and their replacements."""
    answers: Literal["kept", "both", "none"] = "kept"
    """The numbers for which `/wa/messages` shows the chat: the one it is kept under, that and the one sent to, or
    none."""
    texts: tuple[str, ...] = ()
    """Changes of texts and captions, in this order: names of `text_changes.CHANGES`."""
    replaces: dict[str, str] = {}
    """Replacements in texts and captions, made before that."""
    page: Count | None = None
    """The most messages or chats that a reply lists, whatever the limit asked for."""
    order: Literal["newest", "oldest", "newest_ascending"] = "newest"
    """Newest first; the oldest ones, oldest first; or the newest ones, oldest first."""
    lag: Seconds = 0.0
    """Seconds until lists of messages and chats show a message."""
    hides: tuple[Hide, ...] = ()
    duplicates: Literal["no", "same_ids", "without_ids"] = "no"
    """Whether every message is listed twice."""
    thumbnails: bool = False
    """Whether files are listed with a small picture in base64 as text, without file name and caption."""
    clock: float = 0.0
    """By how many seconds its clock is ahead of ours."""
    omits: tuple[Literal["times", "ids", "directions"], ...] = ()

    def __post_init__(self) -> None:
        check_aliases(self.aliases)
        if unknown := [name for name in self.texts if name not in CHANGES]:
            raise ValueError(f"there is no change of texts {unknown[0]!r}; there are {', '.join(CHANGES)}")


HONEST = Listing()
