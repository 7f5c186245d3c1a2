"""What recipients would read, rendered as the workers render it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine

from broadcaster.db.engine import transaction
from broadcaster.domain.conditions import Condition
from broadcaster.domain.contents import ContentKind
from broadcaster.errors import InputError
from broadcaster.gateway import EncodedFile
from broadcaster.services.audiences.audience import find_audience
from broadcaster.services.audiences.selection import Selection
from broadcaster.services.campaigns.contents import Content
from broadcaster.services.campaigns.over_audience import describe_audience
from broadcaster.services.campaigns.recipients import Recipient, read_campaign
from broadcaster.services.sending.contents import (
    FilePayload,
    FileUrlPayload,
    Payload,
    PreparedContent,
    TextPayload,
    prepare,
)
from broadcaster.services.sending.store import CampaignContent


@dataclass(frozen=True, slots=True)
class Preview:
    """One message as it would be sent. `fault` is why this one would not be."""

    phone: str
    text: str | None = None
    caption: str | None = None
    filename: str | None = None
    url: str | None = None
    fault: str | None = None


def preview_campaign(engine: Engine, name: str, *, most: int, phone: str | None = None) -> list[Preview]:
    """The first few messages of a campaign, or that to `phone`.

    Raises NotFoundError, and InputError where it goes to nobody or not to that one.
    """
    with transaction(engine) as connection:
        campaign = read_campaign(connection, name)
        recipients = campaign.recipients(connection, most, phone)
    content = CampaignContent(
        campaign.content_id,
        campaign.kind,
        (campaign.body or "").encode(),
        campaign.caption,
        campaign.filename,
    )
    return _previews(content, recipients, f"campaign {name}", phone)


def preview_audience(
    engine: Engine,
    name: str,
    conditions: Sequence[Condition],
    content: Content,
    *,
    most: int,
    phone: str | None = None,
) -> list[Preview]:
    """The same of a campaign that is not stored. Raises what submitting it would."""
    with transaction(engine) as connection:
        selection = Selection(
            audience=find_audience(connection, name), conditions=conditions, text=content.text, caption=content.caption
        )
        selection.check()
        rows = selection.sample(connection, most, phone=phone)
    caption = content.caption.source if content.caption else None
    body = b"" if content.kind is ContentKind.FILE else content.body
    stored = CampaignContent(0, content.kind, body, caption, content.filename)
    recipients = [Recipient(row["phone"], row["variables"], row["fault"]) for row in rows]
    return _previews(stored, recipients, describe_audience(name, conditions), phone)


def _previews(
    content: CampaignContent, recipients: Sequence[Recipient], whose: str, phone: str | None
) -> list[Preview]:
    if not recipients:
        raise InputError(f"{whose} goes to nobody" if phone is None else f"{phone} is not among those of {whose}")
    # What is rendered does not depend on the file's bytes.
    return list(_rendered(prepare(content, EncodedFile(b"")), recipients))


def _rendered(content: PreparedContent, recipients: Iterable[Recipient]) -> Iterable[Preview]:
    for recipient in recipients:
        if recipient.fault is not None:
            yield Preview(recipient.phone, fault=recipient.fault)
        else:
            yield _preview(recipient.phone, content.render(recipient.variables))


def _preview(phone: str, payload: Payload) -> Preview:
    match payload:
        case TextPayload():
            return Preview(phone, text=payload.body)
        case FilePayload():
            return Preview(phone, caption=payload.caption, filename=payload.filename)
        case FileUrlPayload():
            return Preview(phone, caption=payload.caption, url=payload.url)
        case _:
            raise TypeError(type(payload).__name__)
