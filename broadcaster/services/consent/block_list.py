"""Blocking and unblocking numbers by command, one or a million: all of them, or none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from broadcaster.db.engine import transaction
from broadcaster.db.reading import Reader, reading
from broadcaster.db.statements import copy, execute, rows
from broadcaster.domain.opt_out_ways import EVERYWHERE, OptOutWay
from broadcaster.domain.phones import PhoneFault
from broadcaster.domain.whatsapp_numbers import forms
from broadcaster.errors import InputError, quoted
from broadcaster.services.audit import note_operation
from broadcaster.services.consent.opt_outs import end
from broadcaster.services.forgetting.forgotten import Forgotten, OpenVault, no_vault
from broadcaster.services.instances import find_instance
from broadcaster.services.recipients.reader import Progress, RecipientReader

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

MOST_FAULTS = 20
"""So many rows of a file that cannot be used are told, and the others counted."""


@dataclass(slots=True)
class Blocked:
    """What became of numbers that were to be blocked."""

    instance: str | None
    """Whose messages they get no more; None: those of every instance."""
    read: int = 0
    blocked: int = 0
    already: int = 0
    """Blocked in the same way before, or given twice: their evidence is the earlier one."""
    forgotten: int = 0
    """Nothing is kept of these, and nothing is sent to them as it is."""
    notices: list[str] = field(default_factory=list)
    """What people should know of how a file was read."""


@dataclass(slots=True)
class Unblocked:
    """What became of numbers that were to be unblocked."""

    instance: str | None
    """Whose messages alone they get again; None: those of every instance."""
    read: int = 0
    unblocked: int = 0
    """Numbers of which an opt-out has ended."""
    ended: int = 0
    """Opt-outs that have ended: a number may have several."""


class OptOut(msgspec.Struct, frozen=True):
    """One opt-out with its evidence. Without an instance it is from the messages of all."""

    id: int
    phone: str
    instance: str | None
    holds: bool
    stopped_at: datetime
    way: OptOutWay
    operator: str | None
    command: str | None
    words: str | None
    inbound_id: int | None
    ended_at: datetime | None
    ended_way: OptOutWay | None
    ended_operator: str | None
    ended_command: str | None
    ended_words: str | None
    ended_inbound_id: int | None


def list_opt_outs(
    source: Engine | Reader, *, instance: str | None = None, ended: bool = False, limit: int
) -> Sequence[OptOut]:
    """The latest opt-outs, newest first: those that hold, or with `ended` all; with an `instance` only those of it."""
    with reading(source) as connection:
        return rows(connection, "list_opt_outs", OptOut, instance=instance, ended=ended, limit=limit)


def block_phones(
    engine: Engine,
    phones: Sequence[str],
    *,
    reason: str | None = None,
    instance: str | None = None,
    open_vault: OpenVault = no_vault,
) -> Blocked:
    """Opt these numbers (E.164 digits) out, by an operator's command.

    Raises NotFoundError for an unknown instance, ContentionError where somebody was forgotten meanwhile.
    """
    result = Blocked(instance)
    with transaction(engine) as connection:
        forgotten = Forgotten(connection, open_vault)
        _stop(connection, _kept(phones, forgotten, result), OptOutWay.COMMAND, reason, forgotten, result)
    return result


def block_file(
    engine: Engine,
    numbers: RecipientReader,
    *,
    reason: str | None = None,
    instance: str | None = None,
    open_vault: OpenVault = no_vault,
    progress: Progress = lambda _read, _total, _rows: None,
    on_fault: Callable[[str], None] = lambda _: None,
) -> Blocked:
    """Opt out the numbers of a file, in one transaction and in bounded memory.

    Raises InputError where a row has no usable number or countries look like a mistake: nobody is blocked then, since
    whoever was left out would go on getting messages. Before that `on_fault` is told of each such row in a sentence,
    at most `MOST_FAULTS` of them. Else as `block_phones`.
    """
    result = Blocked(instance)
    with transaction(engine) as connection:
        forgotten = Forgotten(connection, open_vault)
        phones = _of_file(numbers, forgotten, result, progress, on_fault)
        _stop(connection, phones, OptOutWay.FILE, reason, forgotten, result, numbers)
        result.notices = list(numbers.notices)
    return result


def unblock_phones(
    engine: Engine, phones: Sequence[str], *, reason: str | None = None, instance: str | None = None
) -> Unblocked:
    """End the opt-outs of these numbers (E.164 digits), however they began; with an `instance` only those of it.

    The rows stay, as evidence. Raises NotFoundError for an unknown instance.
    """
    result = Unblocked(instance, read=len(phones))
    with transaction(engine) as connection:
        lane = None if instance is None else _lane(connection, instance)
        for phone in sorted(phones):
            ended = end(connection, phone, OptOutWay.COMMAND, words=reason, lane_id=lane)
            result.unblocked += bool(ended)
            result.ended += len(ended)
        if result.ended:
            note_operation(connection, "phone", "*", unblocked=result.unblocked, instance=instance)
    return result


def _stop(
    connection: Connection,
    phones: Iterable[str],
    way: OptOutWay,
    reason: str | None,
    forgotten: Forgotten,
    result: Blocked,
    numbers: RecipientReader | None = None,
) -> None:
    lane = _lane(connection, result.instance)
    execute(connection, "stage_opt_outs")
    with copy(connection, "copy_opt_outs") as copied:
        for phone in phones:
            copied.write(f"{phone}\t{{{','.join(forms(phone))}}}\n")
    if numbers is not None and numbers.reasons_to_stop:
        raise InputError(f"{numbers.name}: {'; '.join(numbers.reasons_to_stop)} (nobody was blocked)")
    forgotten.hold(connection)
    result.blocked = execute(connection, "stop_staged", lane_id=lane, way=way.value, words=reason)
    result.already = result.read - result.forgotten - result.blocked
    if result.blocked:
        note_operation(connection, "phone", "*", blocked=result.blocked, way=way.value, instance=result.instance)


def _lane(connection: Connection, instance: str | None) -> int:
    return EVERYWHERE if instance is None else find_instance(connection, instance).id


def _kept(phones: Iterable[str], forgotten: Forgotten, result: Blocked) -> Iterator[str]:
    """Those of which something may be kept."""
    for phone in phones:
        result.read += 1
        if phone in forgotten:
            result.forgotten += 1
        else:
            yield phone


def _of_file(
    numbers: RecipientReader,
    forgotten: Forgotten,
    result: Blocked,
    progress: Progress,
    on_fault: Callable[[str], None],
) -> Iterator[str]:
    """The file's numbers. Raises InputError at its end where there were rows without one."""
    faulty = 0
    for batch in map(forgotten.without, numbers):
        result.read += len(batch.phones) + len(batch.rejected)
        progress(numbers.bytes_read, numbers.total_bytes, result.read)
        for row in batch.rejected:
            if row.fault is PhoneFault.FORGOTTEN:
                result.forgotten += 1
                continue
            faulty += 1
            if faulty <= MOST_FAULTS:
                on_fault(f"{numbers.name}, line {row.line}: {quoted(row.phone)}: {row.fault.sentence}")
        yield from batch.phones
    if faulty:
        raise InputError(
            f"{numbers.name}: {faulty:,} of its {result.read:,} rows have no usable number (nobody was blocked): mend "
            "or remove them, and run it again"
        )
