"""Changing one's mind about a campaign that is not sending: what it sends, to whom, through which instances, and when.

Only messages that have not left change. The content gets a new version, and each message is sent, and recorded, with
the version that its campaign had when it was claimed. docs/decisions/0029-changing-a-campaign.md has the reasons.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from shlex import quote
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, null, select, update

from broadcaster.db import tables
from broadcaster.db.engine import transaction
from broadcaster.db.statements import execute, value
from broadcaster.domain.campaign_plans import CampaignPlan
from broadcaster.domain.content_lint import Remark, lint, refuse_warnings
from broadcaster.domain.contents import Content
from broadcaster.domain.dealing import LaneRates
from broadcaster.domain.sharing import MoveReason, SharingChange, named_weights, refuse_strangers
from broadcaster.domain.states import CampaignState
from broadcaster.errors import ConflictError
from broadcaster.services.audiences.selection import Selection
from broadcaster.services.audit import note_operation
from broadcaster.services.campaigns.changed_care import CareChange, change_care
from broadcaster.services.campaigns.changed_terms import Difference, TermsChange, changed_terms, store_terms
from broadcaster.services.campaigns.checks import hold_in_use, lanes_of, refuse_unread
from broadcaster.services.campaigns.content_change import ContentChange
from broadcaster.services.campaigns.foreseeing import foresee_shared
from broadcaster.services.campaigns.leaving_out import skip_left_out_by_now
from broadcaster.services.campaigns.lifecycle import lock_campaign, patiently
from broadcaster.services.campaigns.moving import deal_anew
from broadcaster.services.campaigns.new_content import StoredContent, store_content
from broadcaster.services.campaigns.open_recipients import OpenRecipients, check_open_recipients
from broadcaster.services.campaigns.planning import open_work
from broadcaster.services.campaigns.stored_campaign import StoredCampaign, read_campaign
from broadcaster.services.recipients.batches import SAMPLES
from broadcaster.services.shared_limits import limit_campaign, limits_for_campaigns

_CHANGEABLE = (CampaignState.DRAFT, CampaignState.SCHEDULED, CampaignState.PAUSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignChange:
    """What is to be another one; None: it stays."""

    content: ContentChange | None = None
    instances: Sequence[str] | None = None
    weights: Mapping[str, float] = field(default_factory=dict)
    """By which these share what is left; empty: by their rates."""
    terms: TermsChange = field(default_factory=TermsChange)
    """When, how soon and to whom."""
    care: CareChange = field(default_factory=CareChange)
    """At which figures it pauses itself, in which slices it begins, how often its people may have been messaged."""
    sharing: SharingChange | None = None
    """What becomes of messages whose instance is in trouble."""
    limits: Sequence[str] | None = None
    """The names of limits that hold for it."""
    strict: bool = False
    """Refuse a content that there is a warning about."""


@dataclass(slots=True)
class Changed:
    """What became of a change, or would for a dry run."""

    name: str
    state: CampaignState
    content_version: int
    """What it sends from now on."""
    changes: list[Difference] = field(default_factory=list)
    messages: int = 0
    """How many may yet be sent: with a new content, to whom it goes. Over an audience: how many there are now."""
    moved: int = 0
    """Of those, how many go through another instance now."""
    ends_at: datetime | None = None
    """When it is sent through other instances, one that is paused as if it were resumed now; None: nobody can tell,"""
    earliest_at: datetime | None = None
    """where chance is kind,"""
    latest_at: datetime | None = None
    """and where it is not."""
    left_out: int = 0
    """How many are skipped, since its care leaves them out by now: other instances know other people."""
    samples: list[tuple[str, str]] = field(default_factory=list)
    """Of a new content, the first few (phone, rendered message)."""
    empty_values: dict[str, int] = field(default_factory=dict)
    lint: list[Remark] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What cannot be known of its conditions, for people."""
    notices: list[str] = field(default_factory=list)
    """What people should know of its windows."""


def change_campaign(engine: Engine, name: str, change: CampaignChange, *, dry_run: bool = False) -> Changed:
    """Change a draft, or a campaign that is scheduled or paused. A dry run checks all of it and changes nothing.

    Raises NotFoundError, ConflictError for a campaign in another state or one that has started and is to start at
    another time, UsageError and InputError for what `submit_campaign` refuses, and InputError where somebody who is
    still to be sent to cannot be sent the new content.
    """
    changed, after = patiently(lambda: _change(engine, name, change, dry_run=dry_run))
    if change.instances is not None and changed.changes:
        if dry_run:
            changed.moved, plan = _plan_shared(engine, after, change)
        else:
            changed.moved, changed.left_out = patiently(lambda: _share(engine, name))
            plan = open_work(engine, name).plan()
        if plan is not None and plan.is_paced:
            changed.ends_at, changed.earliest_at, changed.latest_at = plan.ends_at, plan.earliest_at, plan.latest_at
    if change.care.frees_people and changed.changes and not dry_run:
        patiently(lambda: _free_put_off(engine, name))
    return changed


def _change(engine: Engine, name: str, change: CampaignChange, *, dry_run: bool) -> tuple[Changed, StoredCampaign]:
    """What became of it, and the campaign as it is then, but for its content and care."""
    with transaction(engine) as connection:
        _, state = lock_campaign(connection, name)
        _refuse_state(name, state)
        campaign = read_campaign(connection, name)
        result = Changed(name, state, campaign.content_version)
        rates = None if change.instances is None else lanes_of(connection, change.instances, change.weights)
        lanes = None if rates is None else list(rates)
        if rates is not None:
            hold_in_use(connection, rates)
        changed = changed_terms(connection, campaign, change.terms, lanes=lanes, lock=not dry_run)
        result.notices += changed.notices
        if change.content is not None or change.terms.is_about_members:
            _change_content(connection, campaign, changed.selection, change, result, dry_run=dry_run)
        if change.instances is not None and rates is not None:
            _change_lanes(connection, campaign, change, rates, result, dry_run=dry_run)
        result.changes += changed.differences
        if not dry_run:
            store_terms(connection, campaign, changed)
        if change.sharing is not None:
            _change_sharing(connection, campaign, change.sharing, result, dry_run=dry_run)
        result.changes += change_care(connection, campaign, change.care, dry_run=dry_run)
        limits = campaign.limits
        if change.limits is not None:
            limits = _change_limits(connection, campaign, change.limits, result, dry_run=dry_run)
        return result, replace(changed.of(campaign), limits=limits)


def _plan_shared(engine: Engine, campaign: StoredCampaign, change: CampaignChange) -> tuple[int, CampaignPlan | None]:
    """How many messages other instances would get, and the plan through those that it is to have."""
    if campaign.selection is not None:
        return 0, None
    with transaction(engine) as connection:
        execute(connection, "see_one_moment")
        lanes = lanes_of(connection, change.instances or (), change.weights)
        weights = lanes if change.weights else dict.fromkeys(lanes)
        moved, planned = foresee_shared(connection, campaign, weights)
    return moved, planned.plan() if planned.parts else None


def _share(engine: Engine, name: str) -> tuple[int, int]:
    """Deal what is pending to the lanes anew, and skip whom its care leaves out there; returns how many of each.

    A transaction of its own, since it takes messages before counters.
    """
    with transaction(engine) as connection:
        campaign_id, _ = lock_campaign(connection, name)
        moved = deal_anew(connection, campaign_id, MoveReason.RESHARED)
        return moved, skip_left_out_by_now(connection, campaign_id)


def _free_put_off(engine: Engine, name: str) -> None:
    """Let those who wait be looked at again. A transaction of its own, for the same reason."""
    with transaction(engine) as connection:
        campaign_id, _ = lock_campaign(connection, name)
        execute(connection, "free_put_off", campaign_id=campaign_id)


def _refuse_state(name: str, state: CampaignState) -> None:
    if state is CampaignState.RUNNING:
        raise ConflictError(
            f"campaign {name!r} is running: pause it first with `broadcaster campaign pause {quote(name)}`"
        )
    if state not in _CHANGEABLE:
        raise ConflictError(f"campaign {name!r} is {state}: nothing of it is left to change")


def _change_content(
    connection: Connection,
    campaign: StoredCampaign,
    selection: Selection | None,
    change: CampaignChange,
    result: Changed,
    *,
    dry_run: bool,
) -> None:
    """Another content, other members, or both: `selection` is who they are, where its messages are not there yet."""
    of_content = change.content
    content = campaign.content if of_content is None else of_content.of(campaign.content)
    if selection is not None:
        selection = replace(selection, content=content).checked(connection, lock=not dry_run)
        found = _members(connection, selection)
        result.notes += selection.notes
    else:
        allow_private = of_content is not None and of_content.allow_private
        found = check_open_recipients(connection, campaign.id, content, allow_private=allow_private)
    result.messages, result.samples, result.empty_values = found.count, found.samples, found.empty_values
    if of_content is None:
        return
    result.lint = lint(content, [message for _, message in found.samples], found.columns)
    if change.strict:
        refuse_warnings(result.lint)
    differences = list(_differences(campaign.content, content))
    result.changes += differences
    if not differences or dry_run:
        return
    stored = (
        store_content(connection, content) if of_content.is_of_body else StoredContent.of(campaign.content_id, content)
    )
    result.content_version = value(connection, "change_content", campaign_id=campaign.id, **stored._asdict())


def _members(connection: Connection, selection: Selection) -> OpenRecipients:
    counted = selection.count(connection)
    content = selection.content
    assert content is not None
    return OpenRecipients(
        count=counted.members - counted.faulty,
        samples=[(each.phone, content.render(each.variables).words) for each in selection.sample(connection, SAMPLES)],
        empty_values=selection.count_empty(connection),
        columns=selection.audience.variables,
    )


def _differences(was: Content, now: Content) -> Iterator[Difference]:
    if was.kind is not now.kind:
        yield Difference("content", was.kind, now.kind)
    if now.file is not None:
        yield Difference("file", _source(was.filename), _source(now.filename))
    for what in ("text", "url", "caption", "filename"):
        before, after = _source(getattr(was, what)), _source(getattr(now, what))
        if before != after and not (what == "filename" and now.file is not None):
            yield Difference(what, before, after)
    if was.locale != now.locale:
        yield Difference("locale", was.locale, now.locale)


def _source(template: Any) -> str | None:
    return None if template is None else str(template.source)


def _change_lanes(
    connection: Connection,
    campaign: StoredCampaign,
    change: CampaignChange,
    rates: LaneRates,
    result: Changed,
    *,
    dry_run: bool,
) -> None:
    refuse_unread(connection, rates, campaign.care)
    chosen, names = tables.campaign_lanes, tables.instances.c.name
    known = select(names, chosen.c.weight).join(chosen, chosen.c.lane_id == tables.instances.c.id).order_by(names)
    found = connection.execute(known.where(chosen.c.campaign_id == campaign.id, ~chosen.c.retired))
    was: dict[str, float | None] = {row.name: row.weight for row in found}
    now = {name: change.weights.get(name) for name in sorted(set(change.instances or ()))}
    if was == now:
        return
    result.changes.append(Difference("instances", named_weights(was), named_weights(now)))
    if not dry_run:
        weights = [weight if change.weights else None for weight in rates.values()]
        execute(connection, "change_lanes", campaign_id=campaign.id, lanes=list(rates), weights=weights)
        told = {"instances": now, "instances_before": was}
        trail = {key: named_weights(each) for key, each in told.items()}
        note_operation(connection, "campaign", campaign.name, **trail)


def _change_sharing(
    connection: Connection, campaign: StoredCampaign, change: SharingChange, result: Changed, *, dry_run: bool
) -> None:
    table, was = tables.campaigns, campaign.sharing
    now = change.of(was)
    if now == was:
        return
    refuse_strangers(now, campaign.care)
    said = [str(each) if each.is_given else None for each in (was, now)]
    result.changes.append(Difference("failover", *said))
    if not dry_run:
        document = msgspec.to_builtins(now) if now.is_given else null()
        connection.execute(update(table).where(table.c.id == campaign.id).values(sharing=document))


def _change_limits(
    connection: Connection, campaign: StoredCampaign, names: Sequence[str], result: Changed, *, dry_run: bool
) -> Mapping[str, int]:
    """The limits that hold for it then, by name: their ids."""
    was, now = sorted(campaign.limits), sorted(set(names))
    limits = limits_for_campaigns(connection, now)
    if now == was:
        return campaign.limits
    result.changes.append(Difference("limits", *(each or None for each in (was, now))))
    if not dry_run:
        limit_campaign(connection, campaign.id, limits.values(), has_started=campaign.started_at is not None)
        note_operation(connection, "campaign", campaign.name, limits=now, limits_before=was)
    return limits
