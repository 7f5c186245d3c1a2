"""Delivering notices at least once, each under an id of its own: the second half of the tick.

A try is claimed and committed before anything leaves, and marked afterwards. Whoever dies between the two leaves the
receiver taken until its lease ends; then another tries again, under the same id. While one is tried, none other is for
the same receiver, so a slow receiver holds up nobody else.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from time import monotonic

import msgspec
import structlog
from psycopg.types.json import Jsonb
from sqlalchemy import Connection, Engine, select

from broadcaster.db import tables
from broadcaster.db.engine import transaction
from broadcaster.db.statements import execute, first, rows, value, values
from broadcaster.domain.notices import trial_notice
from broadcaster.domain.receivers import ReceiverWay, gap_after
from broadcaster.errors import BroadcasterError
from broadcaster.services.audit import note_operation
from broadcaster.services.forgetting.forgotten import OpenVault
from broadcaster.services.notices.answers import Answer, Delivery, kept_words
from broadcaster.services.notices.mails import mail_notice
from broadcaster.services.notices.receivers import open_webhook, unknown_receiver
from broadcaster.services.notices.webhooks import post_notice
from broadcaster.services.notices.whatsapp_notices import send_notice
from broadcaster.settings import Settings

LEASE = timedelta(minutes=2)
"""Longer than a try takes: after that the one who tried is taken for dead."""
RUN_SECONDS = 10.0
"""After which one run begins no further try; the next tick has another."""
LONGEST = timedelta(hours=2)
"""A moment that is set for a try lies no further ahead, unless the clock was put back: then it is due."""

log = structlog.get_logger(__name__)


def due_receivers(engine: Engine) -> dict[int, str]:
    """The receivers to which something is to be delivered now: their names by id."""
    with transaction(engine) as connection:
        return dict(rows(connection, "due_receivers", tuple, longest=LONGEST))


def deliver_due(engine: Engine, settings: Settings, open_vault: OpenVault, receiver: int) -> dict[str, object]:
    """Deliver what is due to the receiver (id), one after the other, for some seconds or until one fails.

    Returns what a task shows: the receiver, and how many were delivered, handed over to its instance, and failed.
    """
    name, failed, ends = "", 0, monotonic() + RUN_SECONDS
    taken: Counter[bool] = Counter()
    while monotonic() < ends:
        with transaction(engine) as connection:
            claimed = claim_delivery(connection, receiver)
        if claimed is None:
            break
        name = claimed.receiver
        answer = _try(engine, settings, open_vault, claimed)
        if not answer.is_taken:
            _mark_undelivered(engine, claimed, answer)
            failed = 1
            break
        _mark_taken(engine, claimed, answer)
        taken[claimed.way is ReceiverWay.WHATSAPP] += 1
    handed_over = {"handed_over": taken[True]} if taken[True] else {}
    return {"receiver": name, "delivered": taken[False], **handed_over, "failed": failed} if name else {}


def claim_delivery(connection: Connection, receiver: int) -> Delivery | None:
    """Take what is first due at the receiver (id), to be tried once this is committed; None: nothing is."""
    taken = values(connection, "claim_delivery", receiver=receiver, lease=LEASE, longest=LONGEST)
    return first(connection, "delivery_to_try", Delivery, id=taken[0]) if taken else None


def send_trial_notice(engine: Engine, settings: Settings, open_vault: OpenVault, name: str) -> Answer:
    """Send a receiver a notice that is marked as a test, at once and once; returns what it answered.

    Where it is taken, what waits for this receiver is due at once. Raises NotFoundError.
    """
    table = tables.receivers
    with transaction(engine) as connection:
        found = connection.scalar(select(table.c.id).where(table.c.name == name).with_for_update(key_share=True))
        if found is None:
            raise unknown_receiver(name)
        notice = Jsonb(msgspec.to_builtins(trial_notice(name)))
        begun = value(connection, "begin_trial_notice", receiver=found, notice=notice, lease=LEASE)
        [trial] = rows(connection, "delivery_to_try", Delivery, id=begun)
        note_operation(connection, "receiver", name, tested=True)
    answer = _try(engine, settings, open_vault, trial)
    if answer.is_taken:
        _mark_taken(engine, trial, answer)
    with transaction(engine) as connection:
        if answer.is_taken:
            execute(connection, "hasten_deliveries", receiver=found)
        else:
            execute(connection, "give_up_trial", id=trial.id, answer=answer.words)
    return answer


def _try(engine: Engine, settings: Settings, open_vault: OpenVault, delivery: Delivery) -> Answer:
    try:
        match delivery.way:
            case ReceiverWay.WEBHOOK:
                assert delivery.sealed is not None
                webhook = open_webhook(open_vault(), delivery.sealed, delivery.address)
                return post_notice(webhook, delivery, allow_private=settings.allow_private_webhooks)
            case ReceiverWay.MAIL:
                return mail_notice(settings, delivery)
            case ReceiverWay.WHATSAPP:
                return send_notice(engine, open_vault, delivery)
    except BroadcasterError as error:
        return Answer(False, kept_words(str(error)))


def _mark_taken(engine: Engine, delivery: Delivery, answer: Answer) -> None:
    with transaction(engine) as connection:
        execute(connection, "mark_taken", id=delivery.id, answer=answer.words, campaign=answer.campaign_id)
    done = "notice delivered" if answer.campaign_id is None else "notice handed over"
    log.info(done, receiver=delivery.receiver, what=delivery.event, id=str(delivery.id))


def _mark_undelivered(engine: Engine, delivery: Delivery, answer: Answer) -> None:
    with transaction(engine) as connection:
        execute(
            connection,
            "mark_undelivered",
            id=delivery.id,
            tries=delivery.tries,
            answer=answer.words,
            gap=gap_after(delivery.tries),
            rest=gap_after(delivery.failures + 1),
        )
    log.warning("notice not delivered", receiver=delivery.receiver, what=delivery.event, answer=answer.words)
