"""What recipients would read, rendered as the workers render it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from sqlalchemy import Engine

from broadcaster.db.engine import transaction
from broadcaster.domain.conditions import Condition
from broadcaster.domain.content_lint import Remark
from broadcaster.domain.contents import Content, MessageContent
from broadcaster.errors import InputError
from broadcaster.services.audiences.audience import find_audience
from broadcaster.services.audiences.selection import Recipient, Selection
from broadcaster.services.campaigns.file_checks import OwnFile, files_at, shared_files
from broadcaster.services.campaigns.over_audience import describe_audience
from broadcaster.services.campaigns.stored_campaign import read_campaign


@dataclass(frozen=True, slots=True)
class Preview:
    """One message as it would be sent. `fault` is why this one would not be."""

    phone: str
    content: MessageContent
    fault: str | None = None
    variables: Collection[str] = ()
    """What the recipient has for the text, by name."""
    file: OwnFile | None = None
    """The recipient's own file; None: all get the same, or none."""


class PreviewedCampaign(NamedTuple):
    """What a stored campaign sends, and some of its messages."""

    content: Content
    messages: list[Preview]
    remarks: Sequence[Remark]
    """What is to be said of the files of its recipients."""


def preview_campaign(engine: Engine, name: str, *, most: int, phone: str | None = None) -> PreviewedCampaign:
    """A campaign with its first few messages, or that to `phone`.

    Raises NotFoundError, and InputError where it goes to nobody or not to that one.
    """
    with transaction(engine) as connection:
        campaign = read_campaign(connection, name)
        recipients = campaign.recipients(connection, most, phone)
        column = campaign.content.file_column
        paths = [recipient.variables.get(column, "") for recipient in recipients] if column else []
        files = files_at(connection, campaign.id, paths) if column else {}
        remarks = shared_files(connection, campaign.id) if column else []
    previews = _previews(campaign.content, recipients, f"campaign {name}", phone)
    if column:
        previews = [replace(each, file=files.get(path)) for each, path in zip(previews, paths, strict=True)]
    return PreviewedCampaign(campaign.content, previews, remarks)


def preview_audience(
    engine: Engine,
    name: str,
    conditions: Sequence[Condition],
    content: Content,
    *,
    most: int,
    phone: str | None = None,
) -> list[Preview]:
    """The same messages of a campaign that is not stored. Raises what submitting it would."""
    with transaction(engine) as connection:
        selection = Selection(audience=find_audience(connection, name), conditions=conditions, content=content)
        selection = selection.checked(connection)
        recipients = selection.sample(connection, most, phone=phone)
    whose = describe_audience(name, selection.meant)
    return _previews(content, recipients, whose, phone, selection.hints)


def _previews(
    content: Content, recipients: Sequence[Recipient], whose: str, phone: str | None, hints: Sequence[str] = ()
) -> list[Preview]:
    if not recipients and phone is None:
        raise InputError("; ".join([f"{whose} goes to nobody", *hints]))
    if not recipients:
        raise InputError(f"{phone} is not among those of {whose}")
    return [_preview(content, recipient) for recipient in recipients]


def _preview(content: Content, recipient: Recipient) -> Preview:
    names = recipient.variables.keys()
    if recipient.fault is not None:
        return Preview(recipient.phone, MessageContent(), recipient.fault, names)
    return Preview(recipient.phone, content.render(recipient.variables), variables=names)
