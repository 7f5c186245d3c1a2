"""The consents that a list of recipients tells: kept aside while it is read, and then as evidence.

They are read with the rows (services/recipients/reader.py) and stored in the transaction that stores the recipients:
what comes of a list without its consents, or the other way round, is nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import partial
from tempfile import SpooledTemporaryFile
from typing import NamedTuple, Self

from sqlalchemy import Connection

from broadcaster.db.statements import copy, execute, value
from broadcaster.domain.names import check_remark
from broadcaster.domain.templates import variable_name
from broadcaster.domain.whatsapp_numbers import sure_forms
from broadcaster.domain.written_consents import YET_TO_COME, consent_fault, given_on
from broadcaster.domain.written_values import ValueFault
from broadcaster.errors import UsageError, listed, quoted
from broadcaster.services.audit import note_operation
from broadcaster.services.recipients.batches import Batch

_CHUNK_BYTES = 1 << 16
_NULL = r"\N"


class ConsentCounts(NamedTuple):
    """What a list says of how many people."""

    given: int
    """Have agreed, by this list."""
    kept: int
    """Have agreed by an earlier list, and this one says nothing of them: a consent ends by a withdrawal alone."""
    to_come: int
    """Rows that say a time that is yet to come, and are left out: nobody has agreed then."""


class ListedConsents:
    """The consents of one list, whose people have all agreed, or those who have something in a column.

    A check of rows, too. A context manager: what is kept aside is in a temporary file.
    """

    def __init__(self, source: str, column: str | None, now: datetime) -> None:
        """`source` is how people agreed, in the operator's words; `column` says when, and is empty where one has not.
        Nobody has agreed after `now`, which is in the zone whose clocks count for days.

        Raises UsageError for words that cannot be kept.
        """
        check_remark(source, "--consent-source")
        self.source = source
        self._column = column
        self._key: str | None = None
        self._now = now
        self._to_come = 0
        self._aside = SpooledTemporaryFile[bytes](max_size=_CHUNK_BYTES)
        self._silent = SpooledTemporaryFile[bytes](max_size=_CHUNK_BYTES)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._aside.close()
        self._silent.close()

    @property
    def has_column(self) -> bool:
        """Whether a column says who has agreed, and when."""
        return self._column is not None

    def check(self, columns: Sequence[str]) -> None:
        """Raise UsageError where the list does not have the column."""
        if self._column is None:
            return
        self._key = variable_name(self._column)
        if self._key not in columns:
            raise UsageError(
                f"--consent-column {quoted(self._column)}: there is no such column; columns are: {listed(columns)}"
            )

    def faults(self, variables: Mapping[str, Sequence[str]]) -> Mapping[int, ValueFault]:
        """The rows that say something else in the column than when somebody agreed."""
        if self._key is None:
            return {}
        written = enumerate(variables[self._key])
        faults = {row: fault for row, text in written if (fault := consent_fault(text, self._now)) is not None}
        self._to_come += sum(fault is YET_TO_COME for fault in faults.values())
        return faults

    def noted(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """The same batches, whose consents are kept aside as they pass."""
        for batch in batches:
            words = [None] * len(batch.phones) if self._key is None else batch.variables[self._key]
            for phone, written in zip(batch.phones, words, strict=True):
                if written is None or written.strip():
                    self._keep_aside(phone, written)
                else:
                    self._silent.write(f"{phone}\n".encode())
            yield batch

    def stage(self, connection: Connection) -> ConsentCounts:
        """Bring them into temporary tables of the transaction, and count. Before they are kept."""
        execute(connection, "stage_consents")
        execute(connection, "stage_silent_people")
        for aside, statement in ((self._aside, "copy_consents"), (self._silent, "copy_silent_people")):
            aside.seek(0)
            with copy(connection, statement) as copied:
                for chunk in iter(partial(aside.read, _CHUNK_BYTES), b""):
                    copied.write(chunk)
        given, kept = value(connection, "count_consenting_staged"), value(connection, "count_consents_kept")
        return ConsentCounts(given, kept, self._to_come)

    def keep(self, connection: Connection, came_with: str) -> None:
        """Store those that are staged, which came with `came_with`, as evidence. What is known stays as it is."""
        kept = execute(connection, "keep_staged_consents", source=self.source, came_with=came_with)
        if kept:
            note_operation(connection, "consent", self.source, kept=kept, came_with=came_with)

    def _keep_aside(self, phone: str, written: str | None) -> None:
        # What is no day has been refused, so that nothing here is special to COPY.
        words = _NULL if written is None else written.strip()
        day: date | None = None if written is None else given_on(written, self._now)
        line = f"{phone}\t{{{','.join(sure_forms(phone))}}}\t{words}\t{day or _NULL}\n"
        self._aside.write(line.encode())
