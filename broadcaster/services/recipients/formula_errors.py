"""What spreadsheets show instead of a value where a formula failed, in the languages of Excel and LibreOffice.

The words differ by language (`#NAME?`, `#NOME?`, `#ИМЯ?`), and most of their forms do not: capitals between `#` and
`!` or `?`. A list of all words would always lack some, and then `Dear #BEZUG!` is sent. So `#SALE!` is taken for one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from broadcaster.domain.written_values import ValueFault

_WITHOUT_MARK = (
    # Nothing was found.
    *("#N/A", "#N/D", "#N/B", "#I/T", "#NV", "#ND", "#Н/Д", "#Δ/Υ", "#YOK", "#HIÁNYZIK", "#NEDOSTUPNÝ"),
    "#NENÍ_K_DISPOZICI",
    # Data are still being fetched.
    *("#GETTING_DATA", "#DATEN_ABRUFEN"),
)
_MARKED = r"#[¡¿]?[^\W\d]{2,}(?:/0)?\s?[!?]"
_NARROW = r"#{3,}"
"""A number or a day in a column that is too narrow for it, saved as it is shown."""
_OF_LIBREOFFICE = r"Err\s?:5\d\d"
_ERROR = re.compile(rf"(?:{'|'.join(map(re.escape, _WITHOUT_MARK))})!?|{_MARKED}|{_NARROW}|{_OF_LIBREOFFICE}")


def is_formula_error(value: str) -> bool:
    """Whether a cell with this value shows that its formula failed, whatever blanks are around it."""
    shown = value.strip()
    return _ERROR.fullmatch(shown) is not None and (shown.startswith("Err") or shown == shown.upper())


def formula_error_fault(value: str, column: str) -> ValueFault:
    """Why this value of the column, as people call it, is not sent."""
    return ValueFault(f"{value.strip()}, the error of a formula, is in column {column}: mend it in the spreadsheet.")


def may_have_errors(values: Iterable[str]) -> bool:
    """Whether to look at each of the values: asked of all of them at once, and nearly always no."""
    joined = "\n".join(values)
    return "#" in joined or "Err" in joined
