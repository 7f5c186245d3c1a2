"""Who gets which file, where recipients have files of their own: to be looked at before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from broadcaster.db.statements import rows
from broadcaster.domain.content_lint import Remark
from broadcaster.errors import quoted
from broadcaster.services.campaigns.recipient_files import RecipientFiles

_MOST_NAMED = 3
"""Files that go to several phones and are named."""


class OwnFile(NamedTuple):
    """The file that a recipient gets: its path as the list has it, and its size."""

    path: str
    bytes: int


class _Shared(NamedTuple):
    path: str
    phones: int


def files_at(connection: Connection, campaign_id: int, paths: Sequence[str]) -> Mapping[str, OwnFile]:
    """The files of a stored campaign at these paths."""
    found = rows(connection, "sizes_of_files", OwnFile, campaign_id=campaign_id, paths=list(paths))
    return {file.path: file for file in found}


def shared_files(connection: Connection, campaign_id: int) -> list[Remark]:
    """A warning where one file of a stored campaign goes to several phones: a likely mix-up, counted."""
    return _remark(rows(connection, "shared_files", _Shared, campaign_id=campaign_id))


def shared_staged_files(connection: Connection, files: RecipientFiles) -> list[Remark]:
    """The same of messages that are staged alone."""
    paths, digests = files.usable
    demands = {"column": files.column, "paths": paths, "digests": digests}
    return _remark(rows(connection, "shared_staged_files", _Shared, **demands))


def _remark(shared: Sequence[_Shared]) -> list[Remark]:
    if not shared:
        return []
    named = ", ".join(f"{quoted(path)} to {phones:,}" for path, phones in shared[:_MOST_NAMED])
    more = ", …" if len(shared) > _MOST_NAMED else ""
    what = "one file goes" if len(shared) == 1 else f"{len(shared):,} files go"
    return [Remark("shared_file", f"{what} to several phones, {named}{more}: is that meant, or are paths mixed up?")]
