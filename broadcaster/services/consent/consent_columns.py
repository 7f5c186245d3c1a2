"""Columns that look as if they said who has agreed to messages, in a list of which nobody asked that."""

from __future__ import annotations

import re
from collections.abc import Sequence

from broadcaster.domain.templates import variable_name
from broadcaster.errors import quoted
from broadcaster.services.consent.listed_consents import ListedConsents
from broadcaster.services.recipients.headers import folded

_CONSENT = re.compile(
    r"consent|consens|opt(?:ed)?[ _-]?in(?![a-z])|marketing|permission|gdpr|dsgvo|lgpd|\bagreed\b|(?<!un)subscribed"
    r"|persetujuan|setuju|izin|einwillig|zustimm|einverst|autoriza|toestemming|souhlas|zgod[ay]|onay"
    r"|соглас|同意|許可|동의|موافق|सहमति|ยินยอม|đồng ý"
)
"""In names as `folded` has them: English, Indonesian, Malay, German, the Romance languages, Dutch, Czech, Polish, …"""


def unasked_consents(columns: Sequence[str], consents: ListedConsents | None) -> list[str]:
    """For people: which of the list's columns look like consents, where none was named. At most one sentence."""
    if consents is not None and consents.has_column:
        return []
    found = next((column for column in columns if _CONSENT.search(folded(column))), None)
    if found is None:
        return []
    counts = "and counts for nothing" if consents is None else "and all of the list count as having agreed"
    return [
        f"column {quoted(found)} looks as if it said who has agreed to messages; it is a variable like any other, "
        f"{counts}. Where it says on which day, add --consent-column {quoted(found)} and --consent-source; "
        f"where it says yes or no, --where '{variable_name(found)}=yes' sends to those alone"
    ]
