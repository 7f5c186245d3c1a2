"""From batches of recipients to messages in Postgres: numbered, dealt to lanes, streamed by COPY, each phone once,
or as often as it has rows.

A campaign of ordinary size goes by way of a temporary table into the shared segment; a large one straight into a
segment of its own. Which it is shows while its file is read.
"""

from __future__ import annotations

import re
from bisect import insort
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from functools import partial
from itertools import chain, count, repeat
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import Self

import msgspec
from sqlalchemy import Connection

from broadcaster.db.statements import Statement, copy, execute, naming, stream, value
from broadcaster.domain.phone_countries import BEGINNING
from broadcaster.errors import InputError
from broadcaster.services.campaigns.group_numbers import GroupNumbers
from broadcaster.services.campaigns.segments import LARGE_CAMPAIGN, SHARED, Segment, index_phones, open_segment
from broadcaster.services.openings import EVERYBODY
from broadcaster.services.recipients.batches import Batch
from broadcaster.services.recipients.repeats import MOST_REPEATS_SHOWN, Repeat, StartingLines

_HELD_BACK = 32 << 20
"""Characters of COPY text that wait in memory, at most, until it is known where they go."""
_CHUNK_BYTES = 1 << 16
MOST_PER_PHONE = 50
"""Messages of one campaign to one phone: more share no phone, their file is wrong."""

# What JSON writes differently between its quotes (RFC 8259, section 7). Nothing else is special to COPY's text format.
_SPECIAL = re.compile(r'["\\\x00-\x1f]')


class OnePer(StrEnum):
    """What of a recipients file gets one message."""

    PHONE = "phone"
    ROW = "row"


class MessageText:
    """Recipients as lines of COPY's text format, and what was rejected, kept aside until it can be copied too.

    A context manager: what is kept aside is in a temporary file.
    """

    def __init__(
        self,
        campaign_id: int,
        names: Sequence[str],
        lanes: Iterator[int],
        one_per: OnePer = OnePer.PHONE,
        groups: GroupNumbers | None = None,
        *,
        holds: bool = False,
    ) -> None:
        """`names` are those of the variables; `lanes` deals one to each message. Without `groups` none is in one.

        `holds`: their campaign has a canary.
        """
        self.campaign_id = campaign_id
        self.one_per = one_per
        self.holds = holds
        self.repeats = 0
        """How many lines repeat the phone of an earlier one."""
        self.repeated_beginnings = Counter[str]()
        """How many lines that are no messages, since an earlier one has their phone, by the beginning of it."""
        self._first_repeats: list[Repeat] = []
        self.count = 0
        """The messages so far."""
        self._lanes = lanes
        self._groups = groups
        self._line = "%s\t%d\t%d\t%d\t" + _json_format(names) + "\n"
        self._started = StartingLines()
        self._rejected = SpooledTemporaryFile[bytes](max_size=_CHUNK_BYTES)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._rejected.close()

    def encode(self, batch: Batch) -> str:
        """The batch's messages, numbered from the last ones on."""
        for row in batch.rejected:
            self.reject(row.line, row.phone, row.fault.sentence)
        if not batch.phones:
            return ""
        first = self.count + 1
        self.count += len(batch.phones)
        self._started.add(first, batch.lines)
        columns = map(_json_values, batch.variables.values())
        groups = repeat(EVERYBODY) if self._groups is None else self._groups.of(batch.phones)
        # The phones come first: zip would draw a lane too many from behind a shorter one.
        rows = zip(batch.phones, count(first), self._lanes, groups, *columns, strict=False)
        return "".join(map(self._line.__mod__, rows))

    def reject(self, line: int, phone: str, reason: str) -> None:
        """Keep aside that the row on `line` is no message."""
        self._rejected.write(f"{self.campaign_id}\t{line}\t{_escape(phone)}\t{_escape(reason)}\n".encode())

    def reject_repeated(self, seq: int, first: int, phone: str) -> None:
        """Keep aside that message `seq` repeats message `first`."""
        repeat = self._note_repeat(seq, first)
        self.repeated_beginnings[phone[:BEGINNING]] += 1
        self.reject(repeat.line, phone, f"The number is in the file already, on line {repeat.first_line}.")

    def number_repeated(self, seq: int, first: int, ordinal: int) -> None:
        """Message `seq` is the `ordinal`-th to the phone of message `first`. Raises InputError for too many."""
        repeat = self._note_repeat(seq, first)
        if ordinal > MOST_PER_PHONE:
            raise InputError(
                f"the phone on line {repeat.first_line} is on more than {MOST_PER_PHONE} lines: "
                "--one-per row is for phones that a few people share"
            )

    @property
    def first_repeats(self) -> Sequence[Repeat]:
        """The first few in the order of the file."""
        return self._first_repeats

    def _note_repeat(self, seq: int, first: int) -> Repeat:
        repeat = Repeat(self._started.of(seq), self._started.of(first))
        self.repeats += 1
        # They come in no order; the largest of those that are kept makes room.
        if len(self._first_repeats) < MOST_REPEATS_SHOWN:
            insort(self._first_repeats, repeat)
        elif repeat < self._first_repeats[-1]:
            self._first_repeats.pop()
            insort(self._first_repeats, repeat)
        return repeat

    def copy_rejected(self, connection: Connection) -> None:
        """Store what was kept aside. The campaign must exist."""
        self._rejected.seek(0)
        chunks = iter(partial(self._rejected.read, _CHUNK_BYTES), b"")
        _copy(connection, "copy_rejected", chunks)


def load_messages(
    connection: Connection, messages: MessageText, batches: Iterable[Batch], *, staged: bool = False
) -> Segment | None:
    """Stream the batches into Postgres, and keep the first message of each phone, or all.

    Returns the segment in which they are, or None: `move_staged` moves them on. Both want the campaign to exist first.
    All of them wait in the temporary table where they are to be `staged`, for whoever changes them there.
    """
    texts = map(messages.encode, batches)
    if staged:
        _stage(connection, messages, texts)
        return None
    held_back = list(_until_large(messages, texts))
    segment = None
    if messages.count >= LARGE_CAMPAIGN:
        segment = open_segment(connection, messages.campaign_id, holds=messages.holds)
    if segment is None:
        _stage(connection, messages, chain(held_back, texts))
        return None
    _copy(connection, naming("copy_segment", messages=segment.messages), chain(held_back, texts))
    if not index_phones(connection, segment):
        _settle_repeated(connection, messages, "delete_repeated_of_segment", "number_repeated_of_segment")
        index_phones(connection, segment)
    return segment


def stage_messages(connection: Connection, messages: MessageText, batches: Iterable[Batch]) -> None:
    """Stream the batches into the temporary table alone, however many they are, as `load_messages` does."""
    _stage(connection, messages, map(messages.encode, batches))


def count_staged(connection: Connection) -> int:
    """How many messages are staged."""
    return int(value(connection, "count_staged"))


def segment_of_staged(connection: Connection, messages: MessageText) -> Segment | None:
    """A segment for messages that are staged, where there are many; None: they go into the shared one."""
    is_large = messages.count >= LARGE_CAMPAIGN
    return open_segment(connection, messages.campaign_id, holds=messages.holds) if is_large else None


def move_staged(connection: Connection, messages: MessageText, segment: Segment | None) -> None:
    """Move staged messages into their segment, or into the shared one, whose trigger counts them."""
    number, table = (segment.number, segment.messages) if segment else (SHARED, "messages")
    into = {"campaign_id": messages.campaign_id, "segment": number}
    execute(connection, naming("insert_messages", messages=table), **into)
    if segment:
        index_phones(connection, segment)


def _stage(connection: Connection, messages: MessageText, texts: Iterable[str]) -> None:
    execute(connection, "stage_messages")
    _copy(connection, "copy_staged", texts)
    _settle_repeated(connection, messages, "delete_repeated_phones", "number_repeated_phones")


def _until_large(messages: MessageText, texts: Iterator[str]) -> Iterator[str]:
    """The texts until there are enough of them for a segment, or more than should wait in memory."""
    size = 0
    for text in texts:
        yield text
        size += len(text)
        if messages.count >= LARGE_CAMPAIGN or size > _HELD_BACK:
            return


def _copy(connection: Connection, statement: Statement, texts: Iterable[str | bytes]) -> None:
    with copy(connection, statement) as copied:
        for text in texts:
            copied.write(text)


def _settle_repeated(connection: Connection, messages: MessageText, delete: str, number: str) -> None:
    """Leave out the messages of a phone but the first one, or give them numbers of their own."""
    if messages.one_per is OnePer.PHONE:
        for seq, first, phone in stream(connection, delete, tuple, campaign_id=messages.campaign_id):
            messages.reject_repeated(seq, first, phone)
        return
    demands = {"campaign_id": messages.campaign_id, "most": MOST_PER_PHONE}
    for seq, first, ordinal in stream(connection, number, tuple, **demands):
        messages.number_repeated(seq, first, ordinal)


def _json_format(names: Sequence[str]) -> str:
    """For `%`: an object with these keys and texts as values; null where there are none."""
    if not names:
        return "\\N"
    keys = [msgspec.json.encode(name).decode().replace("\\", "\\\\").replace("%", "%%") for name in names]
    return "{" + ",".join(f'{key}:"%s"' for key in keys) + "}"


def _json_values(column: Sequence[str]) -> Sequence[str]:
    """The texts as they stand between the quotes of JSON, in COPY's text format."""
    if not _SPECIAL.search("".join(column)):
        return column
    encode = msgspec.json.Encoder().encode
    # JSON escapes control characters itself, so that only its backslashes need COPY's escape.
    return [encode(value)[1:-1].decode().replace("\\", "\\\\") for value in column]


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
