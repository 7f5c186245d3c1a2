"""Submits the rest of a campaign: a new one for those of its recipients who have not got it.

Whoever got the message, or may have, or is still to get it, from the campaign itself or from an earlier rest of it, is
in no rest. It holds for good, since from then on nobody retries these campaigns (`rest_taken_at`). Of a campaign over
an audience its rest goes to those who are still members, with the values that they have there now.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, Engine

from broadcaster.db.engine import transaction
from broadcaster.db.statements import each, execute, first, rows, value, values
from broadcaster.domain.care import with_default
from broadcaster.domain.contents import Content
from broadcaster.domain.dealing import LaneRates
from broadcaster.domain.phone_census import count_countries
from broadcaster.domain.states import FINAL_CAMPAIGN_STATES, CampaignState
from broadcaster.domain.templates import PHONE_VARIABLE
from broadcaster.errors import ConflictError, InputError, NotFoundError
from broadcaster.services.campaigns.checks import admission, refuse_unread
from broadcaster.services.campaigns.content_rows import ContentRows, StoredRows
from broadcaster.services.campaigns.dealing_ahead import submitted_dealing
from broadcaster.services.campaigns.group_numbers import GroupNumbers
from broadcaster.services.campaigns.homes import send_snapshot_home
from broadcaster.services.campaigns.leaving_out import count_left_out
from broadcaster.services.campaigns.new_campaign import NewCampaign, insert_campaign, next_campaign_id
from broadcaster.services.campaigns.new_content import StoredContent, store_content
from broadcaster.services.campaigns.planning import surroundings_of
from broadcaster.services.campaigns.purged import refuse_purged
from broadcaster.services.campaigns.recipient_files import store_recipient_files
from broadcaster.services.campaigns.segments import SHARED
from broadcaster.services.campaigns.snapshots import deal_snapshot, open_snapshot_segment
from broadcaster.services.campaigns.stored_campaign import StoredCampaign, read_campaign
from broadcaster.services.campaigns.submission import Submission
from broadcaster.services.campaigns.submission_result import Submitted, look_at_content, with_limits
from broadcaster.services.consent.undecided_replies import count_undecided
from broadcaster.services.forgetting.forgotten import hold_off
from broadcaster.services.openings import store_hours
from broadcaster.services.recipients.batches import SAMPLES

_BATCH = 500
"""Recipients that are looked at together."""
_FAULTS = 10_000
"""So many faults wait in memory, at most, until they are noted in the snapshot."""


class NotInRest(StrEnum):
    """Why a recipient of a campaign is not in its rest."""

    SENT = "sent"
    PENDING = "pending"
    SENDING = "sending"
    IN_DOUBT = "in_doubt"
    UNKNOWN = "unknown"
    OPTED_OUT = "opted_out"
    LEFT = "left"
    FORGOTTEN = "forgotten"


class _Rest(msgspec.Struct, frozen=True):
    """The first campaign, or one of its rests."""

    id: int
    name: str
    state: CampaignState
    purged_at: datetime | None
    has_started: bool
    pending: int
    unsettled: int


class _Group(NamedTuple):
    reason: str
    messages: int


class _Recipient(NamedTuple):
    seq: int
    phone: str
    variables: dict[str, str] | None


def campaign_of(engine: Engine, name: str) -> StoredCampaign:
    """A campaign of which there may be a rest. Raises NotFoundError, ConflictError where it is purged."""
    with transaction(engine) as connection:
        return read_campaign(connection, name)


def submit_rest(
    engine: Engine,
    submission: Submission,
    of: str,
    *,
    same_content: bool,
    allow_private: bool,
    accept_rejected: bool = False,
    dry_run: bool = False,
) -> Submitted:
    """Store a campaign with those recipients of the campaign `of` who have not got it, with their variables.

    `same_content`: it sends what `of` does, whatever the submission has; `allow_private` as in ContentRows. Raises
    UsageError for a wrong value, NotFoundError for an unknown instance or campaign, ConflictError for a name that is
    taken and where `of` or a rest of it still has something to send, InputError where nobody is left, for a content
    that does not go with the variables that there are, and where many cannot be sent to, unless any number is
    accepted. A dry run writes to temporary tables alone, and says the last in its result.
    """
    result = Submitted(submission.name, state=submission.state, rest_of=of)
    moments = submission.starts_at, submission.expires_at
    with admission(engine, submission.name, submission.instances, *moments, submission.weights) as (connection, lanes):
        # Nobody is forgotten while recipients become messages, as where an audience's do.
        hold_off(connection)
        first_id, rests = _lock_rests(connection, of)
        result.unsettled = [rest.name for rest in rests if rest.unsettled]
        stored = read_campaign(connection, of)
        submission = _as_its_campaign(submission, stored, same_content=same_content)
        submission = with_limits(connection, submission, result)
        result.care, result.sharing = submission.care, submission.sharing
        refuse_unread(connection, lanes, submission.care)
        names = _snapshot(connection, stored, first_id, submission.content, result)
        check = StoredRows(ContentRows(submission.content, submission.files, allow_private=allow_private))
        check.check(names)
        groups = submission.groups(None if dry_run else engine)
        _look(connection, check, names, groups, result)
        look_at_content(submission, result, names)
        rest = f"the rest of campaign {of}"
        result.refuse_left_out("recipients", rest, accept_rejected=accept_rejected, dry_run=dry_run)
        around = surroundings_of(connection, lanes, limits=submission.limit_ids)
        result.look_at_hours(submission, around, groups)
        _count_skipped(connection, submission, lanes, result)
        dealing = submitted_dealing(connection, submission, lanes)
        result.look_ahead(connection, submission, dealing, around, groups)
        if not dry_run:
            content = (
                StoredContent.of(stored.content_id, stored.content)
                if same_content
                else store_content(connection, submission.content)
            )
            new = submission.new_campaign(content, lanes, rest)
            _store(connection, submission, replace(new, rest_of=first_id), stored, result)
            result.keep_plan(connection)
            execute(connection, "take_rest", first=first_id, latest=result.campaign_id)
    return result


def _as_its_campaign(submission: Submission, stored: StoredCampaign, *, same_content: bool) -> Submission:
    """The submission with what holds for its campaign, too: whom that does not reach, its rest does not either."""
    return replace(
        submission,
        content=stored.content if same_content else submission.content,
        require_consent=submission.require_consent or stored.require_consent,
        care=with_default(submission.care, stored.care),
        sharing=submission.sharing if submission.sharing.is_given else stored.sharing,
        limits=list(stored.limits) if submission.limits is None else submission.limits,
    )


def _count_skipped(connection: Connection, submission: Submission, lanes: LaneRates, result: Submitted) -> None:
    """Count who of the snapshot is skipped by now, who may want to be, and who keeps an instance or has new values."""
    result.opted_out = value(connection, "count_opted_out_of_rest", lanes=list(lanes))
    result.undecided_near_misses = count_undecided(connection, "count_undecided_of_rest", lanes=list(lanes))
    if submission.sharing.sticky:
        result.keep_theirs = send_snapshot_home(connection, lanes)
    result.changed_values = value(connection, "count_changed_of_rest")
    result.no_consent, result.unanswered, result.not_known, result.contention, result.people = count_left_out(
        connection, submission, lanes, "candidates_of_snapshot"
    )


def _lock_rests(connection: Connection, of: str) -> tuple[int, Sequence[_Rest]]:
    """The id of the first campaign, and it with all of its rests, which change no more until the transaction ends.

    Raises NotFoundError, and ConflictError where one of them still has something to send or is purged.
    """
    found = values(connection, "lock_first_of_rests", name=of)
    if not found:
        raise NotFoundError(f"no campaign is called {of!r}: see `broadcaster campaign list`")
    rests = rows(connection, "lock_rests", _Rest, first=found[0])
    for rest in rests:
        # Nobody knows any more who got that one.
        refuse_purged(rest.name, rest.purged_at)
        _refuse_open(rest, of)
    return found[0], rests


def _refuse_open(rest: _Rest, of: str) -> None:
    if rest.state in FINAL_CAMPAIGN_STATES or (rest.has_started and not rest.pending):
        return
    what = f"campaign {rest.name!r} is {rest.state}" + ("" if rest.name == of else f" with the rest of {of!r}")
    left = f" and has messages to send: {rest.pending:,}" if rest.pending else " and has not started"
    raise ConflictError(
        f"{what}{left}; let it finish, or cancel what is left: `broadcaster campaign cancel {rest.name}`"
    )


def _snapshot(
    connection: Connection, stored: StoredCampaign, first_id: int, content: Content, result: Submitted
) -> Sequence[str]:
    """Make the snapshot of the rest, and count who is not in it; returns the names of their variables."""
    used = {name for template in content.templates for name in template.names}
    of_first = {"campaign_id": stored.id, "first": first_id}
    execute(connection, "snapshot_rest", adds_phone=PHONE_VARIABLE in used, **of_first)
    groups = {NotInRest(group.reason): group.messages for group in rows(connection, "leave_out_of_rest", _Group)}
    result.not_in_rest = {reason.value: groups[reason] for reason in NotInRest if reason in groups}
    sample = first(connection, "read_snapshot", _Recipient, most=1)
    if sample is None:
        told = ", ".join(f"{reason.replace('_', ' ')}: {count:,}" for reason, count in result.not_in_rest.items())
        raise InputError(f"nobody is left of campaign {result.rest_of!r} ({told or 'it has no recipients'})")
    return list(sample.variables or {})


def _look(
    connection: Connection,
    check: StoredRows,
    names: Sequence[str],
    groups: GroupNumbers | None,
    result: Submitted,
) -> None:
    """Look at everybody of the snapshot: note there who can be sent nothing, and count and show the others."""
    content = check.rows.content
    template = content.template
    result.empty_values = dict.fromkeys(template.names if template else (), 0)
    beginnings: Counter[str] = Counter()
    wrong: list[tuple[int, str]] = []
    for batch in _batches(connection):
        found = [each.variables or {} for each in batch]
        columns = {name: [variables.get(name, "") for variables in found] for name in names}
        faults = check.faults(columns)
        wrong += [(batch[row].seq, fault.sentence) for row, fault in faults.items()]
        kept = [row for row in range(len(batch)) if row not in faults]
        beginnings.update(batch[row].phone[:6] for row in kept)
        if groups is not None:
            groups.of([batch[row].phone for row in kept])
        for name in result.empty_values:
            result.empty_values[name] += sum(not columns[name][row].strip() for row in kept)
        for row in kept[: SAMPLES - len(result.samples)]:
            result.samples.append((batch[row].phone, content.render(found[row]).words))
        for row, fault in list(faults.items())[: SAMPLES - len(result.rejects)]:
            result.rejects.append((0, batch[row].phone, fault.sentence))
        result.read += len(batch)
        result.rejected += len(faults)
        if len(wrong) >= _FAULTS:
            _note_faults(connection, wrong)
            wrong = []
    _note_faults(connection, wrong)
    result.total = result.read - result.rejected
    result.countries = count_countries(beginnings.items())
    if not result.total:
        _, phone, reason = result.rejects[0]
        raise InputError(
            f"nobody of the rest of campaign {result.rest_of!r} can be sent this; the first of {result.rejected:,}: "
            f"{phone}: {reason}"
        )


def _batches(connection: Connection) -> Iterator[list[_Recipient]]:
    batch: list[_Recipient] = []
    for recipient in each(connection, "read_snapshot", _Recipient, most=None):
        batch.append(recipient)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _note_faults(connection: Connection, wrong: Sequence[tuple[int, str]]) -> None:
    if wrong:
        seqs, faults = zip(*wrong, strict=True)
        execute(connection, "note_faults", seqs=list(seqs), faults=list(faults))


def _store(
    connection: Connection, submission: Submission, new: NewCampaign, stored: StoredCampaign, result: Submitted
) -> None:
    campaign_id = next_campaign_id(connection)
    segment = open_snapshot_segment(connection, campaign_id)
    number = segment.number if segment else SHARED
    new = replace(
        new,
        id=campaign_id,
        hours_id=None if submission.hours is None else store_hours(connection, submission.hours),
        segment=number,
        recipients_read=result.read,
        recipients_rejected=result.rejected,
    )
    result.campaign_id = insert_campaign(connection, new)
    deal_snapshot(connection, campaign_id, segment)
    if submission.files is not None:
        store_recipient_files(connection, campaign_id, number, submission.files)
    elif submission.content.file_column is not None:
        column = submission.content.file_column
        of_rest = {"campaign_id": campaign_id, "segment": number, "column": column}
        execute(connection, "copy_files_of_rest", rest_of=stored.id, **of_rest)
