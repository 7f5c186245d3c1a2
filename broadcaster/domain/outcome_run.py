"""The run of a lane's outcomes: what the last replies say together that none of them says by itself. Pure.

A gateway that nobody controls refuses in any language, and with the same words for a recipient's trouble and for its
account's. What tells them apart is what happens to others meanwhile:

- the account's trouble meets everybody. A *run* is what was refused in unknown words, put off, or left open, since a
  message was last accepted. `HANDFUL` of them are the account's trouble, whatever their words. So are `MANY` in words
  that are known to be about recipients: of so many in a row they are *said of all*, and no longer believed;
- a recipient's trouble meets the same recipient again, after others were accepted. Who was refused is *noted*, so that
  the second time is known as such. After a handful of recipients the text is *learned*: it is about recipients;
- a text with which somebody was refused who was accepted later is *passing*, and is never learned.

Replies that are under way together come in any order. So every trouble has a number: a request knows how many had been
heard of when it left, and how it ended says something only of those.

The run is kept on the lane's row, by whoever holds the lease. An older one, or none, fails nobody: recipients that are
no longer noted are refused once more at no cost, and texts are learned again.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated, Any

import msgspec
from msgspec.structs import replace

HANDFUL = 5
"""Messages in a row that are the account's trouble; recipients by which a text is learned."""
MANY = 30
"""Refusals in a row, in words known to be about recipients, that are the account's trouble all the same: a sorted list
may well have thirty numbers without WhatsApp in a row, and seldom more."""
LEARNED_WEIGHT = 3
"""One in learned words counts for so many of them: a few recipients have taught those, and no person."""
TEXT_CHARACTERS = 120
MOST_TEXTS = 50
MOST_NOTED = 64
"""Refused recipients that are remembered: the first ones and the last ones, whichever are tried again sooner."""
STALE = 1000
"""Troubles after which one of the first who did not come back loses the place."""
_PASSING = -1

_READ_CHARACTERS = 500
_QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”|„[^“”]*[“”]|«[^»]*»|`[^`]*`|(?<!\w)'[^']*'(?!\w)")
_NUMBERED = re.compile(r"[a-z_@.:/+-]*\d[a-z\d_@.:/+-]*")
_BLANKS = re.compile(r"#(\W*#)+")

Count = Annotated[int, msgspec.Meta(ge=0)]


def text_key(reason: str) -> str:
    """The reason without what differs from recipient to recipient: numbers, ids, quotations, case and white space."""
    plain = unicodedata.normalize("NFKC", reason[:_READ_CHARACTERS]).casefold()
    # What Postgres cannot hold in JSON is not printable either.
    words = "".join(each if each.isprintable() else " " for each in plain)
    text = _NUMBERED.sub("#", _QUOTED.sub("#", words))
    return _BLANKS.sub("#", " ".join(text.split()))[:TEXT_CHARACTERS]


class Refused(msgspec.Struct, frozen=True):
    """A recipient that was refused with `text`: the trouble number `at`. `again`: and once more since."""

    text: str
    at: Count
    again: bool = False


class OutcomeRun(msgspec.Struct, frozen=True):
    """An immutable value; every reply makes the next one. Messages are named by any text that is theirs on the lane.

    `left`, where it is asked for, is what `heard` was when the request left.
    """

    refusals: Count = 0
    """Refused in words that no rule knows, since a message was last accepted."""
    learned: Count = 0
    """Refused in words that have been learned, since a message was last accepted."""
    unknowns: Count = 0
    """Left open, since a message was last accepted."""
    answers: Count = 0
    """Refused in words that a rule knows to be about recipients, since a message was last accepted."""
    delays: Count = 0
    """Put off as if for their recipients' sake, since a message was last accepted."""
    delayed: tuple[str, ...] = ()
    """The first messages of those, a handful at most: while the lane goes on, each of them counts once."""
    heard: Count = 0
    """The number of the latest trouble: of a refusal in unknown words, or of a stop."""
    stopped: Count = 0
    """The number of the latest stop."""
    vouched: Count = 0
    """The number of the latest trouble after which a request left that was accepted."""
    noted: dict[str, Refused] = {}
    """Recipients by message, the first that was refused first."""
    texts: dict[str, int] = {}
    """By how many recipients each text was shown to be about recipients, or that it is passing."""

    @property
    def length(self) -> int:
        """How many messages came to nothing since one was accepted, and nobody knows for whose sake."""
        return self.refusals + self.unknowns + self.delays

    @property
    def blamed(self) -> int:
        """How many were refused, by their weight, in words that are known to be about recipients."""
        return self.answers + LEARNED_WEIGHT * self.learned

    @property
    def is_said_of_all(self) -> bool:
        """Whether those are so many that the words say nothing of recipients any more."""
        return self.blamed >= MANY

    @property
    def is_trouble(self) -> bool:
        """Whether all that is the account's trouble."""
        return self.length >= HANDFUL or self.blamed >= MANY

    @property
    def excess(self) -> int:
        """How many more it is than it takes for that."""
        return max(0, self.length - HANDFUL) + max(0, self.blamed - MANY)

    def is_late(self, left: int) -> bool:
        """Whether a request left before the lane stopped: its reply says nothing of what is the case since."""
        return left < self.stopped

    def is_vouched(self, message: str) -> bool:
        """Whether a message was refused, and another that left afterwards was accepted."""
        before = self.noted.get(message)
        return before is not None and before.at <= self.vouched

    def is_own_trouble(self, message: str, text: str) -> bool:
        """Whether a message that is refused now is so for its recipient's sake."""
        return self.is_vouched(message) and not self.is_passing(text)

    def is_passing(self, text: str) -> bool:
        """Whether the text is known to say nothing lasting of recipients."""
        return self.texts.get(text) == _PASSING

    def is_learned(self, text: str) -> bool:
        """Whether the text is known to say something of recipients."""
        return self.texts.get(text, 0) >= HANDFUL

    def accepted(self, message: str, left: int) -> OutcomeRun:
        """The gateway took a message. If it had been refused, the words were not about its recipient."""
        run = self
        if before := self.noted.get(message):
            run = replace(self.forgotten(message), texts=_with_text(self.texts, before.text, _PASSING))
        if left > run.vouched:
            run = replace(run, vouched=left)
        return run if run.is_late(left) else run.restarted()

    def answered(self, left: int) -> OutcomeRun:
        """A message was refused in words that a rule knows to be about its recipient.

        Of those that were under way when the lane stopped all but the last count: the next one decides.
        """
        if self.is_late(left) and self.blamed >= MANY - 1:
            return self
        return replace(self, answers=self.answers + 1)

    def postponed(self, message: str, left: int) -> OutcomeRun:
        """A message was put off as if for its recipient's sake, who may have been written to too often.

        The same one again is no more evidence than before, unless it is all that a stopped lane is tried with.
        """
        if self.is_late(left) or (message in self.delayed and not self.is_trouble):
            return self
        return replace(self, delays=self.delays + 1, delayed=(*self.delayed, message)[:HANDFUL])

    def left_open(self, left: int) -> OutcomeRun:
        """Nobody knows whether the gateway took a message."""
        return self if self.is_late(left) else replace(self, unknowns=self.unknowns + 1)

    def refused(self, message: str, text: str, left: int) -> OutcomeRun:
        """A message was refused in words that no rule knows, and nothing shows yet whose trouble that is.

        The same one again is no more evidence than before, unless it is all that a stopped lane is tried with.
        """
        run = replace(self, heard=self.heard + 1)
        is_same = message in self.noted and not self.is_vouched(message) and not self.is_trouble
        if is_same or self.is_late(left):
            return run
        if self.is_learned(text):
            return replace(run, learned=self.learned + 1)
        return replace(run, refusals=self.refusals + 1)

    def refused_again(self, message: str, text: str) -> OutcomeRun:
        """A message was refused whose trouble is its own: whoever is noted bears witness to the text, once."""
        before = self.noted.get(message)
        if before is None or before.again or before.text != text:
            return self
        count = min(HANDFUL, self.texts.get(text, 0) + 1)
        noted = {**self.noted, message: replace(before, again=True)}
        return replace(self, noted=noted, texts=_with_text(self.texts, text, count))

    def note(self, message: str, text: str) -> OutcomeRun:
        """Remember a message just refused. Whoever is noted already stays so: that counts from the first time."""
        if message in self.noted:
            return self
        noted = dict(self.noted)
        if len(noted) >= MOST_NOTED:
            names = list(noted)
            is_stale = noted[names[0]].at <= self.heard - STALE
            del noted[names[0 if is_stale else MOST_NOTED // 2]]
        return replace(self, noted={**noted, message: Refused(text, self.heard)})

    def forgotten(self, message: str) -> OutcomeRun:
        """The message will not come back."""
        if message not in self.noted:
            return self
        return replace(self, noted={name: each for name, each in self.noted.items() if name != message})

    def stopping(self) -> OutcomeRun:
        """The lane stops, or goes on resting."""
        return replace(self, heard=self.heard + 1, stopped=self.heard + 1)

    def restarted(self) -> OutcomeRun:
        """What was refused, put off or left open until now says nothing more of the account."""
        if not (self.refusals or self.unknowns or self.delays or self.learned or self.answers):
            return self
        return replace(self, refusals=0, learned=0, unknowns=0, answers=0, delays=0, delayed=())

    def to_document(self) -> dict[str, Any]:
        """As plain JSON, of at most some 30 KB and commonly a few hundred bytes."""
        document: dict[str, Any] = msgspec.to_builtins(self)
        return document

    @classmethod
    def from_document(cls, document: object) -> OutcomeRun:
        """What `to_document` gave; a new run for anything else. It is cut to its bounds."""
        try:
            run = msgspec.convert(document, cls)
        except msgspec.ValidationError:
            return cls()
        return replace(
            run,
            delayed=run.delayed[:HANDFUL],
            noted=dict(list(run.noted.items())[:MOST_NOTED]),
            texts=dict(list(run.texts.items())[:MOST_TEXTS]),
        )


def _with_text(texts: dict[str, int], text: str, count: int) -> dict[str, int]:
    """The texts with one more, the latest last. Beyond their bound the oldest goes, one that is undecided first."""
    others = {each: known for each, known in texts.items() if each != text}
    if len(others) >= MOST_TEXTS:
        undecided = (each for each, known in others.items() if 0 <= known < HANDFUL)
        del others[next(undecided, next(iter(others)))]
    return {**others, text: count}
