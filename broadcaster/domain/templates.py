"""Message texts with `{{ name }}` and `{{ name | default("there") | upper }}`: substitution, nothing else.

Nothing in a template is ever executed, and what is substituted is not looked at again. Braces that are not `{{`
are ordinary text. A value that is empty or only white space renders as the default, or as it is without one. Filters
apply from the left to the right (domain/filters.py).
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from broadcaster.domain.filters import Filter, make_filter
from broadcaster.domain.locales import DEFAULT_LOCALE
from broadcaster.domain.written_values import ValueFault, ValueFaultError
from broadcaster.errors import InputError, listed, quoted

MAX_TEXT_LENGTH = 65_536
"""The longest rendered text, in characters. Our limit: WhatsApp's apps cut off there, WAChatPro documents none."""

MAX_SOURCE_LENGTH = 4 * MAX_TEXT_LENGTH
"""The longest template, in characters, tags included: it bounds how long one message can take to render."""

PHONE_VARIABLE = "phone"
"""The recipient's phone in E.164 digits, where no column is called so."""

_NAME = re.compile(r"\{\{\s*(?P<name>[^\s|{}]+)\s*")
_FILTER = re.compile(
    r"""\| \s* (?P<filter> \w+ ) \s*
        (?: \( \s* (?:
            (?P<text> "(?:[^"\\]|\\["'\\n])*" | '(?:[^'\\]|\\["'\\n])*' ) | (?P<number> [0-9]{1,3} )
        ) \s* \) \s* )?
    """,
    re.VERBOSE,
)
_HOST = re.compile(r"https?://[^/{}\s]+/", re.IGNORECASE)
_ESCAPE = re.compile(r"\\(.)")
# Of a tag that is not one: how far it is right. Used to say where it goes wrong.
_NAME_PART = re.compile(r"\{\{\s*(?P<name>[^|{}]*[^|{}\s])?\s*")
_WORDS = re.compile(r"(?!.*\.\w)[^\W\d][\w \t.'#&/-]*(?<![.'])")
_FILTER_PART = re.compile(r"\|\s*(?P<filter>\w*)\s*")


class TemplateError(InputError):
    """A template that cannot be used. The message names line and column, both counted from 1."""


@dataclass(frozen=True, slots=True)
class Variable:
    """One `{{ … }}`: the variable's name, what stands for a blank value, where it starts, and its filters."""

    name: str
    default: str
    offset: int
    filters: tuple[Filter, ...] = ()
    """Without `default`. The first one alone may refuse a value."""

    def shown(self, value: str) -> str:
        """What is shown of a value that is not blank. Raises ValueFaultError."""
        for each in self.filters:
            value = each.apply(value)
        return value

    @property
    def growth(self) -> int:
        """What is shown of a value is at most so many times as long,"""
        growth = 1
        for each in self.filters:
            growth *= each.growth
        return growth

    @property
    def extra(self) -> int:
        """and so many characters longer."""
        extra = 0
        for each in self.filters:
            extra = extra * each.growth + each.extra
        return extra


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled text. Make one with `compile_template`."""

    source: str
    names: tuple[str, ...]
    """The variables it uses, each once, in order of appearance."""
    _literals: tuple[str, ...] = field(repr=False)
    _variables: tuple[Variable, ...] = field(repr=False)
    """Interleaved: literal, variable, literal, …, literal."""
    _format: str = field(repr=False)
    _judged: tuple[str, ...] = field(repr=False)
    """The names of those that are shown in another way where they are not blank, or where they are."""
    _filtered: tuple[int, ...] = field(repr=False)
    """Which of the variables have filters."""

    def render(self, variables: Mapping[str, str]) -> str:
        """The text with every variable replaced.

        Raises KeyError for a name that `variables` lacks: `check` the columns once, before the first row. Raises
        ValueFaultError for a value that a filter cannot read: `unreadable` finds those.
        """
        # Each value is looked at once, however often it is used: a long one may be all white space.
        blank = {name for name in self._judged if not (value := variables[name]) or value.isspace()}
        texts = [
            (variable.name in blank and variable.default) or variables[variable.name] for variable in self._variables
        ]
        for index in self._filtered:
            if (variable := self._variables[index]).name not in blank:
                texts[index] = variable.shown(texts[index])
        return self._format % tuple(texts)

    def unreadable(self, columns: Mapping[str, Sequence[str]], *, from_cells: bool = False) -> dict[int, ValueFault]:
        """The rows with a value that a filter cannot read, by number from 0, each with what is wrong.

        `from_cells`: the values are those of a workbook.
        """
        faults: dict[int, ValueFault] = {}
        for name in self.read_names:
            known: dict[str, ValueFault | None] = {}
            for row, value in enumerate(columns[name]):
                if value not in known:
                    known[value] = self.unreadable_value(name, value, from_cells=from_cells)
                if (fault := known[value]) is not None:
                    faults.setdefault(row, fault)
        return faults

    def unreadable_value(self, name: str, value: str, *, from_cells: bool = False) -> ValueFault | None:
        """Why this value of the variable cannot be shown; None: it can."""
        if not value or value.isspace():
            return None
        for variable in self._variables:
            if variable.name == name and variable.filters:
                first = variable.filters[0]
                read = first.read_cell if from_cells and first.read_cell else first.read
                try:
                    if read is not None:
                        read(value)
                except ValueFaultError as error:
                    return ValueFault(f"Column {quoted(name)}: {error}")
        return None

    def days_read(self, name: str, value: str) -> set[date]:
        """The days that its filters read in this value of the variable."""
        read = set()
        for variable in self._variables:
            if variable.name == name and variable.filters and variable.filters[0].read is not None:
                with suppress(ValueFaultError):
                    read.add(variable.filters[0].read(value))
        return {each.date() if isinstance(each, datetime) else each for each in read if isinstance(each, date)}

    @property
    def read_names(self) -> tuple[str, ...]:
        """The variables of which not every value can be shown."""
        reads = (self._variables[index] for index in self._filtered)
        return tuple(dict.fromkeys(variable.name for variable in reads if variable.filters[0].read))

    def check(self, columns: Sequence[str]) -> None:
        """Raise TemplateError unless every variable is one of `columns`."""
        for variable in self._variables:
            if variable.name not in columns:
                close = difflib.get_close_matches(variable.name, columns, n=1)
                hint = f"did you mean {quoted(close[0])}? " if close else ""
                what = f"there is no column {quoted(variable.name)}; {hint}columns are: {listed(columns)}"
                raise _error(self.source, variable.offset, what)

    @property
    def bare_names(self) -> tuple[str, ...]:
        """The variables that are used without a default."""
        return tuple(dict.fromkeys(variable.name for variable in self._variables if not variable.default))

    @property
    def never_blank(self) -> bool:
        """Whether something visible remains even when every variable is empty."""
        return any(map(str.strip, self._literals)) or any(variable.default.strip() for variable in self._variables)

    @property
    def variables(self) -> tuple[Variable, ...]:
        """Every `{{ … }}`, in order of appearance."""
        return self._variables

    @property
    def literal_length(self) -> int:
        """The length of what is between the variables, in characters."""
        return sum(map(len, self._literals))

    def longest(self, lengths: Mapping[str, int]) -> int:
        """A bound on the length of rendered texts, in characters, given the longest value of each variable."""
        return self.literal_length + sum(
            max(lengths[variable.name] * variable.growth + variable.extra, len(variable.default))
            for variable in self._variables
        )


def given_host(source: str) -> int:
    """Where the host of a URL ends that has no variable in it; 0: there is none."""
    found = _HOST.match(source)
    return found.end() if found else 0


def compile_url(source: str, locale: str = DEFAULT_LOCALE) -> Template:
    """The same for a URL: what is substituted after its host is encoded. Before that, it is taken as it is."""
    host = given_host(source)
    template = compile_template(source, locale)
    encoded = make_filter("url", None)
    variables = tuple(
        replace(each, default=each.default and encoded.apply(each.default), filters=(*each.filters, encoded))
        if 0 < host <= each.offset
        else each
        for each in template.variables
    )
    return _template(source, template._literals, variables)


def compile_template(source: str, locale: str = DEFAULT_LOCALE) -> Template:
    """Compile a text; names are compared as `variable_name` spells them, so `{{ Name }}` is `{{ name }}`.

    Filters read and write as people of `locale` do. Raises TemplateError for anything after `{{` that is not a
    variable, with or without filters, for a source longer than MAX_SOURCE_LENGTH, and for a text that would be longer
    than MAX_TEXT_LENGTH whatever the variables.
    """
    if len(source) > MAX_SOURCE_LENGTH:
        raise _too_long(len(source), MAX_SOURCE_LENGTH)
    literals: list[str] = []
    variables: list[Variable] = []
    position = 0
    while (start := source.find("{{", position)) >= 0:
        literals.append(source[position:start])
        variable, position = _tag(source, start, locale)
        variables.append(variable)
    literals.append(source[position:])
    if (length := sum(map(len, literals))) > MAX_TEXT_LENGTH:
        raise _too_long(length, MAX_TEXT_LENGTH)
    return _template(source, tuple(literals), tuple(variables))


def _template(source: str, literals: tuple[str, ...], variables: tuple[Variable, ...]) -> Template:
    return Template(
        source=source,
        names=tuple(dict.fromkeys(variable.name for variable in variables)),
        _literals=literals,
        _variables=variables,
        _format="%s".join(literal.replace("%", "%%") for literal in literals),
        _judged=tuple(dict.fromkeys(each.name for each in variables if each.default or each.filters)),
        _filtered=tuple(index for index, variable in enumerate(variables) if variable.filters),
    )


def _tag(source: str, start: int, locale: str) -> tuple[Variable, int]:
    """The variable at `start`, and where its tag ends."""
    name = _NAME.match(source, start)
    if name is None or not name["name"].isidentifier():
        raise _diagnose(source, start)
    filters: list[Filter] = []
    default, position = "", name.end()
    while found := _FILTER.match(source, position):
        try:
            default = _with_filter(found, default, filters, locale)
        except ValueError as error:
            raise _error(source, found.start("filter"), str(error)) from None
        position = found.end()
    if not source.startswith("}}", position):
        raise _diagnose(source, start, position)
    return Variable(variable_name(name["name"]), default, start, tuple(filters)), position + 2


def _with_filter(found: re.Match[str], default: str, filters: list[Filter], locale: str) -> str:
    """Add the filter; returns what stands for a blank value then. Raises ValueError."""
    name = found["filter"]
    text = None if found["text"] is None else _ESCAPE.sub(_unescape, found["text"][1:-1])
    if name == "default":
        if text is None:
            raise ValueError(_HOW_DEFAULT)
        return default if default.strip() else text
    made = make_filter(name, text if found["number"] is None else int(found["number"]), locale)
    if filters and made.read is not None:
        raise ValueError(f"{name} reads what is in the list, so that it has to be the first filter")
    filters.append(made)
    return made.apply(default) if default.strip() else default


def variable_name(text: str) -> str:
    """How a column is called in templates: lower case, every run of other characters an underscore.

    `"First name"` is `first_name`, `"Order #"` is `order`, `"2nd"` is `_2nd`. Empty when nothing is left.
    """
    lower = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).lower())
    words = "".join(character if f"x{character}".isidentifier() else " " for character in lower.replace("_", " "))
    name = "_".join(words.split())
    return name if name.isidentifier() or not name else f"_{name}"


def _unescape(found: re.Match[str]) -> str:
    return "\n" if found[1] == "n" else found[1]


def _too_long(length: int, most: int) -> TemplateError:
    return TemplateError(f"the template has {length:,} characters and at most {most:,} are allowed; shorten it")


_HOW_PARENTHESES = "one text in straight quotes may be in parentheses, or a number"
_HOW_DEFAULT = 'default takes one text in straight quotes, as in default("there")'


def _diagnose(source: str, start: int, after: int | None = None) -> TemplateError:
    """Say what is wrong with the `{{` at `start`, whose filters are right until `after`."""
    end = source.find("}}", start)
    if end < 0 or "{{" in source[start + 2 : end]:
        return _error(source, start, "'{{' is never closed; write {{ name }}")
    name = _NAME_PART.match(source, start)
    if name is None or name["name"] is None:
        return _error(source, start, "no name after '{{'; write {{ name }}")
    if not name["name"].isidentifier():
        meant = variable_name(name["name"]) if _WORDS.fullmatch(name["name"]) else "first_name"
        what = f"{quoted(name['name'])} is not a name; use letters, digits and underscores, as in {{{{ {meant} }}}}"
        return _error(source, name.start("name"), what)
    position = name.end() if after is None else after
    applied = _FILTER_PART.match(source, position)
    if applied is None:
        what = "only '|' or '}}' may follow the name"
        return _error(source, position, _HOW_PARENTHESES if source[position] == "(" else what)
    return _error(source, applied.start("filter"), f"unknown filter {quoted(applied['filter'])}")


def _error(source: str, offset: int, what: str) -> TemplateError:
    line = source.count("\n", 0, offset) + 1
    column = offset - source.rfind("\n", 0, offset)
    return TemplateError(f"template line {line}, column {column}: {what}")
