"""What the values of lists and of conditions are compared and read by, in whatever Unicode form they were typed. Pure.

The function `plain_value` of the database makes the same of a value; a test compares them.
"""

from __future__ import annotations

import re
import unicodedata

_UNSEEN = re.compile(
    "[\u00ad\u0600-\u0605\u061c\u06dd\u070f\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff"
    "\ufff9-\ufffb]"
)
_PLAIN = re.compile(r"(?!.*  )[!-~](?:[ -~]*[!-~])?")


def plain_value(text: str) -> str:
    """The text in Unicode's form NFKC, without marks that cannot be seen, with single spaces and none outside.

    So `e` with an accent is one letter or two, digits may be of full width, and spaces of any kind.
    """
    if _PLAIN.fullmatch(text):
        return text
    return " ".join(unicodedata.normalize("NFKC", _UNSEEN.sub("", text)).split())


def folded_value(text: str) -> str:
    """A `plain_value` without case, by which texts are compared; `folded_value` of the database makes the same."""
    return plain_value(text).lower().replace("ß", "ss").replace("ς", "σ")
