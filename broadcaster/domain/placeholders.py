"""Placeholders as other programs write them, which would be sent as they are. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from broadcaster.domain.templates import Template, variable_name
from broadcaster.errors import quoted

_NAME = r"([^\W\d_][^{}\[\]<>|%*$\n]{0,99}?)"
# The longer ones first: *|NAME|* is no |NAME|, and <<name>> no <name>.
_FORMS = re.compile(
    "|".join(
        form.replace("NAME", _NAME)
        for form in (
            r"\*\|NAME\|\*",
            r"<<\s*NAME\s*>>",
            r"\[\[\s*NAME\s*\]\]",
            r"%%\s*NAME\s*%%",
            r"\$\{\s*NAME\s*\}",
            r"(?<!\{)\{\s*NAME\s*\}(?!\})",
            r"\[\s*NAME\s*\]",
            r"<\s*NAME\s*>",
            r"%\s*NAME\s*%",
        )
    )
)


def foreign_placeholders(template: Template | None, variables: Collection[str]) -> Sequence[str]:
    """One sentence for each placeholder of another form that has the name of a variable, in the order of the text."""
    if template is None:
        return ()
    found: dict[str, str] = {}
    for each in _FORMS.finditer(template.source):
        name = variable_name(next(group for group in each.groups() if group is not None))
        if name in variables:
            found.setdefault(each[0], name)
    return [
        f"{quoted(written)} in the text is sent as it is written: write {{{{ {name} }}}} for the column"
        for written, name in found.items()
    ]
