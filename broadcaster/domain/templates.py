"""Message texts with `{{ name }}` and `{{ name | default("there") }}`: substitution, nothing else.

Nothing in a template is ever executed, and what is substituted is not looked at again. Braces that are not `{{`
are ordinary text. A value that is empty or only white space renders as the default, or as it is without one.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from broadcaster.errors import InputError

MAX_TEXT_LENGTH = 65_536
"""The longest rendered text, in characters. Our limit: WhatsApp's apps cut off there, WAChatPro documents none."""

_OPEN = "{{"
_TAG = re.compile(
    r"""\{\{ \s* (?P<name> [^\W\d]\w* ) \s*
        (?: \| \s* default \s* \( \s*
            (?P<literal> "(?:[^"\\]|\\["'\\n])*" | '(?:[^'\\]|\\["'\\n])*' )
        \s* \) \s* )? \}\}""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(.)")
_NAME = re.compile(r"[^\W\d]\w*")
_FILTER = re.compile(r"\{\{\s*\w+\s*\|\s*(?P<filter>\w*)\s*")
_NOT_IN_NAMES = re.compile(r"\W+")


class TemplateError(InputError):
    """A template that cannot be used. The message names line and column, both counted from 1."""


@dataclass(frozen=True, slots=True)
class Variable:
    """One `{{ … }}`: the variable's name, its default, and where in the source it starts."""

    name: str
    default: str
    offset: int


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

    def render(self, variables: Mapping[str, str]) -> str:
        """The text with every variable replaced.

        Raises KeyError for a name that `variables` lacks: `check` the columns once, before the first row.
        """
        return self._format % tuple(
            [
                value if (value := variables[variable.name]) and not value.isspace() else variable.default or value
                for variable in self._variables
            ]
        )

    def check(self, columns: Collection[str]) -> None:
        """Raise TemplateError unless every variable is one of `columns`."""
        for variable in self._variables:
            if variable.name not in columns:
                close = difflib.get_close_matches(variable.name, columns, n=1)
                hint = f"; did you mean {close[0]!r}?" if close else ""
                known = ", ".join(columns) or "none"
                raise _error(
                    self.source, variable.offset, f"no column is called {variable.name!r} (columns: {known}){hint}"
                )

    @property
    def never_blank(self) -> bool:
        """Whether something visible remains even when every variable is empty."""
        return any(map(str.strip, self._literals)) or any(variable.default.strip() for variable in self._variables)

    def longest(self, lengths: Mapping[str, int]) -> int:
        """A bound on the length of rendered texts, in characters, given the longest value of each variable."""
        return sum(map(len, self._literals)) + sum(
            max(lengths[variable.name], len(variable.default)) for variable in self._variables
        )


def compile_template(source: str) -> Template:
    """Compile a text; names are compared as `variable_name` spells them, so `{{ Name }}` is `{{ name }}`.

    Raises TemplateError for anything after `{{` that is not a variable, with or without a default.
    """
    literals: list[str] = []
    variables: list[Variable] = []
    position = 0
    while (start := source.find(_OPEN, position)) >= 0:
        tag = _TAG.match(source, start)
        if tag is None:
            raise _diagnose(source, start)
        default = _ESCAPE.sub(_unescape, tag["literal"][1:-1]) if tag["literal"] else ""
        literals.append(source[position:start])
        variables.append(Variable(variable_name(tag["name"]), default, start))
        position = tag.end()
    literals.append(source[position:])
    return Template(
        source=source,
        names=tuple(dict.fromkeys(variable.name for variable in variables)),
        _literals=tuple(literals),
        _variables=tuple(variables),
        _format="%s".join(literal.replace("%", "%%") for literal in literals),
    )


def variable_name(text: str) -> str:
    """How a column is called in templates: lower case, every run of other characters an underscore.

    `"First name"` is `first_name`, `"Order #"` is `order`, `"2nd"` is `_2nd`. Empty when nothing is left.
    """
    name = _NOT_IN_NAMES.sub("_", unicodedata.normalize("NFC", text).strip().lower()).strip("_")
    return f"_{name}" if name[:1].isdigit() else name


def _unescape(found: re.Match[str]) -> str:
    return "\n" if found[1] == "n" else found[1]


def _diagnose(source: str, start: int) -> TemplateError:
    """Say what is wrong with the `{{` at `start`."""
    end = source.find("}}", start)
    if end < 0 or source.find(_OPEN, start + len(_OPEN), end) > 0:
        return _error(source, start, "'{{' is never closed; write {{ name }}")
    written = source[start + len(_OPEN) : end].split("|", 1)[0].strip()
    if not _NAME.fullmatch(written):
        what = (
            f"{_shorten(written)!r} is not a variable name"
            if written
            else "there is no name between '{{' and '}}'"
        )
        return _error(source, start, f"{what}; write letters, digits and underscores, like {{{{ first_name }}}}")
    found = _FILTER.match(source, start)
    if found is None:
        return _error(source, start, "after the name only '|' or '}}' may follow")
    if found["filter"] != "default":
        return _error(
            source,
            found.start("filter"),
            f'unknown filter {_shorten(found["filter"])!r}; there is only default("…")',
        )
    return _error(source, found.end(), 'default takes one text in straight quotes, like default("there")')


def _error(source: str, offset: int, what: str) -> TemplateError:
    line = source.count("\n", 0, offset) + 1
    column = offset - (source.rfind("\n", 0, offset) + 1) + 1
    return TemplateError(f"template line {line}, column {column}: {what}")


def _shorten(text: str, length: int = 40) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
