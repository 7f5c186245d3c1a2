"""Placeholders as other programs write them, which would be sent as they are. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection

from broadcaster.domain.templates import variable_name

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


def foreign_placeholders(source: str, variables: Collection[str]) -> dict[str, str]:
    """Each placeholder of another form that has a variable's name, and that variable, in the order of the text."""
    found: dict[str, str] = {}
    for each in _FORMS.finditer(source):
        name = variable_name(next(group for group in each.groups() if group is not None))
        if name in variables:
            found.setdefault(each[0], name)
    return found
