"""Message texts with `{{ name }}` and `{{ name | default("there") }}`: substitution, nothing else.

Nothing in a template is ever executed, and what is substituted is not looked at again. Braces that are not `{{`
are ordinary text. A value that is empty or only white space renders as the default, or as it is without one.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from broadcaster.errors import InputError, listed, quoted

MAX_TEXT_LENGTH = 65_536
"""The longest rendered text, in characters. Our limit: WhatsApp's apps cut off there, WAChatPro documents none."""

MAX_SOURCE_LENGTH = 4 * MAX_TEXT_LENGTH
"""The longest template, in characters, tags included: it bounds how long one message can take to render."""

PHONE_VARIABLE = "phone"
"""The recipient's phone in E.164 digits, where no column is called so."""

_TAG = re.compile(
    r"""\{\{ \s* (?P<name> [^\s|{}]+ ) \s*
        (?: \| \s* default \s* \( \s*
            (?P<literal> "(?:[^"\\]|\\["'\\n])*" | '(?:[^'\\]|\\["'\\n])*' )
        \s* \) \s* )? \}\}""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(.)")
# Of a tag that is not one: how far it is right. Used to say where it goes wrong.
_NAME_PART = re.compile(r"\{\{\s*(?P<name>[^|{}]*[^|{}\s])?\s*")
_WORDS = re.compile(r"(?!.*\.\w)[^\W\d][\w \t.'#&/-]*(?<![.'])")
_FILTER_PART = re.compile(r"\|\s*(?P<filter>\w*)\s*")


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
        # Each value is looked at once, however often it is used: a long one may be all white space.
        blank = {name for name in self.names if not (value := variables[name]) or value.isspace()}
        return self._format % tuple(
            [(variable.name in blank and variable.default) or variables[variable.name] for variable in self._variables]
        )

    def check(self, columns: Sequence[str]) -> None:
        """Raise TemplateError unless every variable is one of `columns`."""
        for variable in self._variables:
            if variable.name not in columns:
                close = difflib.get_close_matches(variable.name, columns, n=1)
                hint = f"did you mean {quoted(close[0])}? " if close else ""
                what = f"there is no column {quoted(variable.name)}; {hint}columns are: {listed(columns)}"
                raise _error(self.source, variable.offset, what)

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
            max(lengths[variable.name], len(variable.default)) for variable in self._variables
        )


def compile_template(source: str) -> Template:
    """Compile a text; names are compared as `variable_name` spells them, so `{{ Name }}` is `{{ name }}`.

    Raises TemplateError for anything after `{{` that is not a variable, with or without a default, for a source
    longer than MAX_SOURCE_LENGTH, and for a text that would be longer than MAX_TEXT_LENGTH whatever the variables.
    """
    if len(source) > MAX_SOURCE_LENGTH:
        raise _too_long(len(source), MAX_SOURCE_LENGTH)
    literals: list[str] = []
    variables: list[Variable] = []
    position = 0
    while (start := source.find("{{", position)) >= 0:
        tag = _TAG.match(source, start)
        if tag is None or not tag["name"].isidentifier():
            raise _diagnose(source, start)
        default = _ESCAPE.sub(_unescape, tag["literal"][1:-1]) if tag["literal"] else ""
        literals.append(source[position:start])
        variables.append(Variable(variable_name(tag["name"]), default, start))
        position = tag.end()
    literals.append(source[position:])
    if (length := sum(map(len, literals))) > MAX_TEXT_LENGTH:
        raise _too_long(length, MAX_TEXT_LENGTH)
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
    lower = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).lower())
    words = "".join(character if f"x{character}".isidentifier() else " " for character in lower.replace("_", " "))
    name = "_".join(words.split())
    return name if name.isidentifier() or not name else f"_{name}"


def _unescape(found: re.Match[str]) -> str:
    return "\n" if found[1] == "n" else found[1]


def _too_long(length: int, most: int) -> TemplateError:
    return TemplateError(f"the template has {length:,} characters and at most {most:,} are allowed; shorten it")


def _diagnose(source: str, start: int) -> TemplateError:
    """Say what is wrong with the `{{` at `start`."""
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
    applied = _FILTER_PART.match(source, name.end())
    if applied is None:
        return _error(source, name.end(), "only '|' or '}}' may follow the name")
    if applied["filter"] != "default":
        what = f'unknown filter {quoted(applied["filter"])}; there is only default("…")'
        return _error(source, applied.start("filter"), what)
    what = 'default takes one text in straight quotes and nothing follows it, as in default("there")'
    return _error(source, applied.start("filter"), what)


def _error(source: str, offset: int, what: str) -> TemplateError:
    line = source.count("\n", 0, offset) + 1
    column = offset - source.rfind("\n", 0, offset)
    return TemplateError(f"template line {line}, column {column}: {what}")
