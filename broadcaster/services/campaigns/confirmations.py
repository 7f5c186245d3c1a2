"""The one message to who has opted out: that it is heard.

It is a message like any other, of a campaign of its own, which is marked by the opt-out that it confirms: so it is
never sent twice and never lost, and it keeps the limits of its instance. Whether it may leave although the person has
opted out is asked by the claim (db/schema/functions/may_confirm.sql). Reasons: docs/decisions/0032-evidence.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from broadcaster.db.statements import execute, first
from broadcaster.domain.templates import MAX_TEXT_LENGTH
from broadcaster.domain.whatsapp_numbers import forms
from broadcaster.errors import InputError, quoted
from broadcaster.services.campaigns.new_campaign import NewCampaign, insert_single, next_campaign_id
from broadcaster.services.campaigns.new_content import store_content, text_content

if TYPE_CHECKING:
    from sqlalchemy import Connection

_MAX_ATTEMPTS = 5


class _Confirming(NamedTuple):
    name: str
    text: str


def check_confirmation(text: str) -> None:
    """Raise InputError for what cannot be a confirmation: a text that is empty or too long, or has variables."""
    content = text_content(text)
    if len(text) > MAX_TEXT_LENGTH:
        raise InputError(f"--confirm-opt-out: {len(text):,} characters, and at most {MAX_TEXT_LENGTH:,} are allowed")
    if content.text is not None and content.text.names:
        raise InputError(
            f"--confirm-opt-out: {quoted(content.text.names[0])} is a variable, and a confirmation has none: "
            "write the text as everybody gets it"
        )


def confirm_opt_out(connection: Connection, phone: str, *, opt_out_id: int, lane_id: int) -> int | None:
    """Let the person with this number (E.164 digits) be told that her opt-out, by a word, is heard.

    In the transaction that opts her out, through the instance to which she wrote. Returns the campaign that does it.
    None, and nothing is done: the instance confirms none, or this person has had a confirmation through it before,
    whenever that was and under whatever form of the number.
    """
    confirming = first(connection, "confirmation_text", _Confirming, lane_id=lane_id)
    if confirming is None:
        return None
    every = forms(phone)
    noted = execute(connection, "note_confirmation", lane_id=lane_id, forms=list(every), opt_out_id=opt_out_id)
    if noted < len(every):
        return None
    campaign_id = next_campaign_id(connection)
    new = NewCampaign(
        id=campaign_id,
        name=f"{confirming.name} (confirmation of opt-out {opt_out_id})",
        content=store_content(connection, text_content(confirming.text)),
        lanes=[lane_id],
        max_attempts=_MAX_ATTEMPTS,
        source=f"opt-out {opt_out_id}, by a reply",
        # Like a trial it is counted nowhere.
        test_of=campaign_id,
        confirms=opt_out_id,
    )
    return insert_single(connection, new, phone, None)
