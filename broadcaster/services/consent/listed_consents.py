"""The consents that a list of recipients tells: kept aside while it is read, and then as evidence.

They are read with the rows (services/recipients/reader.py) and stored in the transaction that stores the recipients:
what comes of a list without its consents, or the other way round, is nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from tempfile import SpooledTemporaryFile
from typing import Self

from sqlalchemy import Connection

from broadcaster.db.statements import copy, execute, value
from broadcaster.domain.names import check_remark
from broadcaster.domain.templates import variable_name
from broadcaster.domain.whatsapp_numbers import sure_forms
from broadcaster.domain.written_consents import consent_fault, given_on
from broadcaster.domain.written_values import ValueFault
from broadcaster.errors import UsageError, listed, quoted
from broadcaster.services.audit import note_operation
from broadcaster.services.recipients.reader import Batch

_CHUNK_BYTES = 1 << 16
_NULL = r"\N"
_FURTHEST_ZONE = timedelta(hours=14)
"""East of Greenwich, where a day begins first."""


class ListedConsents:
    """The consents of one list, whose people have all agreed, or those who have something in a column.

    A check of rows, too. A context manager: what is kept aside is in a temporary file.
    """

    def __init__(self, source: str, column: str | None, now: datetime) -> None:
        """`source` is how people agreed, in the operator's words; `column` says when, and is empty where one has not.
        Nobody has agreed after `now`, which is with its zone.

        Raises UsageError for words that cannot be kept.
        """
        check_remark(source, "--consent-source")
        self.source = source
        self._column = column
        self._key: str | None = None
        self._latest = (now + _FURTHEST_ZONE).date()
        self._aside = SpooledTemporaryFile[bytes](max_size=_CHUNK_BYTES)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._aside.close()

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
        return {row: fault for row, text in written if (fault := consent_fault(text, self._latest)) is not None}

    def noted(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """The same batches, whose consents are kept aside as they pass."""
        for batch in batches:
            words = [None] * len(batch.phones) if self._key is None else batch.variables[self._key]
            for phone, written in zip(batch.phones, words, strict=True):
                if written is None or written.strip():
                    self._keep_aside(phone, written)
            yield batch

    def stage(self, connection: Connection) -> int:
        """Bring them into a temporary table of the transaction; returns how many people have agreed."""
        execute(connection, "stage_consents")
        self._aside.seek(0)
        with copy(connection, "copy_consents") as copied:
            for chunk in iter(partial(self._aside.read, _CHUNK_BYTES), b""):
                copied.write(chunk)
        return int(value(connection, "count_consenting_staged"))

    def keep(self, connection: Connection, came_with: str) -> None:
        """Store those that are staged, which came with `came_with`, as evidence. What is known stays as it is."""
        kept = execute(connection, "keep_staged_consents", source=self.source, came_with=came_with)
        if kept:
            note_operation(connection, "consent", self.source, kept=kept, came_with=came_with)

    def _keep_aside(self, phone: str, written: str | None) -> None:
        # What is no day has been refused, so that nothing here is special to COPY.
        words = _NULL if written is None else written.strip()
        day: date | None = None if written is None else given_on(written, self._latest)
        line = f"{phone}\t{{{','.join(sure_forms(phone))}}}\t{words}\t{day or _NULL}\n"
        self._aside.write(line.encode())
