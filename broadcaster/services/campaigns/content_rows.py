"""Whether the rows of a list are good for a content: for its URL, its file's name and the files of their own."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat

from broadcaster.domain.contents import Content
from broadcaster.domain.templates import MAX_TEXT_LENGTH, Template
from broadcaster.domain.written_values import ValueFault
from broadcaster.errors import InputError, UsageError, listed, quoted
from broadcaster.file_urls import usable_file_url
from broadcaster.services.campaigns.recipient_files import RecipientFiles
from broadcaster.services.recipients.row_checks import unfit_rows


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


@dataclass(frozen=True, slots=True)
class StoredRows:
    """The same for rows that are stored already: also for text and caption, at which the reader of a file looks."""

    rows: ContentRows

    def check(self, columns: Sequence[str]) -> None:
        """Raise TemplateError for a variable that there is not, InputError for a text that is blank."""
        for template in self._templates:
            template.check(columns)
        text = self.rows.content.text
        if text is not None and not (text.names or text.never_blank):
            raise InputError("the text is blank; nothing would be sent")
        self.rows.check(columns)

    def faults(self, variables: Mapping[str, Sequence[str]]) -> Mapping[int, ValueFault]:
        """The rows that can be sent nothing."""
        used = [name for template in self._templates for name in template.names]
        faults = unfit_rows(variables, (), used, quoted) | dict(self.rows.faults(variables))
        for template in self._templates:
            faults |= template.unreadable(variables)
            may_be_blank = template.never_blank or template is not self.rows.content.text
            faults |= _misshapen(template, variables, faults, may_be_blank=may_be_blank)
        return faults

    @property
    def _templates(self) -> list[Template]:
        content = self.rows.content
        return [each for each in (content.text, content.caption) if each is not None]


def _misshapen(
    template: Template, variables: Mapping[str, Sequence[str]], known: Collection[int], *, may_be_blank: bool
) -> dict[int, ValueFault]:
    """The rows, but for those that are `known`, whose text would be blank or too long. Most need not be rendered."""
    longest = {name: max(map(len, variables[name])) for name in template.names}
    if not template.names or (may_be_blank and template.longest(longest) <= MAX_TEXT_LENGTH):
        return {}
    faults = {}
    values = zip(*(variables[name] for name in template.names), strict=True)
    for row, each in enumerate(values):
        if row in known:
            continue
        text = template.render(dict(zip(template.names, each, strict=True)))
        if not may_be_blank and not text.strip():
            faults[row] = ValueFault("The text would be blank.")
        elif len(text) > MAX_TEXT_LENGTH:
            faults[row] = ValueFault("The text would be too long.")
    return faults


def _blanks(template: Template, variables: Mapping[str, Sequence[str]]) -> dict[int, ValueFault]:
    return {
        row: ValueFault(f"Column {quoted(name)}: it is empty, and the file's name or URL needs it.")
        for name in template.bare_names
        for row, value in enumerate(variables[name])
        if not value or value.isspace()
    }
