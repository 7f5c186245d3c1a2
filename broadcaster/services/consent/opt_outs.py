"""Opting out one person and undoing it, each with its evidence, in the transaction of whoever calls."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from broadcaster.db.statements import execute, first, values
from broadcaster.domain.opt_out_ways import EVERYWHERE, OptOutWay
from broadcaster.domain.whatsapp_numbers import forms
from broadcaster.errors import InputError

if TYPE_CHECKING:
    from broadcaster.db.statements import Connection


def opt_out_by_reply(
    connection: Connection, phone: str, *, words: str, inbound_id: int, lane_id: int = EVERYWHERE
) -> int | None:
    """Stop all messages to the person who wrote `words` in the stored inbound message `inbound_id`.

    `phone` is E.164 digits, in any of its forms: all of them are stopped. `lane_id` is the instance whose messages
    stop; EVERYWHERE: those of every instance. It holds for whatever is claimed once the caller's transaction is
    committed, and nothing leaves any more one second after that (invariant I10). Returns the id of the opt-out; None
    where a reply has stopped the same messages already, whose evidence stays.
    """
    return stop(connection, phone, OptOutWay.REPLY, words=words, inbound_id=inbound_id, lane_id=lane_id)


def opt_in_by_reply(connection: Connection, phone: str, *, words: str, inbound_id: int, said_at: datetime) -> int:
    """End what replies of the person with this number (E.164 digits) have stopped, wherever; returns how many.

    `said_at` is when it was written. It ends nothing if the person has written a stop word since, or in the same
    second: one inbox may be read long after another.

    What a command, a file or an import has stopped goes on: a word of the person does not undo an operator's, who may
    have had another reason. The rows stay, with `words` and `inbound_id` as the evidence of their end.
    """
    evidence: dict[str, Any] = {"words": words, "inbound_id": inbound_id}
    return len(end(connection, phone, OptOutWay.REPLY, **evidence, only=[OptOutWay.REPLY], said_at=said_at))


def stop(
    connection: Connection,
    phone: str,
    way: OptOutWay,
    *,
    words: str | None,
    inbound_id: int | None = None,
    lane_id: int = EVERYWHERE,
) -> int | None:
    """Opt out `phone` (E.164 digits) under all of its forms; returns the opt-out's id.

    None: it has opted out in the same way already.

    Who gives which command is taken from the session, as for the audit trail. Nobody is forgotten until the
    transaction ends, so that no number is left of somebody who is.
    """
    execute(connection, "hold_off_forgetting")
    evidence = {"way": way.value, "words": words, "inbound_id": inbound_id, "lane_id": lane_id}
    return next(iter(values(connection, "stop_phone", phone=phone, forms=list(forms(phone)), **evidence)), None)


def end(
    connection: Connection,
    phone: str,
    way: OptOutWay,
    *,
    words: str | None,
    inbound_id: int | None = None,
    lane_id: int | None = None,
    only: list[OptOutWay] | None = None,
    said_at: datetime | None = None,
) -> list[int]:
    """End the opt-outs of `phone` (E.164 digits) that hold; returns the lane of each, EVERYWHERE for every instance.

    `lane_id` ends only those of one instance, or with EVERYWHERE those of all instances together; `only` those that
    began in these ways. `said_at` is when the person wrote so: it ends none if she wrote a stop word then or later.
    """
    ways = None if only is None else [each.value for each in only]
    evidence = {"way": way.value, "words": words, "inbound_id": inbound_id, "said_at": said_at}
    return values(connection, "end_opt_outs", phone=phone, lane_id=lane_id, ways=ways, **evidence)


def has_opted_out(connection: Connection, phone: str, lane_id: int = EVERYWHERE) -> bool:
    """Whether `phone` (E.164 digits) gets nothing through the instance; EVERYWHERE: through none at all."""
    return first(connection, "opted_out", tuple, phones=[phone], lanes=[lane_id], campaigns=[None]) is not None


def refuse_opted_out(connection: Connection, phone: str, lane_id: int) -> None:
    """Raise InputError where the person with this number gets nothing through the instance."""
    if has_opted_out(connection, phone, lane_id):
        raise InputError(
            "this number has opted out: nothing is sent to it. `broadcaster phone show` has the evidence; "
            "`broadcaster phone unblock` ends it, if the person has agreed again"
        )
