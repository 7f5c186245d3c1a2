"""Whether the rows of a list are good for a content: for its URL, its file's name and the files of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat

from broadcaster.domain.contents import Content
from broadcaster.domain.templates import Template
from broadcaster.domain.written_values import ValueFault
from broadcaster.errors import InputError, UsageError, listed, quoted
from broadcaster.file_urls import usable_file_url
from broadcaster.services.campaigns.recipient_files import RecipientFiles


@dataclass(frozen=True, slots=True)
class ContentRows:
    """A check of rows (services/recipients/reader.py)."""

    content: Content
    files: RecipientFiles | None = None
    allow_private: bool = False
    """Whether a URL may name a host that is not public."""

    def check(self, columns: Sequence[str]) -> None:
        """Raise TemplateError for a variable, InputError for the column of the files, that there is not."""
        for template in self._templates:
            template.check(columns)
        if self.files is not None and self.files.column not in columns:
            raise InputError(
                f"--file-column: there is no column {quoted(self.files.column)}; columns are: {listed(columns)}"
            )

    def faults(self, variables: Mapping[str, Sequence[str]]) -> Mapping[int, ValueFault]:
        """The rows that have no usable file, name or URL."""
        faults: dict[int, ValueFault] = {}
        for template in self._templates:
            faults |= template.unreadable(variables)
            faults |= _blanks(template, variables)
        if self.content.url is not None and self.content.url.names:
            faults = self._bad_urls(self.content.url, variables, faults) | faults
        if self.files is not None:
            faults |= self.files.faults(variables[self.files.column])
        return faults

    @property
    def _templates(self) -> list[Template]:
        return [each for each in (self.content.filename, self.content.url) if each is not None]

    def _bad_urls(
        self, url: Template, variables: Mapping[str, Sequence[str]], known: Mapping[int, ValueFault]
    ) -> dict[int, ValueFault]:
        faults: dict[int, ValueFault] = {}
        values = zip(*(variables[name] for name in url.names), strict=True)
        for row, each in enumerate(map(dict, map(zip, repeat(url.names), values))):
            if row in known:
                continue
            try:
                usable_file_url(url.render(each), allow_private=self.allow_private)
            except UsageError:
                faults[row] = ValueFault(
                    f"Column {quoted(url.names[0])}: this makes no http:// or https:// URL of a public host."
                )
        return faults


def _blanks(template: Template, variables: Mapping[str, Sequence[str]]) -> dict[int, ValueFault]:
    return {
        row: ValueFault(f"Column {quoted(name)}: it is empty, and the file's name or URL needs it.")
        for name in template.bare_names
        for row, value in enumerate(variables[name])
        if not value or value.isspace()
    }
