"""Writes the proof of a campaign: what its books say at one moment, chained and signed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Engine

from broadcaster import __version__
from broadcaster.crypto import Vault
from broadcaster.db.engine import transaction
from broadcaster.db.faults import plain_errors
from broadcaster.db.statements import each, execute, first, rows
from broadcaster.domain.contents import Content, stored_content
from broadcaster.domain.outcomes import Outcome
from broadcaster.domain.proof_format import (
    FORMAT,
    VERSION,
    AttemptRecord,
    Chain,
    ContentDigest,
    Digests,
    MessageRecord,
    ProofHeader,
    Remains,
    SettlementRecord,
    request_text,
    signature_line,
    signed_text,
)
from broadcaster.domain.states import FINAL_CAMPAIGN_STATES, MessageState
from broadcaster.errors import ConflictError
from broadcaster.services.audit import note_operation
from broadcaster.services.campaigns.campaign_reports import CampaignSummary, named_campaign
from broadcaster.services.signing_keys import signing_key
from broadcaster.signatures import public_key_of, sign

_BUFFERED_LINES = 2_000
_variables = msgspec.json.Decoder(dict[str, str]).decode


@dataclass(frozen=True, slots=True)
class WrittenProof:
    """What a proof says in sum. `link` is that of its last record, which is signed and noted in the audit trail."""

    header: ProofHeader
    records: int
    link: str


class _Terms(msgspec.Struct, frozen=True):
    as_of: datetime
    segment: int
    file_column: str | None
    contents: list[ContentDigest]
    remains: Remains | None


class _Row(NamedTuple):
    seq: int
    phone: str | None
    instance: str
    state: str
    changed_at: datetime
    reason: str | None
    gateway_id: str | None
    variables: str | None
    file_digest: bytes | None
    attempt: int | None
    outcome: str
    finished_at: datetime
    attempt_reason: str
    content_version: int
    http_status: int | None
    reply: str | None
    resolved_as: str | None
    settlements: Sequence[Mapping[str, Any]] | None


def write_proof(
    engine: Engine, vault: Vault, name: str, digest_key: bytes | None, write: Callable[[bytes], object]
) -> WrittenProof:
    """Write the lines of the proof of a campaign that has ended, and note in the audit trail that it was made.

    All of it is as of one moment, and memory is flat. `digest_key` is what phones are hashed with; None: they are
    written in the clear. Raises NotFoundError, ConflictError where the campaign has not ended, and SettingsError where
    the key that signs cannot be opened.
    """
    chain, digests = Chain(), Digests(digest_key)
    with plain_errors(), engine.connect() as opened:
        connection = opened.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with connection.begin():
            execute(connection, "read_in_utc")
            summary = _ended(connection, name)
            terms = first(connection, "proof_terms", _Terms, campaign_id=summary.id)
            if terms is None:
                raise ValueError("a campaign that is listed has no row")
            private_key = signing_key(engine, vault)
            header = _header(summary, terms, digests, public_key_of(private_key).hex())
            write(chain.line(header))
            count = 0
            lines = map(chain.line, _records(connection, summary.id, terms, digests))
            for lot in _lots(lines):
                write(b"".join(lot))
                count += len(lot)
    write(signature_line(sign(private_key, signed_text(chain.link))))
    with transaction(engine) as connection:
        proof = {"records": count, "phones": header.phones, "chain": chain.link}
        note_operation(connection, "campaign", name, proof=proof)
    return WrittenProof(header, count, chain.link)


def _ended(connection: Connection, name: str) -> CampaignSummary:
    summary = named_campaign(connection, name)
    if summary.state not in FINAL_CAMPAIGN_STATES or summary.still_open:
        raise ConflictError(
            f"campaign {name!r} has not ended ({summary.state}, {summary.still_open:,} messages are not final): "
            "a proof is of one that has"
        )
    return summary


def _header(summary: CampaignSummary, terms: _Terms, digests: Digests, public_key: str) -> ProofHeader:
    if summary.finished_at is None:
        raise ValueError("a campaign that has ended has no end")
    return ProofHeader(
        format=FORMAT,
        version=VERSION,
        written_by=f"broadcaster {__version__}",
        campaign=summary.name,
        state=summary.state,
        as_of=terms.as_of,
        created_at=summary.created_at,
        started_at=summary.started_at,
        finished_at=summary.finished_at,
        recipients_read=summary.recipients_read,
        recipients_rejected=summary.recipients_rejected,
        total=summary.total,
        messages={state: summary.count(state) for state in MessageState if summary.count(state)},
        contents=terms.contents,
        phones="clear" if digests.key_sha256 is None else "hashed",
        key_sha256=digests.key_sha256,
        public_key=public_key,
        remains=terms.remains,
    )


def _records(connection: Connection, campaign_id: int, terms: _Terms, digests: Digests) -> Iterator[MessageRecord]:
    contents = _contents(connection, campaign_id, terms.contents)
    of_campaign = {"campaign_id": campaign_id, "segment": terms.segment, "file_column": terms.file_column}
    found = each(connection, "proof_rows", _Row, **of_campaign)
    for number, (_, of_message) in enumerate(groupby(found, attrgetter("seq")), 1):
        message, *more = of_message
        tried = [message, *more] if message.attempt is not None else []
        yield MessageRecord(
            record=number,
            seq=message.seq,
            phone=digests.hidden(message.phone),
            instance=message.instance,
            state=MessageState(message.state),
            at=message.changed_at,
            reason=digests.reason(message.reason),
            gateway_id=digests.hidden(message.gateway_id),
            attempts=[_attempt(row, contents, digests) for row in tried],
            settlements=msgspec.convert(message.settlements, list[SettlementRecord]) if message.settlements else (),
        )


@dataclass(frozen=True, slots=True)
class _Sent:
    """A version of what was sent, and the SHA-256 of its file, where all get the same one."""

    content: Content
    file_sha256: str


def _contents(connection: Connection, campaign_id: int, versions: Iterable[ContentDigest]) -> dict[int, _Sent]:
    found = {}
    for each_version in versions:
        number = each_version.version
        [stored] = rows(connection, "campaign_content", tuple, campaign_id=campaign_id, version=number)
        found[number] = _Sent(stored_content(*stored), each_version.sha256)
    return found


def _attempt(row: _Row, contents: Mapping[int, _Sent], digests: Digests) -> AttemptRecord:
    if row.attempt is None:
        raise ValueError("a row without an attempt")
    return AttemptRecord(
        attempt=row.attempt,
        outcome=Outcome(row.outcome),
        at=row.finished_at,
        reason=digests.reason(row.attempt_reason) or "",
        content=row.content_version,
        status=row.http_status,
        request=_request(row, contents[row.content_version], digests),
        reply=None if row.reply is None else digests.digest(row.reply.encode()),
        doubt=row.resolved_as,
    )


def _request(row: _Row, sent: _Sent, digests: Digests) -> str | None:
    """The digest of what the request said; None where its recipient was forgotten, or nothing could be rendered."""
    if row.phone is None:
        return None
    try:
        content = sent.content.render(_variables(row.variables) if row.variables else {})
    except Exception:  # noqa: BLE001 - as when it was to be sent: whatever a template does, only its own message fails
        return None
    file_sha256 = sent.file_sha256 if row.file_digest is None else row.file_digest.hex()
    return digests.digest(request_text(row.phone, content, file_sha256))


def _lots(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    lot: list[bytes] = []
    for line in lines:
        lot.append(line)
        if len(lot) == _BUFFERED_LINES:
            yield lot
            lot = []
    if lot:
        yield lot
