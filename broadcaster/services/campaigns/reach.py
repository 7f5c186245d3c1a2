"""Whom a campaign over an audience would reach, and what they would read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from broadcaster.domain.frequency import NO_CONTENTION, Contention
from broadcaster.domain.phone_census import CountryCount
from broadcaster.services.audiences.selection import Selection
from broadcaster.services.recipients.batches import SAMPLES


@dataclass(slots=True, kw_only=True)
class Reach:
    """How many recipients there are, how many of them get a message, and what the first few of these read."""

    read: int = 0
    total: int = 0
    rejected: int = 0
    samples: list[tuple[str, str]] = field(default_factory=list)
    """The first few (phone, rendered message)."""
    rejects: list[tuple[int, str, str]] = field(default_factory=list)
    """The first few (line, phone as written, reason); of an audience, the line is 0."""
    countries: Sequence[CountryCount] = ()
    """Of those who can be sent to, the ones with the most first."""
    where: list[str] = field(default_factory=list)
    """The conditions that all members meet, with the days that `today` stands for."""
    notes: list[str] = field(default_factory=list)
    """What nobody can know of these."""
    empty_values: dict[str, int] = field(default_factory=dict)
    """Of how many recipients each variable of the content is empty."""
    contention: Contention = NO_CONTENTION
    """What else they get."""


def look_at_members(connection: Connection, selection: Selection, result: Reach) -> None:
    """Fill in whom of an audience its content would reach now. The selection is ready."""
    result.where, result.notes = [str(each) for each in selection.meant], list(selection.notes)
    result.read, result.rejected, result.countries = selection.count(connection)
    result.total = result.read - result.rejected
    faulty = selection.sample(connection, SAMPLES, faulty=True) if result.rejected else ()
    result.rejects = [(0, member.phone, member.fault or "") for member in faulty]
    first = selection.sample(connection, SAMPLES)
    result.empty_values = selection.count_empty(connection)
    if selection.content is not None:
        result.samples = [(member.phone, selection.content.render(member.variables).words) for member in first]
