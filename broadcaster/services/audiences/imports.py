"""Fills audiences: from a recipients file, or from what an instance knows. All of an import, or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, Engine, func, select, update
from sqlalchemy.dialects.postgresql import insert

from broadcaster.db import tables
from broadcaster.db.engine import transaction
from broadcaster.db.statements import copy, execute, rows, value
from broadcaster.domain.names import FORGOTTEN, check_name
from broadcaster.domain.phone_census import CountryCount, without_repeated
from broadcaster.domain.phone_countries import BEGINNING
from broadcaster.domain.phones import PhoneFault
from broadcaster.errors import InputError
from broadcaster.services.audiences.audience import Audience, find_audience
from broadcaster.services.audit import note_operation
from broadcaster.services.consent.consent_columns import unasked_consents
from broadcaster.services.consent.listed_consents import ListedConsents
from broadcaster.services.forgetting.forgotten import Forgotten, OpenVault, no_vault
from broadcaster.services.recipients.batches import SAMPLES, Batch, OnRejected, Progress, telling_rejected
from broadcaster.services.recipients.reader import RecipientReader
from broadcaster.services.recipients.repeats import MOST_REPEATS_SHOWN, Repeat, StartingLines
from broadcaster.services.recipients.spreadsheet_cells import unescape_cell

Member = tuple[str, Mapping[str, str]]
"""A phone in E.164 digits, and its variables."""


@dataclass(slots=True)
class Imported:
    """What an import made of an audience (or would: `applied`)."""

    audience: str
    applied: bool = False
    read: int = 0
    rejected: int = 0
    repeated: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    members: int = 0
    """Of the audience, afterwards."""
    rejects: list[tuple[int, str, str]] = field(default_factory=list)
    """The first few (line, phone as written, reason)."""
    countries: Sequence[CountryCount] = ()
    """Of the usable numbers of a file, those with the most first."""
    landlines: int = 0
    """How many of the usable numbers of a file are landlines for certain."""
    landline_lines: Sequence[int] = ()
    """On which lines the first of them are."""
    stopped_by: Sequence[str] = ()
    """What looks like a mistake in a file, so that it is not applied."""
    examples: dict[str, list[str]] = field(default_factory=dict)
    """The first few phones that are added, changed, unchanged, removed."""
    repeats: Sequence[Repeat] = ()
    """The first few of the file whose phone is on an earlier line, too, so that they are no members."""
    notices: list[str] = field(default_factory=list)
    """What people should know of the file."""
    opted_out: int = 0
    """How many of those that were read have opted out from everything: members like any others, and skipped."""
    consents: int | None = None
    """How many of them have agreed to messages, by this list; None: it was not asked."""
    consents_kept: int = 0
    """How many have agreed by an earlier list, while this one says nothing of it: their consent stays."""
    consents_to_come: int = 0
    """How many rows are left out, since they say that somebody agrees at a time that is yet to come."""


class _Difference(NamedTuple):
    """How many members an import adds, changes, leaves or removes (`kind`), and the first few phones."""

    kind: str
    members: int
    examples: list[str]


def import_file(
    engine: Engine,
    name: str,
    recipients: RecipientReader,
    *,
    open_vault: OpenVault = no_vault,
    consents: ListedConsents | None = None,
    replace: bool = False,
    apply: bool = True,
    progress: Progress = lambda _read, _total, _rows: None,
    on_rejected: OnRejected = lambda _: None,
) -> Imported:
    """Add the file's recipients to the audience, which is made where there is none.

    Of members that there are already, the file's variables are changed and the others kept. With `replace` the
    audience becomes what the file is. The `consents` that the file tells are kept. Unless `apply`, only tells what
    would be done, and writes to temporary tables alone: nothing of it is left on disk. `on_rejected` is told of each
    row that is left out. Raises UsageError for the name,
    InputError for a file that cannot be used or looks like a mistake (which is in the result where it is not applied),
    ContentionError where somebody was forgotten meanwhile.
    """
    result = Imported(name)
    check_name(name, "audience")
    with transaction(engine) as connection:
        forgotten = Forgotten(connection, open_vault)
        lines = StartingLines()
        batches = telling_rejected(map(forgotten.without, recipients), on_rejected)
        members = _file_members(recipients, consents.noted(batches) if consents else batches, result, lines, progress)
        _import(connection, members, recipients.variables, forgotten, result, replace, apply, recipients.name)
        if consents is not None:
            result.consents, result.consents_kept, result.consents_to_come = consents.stage(connection)
            if apply:
                consents.keep(connection, f"audience {name}, from {recipients.name}")
        result.countries = recipients.census.countries
        if result.repeated:
            beginnings = rows(connection, "repeated_beginnings", tuple, digits=BEGINNING)
            result.countries = without_repeated(result.countries, dict(beginnings))
            repeated = rows(connection, "repeated_members", tuple, most=MOST_REPEATS_SHOWN)
            result.repeats = [Repeat(lines.of(seq), lines.of(first)) for seq, first in repeated]
        result.notices = [*recipients.notices, *unasked_consents(recipients.columns, consents)]
        result.stopped_by = recipients.reasons_to_stop
        result.landlines, result.landline_lines = recipients.census.landlines.count, recipients.census.landlines.lines
        if result.stopped_by and apply:
            raise InputError(f"{recipients.name}: {'; '.join(result.stopped_by)} (nothing was imported)")
    return result


def import_members(
    engine: Engine,
    members: Iterable[Member],
    variables: Sequence[str],
    result: Imported,
    *,
    open_vault: OpenVault = no_vault,
    source: str,
) -> None:
    """The same for members from anywhere, whose variables are among `variables`. Fills in `result`.

    Raises InputError that names the `source` where there are none.
    """
    check_name(result.audience, "audience")
    with transaction(engine) as connection:
        forgotten = Forgotten(connection, open_vault)
        members = _remembered(members, forgotten, result)
        _import(connection, members, variables, forgotten, result, replace=False, apply=True, source=source)


def _import(
    connection: Connection,
    members: Iterable[Member],
    variables: Sequence[str],
    forgotten: Forgotten,
    result: Imported,
    replace: bool,
    apply: bool,
    source: str,
) -> None:
    execute(connection, "stage_members")
    staged = _copy(connection, members)
    if not staged:
        raise InputError(_nobody(source, result))
    result.repeated = staged - execute(connection, "imported_members")
    execute(connection, "skip_member_samples")
    execute(connection, "analyze_members")
    result.opted_out = value(connection, "count_opted_out_members")
    if not apply:
        found = select(tables.audiences.c.id).where(tables.audiences.c.name == result.audience)
        _compare(connection, connection.scalar(found), result, replace=replace)
        return
    forgotten.hold(connection)
    # Locked only now: a file may take its time to arrive.
    audience = _find_or_add(connection, result.audience, variables, replace=replace)
    _merge(connection, audience, result, replace=replace)
    result.applied = True
    _note(connection, result, source)


def _remembered(members: Iterable[Member], forgotten: Forgotten, result: Imported) -> Iterator[Member]:
    """Those who were not forgotten."""
    for number, member in enumerate(members, 1):
        if member[0] not in forgotten:
            yield member
            continue
        result.rejected += 1
        if len(result.rejects) < SAMPLES:
            result.rejects.append((number, FORGOTTEN, PhoneFault.FORGOTTEN.sentence))


def _file_members(
    recipients: RecipientReader,
    batches: Iterable[Batch],
    result: Imported,
    lines: StartingLines,
    progress: Progress,
) -> Iterator[Member]:
    first = 1
    for batch in batches:
        result.read += len(batch.phones) + len(batch.rejected)
        result.rejected += len(batch.rejected)
        for row in batch.rejected[: SAMPLES - len(result.rejects)]:
            result.rejects.append((row.line, row.phone, row.fault.sentence))
        progress(recipients.bytes_read, recipients.total_bytes, result.read)
        if batch.phones:
            lines.add(first, batch.lines)
            first += len(batch.phones)
        for _, phone, variables in batch.recipients:
            yield phone, variables


def _copy(connection: Connection, members: Iterable[Member]) -> int:
    """Stream the members into the staging table by COPY's text format; returns how many there were."""
    encode = msgspec.json.Encoder().encode
    seq = 0
    with copy(connection, "copy_members") as copied:
        for seq, (phone, variables) in enumerate(members, 1):
            values = encode(variables)
            if b"'" in values:
                values = encode({name: unescape_cell(value) for name, value in variables.items()})
            # JSON escapes control characters itself, so that only its backslashes need COPY's escape.
            copied.write(b"%d\t%s\t%s\n" % (seq, phone.encode(), values.replace(b"\\", b"\\\\")))
    return seq


def _find_or_add(connection: Connection, name: str, variables: Sequence[str], *, replace: bool) -> Audience:
    """The audience, locked, with the variables that it has after the import."""
    table = tables.audiences
    connection.execute(insert(table).values(name=name).on_conflict_do_nothing())
    found = find_audience(connection, name, lock=True)
    known = variables if replace else dict.fromkeys((*found.variables, *variables))
    return Audience(found.id, name, tuple(known))


def _compare(connection: Connection, audience_id: int | None, result: Imported, *, replace: bool) -> None:
    """Fill in how the audience differs from the import; None: there is no such audience yet."""
    for difference in rows(connection, "compare_members", _Difference, audience_id=audience_id, replace=replace):
        setattr(result, difference.kind, difference.members)
        result.examples[difference.kind] = difference.examples
    members = tables.audience_members
    before = connection.execute(select(func.count()).where(members.c.audience_id == audience_id)).scalar_one()
    result.members = before + result.added - result.removed


def _merge(connection: Connection, audience: Audience, result: Imported, *, replace: bool) -> None:
    _compare(connection, audience.id, result, replace=replace)
    execute(connection, "upsert_members", audience_id=audience.id, replace=replace)
    if replace:
        execute(connection, "delete_missing_members", audience_id=audience.id)
    table = tables.audiences
    connection.execute(
        update(table)
        .where(table.c.id == audience.id)
        .values(variables=list(audience.variables), changed_at=func.now())
    )


def _note(connection: Connection, result: Imported, source: str) -> None:
    counts = {name: getattr(result, name) for name in ("added", "changed", "removed", "rejected", "members")}
    note_operation(connection, "audience", result.audience, source=source, **counts)


def _nobody(source: str, result: Imported) -> str:
    if not result.rejects:
        return f"{source}: there is nobody to import"
    line, phone, reason = result.rejects[0]
    return f"{source}: none of its {result.read} recipients can be used; the first: line {line}, {phone!r}: {reason}"
