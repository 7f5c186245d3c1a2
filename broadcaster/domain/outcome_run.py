"""The run of a lane's outcomes: what its last replies show together that no single reply shows. Pure.

A gateway may refuse in any language, and may use the same words for trouble of a recipient and of the account. What
happens to other messages meanwhile tells the two apart:

- Trouble of the account hits everybody. A *run* is the messages that were refused in unknown words, put off or left
  open since a message was last accepted. `HANDFUL` of them mean that the account has trouble, whatever the words. So
  do `MANY` refusals in words known to be about recipients: so many in a row are *said of all*, and no longer believed.
- Trouble of a recipient hits the same recipient again, after others were accepted. A refused recipient is *noted*, so
  that the second refusal is recognised. After `HANDFUL` such recipients the text is *learned*: it is about recipients.
- If a refused recipient is accepted later, the text is *passing*, and is never learned.

Replies to requests under way together come in any order. So each trouble has a number. A request remembers the latest
number at the moment it left, and its reply says something only about troubles up to that number. What is left open
counts only if no message whose request left later was accepted (`judgement.AnsweredAttempt.is_overtaken`).

The holder of the lease keeps the run on the lane's row. Losing it fails no message: forgotten recipients are refused
once more at no cost, and texts are learned again.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated, Any

import msgspec
from msgspec.structs import replace

HANDFUL = 5
"""This many failed messages in a row are the account's trouble. A text is learned from as many recipients."""
MANY = 30
"""This many refusals in a row are the account's trouble even in words known to be about recipients. A sorted list may
have thirty numbers without WhatsApp in a row, but seldom more."""
LEARNED_WEIGHT = 3
"""A refusal in learned words counts this many times towards MANY: recipients taught these words, not a person."""
TEXT_CHARACTERS = 120
MOST_TEXTS = 50
MOST_NOTED = 64
"""How many refused recipients are remembered: the first ones and the latest ones, since either may be tried again
first."""
STALE = 1000
"""An early recipient that has not come back is forgotten after this many further troubles."""
_PASSING = -1

_READ_CHARACTERS = 500
_QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”|„[^“”]*[“”]|«[^»]*»|`[^`]*`|(?<!\w)'[^']*'(?!\w)")
_NUMBERED = re.compile(r"[a-z_@.:/+-]*\d[a-z\d_@.:/+-]*")
_BLANKS = re.compile(r"#(\W*#)+")

Count = Annotated[int, msgspec.Meta(ge=0)]


def text_key(reason: str) -> str:
    """The reason without the parts that differ between recipients: numbers, ids, quotations, case and white space."""
    plain = unicodedata.normalize("NFKC", reason[:_READ_CHARACTERS]).casefold()
    # This also drops the characters that Postgres cannot store in JSON.
    words = "".join(each if each.isprintable() else " " for each in plain)
    text = _NUMBERED.sub("#", _QUOTED.sub("#", words))
    return _BLANKS.sub("#", " ".join(text.split()))[:TEXT_CHARACTERS]


class Refused(msgspec.Struct, frozen=True):
    """A recipient that was refused with `text` at trouble number `at`. `again`: it was refused a second time."""

    text: str
    at: Count
    again: bool = False


class OutcomeRun(msgspec.Struct, frozen=True):
    """An immutable value; every reply makes a new one. A message is named by a text that no other on the lane has.

    The parameter `heard_at_start` is the value of `heard` when the request left.
    """

    refusals: Count = 0
    """How many were refused in words that no rule knows, since a message was last accepted."""
    learned: Count = 0
    """How many were refused in learned words, since a message was last accepted."""
    unknowns: Count = 0
    """How many were left open, since a message was last accepted."""
    answers: Count = 0
    """How many were refused in words that a rule knows to be about recipients, since a message was last accepted."""
    delays: Count = 0
    """How many were put off for a reason about their recipients, since a message was last accepted."""
    delayed: tuple[str, ...] = ()
    """The first HANDFUL messages in the run. While the lane goes on, each message counts once."""
    heard: Count = 0
    """The number of the latest trouble: a refusal in unknown words, or a stop."""
    stopped: Count = 0
    """The number of the latest stop."""
    vouched: Count = 0
    """The latest trouble that an accepted message left after, by its number."""
    noted: dict[str, Refused] = {}
    """Refused recipients by message, in the order of their first refusal."""
    texts: dict[str, int] = {}
    """For each text, how many recipients showed that it is about recipients; or _PASSING."""

    @property
    def length(self) -> int:
        """How many messages came to nothing since one was accepted, while nobody knows who is at fault."""
        return self.refusals + self.unknowns + self.delays

    @property
    def blamed(self) -> int:
        """The weighted count of refusals in words known to be about recipients."""
        return self.answers + LEARNED_WEIGHT * self.learned

    @property
    def is_said_of_all(self) -> bool:
        """Whether there are so many that the words no longer say anything about recipients."""
        return self.blamed >= MANY

    @property
    def is_trouble(self) -> bool:
        """Whether the run shows trouble of the account."""
        return self.length >= HANDFUL or self.blamed >= MANY

    @property
    def excess(self) -> int:
        """How many messages the run has beyond those that show trouble of the account."""
        return max(0, self.length - HANDFUL) + max(0, self.blamed - MANY)

    def is_late(self, heard_at_start: int) -> bool:
        """Whether a request left before the lane stopped. Its reply says nothing about the time since."""
        return heard_at_start < self.stopped

    def is_vouched(self, message: str) -> bool:
        """Whether another message left after this one's refusal and was accepted."""
        before = self.noted.get(message)
        return before is not None and before.at <= self.vouched

    def is_own_trouble(self, message: str, text: str) -> bool:
        """Whether a message that is refused now is refused because of its recipient."""
        return self.is_vouched(message) and not self.is_passing(text)

    def is_passing(self, text: str) -> bool:
        """Whether the text is known to say nothing lasting about recipients."""
        return self.texts.get(text) == _PASSING

    def is_learned(self, text: str) -> bool:
        """Whether the text is known to be about recipients."""
        return self.texts.get(text, 0) >= HANDFUL

    def accepted(self, message: str, heard_at_start: int) -> OutcomeRun:
        """The gateway accepted a message. If it was refused before, those words were not about its recipient."""
        run = self
        if before := self.noted.get(message):
            run = replace(self.forgotten(message), texts=_with_text(self.texts, before.text, _PASSING))
        if heard_at_start > run.vouched:
            run = replace(run, vouched=heard_at_start)
        return run if run.is_late(heard_at_start) else run.restarted()

    def answered(self, heard_at_start: int) -> OutcomeRun:
        """A message was refused in words that a rule knows to be about its recipient.

        Replies to requests from before a stop count up to one less than MANY, so that the next message decides.
        """
        if self.is_late(heard_at_start) and self.blamed >= MANY - 1:
            return self
        return replace(self, answers=self.answers + 1)

    def postponed(self, message: str, heard_at_start: int) -> OutcomeRun:
        """A message was put off for a reason about its recipient, such as too many messages to that number.

        The same message again is no new evidence, unless a stopped lane is tried with that message alone.
        """
        if self.is_late(heard_at_start) or (message in self.delayed and not self.is_trouble):
            return self
        return replace(self, delays=self.delays + 1, delayed=(*self.delayed, message)[:HANDFUL])

    def left_open(self, heard_at_start: int) -> OutcomeRun:
        """Nobody knows whether the gateway took a message."""
        return self if self.is_late(heard_at_start) else replace(self, unknowns=self.unknowns + 1)

    def refused(self, message: str, text: str, heard_at_start: int) -> OutcomeRun:
        """A message was refused in words that no rule knows, and nothing shows yet whose trouble that is.

        The same message again is no new evidence, unless a stopped lane is tried with that message alone.
        """
        run = replace(self, heard=self.heard + 1)
        is_same = message in self.noted and not self.is_vouched(message) and not self.is_trouble
        if is_same or self.is_late(heard_at_start):
            return run
        if self.is_learned(text):
            return replace(run, learned=self.learned + 1)
        return replace(run, refusals=self.refusals + 1)

    def refused_again(self, message: str, text: str) -> OutcomeRun:
        """A message was refused because of its recipient. A noted recipient counts once as a witness to the text."""
        before = self.noted.get(message)
        if before is None or before.again or before.text != text:
            return self
        count = min(HANDFUL, self.texts.get(text, 0) + 1)
        noted = {**self.noted, message: replace(before, again=True)}
        return replace(self, noted=noted, texts=_with_text(self.texts, text, count))

    def note(self, message: str, text: str) -> OutcomeRun:
        """Note a message that was just refused. One that is noted already keeps the time of its first refusal."""
        if message in self.noted:
            return self
        noted = dict(self.noted)
        if len(noted) >= MOST_NOTED:
            names = list(noted)
            is_stale = noted[names[0]].at <= self.heard - STALE
            del noted[names[0 if is_stale else MOST_NOTED // 2]]
        return replace(self, noted={**noted, message: Refused(text, self.heard)})

    def forgotten(self, message: str) -> OutcomeRun:
        """The run without the message, which will not come back."""
        if message not in self.noted:
            return self
        return replace(self, noted={name: each for name, each in self.noted.items() if name != message})

    def stopping(self) -> OutcomeRun:
        """The lane stops, or goes on resting."""
        return replace(self, heard=self.heard + 1, stopped=self.heard + 1)

    def restarted(self) -> OutcomeRun:
        """An empty run: what was refused, put off or left open until now no longer says anything about the account."""
        if not (self.refusals or self.unknowns or self.delays or self.learned or self.answers):
            return self
        return replace(self, refusals=0, learned=0, unknowns=0, answers=0, delays=0, delayed=())

    def to_document(self) -> dict[str, Any]:
        """As plain JSON: usually a few hundred bytes, at most about 30 KB."""
        document: dict[str, Any] = msgspec.to_builtins(self)
        return document

    @classmethod
    def from_document(cls, document: object) -> OutcomeRun:
        """Read what `to_document` gave, cut to the bounds above. Anything else gives a new run."""
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
    """The texts with one more, the latest last. If there are too many, the oldest goes, an undecided one first."""
    others = {each: known for each, known in texts.items() if each != text}
    if len(others) >= MOST_TEXTS:
        undecided = (each for each, known in others.items() if 0 <= known < HANDFUL)
        del others[next(undecided, next(iter(others)))]
    return {**others, text: count}
