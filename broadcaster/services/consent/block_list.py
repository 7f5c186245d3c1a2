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
from broadcaster.services.forgetting.forgotten import Forgotten, OpenVault, no_vault
from broadcaster.services.instances import find_instance
from broadcaster.services.recipients.batches import Progress
from broadcaster.services.recipients.reader import RecipientReader

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
    """Numbers that got these messages until now."""
    already: int = 0
    """Numbers that did not, whatever has blocked them: they stay blocked, and their earlier evidence stays."""
    repeated: int = 0
    """Given again."""
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
    repeated: int = 0
    """Numbers that were given again."""
    notices: list[str] = field(default_factory=list)
    """What people should know of how a file was read."""


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
        phones = _of_file(numbers, result, "blocked", progress, on_fault, forgotten)
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
        _end(connection, phones, OptOutWay.COMMAND, reason, result)
    return result


def unblock_file(
    engine: Engine,
    numbers: RecipientReader,
    *,
    reason: str | None = None,
    instance: str | None = None,
    progress: Progress = lambda _read, _total, _rows: None,
    on_fault: Callable[[str], None] = lambda _: None,
) -> Unblocked:
    """The same for the numbers of a file, in one transaction and in bounded memory.

    Raises what `block_file` does, and nobody is unblocked then. Whoever was forgotten stays blocked.
    """
    result = Unblocked(instance)
    with transaction(engine) as connection:
        _end(
            connection,
            _of_file(numbers, result, "unblocked", progress, on_fault),
            OptOutWay.FILE,
            reason,
            result,
            numbers,
        )
        result.notices = list(numbers.notices)
    return result


def _end(
    connection: Connection,
    phones: Iterable[str],
    way: OptOutWay,
    reason: str | None,
    result: Unblocked,
    numbers: RecipientReader | None = None,
) -> None:
    lane = None if result.instance is None else _lane(connection, result.instance)
    _stage(connection, phones, numbers, "unblocked")
    [(result.ended, result.unblocked, distinct)] = rows(
        connection, "end_staged_opt_outs", tuple, lane_id=lane, way=way.value, words=reason
    )
    result.repeated = result.read - distinct
    if result.ended:
        note_operation(connection, "phone", "*", unblocked=result.unblocked, way=way.value, instance=result.instance)


def _stage(connection: Connection, phones: Iterable[str], numbers: RecipientReader | None, what: str) -> None:
    """Bring the numbers into a temporary table. Raises InputError where their file looks like a mistake."""
    execute(connection, "stage_opt_outs")
    with copy(connection, "copy_opt_outs") as copied:
        for phone in phones:
            copied.write(f"{phone}\t{{{','.join(forms(phone))}}}\n")
    if numbers is not None and numbers.reasons_to_stop:
        raise InputError(f"{numbers.name}: {'; '.join(numbers.reasons_to_stop)} (nobody was {what})")


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
    _stage(connection, phones, numbers, "blocked")
    forgotten.hold(connection)
    [(result.already, distinct)] = rows(connection, "count_opted_out_already", tuple, lane_id=lane)
    result.repeated = result.read - result.forgotten - distinct
    result.blocked = distinct - result.already
    stopped = execute(connection, "stop_staged", lane_id=lane, way=way.value, words=reason)
    if stopped:
        note_operation(connection, "phone", "*", blocked=stopped, way=way.value, instance=result.instance)


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
    result: Blocked | Unblocked,
    what: str,
    progress: Progress,
    on_fault: Callable[[str], None],
    forgotten: Forgotten | None = None,
) -> Iterator[str]:
    """The file's numbers, but those of forgotten people. Raises InputError at its end for rows without a number."""
    faulty = 0
    for batch in numbers if forgotten is None else map(forgotten.without, numbers):
        result.read += len(batch.phones) + len(batch.rejected)
        progress(numbers.bytes_read, numbers.total_bytes, result.read)
        for row in batch.rejected:
            if row.fault is PhoneFault.FORGOTTEN and isinstance(result, Blocked):
                result.forgotten += 1
                continue
            faulty += 1
            if faulty <= MOST_FAULTS:
                on_fault(f"{numbers.name}, line {row.line}: {quoted(row.phone)}: {row.fault.sentence}")
        yield from batch.phones
    if faulty:
        raise InputError(
            f"{numbers.name}: {faulty:,} of its {result.read:,} rows have no usable number (nobody was {what}): mend "
            "or remove them, and run it again"
        )
