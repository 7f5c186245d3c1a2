"""Which rows of a recipients file meet conditions: by the same pieces of SQL as the members of an audience."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from psycopg.sql import SQL, Composable
from sqlalchemy import Connection

from broadcaster.db.statements import composing, copy, each, execute, first
from broadcaster.domain.conditions import Compared, Condition, Empty, described_source, leaves
from broadcaster.errors import InputError
from broadcaster.services.audiences.evaluation import evaluate
from broadcaster.services.audiences.nobodys_values import nobodys_values
from broadcaster.services.audiences.predicate import Predicate, Writing, predicate_of
from broadcaster.services.recipients.chosen_rows import CandidateRows
from broadcaster.services.recipients.unseen_marks import showing_controls


@dataclass(slots=True, kw_only=True)
class ListedRows:
    """The rows of a file as candidates for conditions, staged in the transaction of `connection`."""

    connection: Connection
    name: str
    """What the file is called in messages."""
    variables: Sequence[str]
    """Of the file's columns."""
    conditions: Sequence[Condition]
    starts_at: datetime | None = None
    """Whose day is `today`; None: now."""
    lock: bool = False
    """Whether the audiences that conditions name stay as they are until the transaction ends."""
    read: int = 0
    """How many rows there are."""
    chosen: int = 0
    """How many of them meet the conditions."""
    meant: Sequence[Condition] = ()
    """The conditions with the days that `today` stands for."""
    notes: Sequence[str] = field(default_factory=list)
    """What cannot be known, which values do not count, and which nobody has, for people."""

    @property
    def relation(self) -> Composable:
        """The rows, for conditions (`Candidates`)."""
        return SQL("listed_rows")

    @property
    def parameters(self) -> Mapping[str, Any]:
        """What the relation takes."""
        return {}

    def choose(self, candidates: Iterator[CandidateRows]) -> Sequence[int]:
        """Which of them meet all conditions (`Choice`). Raises InputError for none, and what `evaluate` raises."""
        execute(self.connection, "stage_listed_rows")
        self._stage(candidates)
        evaluated = evaluate(self.connection, self, self.conditions, at=self.starts_at, lock=self.lock)
        self.meant = evaluated.meant
        hints = nobodys_values(self.connection, self, self.meant, evaluated.writing, self._holds_in(evaluated.writing))
        self.notes = [*evaluated.notes, *hints]
        flags = bytearray(self.read)
        for (seq,) in each(self.connection, _statement(evaluated.predicate), tuple, **_asking(evaluated.predicate)):
            flags[seq] = 1
        self.chosen = sum(flags)
        if self.read and not self.chosen:
            nobody = f"there is nobody in {described_source(self.name, self.meant)}: nothing would be sent"
            raise InputError("; ".join([nobody, *self.notes]))
        return flags

    def _stage(self, candidates: Iterator[CandidateRows]) -> None:
        """Copy what the conditions compare into the staging table, in COPY's text format."""
        asked = [leaf for condition in self.conditions for leaf in leaves(condition)]
        compared = {leaf.variable for leaf in asked if isinstance(leaf, Compared | Empty)}
        names = [name for name in self.variables if name in compared]
        encode = msgspec.json.Encoder().encode
        with copy(self.connection, "copy_listed_rows") as copied:
            for rows in candidates:
                columns = [rows.variables[name] for name in names]
                values = zip(*columns, strict=True) if names else [()] * len(rows.phones)
                for seq, (phone, own) in enumerate(zip(rows.phones, values, strict=True), self.read):
                    # No database stores a NUL; a row with one is rejected later. JSON escapes control characters
                    # itself, so that only its backslashes need COPY's escape.
                    document = encode(dict(zip(names, map(showing_controls, own), strict=True)))
                    document = document.replace(b"\\", b"\\\\")
                    copied.write(b"%d\t%s\t%s\n" % (seq, phone.encode() or b"\\N", document))
                self.read += len(rows.phones)

    def _holds_in(self, writing: Writing) -> Any:
        def holds_for_somebody(compared: Compared) -> bool:
            alone = predicate_of([compared], writing)
            return first(self.connection, _statement(alone), tuple, **_asking(alone, most=1)) is not None

        return holds_for_somebody


def _statement(predicate: Predicate) -> Any:
    return composing("listed_rows_that_meet", members=predicate.sql)


def _asking(predicate: Predicate, most: int | None = None) -> Mapping[str, Any]:
    wanted = msgspec.json.encode(predicate.wanted).decode() if predicate.wanted else None
    return {**predicate.parameters, "wanted": wanted, "most": most}
