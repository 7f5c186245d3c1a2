"""Numbers as people write them in lists: `1250000.5`, `1,250,000.5`, `1.250.000,5`, `1 250 000`, `1,00,000`.

Most can be read in one way only. `150.000` cannot: it has thousands or decimals. The function `number_of` of the
database reads the same; a test compares them.
"""

from __future__ import annotations

import re
from decimal import Decimal

LONGEST_NUMBER = 100
_OTHER_GROUPS = " '\u2019\u00a0\u202f"
# Indian numbers have groups of two digits, and commas between them.
_WITH_POINT = re.compile(
    rf"[+-]?(?:[0-9]+|[1-9][0-9]{{0,2}}(?:,[0-9]{{2,3}})*,[0-9]{{3}}|[1-9][0-9]{{0,2}}(?:[{_OTHER_GROUPS}][0-9]{{3}})+)"
    r"(?:\.[0-9]+)?"
)
_WITH_COMMA = re.compile(
    rf"[+-]?(?:[0-9]+|[1-9][0-9]{{0,2}}(?:\.[0-9]{{3}})+|[1-9][0-9]{{0,2}}(?:[{_OTHER_GROUPS}][0-9]{{3}})+)(?:,[0-9]+)?"
)
_GROUPS_BESIDE_COMMA = str.maketrans(dict.fromkeys(f".{_OTHER_GROUPS}", "") | {",": "."})
_GROUPS_BESIDE_POINT = str.maketrans(dict.fromkeys(f",{_OTHER_GROUPS}", ""))


def number_of(written: str, *, decimal_comma: bool) -> Decimal | None:
    """The number, with a comma or a point before its decimals; None: it is none so."""
    if len(written) > LONGEST_NUMBER:
        return None
    if decimal_comma:
        return Decimal(written.translate(_GROUPS_BESIDE_COMMA)) if _WITH_COMMA.fullmatch(written) else None
    return Decimal(written.translate(_GROUPS_BESIDE_POINT)) if _WITH_POINT.fullmatch(written) else None


def readings(written: str) -> set[Decimal]:
    """All that it may be: none, one, or two."""
    return {each for comma in (False, True) if (each := number_of(written, decimal_comma=comma)) is not None}
