"""Notices by WhatsApp: a campaign of one message, which goes the way of all messages.

So it keeps the pace and the limits of its instance, is never sent twice, and does not reach a phone that has opted
out. It is marked as a test of itself, as the confirmation of an opt-out is, and counted nowhere.
"""

from __future__ import annotations

import msgspec
from sqlalchemy import Engine

from broadcaster.db.engine import transaction
from broadcaster.db.statements import execute, first
from broadcaster.domain.states import LaneHealth, told_health
from broadcaster.services.campaigns.new_campaign import NewCampaign, insert_single, next_campaign_id
from broadcaster.services.campaigns.new_content import store_content, text_content
from broadcaster.services.forgetting.forgotten import OpenVault, refuse_forgotten
from broadcaster.services.notices.answers import Answer, Delivery
from broadcaster.time_zones import shown_time

_TEMPLATE = text_content("{{ notice }}")
"""All notices share it: what differs is personal of the message, and purged with it."""
_VARIABLE = "notice"
_MAX_ATTEMPTS = 5


class _Through(msgspec.Struct, frozen=True):
    """The instance that is to send it."""

    instance: str
    health: LaneHealth
    is_retired: bool
    has_opted_out: bool
    """The receiver's phone, from what it sends."""


def send_notice(engine: Engine, open_vault: OpenVault, delivery: Delivery) -> Answer:
    """Let the receiver's instance send the notice, once, and mark it as handed over, in one transaction.

    It is not taken while the instance is not well or the phone has opted out: another try comes. Raises InputError for
    a phone that was forgotten, ConflictError where the instance is retired.
    """
    assert delivery.instance_id is not None
    with transaction(engine) as connection:
        through = first(connection, "take_by_whatsapp", _Through, id=delivery.id)
        if through is None:
            return Answer(True, "it was handed over before")
        if not through.health.is_well:
            health = told_health(through.health, is_retired=through.is_retired)
            return Answer(False, f"instance {through.instance} is {health}, and sends nothing")
        if through.has_opted_out:
            return Answer(False, "its phone has opted out")
        refuse_forgotten(connection, delivery.address, open_vault)
        campaign_id = next_campaign_id(connection)
        new = NewCampaign(
            id=campaign_id,
            name=f"{delivery.receiver} (notice {delivery.id})",
            content=store_content(connection, _TEMPLATE),
            lanes=[delivery.instance_id],
            max_attempts=_MAX_ATTEMPTS,
            source=f"a notice to receiver {delivery.receiver}",
            # Like a trial it is counted nowhere.
            test_of=campaign_id,
        )
        said = "\n".join(delivery.notice.lines(shown_time))
        insert_single(connection, new, delivery.address, {_VARIABLE: said})
        answer = Answer(True, f"instance {through.instance} sends it", campaign_id)
        execute(connection, "mark_taken", id=delivery.id, answer=answer.words, campaign=campaign_id)
    return answer
