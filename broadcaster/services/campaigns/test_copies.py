"""Marked copies of a campaign's message, sent the way of all messages and counted nowhere."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from sqlalchemy import Connection, Engine, select

from broadcaster.db import tables
from broadcaster.db.engine import transaction
from broadcaster.db.statements import execute, rows
from broadcaster.domain.states import LaneHealth, MessageState
from broadcaster.errors import InputError
from broadcaster.services.campaigns.checks import lanes_of
from broadcaster.services.campaigns.new_campaign import NewCampaign, insert_single, moment_name
from broadcaster.services.campaigns.new_content import StoredContent, store_content
from broadcaster.services.campaigns.stored_campaign import StoredCampaign, read_campaign
from broadcaster.services.consent.opt_outs import refuse_opted_out
from broadcaster.services.forgetting.forgotten import OpenVault, no_vault, refuse_forgotten

MARK = "[TEST]"
"""What the copy's text or caption begins with."""


class TestCopy(msgspec.Struct, frozen=True, kw_only=True):
    """Where a test stands."""

    __test__ = False  # a service, though its name looks like a test's to pytest

    id: int
    name: str
    """The test's own name, as a campaign."""
    phone: str
    instance: str
    health: LaneHealth
    """Of the instance."""
    health_reason: str | None
    is_retired: bool
    state: MessageState
    attempts: int
    reason: str | None
    gateway_id: str | None


def send_test(
    engine: Engine, name: str, to: str, instance: str | None = None, *, open_vault: OpenVault = no_vault
) -> TestCopy:
    """Store a campaign of one message to `to` (E.164 digits): a copy of what the campaign `name` sends, marked.

    It has the variables of `to` where the campaign goes to that one, else those of its first recipient. Without an
    `instance` it goes over one of the campaign's, if possible a healthy one.

    Raises NotFoundError, and InputError where there is nobody to take the variables from, or `to` was forgotten or has
    opted out.
    """
    with transaction(engine) as connection:
        refuse_forgotten(connection, to, open_vault)
        campaign = read_campaign(connection, name)
        lane = _lane(connection, campaign, instance)
        refuse_opted_out(connection, to, lane)
        test = NewCampaign(
            name=f"{campaign.name} (test {moment_name(connection)})",
            content=_marked(connection, campaign),
            lanes=[lane],
            max_attempts=campaign.max_attempts,
            source=f"a test of campaign {campaign.name}",
            file_column=campaign.content.file_column,
            test_of=campaign.id,
        )
        variables = _variables(connection, campaign, to)
        test_id = insert_single(connection, test, to, variables)
        if test.file_column is not None:
            path = variables[test.file_column]
            execute(connection, "copy_recipient_file", test_id=test_id, campaign_id=campaign.id, path=path)
    return read_test(engine, test_id)


def read_test(engine: Engine, test_id: int) -> TestCopy:
    """Where the test stands now."""
    with transaction(engine) as connection:
        [copy] = rows(connection, "read_test", TestCopy, campaign_id=test_id)
    return copy


def _lane(connection: Connection, campaign: StoredCampaign, instance: str | None) -> int:
    if instance is not None:
        return next(iter(lanes_of(connection, [instance])))
    chosen, lanes = tables.campaign_lanes, tables.lanes
    of_campaign = select(lanes.c.id).join(chosen, chosen.c.lane_id == lanes.c.id)
    of_campaign = of_campaign.where(chosen.c.campaign_id == campaign.id)
    healthy_first = of_campaign.order_by(lanes.c.health != LaneHealth.OK, lanes.c.id).limit(1)
    return int(connection.execute(healthy_first).scalar_one())


def _marked(connection: Connection, campaign: StoredCampaign) -> StoredContent:
    content = campaign.content.marked(MARK)
    if content.text is not None:
        return store_content(connection, content)
    # A file or a URL is stored already.
    return StoredContent.of(campaign.content_id, content)


def _variables(connection: Connection, campaign: StoredCampaign, to: str) -> Mapping[str, str]:
    own = [recipient for recipient in campaign.recipients(connection, 1, to) if recipient.fault is None]
    found = own or campaign.recipients(connection, 1)
    if found:
        return found[0].variables
    content = campaign.content
    if content.file_column is not None or any(template.names for template in content.templates):
        raise InputError(f"campaign {campaign.name} goes to nobody: there are no variables for a test")
    return {}
